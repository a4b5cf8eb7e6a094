#!/bin/sh
# Random nets: see fuzz.h.  First those that once failed, in kept/: each names its
# batch in a comment; then COUNT new ones from a seed on.  The C compiler optimizes where COUNT is given.
#
#     tests/fuzz/run.sh [COUNT [SEED]]        FUZZ: the program that makes them
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
FUZZ=${FUZZ:-build/fuzz}

for net in tests/fuzz/kept/*.nn; do
    batch=$(sed -n 's/^# batch //p' "$net")
    try "$net" "$FUZZ" --check "$net" "$batch"
done

[ $# -gt 0 ] || export CC="$CC -O0" # in make test: optimizing those that cc compiles would take most of the time
"$FUZZ" "${1:-100}" "${2:-1}" >"$tmp/out" 2>&1
cat "$tmp/out"
counts=$(sed -n 's/^fuzz: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$tmp/out")
[ -n "$counts" ] || counts='0 1'
add "${counts% *}" "${counts#* }"
conclude
