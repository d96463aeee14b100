# Stands in for redis:7 where nothing can be pulled: the redis-server of this
# machine with its libraries. The context is made by build.sh.
FROM scratch
COPY root /
# The user and the data directory of the redis image.
COPY --chown=999:999 user /
ENV PATH=/usr/local/bin:/usr/bin:/bin
WORKDIR /data
VOLUME /data
USER 999:999
EXPOSE 6379
ENTRYPOINT ["/bin/sh", "/entrypoint.sh"]
CMD ["redis-server"]
