# The signet image: one static binary and the CA certificates, nothing else.
#
#   docker build -t signet --build-arg VERSION=$(git describe --tags --always) .
#
# Plain Dockerfile syntax, so that builders without BuildKit do too. A machine
# that can pull no golang image builds the same image with `make images`.
ARG GO_VERSION=1.26
FROM golang:${GO_VERSION} AS build
WORKDIR /src
# The modules first: they change seldom, so this layer is mostly cached.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/signet ./cmd/signet \
 && mkdir -p /out/root/tmp /out/user/credentials && chmod 1777 /out/root/tmp && chmod 0700 /out/user/credentials

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# Whole trees: COPY keeps the modes of what is in a directory, not its own.
COPY --from=build /out/root /
# A fresh named volume takes owner and mode from the directory that it is mounted
# on: /credentials lets `signet vault init` write there, and `signet serve` read.
COPY --from=build --chown=65532:65532 /out/user /
COPY --from=build /out/signet /signet
# Numeric, so that Kubernetes' runAsNonRoot can tell; no such name is needed.
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/signet"]
