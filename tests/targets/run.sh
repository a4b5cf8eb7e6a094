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
all=$(echo runtime/kernels/config/*.h)

# own BASE PAGE WANTED…: which kernels differ.
own() {
    base=$1
    page=$2
    shift 2
    awk -f runtime/kernels/config/own_kernels.awk "$base" "$page" >"$tmp/out"
    names=$(paste -s -d " " "$tmp/out")
    if [ "$names" = "$*" ]; then ok; else bad "$names instead of $*"; fi
}

what='the kernels that differ'
cat >base.i <<'END'
enum { A_SIZE = 4, B_SIZE = 8 };
enum { C_SIZE = 4 };
typedef float vec __attribute__((vector_size(A_SIZE * sizeof(float)), aligned(4)));
typedef struct tag {
    int size;
    float *x;
} args;
typedef int (*callback)(int size);
static const int table[2] = {1, 2}, *const pointer = table;
extern int outside(int (*)(int), int);
_Static_assert(A_SIZE < B_SIZE, "a (size");
static inline __attribute__((always_inline, unused)) int deep(int x)
{
#pragma GCC unroll 16
    for (int size = 0; size < x; size++) x += size;
    return x;
}
static inline int middle(int x)
{
    return x ? deep(x - 1) : '{';
}
static __attribute__((unused, optimize("align-loops=64"))) void calls(int x) { middle(x); }
static void uses_a(int x) { vec v[C_SIZE]; }
static void uses_b(int x) { x = B_SIZE; }
static void uses_tag(struct tag *t) { t->size = 0; }
static void uses_args(const args *a)
{
    __asm__("add {%1, %0|%0, %1}" : : "r"(a->size));
}
static void uses_callback(callback f) { f(0); }
static void uses_table(int x) { x = table[1]; }
static void has_size(int size, int x) { outside(0, 0); }
typedef struct symbol { const char *name; void *at; } nn_symbol;
const nn_symbol library[] = {
    {"calls", (void *)calls}, {"uses_a", (void *)uses_a}, {"uses_b", (void *)uses_b},
    {"uses_tag", (void *)uses_tag}, {"uses_args", (void *)uses_args},
    {"uses_callback", (void *)uses_callback}, {"uses_table", (void *)uses_table}, {"has_size", (void *)has_size},
    {"nn_target_sizes", (void *)&library}, {0},
};
END
# with SCRIPT WANTED…: of a page that the script of sed makes of the text
with() {
    sed "$1" base.i >page.i
    shift
    own base.i page.i "$@"
}
with ''
with 's/unroll 16/unroll 8/' calls
with 's/size++/size += 2/' calls
with "s/'{'/'}'/" calls
with 's/"align-loops=64"/"align-loops=32"/' calls
with 's/A_SIZE = 4/A_SIZE = 2/' uses_a uses_b
with 's/ B_SIZE = 8/ B_SIZE = 9/' uses_a uses_b
with 's/C_SIZE = 4/C_SIZE = 5/' uses_a
with 's/aligned(4)/aligned(8)/' uses_a
with 's/float \*x;/double *x;/' uses_tag uses_args
with 's/(int size);/(long size);/' uses_callback
with 's/{1, 2}/{1, 3}/' uses_table
with 's/"add /"sub /' uses_args
with 's/outside(0, 0)/outside(0, 1)/' has_size
with 's/{0},/{1},/'

# Those of this program: a page that changes one size changes what works by it, and not the rest.
what='the kernels of a size'
try 'what the pages need' make -s BUILD="$tmp/made" CC="$CC" "$tmp/made/runtime/kernels/simd/instruction_set.h"
# text OUTPUT FLAGS…: the library as the preprocessor leaves it
text() {
    output=$1
    shift
    "$CC" -std=gnu11 -DNN_LIBRARY=nn_library -Iruntime -I"$tmp/made" -I. "$@" -E -P -x c runtime/kernels/library_table.h -o "$output"
}
# changes MACRO OWN REST: with another value of it, the kernel OWN differs and REST does not
changes() {
    printf '#include "runtime/kernels/config/generic.h"\n#undef %s\n#define %s 6\n' "$1" "$1" >page.h
    text page.i -DNN_EMULATED -include page.h
    awk -f runtime/kernels/config/own_kernels.awk base.i page.i >"$tmp/out"
    if grep -q "^$2$" "$tmp/out"; then ok; else bad "$1 does not change $2"; fi
    if grep -q "^$3$" "$tmp/out"; then bad "$1 changes $3"; else ok; fi
}
text base.i -DNN_EMULATED -include runtime/kernels/config/generic.h
changes NN_DOT_OUTPUTS nn_dense_forward nn_dense_dx
changes NN_GEMM_DEPTH nn_dense_dweight nn_dense_forward
changes NN_QUANT_ROWS nn_int8_forward nn_int8_depthwise
changes NN_PAIR_ROWS nn_conv_forward_bf16 nn_conv_forward
changes NN_CONV_NEAR nn_winograd nn_conv_wgrad

# By another way: of the kernels that fall through, the texts of both pages make the same code, by the same
# flags; the page's own instructions are hidden from one of them.
field() { sed -n "s|^ \* $2: ||p" "runtime/kernels/config/$1.h"; } # PAGE FIELD
# rest_of OWN…: the text of a library of all kernels but these
rest_of() {
    printf '#define NN_LIBRARY nn_library_rest\n#define NN_BASE nn_library_base\n#define NN_OWN \\\n'
    sed -n 's/^    NN_SYMBOL(\(nn_[a-z0-9_]*\)),$/\1/p' runtime/kernels/library_table.h >all
    printf '%s\n' "$@" | grep -v -x -F -f - all | sed 's/.*/    NN_SYMBOL(&), \\/'
    printf '\n#include "runtime/kernels/library_table.h"\n'
}
# code OUTPUT FLAGS…: what the compiler makes of rest.c
code() {
    output=$1
    shift
    "$CC" -std=gnu11 -w -O1 -ffp-contract=fast -Iruntime -I"$tmp/made" -I. "$@" -c rest.c -o rest.o
    objdump -d --no-show-raw-insn rest.o >"$output"
}
# falls_through BASE PAGE
falls_through() {
    what="kernels of $2 that are those of $1"
    flags=$(sh $tables flags "runtime/kernels/config/$2.h")
    hidden=
    for feature in $(field "$2" features); do
        case " $(field "$1" features) " in
        *" $feature "*) ;;
        *) hidden="$hidden -U__$(echo "$feature" | tr a-z A-Z)__" ;;
        esac
    done
    # shellcheck disable=SC2086,SC2046 # words
    {
        text page.i $flags
        text base.i $flags $hidden
        rest_of $(awk -f runtime/kernels/config/own_kernels.awk base.i page.i) >rest.c
        code page.txt $flags
        code base.txt $flags $hidden
    }
    diff base.txt page.txt >differences
    if [ -s base.txt ] && [ ! -s differences ]; then ok; else bad 'differ' differences; fi
}
# A machine that has the page's instructions has the other's.
has_features() { # BASE PAGE
    what="features of $2"
    for feature in $(field "$1" features); do
        case " $(field "$2" features) " in
        *" $feature "*) ok ;;
        *) bad "no $feature" ;;
        esac
    done
}
# shellcheck disable=SC2086 # names are words
for pair in $(sh $tables bases $all); do
    has_features "${pair#*:}" "${pair%:*}"
    [ -z "$ALL" ] || falls_through "${pair#*:}" "${pair%:*}"
done

if [ -n "$ALL" ]; then
    try 'the whole program' make -s -j2 BUILD="$tmp/made" CC="$CC" PROGRAM="$tmp/nnc" "$tmp/nnc"
    try 'a net for it' "$tmp/nnc" "$root/dsl_examples/lenet.nn" --target bigcache --explain
fi
conclude
