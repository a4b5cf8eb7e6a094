#!/bin/sh
# What nnc writes compiles without a warning at -O2 and -O3, where the analyses run
# that -O1 of tests/generated leaves out: by gcc and clang, for each target and for
# each instruction set that flags can allow.  A few nets; with ALL=1, as in
# `make check-all`, every example in every form, with the compilers and levels taken in
# turns: an hour and more.  ALL=2: each form by each compiler at each level, hours.
# CC: the compiler (clang too where it is).
#
#     tests/warnings/run.sh [FILE.nn…]    with ALL: these instead of the examples
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

compilers=$CC
[ "$CC" = clang ] || ! have clang || compilers="$compilers clang"

# object CC FLAGS…: compiles net.c; what the compiler says is in said.CC
object() {
    cc=$1
    shift
    "$cc" "$@" -Wall -Wextra -Werror -I"$tmp" -c "$tmp/net.c" -o "$tmp/object.$cc" >"$tmp/said.$cc" 2>&1
    echo $? >"$tmp/status.$cc"
}

# silent_with FLAGS…: all compilers at once, one of the levels after the other
silent_with() {
    for level in $levels; do
        for cc in $compilers; do object "$cc" $level "$@" & done
        wait
        for cc in $compilers; do is_silent "$@"; done
    done
}
is_silent() { # FLAGS…: of cc at level
    what="$cc $level $* of nnc $written"
    status=$(cat "$tmp/status.$cc")
    cp "$tmp/said.$cc" "$tmp/err"
    status_is 0
}

# silent_in_turn FLAGS…: by one pair of a compiler and a level, the next for the next form; nets
# begin with pairs of their own
silent_in_turn() {
    if [ "$ALL" = 2 ]; then
        silent_with "$@"
        return
    fi
    pair=0
    for level in $levels; do
        for cc in $compilers; do
            if [ $pair -eq $(((net_count + form_count) % pairs)) ]; then
                object "$cc" "$level" "$@"
                is_silent "$@"
            fi
            pair=$((pair + 1))
        done
    done
    form_count=$((form_count + 1))
}

# writes NET OPTIONS…: net.c and net.h
writes() {
    written=$*
    try "nnc $*" "$NNC" "$@" --prefix net -o "$tmp/net.c"
}

accepts() { echo 'int x;' | "$CC" "$1" -fsyntax-only -x c - 2>/dev/null; }
machines=
for flag in -march=native -march=haswell -march=skylake-avx512; do
    ! accepts $flag || machines="$machines $flag"
done

# A target's second copy of the kernels is there only where the flags do not allow the
# target; the flags of a machine are tried with the one copy of `generic`.
if [ -n "$ALL" ]; then
    levels='-O2 -O3'
    pairs=0
    for cc in $compilers; do pairs=$((pairs + 2)); done
    net_count=0
    [ $# -gt 0 ] || set -- tests/warnings/*.nn dsl_examples/*.nn
    for net; do
        form_count=0
        for target in neon avx2 avx512; do
            writes "$net" --target $target
            silent_in_turn -std=gnu99
        done
        writes "$net" --target generic
        for flag in '' $machines; do silent_in_turn -std=gnu99 ${flag:+"$flag"}; done
        writes "$net" --plain
        silent_in_turn -std=c99 -pedantic
        net_count=$((net_count + 1))
    done
else
    levels=-O2
    writes tests/warnings/wide_dense.nn --target generic
    silent_with -std=gnu99 -march=native
    levels=-O3
    writes tests/refs/lenet_sgd.nn --infer --target generic
    case $machines in # with vectors of eight in a third of the time of those of sixteen
    *haswell*) silent_with -std=gnu99 -march=haswell ;;
    *) silent_with -std=gnu99 ;;
    esac
    writes tests/refs/resnet_small.nn --plain
    silent_with -std=c99 -pedantic
fi
conclude
