#!/bin/sh
# Random nets: see fuzz.h.  First those that once failed, in kept/: each names its
# batch in a comment; then COUNT new ones from a seed on.
#
#     tests/fuzz/run.sh [COUNT [SEED]]        FUZZ: the program
cd "$(dirname "$0")/../.." || exit 1
FUZZ=${FUZZ:-build/fuzz}
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM
passed=0
failed=0

for net in tests/fuzz/kept/*.nn; do
    batch=$(sed -n 's/^# batch //p' "$net")
    if "$FUZZ" --check "$net" "$batch" >"$log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL: $net"
        sed 's/^/    /' "$log" | head -20
    fi
done

"$FUZZ" "${1:-250}" "${2:-1}" >"$log" 2>&1
cat "$log"
counts=$(sed -n 's/^fuzz: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log")
[ -n "$counts" ] || counts='0 1'
passed=$((passed + ${counts% *}))
failed=$((failed + ${counts#* }))
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
