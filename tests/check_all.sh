#!/bin/sh
# Runs targets of the Makefile one after the other, the rest too where one has failed, and says what each is, how long it
# took and what it counted.  What has passed is not run again until a source changes, so that hours of checks go
# on where they were broken off; what failed is.
#
#     tests/check_all.sh TARGET…       MAKE: the make; CHECKS: the folder of logs and results (build/checks);
#                                      AGAIN=1: run all; LIMIT: seconds that one may take (14400)
cd "$(dirname "$0")/.." || exit 1
MAKE=${MAKE:-make}
checks=${CHECKS:-build/checks}
mkdir -p "$checks" || exit 1
trap 'exit 1' HUP INT TERM

# What the results are of: all sources, and nothing that is built.
sources() {
    if [ -n "$SOURCES" ]; then
        find "$SOURCES" -type f
    else
        find Makefile README.md CHANGELOG.md bench compiler docs dsl_examples generated packaging runtime tests -type f
    fi | LC_ALL=C sort | tr '\n' '\0' | xargs -0 cat | cksum | tr ' ' '-'
}
state=$(sources)

# seconds N: as people read them
seconds() {
    if [ "$1" -lt 120 ]; then echo "$1 s"; else echo "$(($1 / 60)) min $(($1 % 60)) s"; fi
}

# result NAME: the line of its last run, of these sources, else nothing
result() {
    [ -z "$AGAIN" ] || [ -n "$summing" ] || return 0
    sed -n "s/^$state //p" "$checks/$1.result" 2>/dev/null
}

run() { # NAME
    echo "== $1, since $(date +%H:%M), log in $checks/$1.log"
    begin=$(date +%s)
    timeout --foreground -k 10 "${LIMIT:-14400}" "$MAKE" --no-print-directory "$1" >"$checks/$1.log" 2>&1 </dev/null
    status=$?
    took=$(($(date +%s) - begin))
    counts=$(grep -o '[0-9]* passed, [0-9]* failed' "$checks/$1.log" | tail -n 1)
    verdict=passed
    [ $status -eq 0 ] || verdict="FAILED with status $status"
    [ $status -ne 124 ] || verdict="FAILED: more than ${LIMIT:-14400} s"
    echo "$state $status $(seconds $took): $verdict${counts:+ ($counts)}" >"$checks/$1.result"
    grep -h -e '^FAIL' -e ': skipped: ' "$checks/$1.log" | head -n 20
    echo "   $1: $verdict after $(seconds $took)${counts:+ ($counts)}"
}

summing=
for name; do
    case $(result "$name") in
    '0 '*) echo "== $name: passed already" ;;
    *) run "$name" ;;
    esac
done

echo "== all"
summing=yes failed=0
for name; do
    line=$(result "$name")
    echo "   $name: ${line#* }"
    case $line in '0 '*) ;; *) failed=$((failed + 1)) ;; esac
done
echo "$(($# - failed)) of $# checks passed"
[ $failed -eq 0 ]
