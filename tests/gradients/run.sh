#!/bin/sh
# Every operator by a small net of odd sizes, NAME.nn: its gradients against
# finite differences in double precision, and its plain C under a strict compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

strict() { # FILE
    loss= # a file without a train section gets the loss that takes any shape
    grep -q '^train' "$1" || loss='--set loss=mse'
    # shellcheck disable=SC2086  # the words are meant to be apart
    "$NNC" "$1" -o "$tmp/net.c" --prefix net --plain --train --batch 3 $loss &&
        $CC -std=c99 -pedantic -Wall -Wextra -Werror -c -o "$tmp/net.o" "$tmp/net.c"
}

for net in tests/gradients/*.nn; do
    try "$net: gradients" "$NNC" check --gradients "$net"
    try "$net: plain C" strict "$net"
done
conclude
