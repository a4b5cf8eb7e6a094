#!/bin/sh
# The kernels inside generated C: every one of them is read without a warning by
# each compiler there is, for vectors of 4, 8 and 16, and again with the second
# text that a target adds.  What they compute is tested by tests/unit/test_kernels.c.
# CC: the compiler (clang too where it is).
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

compilers=$CC
have clang && compilers="$compilers clang"
case $(uname -m) in
x86_64) machines="-msse2 -mavx2,-mfma -mavx512f,-mavx512dq,-mavx512vl,-mfma" ;;
*) machines=-g ;;
esac

for net in tests/kernels/all.nn:all tests/kernels/trained.nn:trained tests/kernels/batch_blocked.nn:padded \
    tests/kernels/exact.nn:adaptive_maxpool \
    tests/kernels/exact.nn:mul tests/kernels/close.nn:log_softmax; do
    try "nnc $net" "$NNC" "${net%:*}" --net "${net#*:}" --prefix net -o "$tmp/net.c"
    for cc in $compilers; do
        for machine in $machines; do
            # shellcheck disable=SC2046  # the flags are meant to be apart
            try "$cc $machine: $net" "$cc" -std=gnu99 -fsyntax-only -Wall -Wextra -Werror $(echo "$machine" | tr , ' ') -I"$tmp" "$tmp/net.c"
        done
    done
done

# Of weights in bf16, where panels in 16 bits are taken.
for target in avx2 avx512; do
    try "nnc bf16 for $target" "$NNC" tests/golden/bf16.nn --prefix net --weights-format bf16 --target $target -o "$tmp/net.c"
    try "$target has kernels for 16 bits" grep -q 'nn_winograd_w16\|nn_conv_forward_w16' "$tmp/net.c"
    for cc in $compilers; do
        for machine in $machines; do
            # shellcheck disable=SC2046  # the flags are meant to be apart
            try "$cc $machine: bf16 for $target" "$cc" -std=gnu99 -fsyntax-only -Wall -Wextra -Werror $(echo "$machine" | tr , ' ') -I"$tmp" "$tmp/net.c"
        done
    done
done
conclude
