#!/bin/sh
# Runs every part of the tests, JOBS at a time (some wait more than they compute, so it is one more than there are
# processors), and adds up what they say.  A part ends
# in a line "… N passed, N failed"; one that does not is one failure.  The seconds of a part,
# and those of processor time, are information only.
# NNC: the program; UNIT: the runner of the unit tests.
cd "$(dirname "$0")/.." || exit 1
NNC=${NNC:-./nnc}
UNIT=${UNIT:-build/unit}
NNC_CACHE=off # tests neither use nor fill the user's cache
logs=$(mktemp -d) || exit 1
export NNC UNIT NNC_CACHE logs
trap 'rm -rf "$logs"' EXIT
trap 'exit 1' HUP INT TERM

# The longest first, so that the last to end is a short one.
names=$({
    printf '%s\n' unit generated recipes small fuzz warnings ranks compute ship report accumulate refs families names
    for script in tests/*/run.sh; do
        name=${script#tests/}
        echo "${name%/run.sh}"
    done
} | awk '!seen[$0]++')

# Each part writes a file of its own, which is shown whole when the part has ended.
# shellcheck disable=SC2086,SC2016
printf '%s\n' $names | xargs -P "${JOBS:-$(($(getconf _NPROCESSORS_ONLN) + 1))}" -I '{}' sh -c '
    begin=$(date +%s)
    if [ "$1" = unit ]; then "$UNIT"; else sh "tests/$1/run.sh"; fi >"$logs/$1.log" 2>&1
    echo $? >"$logs/$1.status"
    times >"$logs/$1.times"
    cpu=$(awk -F "[ms ]+" "NR == 2 { printf \"%.0f\", \$1 * 60 + \$2 + \$3 * 60 + \$4 }" "$logs/$1.times")
    { echo "== $1 ($(($(date +%s) - begin)) s, $cpu s of processor time)"; cat "$logs/$1.log"; } >"$logs/$1.shown"
    flock "$logs" cat "$logs/$1.shown"' part '{}'

passed=0
failed=0
for name in $names; do
    status=$(cat "$logs/$name.status" 2>/dev/null)
    counts=$(sed -n 's/.*\([^0-9]\|^\)\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed.*/\2 \3/p' "$logs/$name.log" | tail -n 1)
    p=${counts% *}
    f=${counts#* }
    if [ -z "$counts" ] || { [ "$status" != 0 ] && [ "$f" -eq 0 ]; }; then
        echo "$name: ended with status ${status:-unknown}"
        p=${p:-0}
        f=$((${f:-0} + 1))
    fi
    passed=$((passed + p))
    failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
