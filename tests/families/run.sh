#!/bin/sh
# The six families of networks at small size: their gradients against finite
# differences, and what the two forms of their C compute against each other,
# compiled by the system compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

# program NET OPTIONS…: net.c and a program around it, whose numbers are in out
program() {
    net=$1
    shift
    try "nnc $net $*" "$NNC" "$net" "$@" --prefix net -o "$tmp/net.c"
    try "cc of $net $*" "$CC" -std=gnu99 -O1 -Wall -Wextra -Werror -I"$tmp" tests/generated/drive.c "$tmp/net.c" \
        -o "$tmp/drive" -lm -lpthread
    try "run of $net $*" "$tmp/drive"
}

for net in tests/families/*.nn; do
    try "gradients of $net" "$NNC" check --gradients --samples 12 "$net"
    program "$net" --plain
    cp "$tmp/out" "$tmp/plain"
    program "$net"
    cp "$tmp/out" "$tmp/fast"
    try "$net: the fast form against the plain one" awk -f tests/generated/close.awk "$tmp/plain" "$tmp/fast"
done
conclude
