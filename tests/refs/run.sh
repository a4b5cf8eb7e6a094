#!/bin/sh
# Compares nets with reference files, NAME.nn with NAME.safetensors, by both
# back ends: those kept here, and a larger folder of them where there is one.
# NNC_REFS: that folder.
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
refs=${NNC_REFS:-../shared/refs}
passed=0
failed=0

# The largest relative error.  adagrad and rmsprop divide every gradient by its own
# size, so rounding is carried into the weights undiminished.  Computed in double
# precision, the weights after these twenty steps are 5.6e-5 and 3e-3 away from
# the references, which are in single precision; and rounding differently in any
# one operator (its sums in double precision, or with fused multiplications) moves
# adagrad's by up to 5e-5 more.
tolerance() { # NET
    case $1 in
    */lenet_rmsprop.nn) echo 1e-2 ;;
    */lenet_adagrad.nn) echo 2e-4 ;;
    *) echo 1e-4 ;;
    esac
}

check() { # FOLDER
    for net in "$1"/*.nn; do
        for jit in tcc cc; do
            if out=$("$NNC" check "$net" --reference "${net%.nn}.safetensors" --jit "$jit" \
                --tolerance "$(tolerance "$net")" 2>&1); then
                passed=$((passed + 1))
            else
                echo "FAIL: $net --jit $jit"
                echo "$out" | grep -v '^  .*[0-9]$' | sed 's/^/    /'
                failed=$((failed + 1))
            fi
        done
    done
}

check tests/refs
if [ -d "$refs" ]; then
    check "$refs"
else
    echo "refs: no folder $refs; only the references of tests/refs were compared (set NNC_REFS)"
fi
echo "refs: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
