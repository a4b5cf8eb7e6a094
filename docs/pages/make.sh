#!/bin/sh
# Makes the example pages of docs/pages: what `nnc train --page` writes for XOR, the flower and, where the folder
# DATA has them (mnist, cifar10), MNIST and CIFAR-10.  Times are left out of the pages,
# and data sets are named as they are in DATA, so that the same nnc writes the same bytes again.
#
#     DATA=FOLDER sh docs/pages/make.sh
#
# NNC ./nnc   OUT docs/pages
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
NNC=$(realpath "${NNC:-./nnc}")
OUT=$(realpath "${OUT:-docs/pages}")
DATA=$(realpath "${DATA:-dsl_examples}")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
NNC_CACHE=off
export NNC_CACHE

# NAME NET DATA OPTIONS…, in the folder of the data: every path in the page is relative
page() {
    name=$1 net=$2 data=$3
    shift 3
    "$NNC" train "$root/dsl_examples/$net" --data "$data" --jit tcc --threads 1 --seed 1 --page "$tmp/page.html" \
        -o "$tmp/w" "$@" >"$tmp/said" 2>&1 || { cat "$tmp/said" && exit 1; }
    sed -E 's/,"(seconds|rate)":[^,}]*//g; s/\["(machine|host)",[^]]*\],?//g' "$tmp/page.html" >"$OUT/$name.html"
    echo "$OUT/$name.html: $(wc -c <"$OUT/$name.html") bytes"
}

cd dsl_examples && page xor xor.nn xor.csv --epochs 120 --stats=20
page flower flower.nn flower.csv --stats=100
cd "$DATA" || exit 1
[ ! -d mnist ] || page mnist lenet.nn mnist --limit 10000 --epochs 5 --stats=50
[ ! -d cifar10 ] || page cifar10 cifar.nn cifar10 --limit 5000 --epochs 4 --lr 0.01 --stats=20
