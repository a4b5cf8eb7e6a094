#!/bin/sh
# What the C that nnc writes costs: lines, code size, and the time to compile it.
# bench/code_size.sh NNC...: a row for each program, net and form; the time is user time of
# `gcc -O2 -c`, the best of REPS (1), and needs no quiet machine.
# CC, FLAGS: the compiler (gcc) and its flags (-O2).
cc=${CC:-gcc}
flags=${FLAGS:--O2}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$(dirname "$0")/.." || exit 1

# user_seconds COMMAND...: of one run
user_seconds() {
    { LC_ALL=C TIMEFORMAT=%U bash -c 'time "$@" 2>&3' - "$@"; } 3>&2 2>&1
}

# row NNC NAME FORM NET OPTIONS...
row() {
    nnc=$1 name=$2 form=$3
    shift 3
    [ "$form" = training ] || set -- "$@" --infer
    "$nnc" "$@" --target generic --prefix net -o "$tmp/net.c" >"$tmp/said" 2>&1 || { cat "$tmp/said"; return 1; }
    best=
    for _ in $(seq "${REPS:-1}"); do
        # shellcheck disable=SC2086 # flags are words
        seconds=$(user_seconds "$cc" -std=gnu99 $flags -I"$tmp" -c "$tmp/net.c" -o "$tmp/net.o")
        best=$(printf '%s\n' $best "$seconds" | sort -n | head -1)
    done
    text=$(size "$tmp/net.o" | awk 'NR == 2 { print $1 }')
    printf '%s | %s | %s | %s | %s | %s\n' "$nnc" "$name" "$form" "$(wc -l <"$tmp/net.c")" "$text" "$best"
}

for nnc; do
    for form in inference training; do
        row "$nnc" lenet "$form" dsl_examples/lenet.nn
        row "$nnc" resnet18 "$form" dsl_examples/resnet.nn -D depth=18
        row "$nnc" densenet121 "$form" dsl_examples/densenet.nn -D depth=121
    done
done
