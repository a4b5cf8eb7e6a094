#!/bin/sh
# Checks every example, and the variants that its line `# variants:` lists:
# sets of -D values between semicolons.  What the example expects of itself
# (parameters, shapes) is checked by that.  Then the gradients through every
# block of the standard library, against central differences: a difference
# across many kinks in a row is right to five digits, not to six.
#
#     tests/examples/run.sh [FILE.nn…]        NNC: the compiler, ./nnc if not set

NNC=${NNC:-./nnc}
[ $# -gt 0 ] || set -- dsl_examples/*.nn
passed=0
failed=0
scratch=$(mktemp -d) || exit 3
output=$scratch/output
trap 'rm -rf "$scratch"' EXIT INT TERM

run() { # COMMAND…
    if "$@" > "$scratch/now" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $*"
        tail -n 20 "$scratch/now" | sed 's/^/    /'
    fi
    mv "$scratch/now" "$output"
}

check() { # FILE "name=value …"
    file=$1
    defines=
    for word in $2; do defines="$defines -D $word"; done
    # shellcheck disable=SC2086  # the words are meant to be apart
    run "$NNC" check "$file" $defines
}

for example; do
    check "$example" ''
    variants=$(sed -n 's/^# variants: *//p' "$example" | tr ';' '\n')
    while IFS= read -r variant; do
        [ -z "$variant" ] || check "$example" "$variant"
    done <<END
$variants
END
done

run "$NNC" check --gradients --samples 2 --batch 3 --tolerance 1e-5 tests/examples/blocks.nn

# Exclusive or is learnt: binary cross-entropy 0.05 is 95 % sure of the truth.
run "$NNC" train dsl_examples/xor.nn --data dsl_examples/xor.csv -o "$scratch/xor.safetensors"
run awk 'match($0, /test loss [0-9.e+-]+/) { loss = substr($0, RSTART + 10, RLENGTH - 10); found = 1 }
         END { exit !(found && loss + 0 < 0.05) }' "$output"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
