#!/bin/sh
# The habits of the redis image's entrypoint: options or a file alone mean
# redis-server, and protected mode is off, since a container's network is the
# boundary. What the command says itself comes later, and wins.
set -eu
case "${1:-}" in
-* | *.conf) set -- redis-server "$@" ;;
esac
if [ "${1:-}" = redis-server ]; then
	shift
	case "${1:-}" in
	-v | --version | -h | --help) set -- redis-server "$@" ;; # must stand alone
	'' | -*) set -- redis-server --protected-mode no "$@" ;;
	*) # redis-server wants its file first
		file=$1
		shift
		set -- redis-server "$file" --protected-mode no "$@"
		;;
	esac
fi
exec "$@"
