# The signet image of /Dockerfile, from a binary that is already built. The
# context is made by build.sh.
FROM scratch
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --chown=65532:65532 credentials /credentials
COPY tmp /tmp
COPY signet /signet
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/signet"]
