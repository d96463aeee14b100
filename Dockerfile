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
 && mkdir -p /out/credentials /out/tmp && chmod 0700 /out/credentials && chmod 1777 /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# A fresh named volume takes its owner from the directory that it is mounted
# on: this one lets `signet vault init` write there, and `signet serve` read.
COPY --from=build --chown=65532:65532 /out/credentials /credentials
COPY --from=build /out/tmp /tmp
COPY --from=build /out/signet /signet
# Numeric, so that Kubernetes' runAsNonRoot can tell; no such name is needed.
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/signet"]
