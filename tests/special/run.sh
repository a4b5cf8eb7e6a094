#!/bin/sh
# NaN and infinities through every layer, against what PyTorch makes of them: the
# files that special.py made, in both forms.  Winograd's algorithm spreads them, so its net is
# compared with --no-winograd, and must differ without.  More of it is in tests/unit/test_special.c.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

for file in tests/special/*.safetensors; do
    net=$(basename "$file" .safetensors)
    fast=--jit=tcc
    [ "$net" != winograd ] || fast=--no-winograd
    for form in $fast --plain; do
        try "$file $form" "$NNC" check tests/special/nets.nn --net "$net" --reference "$file" $form
    done
done
what='winograd without --no-winograd'
if "$NNC" check tests/special/nets.nn --net winograd --reference tests/special/winograd.safetensors >"$tmp/out" 2>&1; then
    bad 'NaN and infinity passed through its tiles' "$tmp/out"
else
    ok
fi
conclude
