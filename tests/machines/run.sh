#!/bin/sh
# The unit tests of the kernels over int8 numbers on instructions that this machine need not have: 64-bit ARM in
# qemu, with and without sdot, and those of AVX-VNNI in the encoding of AVX-512, which means the same.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
here=tests/machines

sh runtime/kernels/config/tables.sh instructions runtime/kernels/config/*.h >"$tmp/instruction_set.h"
mkdir -p "$tmp/runtime/kernels/simd" "$tmp/graph"
sh runtime/kernels/config/tables.sh targets runtime/kernels/config/*.h >"$tmp/graph/target_table.h"
mv "$tmp/instruction_set.h" "$tmp/runtime/kernels/simd"

# program COMPILER FLAGS…: the tests, with the kernels that these flags allow
program() {
    compiler=$1
    shift
    options="-std=gnu11 -Wall -Wextra -Werror -Wno-psabi -DTHREADS=1 -I$here -Icompiler -I$tmp -I."
    # shellcheck disable=SC2086 # words
    try "$compiler $*" "$compiler" $options -O0 "$@" -c $here/int8.c -o "$tmp/kernels.o"
    # shellcheck disable=SC2086
    try "$compiler" "$compiler" $options -O1 "$@" "$tmp/kernels.o" tests/unit/test_int8_kernels.c tests/unit/libraries.c \
        runtime/kernels/library.c compiler/ops/shared/quantized_floats.c -static -o "$tmp/program" -lm
}

# has OBJDUMP INSTRUCTION, lacks_it: whether the kernels are made of it
has() { if "$1" -d "$tmp/kernels.o" | grep -q -w "$2"; then ok; else bad "no $2"; fi; }
lacks_it() { if "$1" -d "$tmp/kernels.o" | grep -q -w "$2"; then bad "$2"; else ok; fi; }

if have aarch64-linux-gnu-gcc && have qemu-aarch64; then
    program aarch64-linux-gnu-gcc
    lacks_it aarch64-linux-gnu-objdump sdot
    has aarch64-linux-gnu-objdump sadalp
    try 'NEON, in qemu' qemu-aarch64 -cpu cortex-a53 "$tmp/program"
    program aarch64-linux-gnu-gcc -march=armv8.2-a+dotprod
    has aarch64-linux-gnu-objdump sdot
    try 'NEON with dot products, in qemu' qemu-aarch64 -cpu max "$tmp/program"
else
    skip 'no aarch64-linux-gnu-gcc and qemu-aarch64: NEON is not run'
fi

if [ "$(uname -m)" = x86_64 ]; then
    # What the processor would run is only looked at: no machine of the tests need have it.
    if echo | "$CC" -mavxvnni -E - >/dev/null 2>&1; then
        program "$CC" -mavx2 -mfma -mavxvnni
        has objdump '{vex} vpdpbusd'
    else
        skip "$CC knows no AVX-VNNI"
    fi
    if grep -q -w avx512_vnni /proc/cpuinfo && grep -q -w avx512vl /proc/cpuinfo; then
        program "$CC" -mavx2 -mfma -DNN_AVXVNNI=1 '-DNN_VNNI_PREFIX=""'
        has objdump 'vpdpbusd'
        try 'AVX-VNNI, in the encoding of AVX-512' "$tmp/program"
    else
        skip 'no AVX-512 VNNI: the kernels of AVX-VNNI are not run'
    fi
fi
conclude
