# The signet image of /Dockerfile, from a binary that is already built. The
# context is made by build.sh.
FROM scratch
COPY root /
COPY --chown=65532:65532 user /
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/signet"]
