#!/bin/sh
# The example of CONTRIBUTING, "Another target": applied to a copy of the sources, it touches
# the target's own page alone, and then the target is there, with its costs.  And what a page of
# another instruction set becomes.
# The whole program is built anew with ALL=1 only; else the table and a program that reads it.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

have patch || { skip 'there is no patch'; conclude; }

sed -n '/^#### Another target/,/^### /p' CONTRIBUTING.md | sed -n '/^```diff/,/^```$/p' | sed '1d;$d' >"$tmp/target.diff"
files=$(sed -n 's|^+++ b/||p' "$tmp/target.diff" | LC_ALL=C sort | tr '\n' ' ')
what='the files of the example'
if [ "$files" = 'runtime/kernels/config/bigcache.h ' ]; then ok; else bad "it touches $files"; fi

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
try 'its tables' make -s BUILD="$tmp/made" CC="$CC" $pages "$tmp/made/graph/target_table.h"
# shellcheck disable=SC2086
try 'the table' "$CC" -std=gnu11 -Wall -Wextra -Werror -Icompiler -I"$tmp/made" -I. names.c compiler/graph/target.c $pages -o names
try 'a program that reads it' ./names
says() { if grep -q "$1" "$tmp/out"; then ok; else bad "not '$1'"; fi; }
says '^bigcache 5$'
says '^avx2 20$'

# A page of instructions that this machine has, above all others.
what='another instruction set'
tables=runtime/kernels/config/tables.sh
cat >runtime/kernels/config/wide.h <<END
/*
 * wide.h: a made-up instruction set.
 *
 * order: 99
 * title: Wide
 * machine: $(uname -m)
 * features: wide1 wide2
 * flags: -mprefer-wide
 * allowed: defined(__WIDE__)
 */
#include "runtime/kernels/config/generic.h"
END
page=runtime/kernels/config/wide.h
all=$(echo runtime/kernels/config/*.h)
# shellcheck disable=SC2086
{
    sh $tables targets $all >"$tmp/out"
    says 'TARGET(WIDE, wide, "Wide", "defined(__.*__) && !(defined(__WIDE__))", "wide1,wide2", "__builtin_cpu_supports(.*wide2.*)", "wide", false, NULL, NULL)$'
    sh $tables instructions $all >"$tmp/out"
    says '^#elif defined(__WIDE__)$'
    says '^#include "runtime/kernels/config/wide.h"$'
    sh $tables names $all >"$tmp/out"
    if [ "$(head -n 1 "$tmp/out")" = wide ]; then ok; else bad 'its library is not the first'; fi
    sh $tables flags $page >"$tmp/out"
    says '^-mwide1 -mwide2 -mprefer-wide$'
    sh $tables libraries $all >"$tmp/out"
    says '^    {"wide", nn_library_wide, runs_wide},$'
}
rm $page
if [ -n "$ALL" ]; then
    try 'the whole program' make -s -j2 BUILD="$tmp/made" CC="$CC" PROGRAM="$tmp/nnc" "$tmp/nnc"
    try 'a net for it' "$tmp/nnc" "$root/dsl_examples/lenet.nn" --target bigcache --explain
fi
conclude
