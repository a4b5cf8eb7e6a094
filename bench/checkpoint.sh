#!/bin/sh
# What a checkpoint costs a training run: how long training stands still for the copy, and what
# the thread that writes the file takes.  Prints Markdown; docs/checkpoints.md has a run of it.
# After `make`.
#
#     bench/checkpoint.sh [FOLDER]    where the file is written, by default the current directory
#
# NNC ./nnc   CC cc   NET dsl_examples/resnet.nn -D depth=50   COUNT 30
cd "$(dirname "$0")/.." || exit 1
NNC=${NNC:-./nnc}
CC=${CC:-cc}
tmp=$(mktemp -d) || exit 3
file=${1:-.}/nnc-bench.checkpoint
trap 'rm -rf "$tmp" "$file"' EXIT
trap 'exit 1' HUP INT TERM

# shellcheck disable=SC2086 # the file of a net, and options
"$NNC" ${NET:-dsl_examples/resnet.nn -D depth=50} --prefix net -o "$tmp/net.c" &&
    "$CC" -std=gnu11 -O2 -march=native -Wall -Wextra -Icompiler -Iruntime -Ibuild -I. -I"$tmp" bench/checkpoint.c \
        "$tmp/net.c" build/nnc.a -o "$tmp/checkpoint" \
        -ltcc -ljansson -lprotobuf-c -ljpeg -lpng -lz -ldeflate -ldl -lm -lpthread &&
    "$tmp/checkpoint" "${COUNT:-30}" "$file"
