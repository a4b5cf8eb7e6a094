#!/bin/sh
# The compiler under valgrind, which sees values that were never set: the six
# families through every stage.  NNC: built without sanitizers.
cd "$(dirname "$0")/.." || exit 1
NNC=${NNC:-./nnc}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
passed=0
failed=0

silent() {
    if valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
        --suppressions=tests/valgrind.supp "$@" >"$tmp/out" 2>"$tmp/err" && [ ! -s "$tmp/err" ]; then
        passed=$((passed + 1))
    else
        echo "FAIL: $*"
        sed 's/^/    /' "$tmp/err" | head -40
        failed=$((failed + 1))
    fi
}

for net in tests/families/*.nn; do
    silent "$NNC" check "$net"
    silent "$NNC" "$net" -o "$tmp/net.c"
    silent "$NNC" "$net" --plain -o "$tmp/net.c"
    silent "$NNC" report "$net"
    silent "$NNC" fmt "$net"
done
silent "$NNC" check --gradients --samples 1 tests/families/lenet.nn
echo "valgrind: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
