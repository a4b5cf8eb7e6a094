#!/bin/sh
# The six families of networks at small size: their gradients against finite
# differences, and what the two forms of their C compute against each other,
# compiled by the system compiler.  NNC: the program; CC: the compiler.
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
CC=${CC:-cc}
passed=0
failed=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

try() { # WHAT COMMAND…
    what=$1
    shift
    if "$@" >"$tmp/said" 2>&1; then
        passed=$((passed + 1))
    else
        echo "FAIL: $what"
        head -20 "$tmp/said" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
}

# program NET OPTIONS…: net.c and a program around it, whose numbers are in said
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
    cp "$tmp/said" "$tmp/plain"
    program "$net"
    cp "$tmp/said" "$tmp/fast"
    try "$net: the fast form against the plain one" awk -f tests/generated/close.awk "$tmp/plain" "$tmp/fast"
done
echo "families: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
