#!/bin/sh
# Plays the closes of docs/closing.md in a network namespace of its own and shows each as
# `tcpstates trace` does. Needs root, python3, curl and script(1); nginx where it is installed.
#
# usage: docs/closing-story.sh BINARY
set -eu

binary=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)

if [ "${2:-}" != inside ]; then
    exec unshare --net --mount sh "$0" "$binary" inside
fi
ip link set lo up

# Runs a server in the background, one request against it, and shows the close. The terminal that
# script(1) makes has 80 columns.
play() {
    port=$1
    shift
    "$@" &
    server=$!
    until ss -Hltn "sport = :$port" | grep -q .; do sleep 0.05; done
    script -qefc "stty cols 80; LC_ALL=C.UTF-8 $binary trace --segments --limit 1 -q 'port = :$port'" \
        /dev/null </dev/null | tr -d '\r' | sed '/^[0-9]* close/,$d' &
    shown=$!
    sleep 1
    curl -s -o /dev/null "http://127.0.0.1:$port/"
    wait "$shown" || true
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
}

echo "== A server that answers and closes"
play 8080 python3 "$here/closing-server.py" close 8080
if command -v nginx >/dev/null; then
    echo "== nginx"
    work=$(mktemp -d)
    cat >"$work/nginx.conf" <<CONF
daemon off;
pid $work/pid;
error_log stderr crit;
events {}
http {
    access_log off;
    server { listen 127.0.0.1:8081; location / { return 200 "hi\n"; } }
}
CONF
    play 8081 nginx -p "$work" -c "$work/nginx.conf"
    rm -r "$work"
fi
echo "== A server that reads to the end, acknowledges at once, and closes later"
play 8082 python3 "$here/closing-server.py" quickack 8082
