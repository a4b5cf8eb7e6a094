#!/bin/sh
# The passes that only the fast form has, in what is written with and without each of them: which
# nodes are fused, how convolutions are computed, how much memory is used.  That the
# results do not change is for the unit tests (tests/unit/test_passes.c).
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

# code NET OPTION…: the C of a net
code() { try "nnc $*" "$NNC" "$@" --target generic --prefix net -o "$tmp/net.c"; }

# has WORD YES: whether functions of that name are in the code
has() {
    if grep -q -E "^static void ([a-z0-9_]*_)?$1\(" "$tmp/net.c"; then found=yes; else found=no; fi
    what="$net $option: functions named …_$1"
    is "$found" = "$2"
}

# chosen PATTERN YES: whether a node of the program is so, as --dump program says it
chosen() {
    # shellcheck disable=SC2086 # options are words
    "$NNC" $net $option --target generic --dump program >"$tmp/program" 2>&1
    if grep -q " = [a-z.]*$1" "$tmp/program"; then found=yes; else found=no; fi
    what="$net $option: nodes like $1"
    is "$found" = "$2"
}
fused='\[[a-z0-9_]* + '

# without NET OPTIONS…: each of them alone
without() {
    net=$1
    shift
    for option in "$@"; do
        code "$net" "$option"
        case $option in
        --no-fusion) chosen "$fused" no ;;
        --no-winograd) chosen '\[winograd' no ;;
        --no-concat-elimination) has concat1_forward yes ;;
        --no-layout) chosen "$fused" no && has reorder no && chosen '\[winograd' no ;;
        --no-micro-batches) has loss_accumulate no ;; # others are those of NET_grad_add
        --no-selection | --no-legalization) chosen "$fused" no && has reorder no ;;
        esac
    done
}

without tests/passes/mixed.nn --no-fusion --no-layout --no-selection --no-legalization
without tests/passes/winograd.nn --no-fusion --no-winograd --no-layout
without tests/passes/concat_elimination.nn --no-concat-elimination --no-winograd --no-fusion --no-layout
without tests/passes/micro_batches.nn --no-micro-batches
without tests/refs/resnet_small.nn --no-fusion --no-layout
without tests/refs/lenet_sgd.nn --no-layout --no-selection --no-legalization

net="tests/kernels/batch_blocked.nn --net padded"
option=
chosen '\[batch_blocked' yes
option=--no-batch-blocking
chosen '\[batch_blocked' no

# within NET OPTIONS…: in the least memory, where values are rematerialized
within() {
    "$NNC" "$@" --target generic --memory-limit 1 -o "$tmp/net.c" >"$tmp/out" 2>&1
    least=$(sed -n 's/.* no less than \([0-9]*\) bytes .*/\1/p' "$tmp/out")
    code "$@" --memory-limit "$least"
    try "$*: no more than $least bytes" awk -v most="$least" '/_TRAIN_(BYTES|SCRATCH) / { sum += $3 }
        END { print sum, "bytes"; exit sum > most || sum == 0 }' "$tmp/net.h"
}
within tests/passes/mixed.nn
within tests/refs/resnet_small.nn
within tests/refs/resnet_small.nn --no-layout

# with NET: all passes
with() {
    net=$1
    option=
    code "$net"
}
with tests/passes/mixed.nn
chosen "$fused" yes
has reorder yes
with tests/passes/micro_batches.nn
has loss_accumulate yes
with tests/passes/concat_elimination.nn
has concat1_forward no
with tests/passes/winograd.nn
for rows in '\[winograd_4x4_3x3\]' '\[winograd_4x4_3x3 + ' 'dx\[winograd_4x4_3x3\]'; do chosen "$rows" yes; done
# A statement is one line here, as it may take several in the C.
awk '{ printf "%s%s", $0, /[;{}\/]$/ ? "\n" : " " }' "$tmp/net.c" | tr -s ' ' >"$tmp/statements"
for image in x dy; do
    try "$net: 5x5, of $image" awk -v image="$image" '/ nn_conv size = .*\.kh = 5, \.kw = 5, / { at = NR }
        index(last, "args = {.x = " image ",") && index($0, "nn_winograd(") && NR - at < 3 { found = 1 }
        { last = $0 }  END { exit !found }' "$tmp/statements"
done
# tiles M FIELDS: a call with tiles of M x M and these arguments
tiles() {
    try "$net: tiles of $1, $2" awk -v call="nn_winograd(&size, $1, &args" -v fields="$2" '
        index(last, fields) && index($0, call) { found = 1 }  { last = $0 }  END { exit !found }' "$tmp/statements"
}
for m in 2 4; do
    tiles $m '{.x = x, '
    tiles $m '{.x = dy, '
    tiles $m '.epilogue = &epilogue, '
done
conclude
