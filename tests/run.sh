#!/bin/sh
# Runs every part of the tests and adds up what they say.  A part ends in a line
# "… N passed, N failed"; one that does not is one failure.
# NNC: the program; UNIT: the runner of the unit tests.
cd "$(dirname "$0")/.." || exit 1
NNC=${NNC:-./nnc}
UNIT=${UNIT:-build/unit}
NNC_CACHE=off # tests neither use nor fill the user's cache
export NNC UNIT NNC_CACHE
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM
passed=0
failed=0

part() { # NAME COMMAND…
    name=$1
    shift
    echo "== $name"
    "$@" >"$log" 2>&1
    status=$?
    cat "$log"
    counts=$(sed -n 's/.*\([^0-9]\|^\)\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed.*/\2 \3/p' "$log" | tail -n 1)
    p=${counts% *}
    f=${counts#* }
    if [ -z "$counts" ] || { [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; }; then
        echo "$name: ended with status $status"
        p=${p:-0}
        f=$((${f:-0} + 1))
    fi
    passed=$((passed + p))
    failed=$((failed + f))
}

part unit "$UNIT"
for script in tests/*/run.sh; do
    name=${script#tests/}
    part "${name%/run.sh}" sh "$script"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
