#!/usr/bin/env bash
# Builds images from what is on this machine, pulling nothing:
#
#   signet:dev         bin/signet
#   signet-vault:dev   bin/devstack, as a stand-in for hashicorp/vault
#   signet-redis:dev   the installed redis-server, as a stand-in for redis:7
#
# `make images` builds the binaries and calls this. Linux only.
set -euo pipefail
cd "$(dirname "$0")/../.."
files=$PWD/deploy/images

fail() {
	printf 'make images: %s\n' "$*" >&2
	exit 1
}

# need COMMAND PACKAGE: the Debian package that brings a command.
need() { command -v "$1" >/dev/null || fail "$1 is not installed: apt-get install $2"; }

# static FILE: an image from scratch has no loader and no libc for it.
static() {
	[ -x "$1" ] || fail "there is no $1: run \`make build devstack\`"
	if ldd "$1" >/dev/null 2>&1; then
		fail "$1 is not static: build it with CGO_ENABLED=0 (\`make build devstack\`)"
	fi
}

# with_libraries PROGRAM ROOTFS: copies the program's shared libraries and its
# loader to the very paths at which it looks for them.
with_libraries() {
	local libraries
	libraries=$(ldd "$1") || fail "ldd cannot read $1"
	case $libraries in *'not found'*) fail "$1 lacks a library: $libraries" ;; esac
	# "name => /path (0x...)" and, for the loader, "/path (0x...)".
	libraries=$(sed -nE 's|^[^/]*(/[^ ]+) \(0x[0-9a-f]+\)$|\1|p' <<<"$libraries")
	[ -n "$libraries" ] || fail "found no libraries of $1"
	(cd / && xargs -d '\n' cp -L --parents -t "$2") <<<"$libraries"
}

# build TAG DOCKERFILE CONTEXT
build() {
	printf 'building %s\n' "$1"
	local log
	log=$(docker build --tag "$1" --file "$2" "$3" 2>&1) || fail "docker build of $1 failed: $log"
}

need docker docker.io
docker version >/dev/null 2>&1 || fail "the Docker daemon does not answer: start it, or see \`docker version\`"
need redis-server redis-server
need ldd libc-bin
certificates=/etc/ssl/certs/ca-certificates.crt
[ -s "$certificates" ] || fail "there is no $certificates: apt-get install ca-certificates"
static bin/signet
static bin/devstack

contexts=$(mktemp -d)
trap 'rm -rf "$contexts"' EXIT
umask 022 # what is copied must be readable for the images' users

# A context holds root/ and user/, which the images get as root's and as their
# user's files. COPY keeps the modes of what is in a directory, not its own.
context() {
	context=$contexts/$1
	root=$context/root
	mkdir -p "$root" "$context/user"
	mkdir -m 1777 "$root/tmp"
}

context signet
mkdir -p "$root/etc/ssl/certs"
cp "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
install -m 0755 bin/signet "$root/signet"
mkdir -m 0700 "$context/user/credentials"
build signet:dev "$files/signet.Dockerfile" "$context"

context vault
mkdir -p "$root/bin" "$context/user/vault/logs"
install -m 0755 bin/devstack "$root/bin/vault"
build signet-vault:dev "$files/vault.Dockerfile" "$context"

context redis
mkdir -p "$root/bin" "$root/usr/local/bin" "$context/user/data"
install -m 0755 "$(command -v redis-server)" "$root/usr/local/bin/redis-server"
with_libraries "$(command -v redis-server)" "$root"
# The entrypoint's shell.
install -m 0755 "$(command -v sh)" "$root/bin/sh"
with_libraries "$(command -v sh)" "$root"
install -m 0755 "$files/redis-entrypoint.sh" "$root/entrypoint.sh"
build signet-redis:dev "$files/redis.Dockerfile" "$context"
