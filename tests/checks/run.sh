#!/bin/sh
# tests/check_all.sh: what has passed is not run again, what has failed is; a change of the sources runs all.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

cat >"$tmp/make" <<'END'
#!/bin/sh
echo "$2" >>"$(dirname "$0")/ran"
[ "$2" != slow ] || sleep 3
echo "part: 3 passed, 1 failed"
[ "$2" != second ] || [ -e "$(dirname "$0")/mended" ]
END
chmod +x "$tmp/make"
mkdir "$tmp/sources"
echo 1 >"$tmp/sources/file"

# all STATUS TARGETS RAN [VARIABLE=VALUE]: which of them were run
all() {
    what="check_all of $2 $4"
    : >"$tmp/ran"
    # shellcheck disable=SC2086 # several targets, a variable or none
    env MAKE="$tmp/make" CHECKS="$tmp/checks" SOURCES="$tmp/sources" ${4:-AGAIN=} sh tests/check_all.sh $2 \
        >"$tmp/out" 2>"$tmp/err"
    status=$?
    status_is "$1"
    silent err
    is "$(tr '\n' ' ' <"$tmp/ran")" = "$3"
}
all 1 'first second third' 'first second third '
says out 'second: FAILED with status 1 after [0-9]* s (3 passed, 1 failed)$'
says out '^   first: [0-9]* s: passed (3 passed, 1 failed)$'
says out '^2 of 3 checks passed$'
: >"$tmp/mended"
all 0 'first second third' 'second '
says out '^== first: passed already$'
says out '^3 of 3 checks passed$'
all 0 'first second third' ''
all 0 'first second' 'first second ' AGAIN=1
says out '^2 of 2 checks passed$'
echo 2 >"$tmp/sources/file"
all 0 'second first' 'second first '
all 1 'slow first' 'slow ' LIMIT=1
says out 'slow: FAILED: more than 1 s'
conclude
