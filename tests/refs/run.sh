#!/bin/sh
# Compares nets with reference files, NAME.nn with NAME.safetensors, by both
# back ends: those kept here, and a larger folder of them where there is one.
# NNC_REFS: that folder.
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
refs=${NNC_REFS:-../shared/refs}
passed=0
failed=0

check() { # FOLDER
    for net in "$1"/*.nn; do
        for jit in tcc cc; do
            if out=$("$NNC" check "$net" --reference "${net%.nn}.safetensors" --jit "$jit" 2>&1); then
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
