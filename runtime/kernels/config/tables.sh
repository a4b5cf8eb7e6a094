#!/bin/sh
# tables.sh: what the build makes of the targets' pages.
#
#     sh tables.sh TABLE PAGE.h…
#
# The comment that a page begins with has lines "field: value":
#
#     order      among the targets; of those that a processor has, the last is used
#     title      for people; none: no instructions of its own, such as another machine's costs
#     machine    uname -m
#     features   names of the instructions for pragmas, -m flags (x86_64) and __builtin_cpu_supports, or
#                where ../system/cpu.h has a function nn_cpu_FEATURE, for that; none: the C compiler may
#                always use them
#     flags      more flags for the kernels in the library
#     allowed    of the preprocessor: the C compiler may use the instructions
#     refused    of the preprocessor: generated code cannot have the kernels a second time for it, or its
#                flags allow better ones
#     sizes      the page whose sizes it has, and instructions: it includes that page, and a C
#                compiler that allows both reads that page alone; its library has those kernels alone
#                whose text differs (own_kernels.awk), and falls through to the other's; so its
#                features are the other's and what these kernels are written for
#     form       plain: a machine without kernels, for which the plain form is written
#     compiler   of such a machine, and its options: what `nnc build` runs
#     options
#
# TABLE is
#
#     targets        the compiler's table of targets: compiler/graph/target.h
#     instructions   simd/instruction_set.h: the page that the C compiler's flags select
#     names          the libraries that this machine has
#     bases          NAME:BASE for those that fall through to another
#     sizes          NAME:BASE for all pages that have the sizes of another
#     flags          of the page's library: for the C compiler
#     libraries      the table of these libraries, the last first: runtime/kernels/library.h
set -e
table=$1
shift

system=$(dirname "$0")/../system

field() { sed -n "s|^ \* $2: ||p" "$1"; } # PAGE FIELD
name_of() { basename "$1" .h; }
upper_of() { name_of "$1" | tr a-z A-Z; }

# The pages in order.
ordered() {
    for page; do echo "$(field "$page" order) $page"; done | LC_ALL=C sort -n -k 1,1 -s | cut -d ' ' -f 2
}

twice=$(for page; do field "$page" order; done | sort | uniq -d)
if [ -n "$twice" ]; then
    echo "$0: more than one page is of order $twice" >&2
    exit 1
fi

# test FEATURE…: an expression in C, with its quotes behind $1
test_of() {
    quote=$1
    shift
    and=
    for feature; do
        if grep -q "nn_cpu_$feature(" "$system/cpu.h"; then
            printf '%snn_cpu_%s()' "$and" "$feature"
        else
            printf '%s__builtin_cpu_supports(%s"%s%s")' "$and" "$quote" "$feature" "$quote"
        fi
        and=' && '
    done
}

is_plain() { if [ "$(field "$1" form)" = plain ]; then printf true; else printf false; fi; }

# lacking PAGE: of the preprocessor, generated code has the kernels a second time for it
lacking() {
    [ -n "$(field "$1" features)" ] || return 0
    refused=$(field "$1" refused)
    case $(field "$1" machine) in
    aarch64) printf 'defined(__aarch64__) && defined(__linux__)' ;;
    *) printf 'defined(__%s__)' "$(field "$1" machine)" ;;
    esac
    printf ' && !(%s)%s' "$(field "$1" allowed)" "${refused:+ && !($refused)}"
}

# pragma PAGE: its features in a pragma of gcc; for ARM it has to know the architecture, too
pragma() {
    if [ "$(field "$1" machine)" = aarch64 ]; then
        field "$1" flags | sed 's/^-m//'
    else
        field "$1" features | tr ' ' ,
    fi
}

quoted() { if [ -n "$1" ]; then printf '"%s"' "$1"; else printf NULL; fi; }

