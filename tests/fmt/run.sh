#!/bin/sh
# nnc fmt.  Every NAME.nn of this folder becomes NAME.out.  Every source of the
# project that parses keeps its meaning (the tree, by --dump ast) and, formatted
# twice, is as formatted once.  The examples and the standard blocks are
# formatted.  What the command does to files comes last.
# UPDATE=1 writes the .out anew; read the difference before it is committed.
# NNC: the program.
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
case $NNC in /*) ;; *) NNC=$PWD/$NNC ;; esac
passed=0
failed=0
tmp=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

ok() { passed=$((passed + 1)); }
bad() { # WHAT [FILE TO SHOW]
    echo "FAIL: $1"
    [ -z "$2" ] || head -20 "$2" | sed 's/^/    /'
    failed=$((failed + 1))
}

# ---- texts ---------------------------------------------------------------------

for net in tests/fmt/*.nn; do
    golden=${net%.nn}.out
    [ -z "$UPDATE" ] || "$NNC" fmt - <"$net" >"$golden"
    "$NNC" fmt - <"$net" 2>&1 | diff -u "$golden" - >"$tmp/said"
    if [ -s "$tmp/said" ]; then bad "$net does not become $golden" "$tmp/said"; else ok; fi
done

# Imports are relative, so the formatted text stands beside where it came from in a copy.
mkdir "$tmp/copy"
cp -r tests dsl_examples compiler/std "$tmp/copy"
for net in dsl_examples/*.nn tests/*/*.nn compiler/std/*.nn; do
    "$NNC" "$net" --dump ast >"$tmp/before" 2>"$tmp/said" || continue # it is wrong on purpose
    copy=$tmp/copy/${net#compiler/}
    if ! "$NNC" fmt "$copy" 2>"$tmp/said"; then
        bad "$net cannot be formatted" "$tmp/said"
    elif ! "$NNC" "$copy" --dump ast 2>&1 | diff "$tmp/before" - >"$tmp/said"; then
        bad "$net means something else after formatting" "$tmp/said"
    elif ! "$NNC" fmt - <"$copy" | diff "$copy" - >"$tmp/said"; then
        bad "$net changes when it is formatted twice" "$tmp/said"
    else
        ok
    fi
done

if "$NNC" fmt --check dsl_examples/*.nn compiler/std/*.nn >"$tmp/said" 2>&1; then ok; else bad 'not formatted' "$tmp/said"; fi

# ---- the command -----------------------------------------------------------------

cd "$tmp" || exit 1
mkdir d
loose='net n { input(3)  dense( 2 ) }'
strict='net n { input(3)  dense(2) }'

runs() { # STATUS ARGUMENTS…: `out` and `err` hold what was said
    want=$1
    shift
    "$NNC" fmt "$@" >out 2>err
    status=$?
    if [ "$status" -eq "$want" ]; then ok; else bad "nnc fmt $*: status $status, not $want" err; fi
}
holds() { # FILE TEXT
    printf '%s\n' "$2" >expected
    if cmp -s expected "$1"; then ok; else bad "$1 does not hold: $2" "$1"; fi
}
says() { if grep -q -e "$2" "$1"; then ok; else bad "$1 does not say '$2'" "$1"; fi; }
is() { # WHAT CONDITION…
    what=$1
    shift
    if "$@"; then ok; else bad "$what"; fi
}
fresh() {
    printf '%s\n' "$loose" >d/loose.nn
    printf '%s\n' "$strict" >d/strict.nn
    printf '%s\n' 'net n { input(' >d/wrong.nn
}

fresh
chmod 640 d/loose.nn
runs 1 --check d/loose.nn d/strict.nn
holds out d/loose.nn
holds d/loose.nn "$loose"
runs 1 --check d/wrong.nn
says err 'wrong.nn:[0-9]*:[0-9]*: error: '
runs 0 --check d/strict.nn
is 'nothing is said' [ ! -s out ]

touch -d '2001-01-01' d/strict.nn
runs 1 d/loose.nn d/wrong.nn d/strict.nn
holds d/loose.nn "$strict"
holds d/wrong.nn 'net n { input('
is 'the permissions stay' [ "$(stat -c %a d/loose.nn)" = 640 ]
is 'an unchanged file is not written' [ "$(date -r d/strict.nn +%Y)" = 2001 ]
is 'no temporary file is left' [ "$(find d -type f | wc -l)" -eq 3 ]

fresh
ln -s loose.nn d/link.nn
runs 0 d/link.nn
is 'a link stays a link' [ -L d/link.nn ]
holds d/loose.nn "$strict"

fresh
runs 0 - <d/loose.nn
holds out "$strict"
runs 1 - <d/wrong.nn
is 'nothing comes out of a wrong text' [ ! -s out ]
says err '<stdin>:[0-9]*:[0-9]*: error: '
runs 1 --check - <d/loose.nn
holds out '<stdin>'
printf 'net n {\r\n  input(3)\r\n}\r\n' >d/dos.nn
runs 0 d/dos.nn
is 'line ends are those of Unix' [ "$(tr -cd '\r' <d/dos.nn | wc -c)" -eq 0 ]
: >d/empty.nn
runs 0 --check d/empty.nn
printf '\n\n' >d/empty.nn
runs 0 d/empty.nn
is 'of nothing comes nothing' [ ! -s d/empty.nn ]

runs 1 d/nowhere.nn
says err 'cannot read d/nowhere.nn'
runs 1 d
runs 2
says err 'missing input file'
runs 2 --chekc d/loose.nn
says err 'did you mean --check'
if [ "$(id -u)" -ne 0 ]; then
    fresh
    chmod 555 d
    runs 3 d/loose.nn
    chmod 755 d
    holds d/loose.nn "$loose"
fi

echo "fmt: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
