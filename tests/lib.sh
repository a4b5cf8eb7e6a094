# What the shell tests share.  A test goes to the root of the project and reads this:
#
#     cd "$(dirname "$0")/../.." || exit 1
#     . tests/lib.sh
#
# From then on NNC (the program) and root are absolute paths, CC is the C compiler, tmp is
# a temporary directory, standard input is empty, and the user's cache is not used.  A test
# is a list of checks, each of which counts as passed or failed, in subshells as well, and
# ends in `conclude`.
# shellcheck shell=dash
# shellcheck disable=SC2034 # the tests use root, CC and status

root=$PWD
NNC=${NNC:-./nnc}
case $NNC in /*) ;; *) NNC=$root/$NNC ;; esac
CC=${CC:-cc}
NNC_CACHE=${NNC_CACHE:-off}
export NNC_CACHE
test_part=${0%/run.sh}
test_part=${test_part##*/}
test_part=${test_part%.sh}

tmp=$(mktemp -d) || exit 1
cleanup() { chmod -R u+w "$tmp"; rm -rf "$tmp"; }
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
exec </dev/null
: >"$tmp/out"
: >"$tmp/err"

# ---- counting ------------------------------------------------------------------------

what=   # what is being tested, for messages
status= # of the last command

add() { echo "$1 $2" >>"$tmp/.results"; } # PASSED FAILED
ok() { add 1 0; }

# bad TEXT [FILE…]: a check failed; shows the files, or what the last command printed
bad() {
    add 0 1
    echo "FAIL: ${what:+$what: }$1"
    shift
    [ $# -gt 0 ] || set -- "$tmp/out" "$tmp/err"
    local shown
    for shown; do
        [ ! -s "$shown" ] || awk -v name="${shown##*/}" '{ line[NR] = substr($0, 1, 200) }
            END { for (i = 1; i <= NR; i++) if (i <= 12 || i > NR - 12) print "    " name ": " line[i] }' "$shown"
    done
}

skip() { echo "$test_part: skipped: $1"; }
have() { command -v "$1" >/dev/null 2>&1; } # PROGRAM

# conclude: prints the line that tests/run.sh adds up, and ends the test
conclude() {
    local counts passed failed
    counts=$(awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }' "$tmp/.results")
    passed=${counts% *}
    failed=${counts#* }
    echo "$test_part: ${passed:-0} passed, ${failed:-1} failed"
    [ "${failed:-1}" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

# ---- commands: what they print goes to the files `out` and `err` of tmp --------------

nnc() { "$NNC" "$@"; } # a test may set it anew

# runs STATUS ARGUMENTS…: nnc ends with this status
runs() {
    local want=$1
    shift
    what="nnc $*"
    nnc "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
    status_is "$want"
}
status_is() { if [ "$status" -eq "$1" ]; then ok; else bad "status $status, not $1"; fi; }

# try WHAT COMMAND…: the command succeeds; all that it prints is in `out`
try() {
    what=$1
    shift
    : >"$tmp/err"
    "$@" >"$tmp/out" 2>&1
    status=$?
    status_is 0
}

# ---- checks: `out` and `err` are those of the last command, other names are paths ----

path_of() { case $1 in out | err) path=$tmp/$1 ;; *) path=$1 ;; esac; }

# says FILE PATTERN, lacks FILE PATTERN: a file that is not there is neither
says() {
    path_of "$1"
    if grep -q -e "$2" "$path"; then ok; else bad "$1 does not say '$2'"; fi
}
lacks() {
    path_of "$1"
    grep -q -e "$2" "$path"
    case $? in
    0) bad "$1 says '$2'" ;;
    1) ok ;;
    *) bad "$1 cannot be read" ;;
    esac
}
silent() { # FILE
    path_of "$1"
    if [ -e "$path" ] && [ ! -s "$path" ]; then ok; else bad "$1 is not an empty file"; fi
}
exists() { for path; do if [ -s "$path" ]; then ok; else bad "$path is not there, or empty"; fi; done; }
absent() { for path; do if [ ! -e "$path" ]; then ok; else bad "$path is there"; fi; done; }

# same FILE FILE, differ FILE FILE
same() {
    path_of "$2"
    local second=$path
    path_of "$1"
    if cmp -s "$path" "$second"; then ok; else bad "$1 and $2 differ"; fi
}
differ() {
    path_of "$2"
    local second=$path
    path_of "$1"
    cmp -s "$path" "$second"
    case $? in
    0) bad "$1 and $2 are the same" ;;
    1) ok ;;
    *) bad "$1 or $2 cannot be read" ;;
    esac
}
is() { if test "$@"; then ok; else bad "not so: $*"; fi; } # a condition of test(1)

# ---- processes in the background -----------------------------------------------------

# until_says FILE PATTERN: waits for it, 10 seconds at most
until_says() {
    path_of "$1"
    local tries=100
    until grep -q -e "$2" "$path" 2>/dev/null; do
        tries=$((tries - 1))
        if [ $tries -eq 0 ]; then
            bad "$1 did not say '$2' in time"
            return
        fi
        sleep 0.1
    done
}
