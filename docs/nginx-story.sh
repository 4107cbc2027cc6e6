#!/usr/bin/env bash
# The example in README.md, "Diagnosis": nginx in front of an upstream on another host, first with
# one connection per request, then with `keepalive`; after each load, `tcpstates doctor` runs on
# the host of nginx.
#
# Needs root, nginx, ab (apache2-utils) and iproute2. No traffic leaves this machine: both hosts are
# network namespaces, which end with this script.
#
#   docs/nginx-story.sh target/release/tcpstates [REQUESTS]
set -euo pipefail

tcpstates=$(realpath "$1")
requests=${2:-26000}

if [ -z "${NGINX_STORY:-}" ]; then
    NGINX_STORY=$(mktemp -d) exec unshare -n "$0" "$tcpstates" "$requests"
fi
cd "$NGINX_STORY"
trap 'kill $(cat ./*.pid 2>/dev/null) "$app" 2>/dev/null; wait; rm -rf "$NGINX_STORY"' EXIT

# This namespace is nginx's host, 10.0.0.1; the other is the application's host, 10.0.0.2.
unshare -n sleep infinity &
app=$!
until [ "$(readlink /proc/$app/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
ip link set lo up
ip link add web type veth peer name app netns "$app"
ip addr add 10.0.0.1/24 dev web
ip link set web up
nsenter -n -t "$app" ip link set lo up
nsenter -n -t "$app" ip addr add 10.0.0.2/24 dev app
nsenter -n -t "$app" ip link set app up

# configuration NAME LINES...: write a configuration with these lines inside `http`.
configuration() {
    name=$1
    shift
    mkdir "$name"
    {
        echo "worker_processes 1; pid $PWD/$name.pid; error_log $PWD/$name.log;"
        echo "events { worker_connections 4096; }"
        echo "http { access_log off; keepalive_requests 1000000;"
        for kind in client_body proxy fastcgi uwsgi scgi; do
            echo "${kind}_temp_path $PWD/$name/$kind;"
        done
        printf '%s\n' "$@" "}"
    } >"$name.conf"
}
proxy='location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }'
configuration app 'server { listen 10.0.0.2:8080 backlog=4096; location / { return 200 "hello\n"; } }'
configuration web 'upstream app { server 10.0.0.2:8080; }' \
    "server { listen 10.0.0.1:80; $proxy }"
configuration kept 'upstream app { server 10.0.0.2:8080; keepalive 16; }' \
    "server { listen 10.0.0.1:80; $proxy }"
nsenter -n -t "$app" nginx -e "$PWD/app.log" -c "$PWD/app.conf"

for name in web kept; do
    echo "== $(grep -o 'upstream.*' $name.conf)"
    nginx -e "$PWD/$name.log" -c "$PWD/$name.conf"
    ab -q -k -c 16 -n "$requests" http://10.0.0.1/ | grep -E 'Complete|Failed|Non-2xx|Time taken' || true
    "$tcpstates"
    status=0
    "$tcpstates" doctor || status=$?
    echo "status $status"
    kill "$(cat $name.pid)"
    # TIME_WAIT lasts for a minute; the next load starts without any.
    until [ "$("$tcpstates" --json state time-wait | grep -o '"total":[0-9]*')" = '"total":0' ]; do
        sleep 1
    done
done
