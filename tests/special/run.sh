#!/bin/sh
# NaN and infinities through every layer, against what PyTorch makes of them: the
# files that special.py made, in both forms.  More of it is in tests/unit/test_special.c.
# NNC: the program.
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
passed=0
failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM

for file in tests/special/*.safetensors; do
    net=$(basename "$file" .safetensors)
    for form in --jit=tcc --plain; do
        if "$NNC" check tests/special/nets.nn --net "$net" --reference "$file" $form >"$log" 2>&1; then
            passed=$((passed + 1))
        else
            echo "FAIL: $file $form"
            grep -v '^  .*[0-9]$' "$log" | sed 's/^/    /'
            failed=$((failed + 1))
        fi
    done
done
echo "special: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
