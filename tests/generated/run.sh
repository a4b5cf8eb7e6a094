#!/bin/sh
# generated/ holds what nnc writes, for reading.  Each file must be what it
# writes now, compile without a warning in its dialects, and compute the same as
# its other forms.  UPDATE=1 writes them anew.
# NNC: the program; CC: the compiler for the dialects (clang too where it is).
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
passed=0
failed=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

ok() { passed=$((passed + 1)); }
bad() {
    echo "FAIL: $1"
    head -20 "$tmp/said" | sed 's/^/    /'
    failed=$((failed + 1))
}
try() { # WHAT COMMAND…
    what=$1
    shift
    if "$@" >"$tmp/said" 2>&1; then ok; else bad "$what"; fi
}

compilers=${CC:-cc}
command -v clang >/dev/null 2>&1 && compilers="$compilers clang"

# compiles FILE.c DIALECT…: without a warning, by every compiler that has the
# dialect (C++ is a package of its own)
compiles() {
    file=$1
    shift
    for cc in $compilers; do
        [ "$1 $2" != '-x c++' ] || echo 'int x;' | "$cc" "$@" -fsyntax-only - 2>/dev/null || continue
        try "$cc $* $file" "$cc" "$@" -O1 -Wall -Wextra -Werror -I"$tmp" -c "$file" -o "$tmp/object.o"
    done
}

# keeps NAME NET OPTIONS…: generated/NAME.c and .h are what nnc writes
keeps() {
    name=$1
    shift
    try "nnc $*" "$NNC" "$@" -o "$tmp/$name.c"
    for file in $name.c $name.h; do
        [ -z "$UPDATE" ] || cp "$tmp/$file" "generated/$file"
        try "generated/$file is not what 'nnc $*' writes now" diff -u "generated/$file" "$tmp/$file"
    done
}

keeps lenet dsl_examples/lenet.nn
compiles "$tmp/lenet.c" -std=gnu99
keeps lenet_plain dsl_examples/lenet.nn --plain
compiles "$tmp/lenet_plain.c" -std=c99 -pedantic
compiles "$tmp/lenet_plain.c" -x c++
keeps xor dsl_examples/xor.nn --plain
compiles "$tmp/xor.c" -std=c99 -pedantic

# The same net in both forms: the same numbers, by the same small program.
for net in tests/refs/lenet_sgd.nn tests/refs/resnet_small.nn; do
    for form in "" --plain; do
        # shellcheck disable=SC2086
        try "nnc $net $form" "$NNC" "$net" $form --prefix net -o "$tmp/net.c"
        compiles "$tmp/net.c" -std=gnu99
        try "a program with $net $form" "${CC:-cc}" -std=gnu99 -O2 -Wall -Wextra -Werror -I"$tmp" \
            tests/generated/drive.c "$tmp/net.c" -o "$tmp/drive" -lm
        try "the program with $net $form" "$tmp/drive"
        cp "$tmp/said" "$tmp/numbers$form"
    done
    try "$net: the fast form against the plain one" awk -f tests/generated/close.awk "$tmp/numbers--plain" "$tmp/numbers"
done
echo "generated: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
