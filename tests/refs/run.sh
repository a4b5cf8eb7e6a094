#!/bin/sh
# Compares nets with reference files, NAME.nn with NAME.safetensors, by both
# back ends: those kept here, and a larger folder of them where there is one.
# NNC_REFS: that folder.
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
refs=${NNC_REFS:-../shared/refs}
passed=0
failed=0

# The largest relative error.  rmsprop divides every gradient by its own size,
# so a gradient that is rounding noise moves its weight as far as any other: in
# double precision, changing the initial weights by 3e-7 of themselves changes
# the weights after these twenty steps by up to 5e-3.  adagrad's first steps do
# the same, and its later ones less.
tolerance() { # NET
    case $1 in
    */lenet_rmsprop.nn) echo 1e-2 ;;
    */lenet_adagrad.nn) echo 5e-4 ;;
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
