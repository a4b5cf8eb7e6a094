#!/bin/sh
# The six families of networks at small size: their gradients against finite
# differences, and what the two forms of their C compute against each other,
# compiled by the system compiler.  With ALL=1, as in `make check-all`, more numbers of a
# gradient, and the kernels for this machine, optimized; tests/generated has these for
# small nets.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

samples=5 target=generic level=-O0
[ -z "$ALL" ] || samples=12 target=native level=-O1

# program NET OPTIONS…: net.c and a program around it, whose numbers are in out
program() {
    net=$1
    shift
    try "nnc $net $*" "$NNC" "$net" "$@" --prefix net -o "$tmp/net.c"
    try "cc of $net $*" "$CC" -std=gnu99 $level -Wall -Wextra -Werror -I"$tmp" tests/generated/drive.c "$tmp/net.c" \
        -o "$tmp/drive" -lm -lpthread
    try "run of $net $*" "$tmp/drive"
}

for net in tests/families/*.nn; do
    # By the C compiler: thousands of passes in double precision take three times as long by tcc.
    try "gradients of $net" env CC="$CC -O1" "$NNC" check --gradients --samples $samples --jit cc "$net"
    program "$net" --plain
    cp "$tmp/out" "$tmp/plain"
    program "$net" --target $target
    cp "$tmp/out" "$tmp/fast"
    try "$net: the fast form against the plain one" awk -f tests/generated/close.awk "$tmp/plain" "$tmp/fast"
done
conclude
