#!/bin/sh
# NaN and infinities through every layer, against what PyTorch makes of them: the
# files that special.py made, in both forms.  More of it is in tests/unit/test_special.c.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

for file in tests/special/*.safetensors; do
    net=$(basename "$file" .safetensors)
    for form in --jit=tcc --plain; do
        try "$file $form" "$NNC" check tests/special/nets.nn --net "$net" --reference "$file" $form
    done
done
conclude
