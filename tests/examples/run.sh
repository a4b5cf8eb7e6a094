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

# The flower's data are what its script makes, by every awk that there is; a line cannot part them, one hidden layer can.
for awk in awk gawk mawk original-awk; do
    have $awk || continue
    what="flower.csv by $awk"
    $awk -f dsl_examples/flower.awk >"$tmp/flower.csv"
    same "$tmp/flower.csv" dsl_examples/flower.csv
done
learns() { # HIDDEN: `right` is the accuracy in percent
    runs 0 train dsl_examples/flower.nn -D hidden="$1" --data "$tmp/flower.csv" --jit tcc -o "$tmp/flower.safetensors"
    right=$(sed -n 's/^test accuracy \([0-9]*\).*/\1/p' "$tmp/out")
}
learns 1
what='the flower by one unit'
is "${right:-100}" -lt 80
learns 4
what='the flower by four units'
is "${right:-0}" -ge 85
runs 0 show dsl_examples/flower.nn --weights "$tmp/flower.safetensors" --decision --data "$tmp/flower.csv" -o "$tmp/flower.png"
exists "$tmp/flower.png"

conclude
