#!/bin/sh
# The compiler under valgrind, which sees values that were never set: the six
# families through every stage.  NNC: built without sanitizers.
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

clean() { # ARGUMENTS…: neither nnc nor valgrind complains
    what="nnc $*"
    valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
        --suppressions=tests/valgrind.supp "$NNC" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
    if [ "$status" -eq 0 ] && [ ! -s "$tmp/err" ]; then ok; else bad "status $status" "$tmp/err"; fi
}

for net in tests/families/*.nn; do
    clean check "$net"
    clean "$net" -o "$tmp/net.c"
    clean "$net" --plain -o "$tmp/net.c"
    clean report "$net"
    clean fmt "$net"
done
clean check --gradients --samples 1 tests/families/lenet.nn
conclude
