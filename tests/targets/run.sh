#!/bin/sh
# The example of CONTRIBUTING, "Another target": applied to a copy of the sources, it touches
# the target's own page and the table alone, and then the target is there, with its costs.
# The whole program is built anew with ALL=1 only; else the table and a program that reads it.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

have patch || { skip 'there is no patch'; conclude; }

sed -n '/^#### Another target/,/^### /p' CONTRIBUTING.md | sed -n '/^```diff/,/^```$/p' | sed '1d;$d' >"$tmp/target.diff"
files=$(sed -n 's|^+++ b/||p' "$tmp/target.diff" | LC_ALL=C sort | tr '\n' ' ')
what='the files of the example'
if [ "$files" = 'compiler/graph/target.h runtime/kernels/config/bigcache.h ' ]; then ok; else bad "it touches $files"; fi

mkdir "$tmp/tree"
cp -r compiler runtime Makefile tests "$tmp/tree"
cd "$tmp/tree" || exit 1
what='the example'
try 'it applies' patch -p1 --fuzz 0 -i "$tmp/target.diff"

cat >names.c <<'END'
#include <stdio.h>
#include "graph/target.h"
int main(void)
{
    for (int i = 0; i < TARGET_COUNT; i++) printf("%s %g\n", target_name((Target)i), machine_costs((Target)i)->element);
    return 0;
}
END
pages=$(for page in runtime/kernels/config/*.h; do page=${page##*/}; echo "$tmp/made/graph/costs_${page%.h}.c"; done)
# shellcheck disable=SC2086 # names are words
try 'its costs' make -s BUILD="$tmp/made" CC="$CC" $pages
# shellcheck disable=SC2086
try 'the table' "$CC" -std=gnu11 -Wall -Wextra -Werror -Icompiler -I. names.c compiler/graph/target.c $pages -o names
try 'a program that reads it' ./names
says() { if grep -q "$1" "$tmp/out"; then ok; else bad "not '$1'"; fi; }
says '^bigcache 5$'
says '^avx2 20$'
if [ -n "$ALL" ]; then
    try 'the whole program' make -s -j2 BUILD="$tmp/made" CC="$CC" PROGRAM="$tmp/nnc" "$tmp/nnc"
    try 'a net for it' "$tmp/nnc" "$root/dsl_examples/lenet.nn" --target bigcache --explain
fi
conclude
