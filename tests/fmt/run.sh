#!/bin/sh
# nnc fmt.  Every NAME.nn of this folder becomes NAME.out.  Every source of the
# project that parses keeps its meaning (the tree, by --dump ast) and, formatted
# twice, is as formatted once.  The examples and the standard blocks are
# formatted.  What the command does to files comes last.
# UPDATE=1 writes the .out anew; read the difference before it is committed.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

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
for net in dsl_examples/*.nn dsl_examples/*/*.nn tests/*/*.nn compiler/std/*.nn; do
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

runs 0 fmt --check dsl_examples/*.nn dsl_examples/*/*.nn compiler/std/*.nn

# ---- the command -----------------------------------------------------------------

cd "$tmp" || exit 1
mkdir d
loose='net n { input(3)  dense( 2 ) }'
strict='net n { input(3)  dense(2) }'

holds() { # FILE TEXT
    printf '%s\n' "$2" >expected
    if cmp -s expected "$1"; then ok; else bad "$1 does not hold: $2" "$1"; fi
}
fresh() {
    printf '%s\n' "$loose" >d/loose.nn
    printf '%s\n' "$strict" >d/strict.nn
    printf '%s\n' 'net n { input(' >d/wrong.nn
}

fresh
chmod 640 d/loose.nn
runs 1 fmt --check d/loose.nn d/strict.nn
holds out d/loose.nn
holds d/loose.nn "$loose"
runs 1 fmt --check d/wrong.nn
says err 'wrong.nn:[0-9]*:[0-9]*: error: '
runs 0 fmt --check d/strict.nn
what='nothing is said'
is ! -s out

touch -d '2001-01-01' d/strict.nn
runs 1 fmt d/loose.nn d/wrong.nn d/strict.nn
holds d/loose.nn "$strict"
holds d/wrong.nn 'net n { input('
what='the permissions stay'
is "$(stat -c %a d/loose.nn)" = 640
what='an unchanged file is not written'
is "$(date -r d/strict.nn +%Y)" = 2001
what='no temporary file is left'
is "$(find d -type f | wc -l)" -eq 3

fresh
ln -s loose.nn d/link.nn
runs 0 fmt d/link.nn
what='a link stays a link'
is -L d/link.nn
holds d/loose.nn "$strict"

fresh
runs 0 fmt - <d/loose.nn
holds out "$strict"
runs 1 fmt - <d/wrong.nn
what='nothing comes out of a wrong text'
is ! -s out
says err '<stdin>:[0-9]*:[0-9]*: error: '
runs 1 fmt --check - <d/loose.nn
holds out '<stdin>'
printf 'net n {\r\n  input(3)\r\n}\r\n' >d/dos.nn
runs 0 fmt d/dos.nn
what='line ends are those of Unix'
is "$(tr -cd '\r' <d/dos.nn | wc -c)" -eq 0
: >d/empty.nn
runs 0 fmt --check d/empty.nn
printf '\n\n' >d/empty.nn
runs 0 fmt d/empty.nn
what='of nothing comes nothing'
is ! -s d/empty.nn

runs 1 fmt d/nowhere.nn
says err 'cannot read d/nowhere.nn'
runs 1 fmt d
runs 2 fmt
says err 'missing input file'
runs 2 fmt --chekc d/loose.nn
says err 'did you mean --check'
if [ "$(id -u)" -ne 0 ]; then
    fresh
    chmod 555 d
    runs 3 fmt d/loose.nn
    chmod 755 d
    holds d/loose.nn "$loose"
fi

conclude
