#!/bin/sh
# Checks every example, and the variants that its line `# variants:` lists:
# sets of -D values between semicolons.  What the example expects of itself
# (parameters, shapes) is checked by that.
#
#     tests/examples/run.sh [FILE.nn…]        NNC: the compiler, ./nnc if not set

NNC=${NNC:-./nnc}
[ $# -gt 0 ] || set -- dsl_examples/*.nn
passed=0
failed=0
output=$(mktemp) || exit 3
trap 'rm -f "$output"' EXIT INT TERM

check() { # FILE "name=value …"
    file=$1
    defines=
    for word in $2; do defines="$defines -D $word"; done
    # shellcheck disable=SC2086  # the words are meant to be apart
    if "$NNC" check "$file" $defines > "$output" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $NNC check $file$defines"
        sed 's/^/    /' "$output" | head -20
    fi
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

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