targets() {
    echo '/* Made from runtime/kernels/config/. */'
    printf '#define TARGET_TABLE(TARGET)'
    for page in $(ordered "$@"); do
        features=$(field "$page" features)
        # shellcheck disable=SC2086 # words
        printf ' \\\n    TARGET(%s, %s, %s, %s, %s, %s, "%s", %s, %s, %s)' "$(upper_of "$page")" "$(name_of "$page")" \
            "$(quoted "$(field "$page" title)")" "$(quoted "$(lacking "$page")")" \
            "$(quoted "$(pragma "$page")")" "$(quoted "$(test_of '\' $features)")" \
            "$(name_of "$page" | tr _ -)" "$(is_plain "$page")" \
            "$(quoted "$(field "$page" compiler)")" "$(quoted "$(field "$page" options)")"
    done
    echo
}

# selection PAGE…, the last first
selection() {
    for page; do
        [ -z "$(field "$page" allowed)" ] || echo "$page"
    done
}

instructions() {
    # shellcheck disable=SC2046 # words
    pages=$(selection $(ordered "$@" | tac))
    cat <<'END'
/* instruction_set.h: the target that the flags of the C compiler allow, and its page.  Generated
 * code that dispatches on the CPU defines the macro of one itself. */
#ifndef NN_INSTRUCTION_SET_H
#define NN_INSTRUCTION_SET_H

#if defined(NN_EMULATED)
END
    for page in $pages; do printf '#elif %s\n#define NN_%s 1\n' "$(field "$page" allowed)" "$(upper_of "$page")"; done
    printf '#endif\n\n'
    for page in $pages; do
        sizes=$(field "$page" sizes | tr a-z A-Z)
        [ -z "$sizes" ] || printf '#if defined(NN_%s)\n#define NN_%s 1\n#endif\n\n' "$(upper_of "$page")" "$sizes"
    done
    directive='#if'
    for page in $pages; do
        [ -z "$(field "$page" sizes)" ] || continue
        printf '%s defined(NN_%s)\n#include "%s"\n' "$directive" "$(upper_of "$page")" "$page"
        directive='#elif'
    done
    printf '#else\n#include "%s/generic.h"\n#endif\n\n#endif\n' "$(dirname "$1")"
}

# Generic kernels are there always: for machines whose instructions need no flags they are the target's.
names() {
    for page in $(ordered "$@" | tac); do
        [ "$(name_of "$page")" != generic ] || echo generic
        [ "$(field "$page" machine)" != "$(uname -m)" ] || [ -z "$(field "$page" features)" ] || name_of "$page"
    done
}

sizes() {
    for page; do
        base=$(field "$page" sizes)
        [ -z "$base" ] || echo "$(name_of "$page"):$base"
    done
}

# base_of NAME: the library with the sizes of this one, which for instructions that need no flags is generic
base_of() {
    base=$(field "$folder/$1.h" sizes)
    if [ -z "$base" ] || [ -n "$(field "$folder/$base.h" features)" ]; then echo "$base"; else echo generic; fi
}

bases() {
    folder=$(dirname "$1")
    for name in $(names "$@"); do
        base=$(base_of "$name")
        [ -z "$base" ] || echo "$name:$base"
    done
}

flags() {
    [ "$(field "$1" machine)" != x86_64 ] ||
        for feature in $(field "$1" features); do printf -- '-m%s ' "$feature"; done
    field "$1" flags
}

libraries() {
    echo '/* Made from runtime/kernels/config/. */'
    echo '#include "runtime/kernels/library.h"'
    echo '#include "runtime/kernels/system/cpu.h"'
    echo '#include <stddef.h>'
    names=$(names "$@")
    for name in $names; do
        # shellcheck disable=SC2046 # words
        test=$(test_of '' $(field "$(dirname "$1")/$name.h" features))
        echo "extern const nn_symbol nn_library_${name}[];"
        echo "static int runs_$name(void) { return ${test:-1}; }"
    done
    echo 'const nn_library nn_libraries[] = {'
    for name in $names; do echo "    {\"$name\", nn_library_$name, runs_$name},"; done
    echo '    {NULL, NULL, NULL}};'
}

"$table" "$@"
