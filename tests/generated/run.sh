#!/bin/sh
# generated/ holds what nnc writes, for reading.  Each file must be what it
# writes now, compile without a warning in its dialects, and compute the same as
# its other forms.  UPDATE=1 writes them anew.
# CC: the compiler for the dialects (clang too where it is).
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

compilers=$CC
have clang && compilers="$compilers clang"

# compiles FILE.c DIALECT…: without a warning, by every compiler that has the
# dialect (C++ is a package of its own); object.o is then that of $CC, and optimized.  Others
# translate everything, but do not optimize what nobody runs.
compiles() {
    file=$1
    shift
    for cc in $compilers; do
        [ "$1 $2" != '-x c++' ] || echo 'int x;' | "$cc" "$@" -fsyntax-only - 2>/dev/null || continue
        object=object.o
        level=-O1
        [ "$cc" = "$CC" ] || {
            object=other.o
            level=-O0
        }
        try "$cc $* $file" "$cc" "$@" $level -Wall -Wextra -Werror -I"$tmp" -c "$file" -o "$tmp/$object"
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

keeps lenet dsl_examples/lenet.nn --target generic
compiles "$tmp/lenet.c" -std=gnu99
# A layer that one entry point calls is not inlined into it.
if nm "$tmp/object.o" | grep -q ' t c1_weight_adam$'; then ok; else bad "lenet.c: layers are inlined" /dev/null; fi
keeps lenet_plain dsl_examples/lenet.nn --plain
compiles "$tmp/lenet_plain.c" -std=c99 -pedantic
compiles "$tmp/lenet_plain.c" -x c++
# A scratch of more elements than an int can count.
try "nnc lenet.nn --plain --batch 400000" "$NNC" dsl_examples/lenet.nn --plain --batch 400000 --prefix net \
    -o "$tmp/net.c"
if grep -q '^#define STEP_ARGMAX_S2 [0-9]\{10\} ' "$tmp/net.c"; then ok; else bad "net.c: no large offset" "$tmp/out"; fi
compiles "$tmp/net.c" -std=c99 -pedantic
keeps xor dsl_examples/xor.nn --plain
compiles "$tmp/xor.c" -std=c99 -pedantic

# A text whatever its target is called.
sum_of() { sed '/^ \* Its kernels/d' "$1" | cksum; }

# The same net in both forms: the same numbers, by the same small program; of batches of four, since every
# sample takes its time where nothing is optimized, and in qemu.
batch=4
for net in tests/refs/lenet_sgd.nn tests/refs/resnet_small.nn; do
    for form in '--target generic' --plain; do
        # shellcheck disable=SC2086
        try "nnc $net $form" "$NNC" "$net" $form --batch $batch --prefix net -o "$tmp/net.c"
        compiles "$tmp/net.c" -std=gnu99
        try "a program with $net $form" "$CC" -std=gnu99 -O1 -Wall -Wextra -Werror -I"$tmp" \
            tests/generated/drive.c "$tmp/object.o" -o "$tmp/drive" -lm -lpthread
        try "the program with $net $form" "$tmp/drive"
        cp "$tmp/out" "$tmp/numbers${form%% *}"
        [ "$form" = --plain ] || sums=" $(sum_of "$tmp/net.c") " # of the last net
    done
    try "$net: the fast form against the plain one" awk -f tests/generated/close.awk "$tmp/numbers--plain" \
        "$tmp/numbers--target"
done

# Every target: the same numbers as the plain form, compiled without any flag for
# the machine, on this processor and, where qemu is (which is slow: one start), on
# one that lacks the target.  A text is compiled once, however many targets give it (that of
# --target generic was compiled above), and by
# one compiler, except for the largest; with ALL=1, as in `make check-all`, by every one.
net=tests/refs/resnet_small.nn
level=-O0
[ -z "$ALL" ] || level=-O1
try "nnc $net --plain" "$NNC" "$net" --plain --batch $batch --prefix net -o "$tmp/net.c"
try "a program with $net --plain" "$CC" -std=gnu99 $level -I"$tmp" tests/generated/drive.c "$tmp/net.c" -o "$tmp/drive" -lm
for starts in 1 3; do
    try "the program with $net --plain" "$tmp/drive" $starts
    cp "$tmp/out" "$tmp/numbers--plain-$starts"
done

agrees() { # STARTS WHAT PROGRAM…: its numbers are those of the plain form
    starts=$1
    shift
    try "$@" "$starts"
    cp "$tmp/out" "$tmp/numbers"
    try "$1: the numbers" awk -f tests/generated/close.awk "$tmp/numbers--plain-$starts" "$tmp/numbers"
}
can() { grep -q -w "$1" /proc/cpuinfo 2>/dev/null; }
uses() { # REGISTER FILE: its kernels are made for vectors of that width
    if objdump -d "$2" | grep -q -E "v(fmadd[0-9]*|mul)ps .*$1"; then ok; else bad "$2 has no $1" /dev/null; fi
}

machine=$(uname -m)
[ -z "$ALL" ] || sums=
for target in generic neon avx2 avx512 native; do
    try "nnc $net --target $target" "$NNC" "$net" --target $target --batch $batch --prefix net -o "$tmp/net.c"
    sum=$(sum_of "$tmp/net.c")
    case $sums in *" $sum "*) continue ;; esac
    sums="$sums $sum "
    for cc in $compilers; do
        [ "$cc" = "$CC" ] || [ -n "$ALL" ] || [ "$target" = avx512 ] || continue
        try "$cc, --target $target" "$cc" -std=gnu99 $level -Wall -Wextra -Werror -I"$tmp" tests/generated/drive.c \
            "$tmp/net.c" -o "$tmp/drive" -lm -lpthread
        agrees 3 "$cc, --target $target" "$tmp/drive"
        [ "$cc" = "$CC" ] || [ "$target" = avx512 ] || continue
        case $machine${ALL:+all}$target in
        x86_64all* | x86_64avx512)
            ! have qemu-x86_64 ||
                agrees 1 "$cc, --target $target, on a processor without AVX" qemu-x86_64 -cpu Nehalem "$tmp/drive"
            ;;
        esac
        [ "$machine" != x86_64 ] || case $target in
        avx2) uses ymm "$tmp/drive" ;;
        avx512) uses zmm "$tmp/drive" ;;
        native) if can avx512vl; then uses zmm "$tmp/drive"; elif can avx2; then uses ymm "$tmp/drive"; fi ;;
        esac
    done
