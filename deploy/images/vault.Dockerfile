# Stands in for hashicorp/vault where nothing can be pulled: `server -dev` and
# the VAULT_DEV_* variables, and no other command. The context is made by build.sh.
FROM scratch
COPY root /
# The user, and the directory for audit logs, of hashicorp/vault.
COPY --chown=100:1000 user /
ENV PATH=/bin VAULT_DEV_LISTEN_ADDRESS=0.0.0.0:8200
USER 100:1000
EXPOSE 8200
ENTRYPOINT ["/bin/vault"]
CMD ["server", "-dev"]
