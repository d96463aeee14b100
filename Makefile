# Signet. `make help` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI_VERSION := v2.15.0
# The version is in the name, so that another version is another file to make.
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)
FUZZTIME ?= 20s

# The command of its own, or the plugin of docker.
COMPOSE ?= $(shell command -v docker-compose >/dev/null 2>&1 && echo docker-compose || echo docker compose)

# The race detector needs a C compiler; without one the tests run all the same.
CC_FOUND := $(shell command -v $${CC:-cc} 2>/dev/null || command -v gcc 2>/dev/null)
ifneq ($(CC_FOUND),)
RACE := -race
endif

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: build
build: ## bin/signet, static
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/signet ./cmd/signet

.PHONY: devstack
devstack: ## bin/devstack: an embedded Vault and Redis (the first build compiles Vault: minutes)
	@mkdir -p bin
	@if [ ! -x bin/devstack ]; then echo "building the embedded Vault; the first time this takes 4 to 10 minutes, later seconds ..."; fi
	cd devstack && CGO_ENABLED=0 $(GO) build -trimpath -o ../bin/devstack .

.PHONY: run
run: build devstack ## the whole service on this machine: Vault, Redis, signet serve (ARGS="--data DIR" keeps state)
	exec bin/devstack run $(ARGS)

.PHONY: test
test: build devstack ## unit and integration tests
ifeq ($(RACE),)
	@if [ -n "$$SIGNET_TEST_STRICT" ]; then echo "strict runs demand -race: install a C compiler (apt-get install gcc)"; exit 1; fi
	@echo "no C compiler found: running without -race"
endif
	$(GO) test $(RACE) -timeout 30m ./...
	cd devstack && $(GO) vet . && $(GO) test -timeout 10m ./...

# What kills processes or restores a disk: only possible where the servers are
# processes of this machine, so a run with containers does not select it.
.PHONY: test-process
test-process: build devstack ## the tests that need local processes, where SIGNET_TEST_BACKEND=docker ran the others
	SIGNET_TEST_BACKEND=process $(GO) test $(RACE) -timeout 15m ./integration/... -run 'TestKeeperKilledAtAnyRequest|TestRevokedStaysDead'

.PHONY: soak
soak: build devstack ## the long runs: 100 rotations under load, every step of a keeper killed, emergencies, 10,000 histories of sessions, failovers of Redis, 10,000 tokens traced
	SIGNET_SOAK=1 $(GO) test $(RACE) -p 1 -count=1 -timeout 60m ./integration/ ./integration/auditing/ ./integration/failover/ ./vaultkeys/... ./refresh/ \
	  -run 'Soak|Rotations|Simulation|KeeperKilled|RevokeUnderLoad|ConcurrentHistories|BrokenScripts|LostReplies|ReplaysAfterTheGrace|ParallelRefreshes|TestSentinel|TestCluster|TestEveryTokenIsTraced' -v

.PHONY: lint
lint: $(GOLANGCI) ## golangci-lint over both modules
	$(GOLANGCI) run ./...
	cd devstack && ../$(GOLANGCI) run --config ../.golangci.yml ./...

$(GOLANGCI):
	@echo "building golangci-lint $(GOLANGCI_VERSION) (about a minute) ..."
	@mkdir -p bin
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (default 20s)
	@$(GO) list ./... | while read -r pkg; do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; done

.PHONY: bench
bench: build devstack ## Signet beside direct transit/sign and a key in memory; sessions in Redis; audit logs beside jq: a quarter of an hour (ARGS=-h says more)
	$(GO) build -o bin/bench ./integration/bench && bin/bench $(ARGS)

.PHONY: bench-quick
bench-quick: build devstack ## the first part of bench in two minutes, in rounds that are too short for most of its targets
	$(GO) build -o bin/bench ./integration/bench && bin/bench -quick -only tokens $(ARGS)

.PHONY: bench-sessions
bench-sessions: ## the bytes of a session in Redis, and times among a million; needs no Vault
	$(GO) build -o bin/bench ./integration/bench && bin/bench -only sessions -sessions 1000000 $(ARGS)

.PHONY: bench-scale
bench-scale: build devstack ## what a request costs as replicas, clients, sessions, rings and connections grow: eight minutes (ARGS='-page docs/capacity.md' writes the tables there)
	$(GO) build -o bin/bench ./integration/bench && bin/bench -only scale $(ARGS)

.PHONY: docs
docs: ## docs/key-rotation.svg, from the arithmetic of rotation
	$(GO) run ./internal/rotationsvg

.PHONY: images
images: build devstack ## local images: signet, and stand-ins for vault and redis
	deploy/images/build.sh

.PHONY: up
up: ## docker-compose: Vault, Redis, two signets
	$(COMPOSE) up

.PHONY: clean
clean: ## remove bin/
	rm -rf bin
