#!/bin/sh
# Every operator by a small net of odd sizes, NAME.nn: its gradients against
# finite differences in double precision, and its plain C under a strict compiler.
# NNC: the program; CC: the compiler.
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
CC=${CC:-cc}
passed=0
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

check() { # NAME COMMAND…
    name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        echo "FAIL: $name"
        sed 's/^/    /' "$work/log" | head -20
        failed=$((failed + 1))
    fi
}

strict() { # FILE
    loss= # a file without a train section gets the loss that takes any shape
    grep -q '^train' "$1" || loss='--set loss=mse'
    # shellcheck disable=SC2086  # the words are meant to be apart
    "$NNC" "$1" -o "$work/net.c" --prefix net --plain --train --batch 3 $loss &&
        $CC -std=c99 -pedantic -Wall -Wextra -Werror -c -o "$work/net.o" "$work/net.c"
}

for net in tests/gradients/*.nn; do
    check "$net: gradients" "$NNC" check --gradients "$net"
    check "$net: plain C" strict "$net"
done
echo "gradients: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
