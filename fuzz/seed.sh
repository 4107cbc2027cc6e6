#!/usr/bin/env bash
# Makes inputs of three fuzz targets in folders of a corpus. Of `kinds`: each recorded answer behind the byte
# that chooses its request, with attributes and without. Of `http_request`: requests behind the byte that
# chooses how many bytes arrive at a time. Of `record`: lines of a small record, a member for each part.
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

folder=$corpus/record
mkdir -p "$folder"
head='{"type":"record","version":1,"program":"0.2.0","host":"web1","kernel":"6.18.0","kinds":"tcp,udp,unix","page_size":4096}'
moment='{"type":"moment","time":"2026-11-26T03:14:07.120Z"}
{"type":"file","path":"net/netstat","text":"TcpExt: ListenDrops\nTcpExt: 3\n"}
{"type":"socket","kind":"tcp","state":"ESTABLISHED","family":"ipv4","local_addr":"10.0.0.1","local_port":443,"remote_addr":"10.0.0.2","remote_port":6826,"uid":33,"inode":7,"cookie":9,"rtt_us":5,"timer":"keepalive","timer_remaining_ms":5}
{"type":"socket","kind":"unix","state":"LISTENING","inode":8,"name":"/run/x","clients":[9,0]}
{"type":"process","pid":5,"name":"nginx","open_files":3,"open_files_limit":1024}
{"type":"holds","pid":5,"sockets":[[7,3],[8,null]]}
{"type":"user","id":33,"name":"www-data"}
{"type":"end","kinds":[{"kind":"tcp","source":"netlink"},{"kind":"udp","unavailable":"no"}],"total":2,"warnings":["x"]}'
printf '\001%s\n\036%s\n\036%s\n' "$head" "$moment" "$moment" >"$folder/moments"
printf '\007%s\n\036%s\n' "$head" "$moment" >"$folder/of-day"
{
    printf '\000'
    printf '%s\n' "$head" | gzip -n
    printf '%s\n' "$moment" | gzip -n
} >"$folder/file"
of_several() {
    printf '{"type":"moment","time":"2026-11-26T03:14:%s.120Z"%s}\n' "$1" "$2"
    for netns in 7 9; do
        printf '\036{"type":"namespace","netns":%s,"name":"n%s","inode":%s,"pid":5,"mounts":["/run/netns/x"],"unit":"a.service","container":"c"}\n' $netns $netns $netns
        printf '{"type":"file","path":"net/netstat","text":"TcpExt: ListenDrops\\nTcpExt: 3\\n"}\n%s\n' "$3"
        printf '{"type":"interface","id":2,"name":"eth0"}\n'
        printf '{"type":"namespace_end","kinds":[{"kind":"tcp","source":"netlink","total":1}],"total":1,"warnings":["x"]}\n'
    done
    printf '\036{"type":"namespace","netns":11,"name":"z","unseen":"failed","error":"x"}\n{"type":"container","id":"c","name":"web"}\n'
    printf '{"type":"pod","id":"p","name":"a/b"}\n{"type":"end","kinds":[],"total":2,"denied_processes":1,"hiding":"x"}\n'
}
socket='{"type":"socket","kind":"tcp","state":"LISTEN","family":"ipv4","local_addr":"0.0.0.0","local_port":80,"remote_addr":"0.0.0.0","remote_port":0,"netns":"n7","inode":7}'
{
    printf '\001%s\n\036' "${head/\"version\":1/\"version\":2}"
    of_several 07 '' "$socket"
    printf '\036'
    of_several 12 ',"base":"2026-11-26T03:14:07.120Z"' '{"type":"unchanged","sockets":1,"older_ms":5}'
} >"$folder/several"
