#!/usr/bin/env bash
# Makes inputs of two fuzz targets in folders of a corpus. Of `kinds`: each recorded answer behind the byte
# that chooses its request, with attributes and without. Of `http_request`: requests behind the byte that
# chooses how many bytes arrive at a time.
set -euo pipefail
corpus=${1:?usage: seed.sh CORPUS}
folder=$corpus/kinds
fixtures=$(dirname "$0")/../tests/fixtures/netlink
mkdir -p "$folder"
seed() {
    printf '%b' "\\x0$2" | cat - "$fixtures/$1.bin" >"$folder/$1-$2"
}
seed unix 0
seed unix 4
seed packet 1
seed packet 5
seed netlink 2
seed netlink 6

folder=$corpus/http_request
mkdir -p "$folder"
request() {
    printf "$2" >"$folder/$1"
}
request scrape '\377GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n'
request bytes '\000HEAD /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n'
request several '\001GET / HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\nPOST / HTTP/1.0\r\n\r\n'
request lengths '\377GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n'
request long "\\377GET / HTTP/1.1\\r\\nX: $(printf 'x%.0s' {1..9000})\\r\\n\\r\\n"
