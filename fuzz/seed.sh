#!/usr/bin/env bash
# Makes inputs of the fuzz target `kinds` in a folder: each recorded answer behind the byte that chooses its
# request, with attributes and without.
set -euo pipefail
folder=${1:?usage: seed.sh FOLDER}
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