done
[ "$machine" != x86_64 ] || have qemu-x86_64 || skip "there is no qemu-x86_64 for a processor without AVX"

# --target neon on 64-bit ARM.
if [ "$machine" = aarch64 ]; then
    :
elif have aarch64-linux-gnu-gcc && have qemu-aarch64; then
    try "nnc $net --target neon" "$NNC" "$net" --target neon --batch $batch --prefix net -o "$tmp/net.c"
    try "aarch64, --target neon" aarch64-linux-gnu-gcc -static -std=gnu99 $level -Wall -Wextra -Werror -I"$tmp" \
        tests/generated/drive.c "$tmp/net.c" -o "$tmp/drive" -lm -lpthread
    agrees 1 "aarch64, --target neon, in qemu" qemu-aarch64 "$tmp/drive"
    try "nnc $net --target avx512" "$NNC" "$net" --target avx512 --batch $batch --prefix net -o "$tmp/net.c"
    try "aarch64, --target avx512" aarch64-linux-gnu-gcc -static -std=gnu99 $level -Wall -Wextra -Werror -I"$tmp" \
        tests/generated/drive.c "$tmp/net.c" -o "$tmp/drive" -lm -lpthread
    agrees 1 "aarch64, --target avx512, in qemu" qemu-aarch64 "$tmp/drive"
else
    skip "no aarch64-linux-gnu-gcc and qemu-aarch64: --target neon is not run"
fi
conclude
