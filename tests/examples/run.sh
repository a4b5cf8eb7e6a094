#!/bin/sh
# Checks every example, and the variants that its line `# variants:` lists:
# sets of -D values between semicolons.  What the example expects of itself
# (parameters, shapes) is checked by that.  Every one must assert its number of
# parameters: with one more in each such assertion, it must be refused.  Then the
# gradients through every block of the standard library, against central
# differences: a difference across many kinks in a row is right to five digits,
# not to six.
#
#     tests/examples/run.sh [FILE.nn…]

cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
[ $# -gt 0 ] || set -- dsl_examples/*.nn dsl_examples/exercises/*.nn

# Imports are relative, so the altered examples stand beside copies of the others.
cp -r dsl_examples "$tmp/altered"

check() { # FILE "name=value …"
    file=$1
    altered=$tmp/altered/${file#dsl_examples/}
    defines=
    for word in $2; do defines="$defines -D $word"; done
    # shellcheck disable=SC2086  # the words are meant to be apart
    runs 0 check "$file" $defines
    # shellcheck disable=SC2086
    runs 1 check "$altered" $defines
    says err 'expected params == 1 + '
}

for example; do
    sed 's/expect params == /&1 + /' "$example" >"$tmp/altered/${example#dsl_examples/}"
    check "$example" ''
    variants=$(sed -n 's/^# variants: *//p' "$example" | tr ';' '\n')
    while IFS= read -r variant; do
        [ -z "$variant" ] || check "$example" "$variant"
    done <<END
$variants
END
    cp "$example" "$tmp/altered/${example#dsl_examples/}"
done

runs 0 check --gradients --samples 2 --batch 3 --tolerance 1e-5 tests/examples/blocks.nn

# Exclusive or is learnt: binary cross-entropy 0.05 is 95 % sure of the truth.
runs 0 train dsl_examples/xor.nn --data dsl_examples/xor.csv -o "$tmp/xor.safetensors"
cat "$tmp/out" "$tmp/err" >"$tmp/said"
try 'exclusive or is learnt' awk 'match($0, /test loss [0-9.e+-]+/) { loss = substr($0, RSTART + 10, RLENGTH - 10); found = 1 }
         END { exit !(found && loss + 0 < 0.05) }' "$tmp/said"

conclude
