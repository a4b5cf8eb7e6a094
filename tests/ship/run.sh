#!/bin/sh
# Weights that are built into the C, or loaded from a file beside it: the outputs are those of
# nnc predict, in every form and by every compiler that is here.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
digits=$root/dsl_examples/data/digits
lenet=$root/dsl_examples/lenet.nn
driver=$root/tests/ship/driver.c
cd "$tmp" || exit 1

"$NNC" train "$lenet" --steps 60 -o w.safetensors --jit tcc >/dev/null 2>&1

# Four test digits with two zeros around: bytes, and the same as an array.
gzip -dc "$digits"/t10k-images-idx3-ubyte.gz | tail -c +17 | head -c $((4 * 784)) | od -An -v -tu1 -w28 | awk '
    function put(n) { printf "%c", n }
    { row = "0 0"; for (i = 1; i <= NF; i++) row = row " " $i; rows[NR] = row " 0 0" }
    END { for (i = 1; i <= NR; i++) {
        if (i % 28 == 1) blank(2)
        print rows[i]
        if (i % 28 == 0) blank(2) } }
    function blank(n,   j, k, row) { for (j = 0; j < n; j++) { row = "0"; for (k = 1; k < 32; k++) row = row " 0"; print row } }
    ' | tr -s ' ' '\n' | awk '{ printf "\\%03o", $1 }' >escapes
# shellcheck disable=SC2059 # they are a format
printf "$(cat escapes)" >pixels
{ printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 1, 32, 32), }"; cat pixels; } >four.npy
what='the digits'
is "$(wc -c <pixels)" -eq 4096

# The outputs of nnc predict, without the array's header: by code of the same compiler, optimized with ALL=1.
level=-O0
[ -z "$ALL" ] || level=-O2
CC="$CC $level" runs 0 predict "$lenet" --weights w.safetensors four.npy --batch 2 --jit cc -o y.npy
tail -c 160 y.npy >predicted

# outputs FILE COMPILER…: compiles lenet.c with the driver; the outputs are those in the file
outputs() {
    expected=$1
    shift
    try "$*" "$@" "$driver" lenet.c -o program -I. -lm -lpthread
    ./program <pixels >out 2>err
    status=$?
    status_is 0
    silent err
    same out "$expected"
}
like_predict="$CC -std=gnu11 $level -march=native -Wall -Wextra -Werror"
strict='-std=c99 -pedantic -Wall -Wextra -Werror'

# close FILE FILE: probabilities that differ by less than rounding may
close() {
    for file in "$1" "$2"; do od -An -v -tf4 -w4 "$file"; done | awk -v n=40 '
        { if (NR <= n) a[NR] = $1; else if ((a[NR - n] - $1) ^ 2 > 1e-10) bad = 1 }
        END { exit bad || NR != 2 * n }' && ok || bad "$1 and $2 are not close"
}

# ---- constants ------------------------------------------------------------------------------

runs 0 "$lenet" --weights w.safetensors --batch 2 -o lenet.c
silent err
# shellcheck disable=SC2086
outputs predicted $like_predict

# The plain form sums in another order: what gcc makes of it is the yardstick for others.
runs 0 "$lenet" --weights w.safetensors --batch 2 --plain -o lenet.c
lacks lenet.c __attribute__
# shellcheck disable=SC2086
try 'plain form' $CC $strict -c lenet.c -o plain.o
outputs out "$CC" -std=gnu11 -ffp-contract=off
cp out plain
close plain predicted
for compiler in clang tcc g++; do
    have $compiler || { skip "$compiler is not installed"; continue; }
    language=-std=c99
    [ $compiler != g++ ] || language='-x c++ -std=c++17'
    # shellcheck disable=SC2086
    try "plain form: $compiler" $compiler $language -pedantic -Wall -Wextra -Werror -c lenet.c -o plain.o
    try "plain form: $compiler" "$CC" -std=gnu11 "$driver" plain.o -I. -o program -lm
    ./program <pixels >out 2>err
    status=$?
    status_is 0
    same out plain
done

# Microcontrollers, emulated: no operating system, no heap.  With the same exp and tanh they
# give the same outputs bit for bit; with newlib's the last digits are others.
board() { # CPU FPU MACHINE FLAGS…
    cpu=$1 fpu=$2 machine=$3
    shift 3
    try "$cpu" arm-none-eabi-gcc "$@" -std=gnu11 -O2 -ffp-contract=off -Wall -Wextra -Werror -mthumb "-mcpu=$cpu" "-mfpu=$fpu" \
        -mfloat-abi=hard -nostartfiles -T "$root/tests/ship/board.ld" -I. "$root/tests/ship/board.c" lenet.c -o "$cpu.elf" -lm
    if have qemu-system-arm; then
        rm -f board.out
        try "$cpu in QEMU" timeout 60 qemu-system-arm -M "$machine" -nographic -monitor none -serial none \
            -semihosting-config enable=on,target=native -kernel "$cpu.elf"
    else skip "qemu-system-arm is not installed: the program for $cpu was not run"; fi
}
if have arm-none-eabi-gcc; then
    try 'plain form: arm-none-eabi-gcc' arm-none-eabi-gcc -std=c99 -mthumb -mcpu=cortex-m0 -Os -c lenet.c -o arm.o
    board cortex-m4 fpv4-sp-d16 mps2-an386
    ! have qemu-system-arm || close board.out plain
    libm="-include $root/tests/ship/same_libm.h"
    # shellcheck disable=SC2086
    try 'the same libm' "$CC" -std=gnu11 -O1 -ffp-contract=off $libm -I. "$driver" lenet.c -o program -lm
    ./program <pixels >want
    close want plain
    for target in cortex-m4,fpv4-sp-d16,mps2-an386 cortex-m7,fpv5-d16,mps2-an500; do
        # shellcheck disable=SC2086,SC2046
        board $(echo $target | tr , ' ') $libm
        ! have qemu-system-arm || same board.out want
    done
else skip 'arm-none-eabi-gcc is not installed'; fi

runs 0 "$lenet" --weights w.safetensors --batch 2 --plain --input-type u8 -o lenet.c
says lenet.h 'void lenet_infer(const lenet \*, const uint8_t \*x,'
outputs plain "$CC" -std=gnu11 -ffp-contract=off -DBYTES_IN

# ---- a file beside the C ---------------------------------------------------------------------

runs 0 "$lenet" --weights w.safetensors --batch 2 --weights-out lenet.bin -o lenet.c
is "$(wc -c <lenet.c)" -lt 500000
runs 0 "$lenet" --weights w.safetensors --batch 2 --weights-out lenet.bin --plain -o lenet.c
outputs plain "$CC" -std=gnu11 -ffp-contract=off '-DFILE_NAME="lenet.bin"'
# The same file in the program.
# shellcheck disable=SC2086
try 'plain form' $CC $strict -c lenet.c -o plain.o
outputs plain "$CC" -std=gnu11 -ffp-contract=off '-DLENET_INCBIN="lenet.bin"'
runs 0 "$lenet" --weights w.safetensors --batch 2 --weights-out other.bin --no-fusion --target generic -o other.c
try 'another form' "$CC" -std=gnu11 -ffp-contract=off -I. "$driver" lenet.c -o program '-DFILE_NAME="other.bin"' -lm
./program <pixels >out 2>err
status=$?
status_is 1

# ---- classes, and what is not there --------------------------------------------------------------

cat >two.nn <<'END'
net two {
    input(2)
    dense(2, init=[[1, 2], [3, 4]], bias=no) as d
}
train two {
    loss cross_entropy
    optimizer sgd(lr=0)
    batch 1
    normalize none
}
END
printf 'a,b,kind\n1,3,a "dog"?\n0,1,c\\at\n' >data.csv
runs 0 train two.nn --data data.csv --epochs 1 -o two.safetensors --jit tcc
runs 0 two.nn --weights two.safetensors --plain -o two.c
cat >main.c <<'END'
#include "two.h"
#include <stdio.h>
int main(void)
{
    const float x[2] = {1, 10};
    float y[2];
    char scratch[TWO_INFER_SCRATCH + 1];
    two_infer(two_trained(), x, y, scratch);
    printf("%g %g %s|%s\n", y[0], y[1], two_class_name(0), two_class_name(1));
    return 0;
}
END
try 'two.c' "$CC" main.c two.c -o two
./two >out 2>err
printf '21 43 a "dog"?|c\\at\n' >want
same out want

# ---- a program ---------------------------------------------------------------------------------

# tests_itself PROGRAM…: its self-test passes
tests_itself() {
    what="$* --self-test"
    "$@" --self-test >out 2>err
    status=$?
    status_is 0
    says out '^self-test: passed$'
    silent err
}

for i in 0 1 2; do
    { printf 'P5\n# a digit\n28 28\n255\n'; gzip -dc "$digits"/t10k-images-idx3-ubyte.gz | tail -c +$((17 + i * 784)) | head -c 784; } >$i.pgm
done
{ printf 'P6 20 32\n255\n'; head -c 1920 "$driver"; } >colour.ppm
"$CC" -O0 "$root/tests/ship/floats.c" -o floats && ./floats <pixels >four.raw
runs 0 predict "$lenet" --weights w.safetensors 0.pgm 1.pgm 2.pgm colour.ppm four.raw --top 3
cp out want
runs 0 "$lenet" --weights w.safetensors --plain --main --self-test -o lenet.c
# shellcheck disable=SC2086
try 'a program' $CC $strict lenet.c -o lenet -lm
tests_itself ./lenet
./lenet --top 3 0.pgm 1.pgm 2.pgm colour.ppm four.raw >out 2>err
status=$?
status_is 0
silent err
same out want
./lenet <2.pgm >out
runs_of_2=$(cat out)
what='standard input'
is "${runs_of_2#-  [0-9] }" != "$runs_of_2"
./lenet w.safetensors >out 2>err
status=$?
status_is 1
says err 'neither a PGM or PPM image'
head -c 100 0.pgm >cut.pgm
./lenet cut.pgm >out 2>err
status=$?
status_is 1
says err 'cut.pgm: is no PGM'
predict_fails() { runs 1 predict "$lenet" --weights w.safetensors "$1"; says err "$2"; }
predict_fails cut.pgm 'cut.pgm is no PGM or PPM image'
{ printf 'P5 33 33 255\n'; head -c 1089 /dev/zero; } >large.pgm
predict_fails large.pgm 'cannot be padded'
./lenet large.pgm >out 2>err
status=$?
status_is 1
says err 'larger than'

# The same with the weights in a file, and for a photograph that is resized.
cat >photo.nn <<'END'
net photo {
    input(3x5x4)
    flatten
    dense(3) as d
}
train photo {
    loss cross_entropy
    optimizer sgd(lr=0)
    batch 1
    normalize dataset
}
END
awk 'BEGIN { for (i = 0; i < 3; i++) { for (k = 0; k < 60; k++) printf "0.%d,", (i * 7 + k * 3) % 10; print i } }' >photo.csv
runs 0 train photo.nn --data photo.csv --epochs 1 -o photo.safetensors --jit tcc
runs 0 predict photo.nn --weights photo.safetensors colour.ppm 0.pgm --top 3
cp out want
runs 0 photo.nn --weights photo.safetensors --plain --main --self-test --weights-out photo.bin -o photo.c
# shellcheck disable=SC2086
try 'a program' $CC $strict photo.c -o photo -lm
tests_itself ./photo photo.bin
./photo photo.bin --top 3 colour.ppm 0.pgm >out 2>err
status=$?
status_is 0
same out want
./photo 0.pgm 0.pgm >out 2>err
status=$?
status_is 1
says err '0.pgm: is damaged, or not the weights'

# Bytes as inputs; and with another weight, both samples have one output that is not what it was.
runs 0 two.nn --weights two.safetensors --plain --batch 2 --input-type u8 --main --self-test -o two.c
says two.h 'of 4 of the whole batch'
# shellcheck disable=SC2086
try 'bytes' $CC $strict two.c -o two -lm
tests_itself ./two
sed 's/0x1.8p+1f/0x1.9p+1f/' two.c >three.c
# shellcheck disable=SC2086
try 'another weight' $CC $strict three.c -o two -lm
./two --self-test >out 2>err
status=$?
status_is 1
silent out
says err '^self-test: 2 outputs are not those that nnc computed$'

# ---- nnc build ----------------------------------------------------------------------------------

# Without weights the shared object has the whole interface of the header, and nothing else.
export CC
CFLAGS=-O0
export CFLAGS
mkdir made
runs 0 build "$lenet" --plain -o made/liblenet.so
silent err
exists made/liblenet.so made/lenet.h
nm -D --defined-only made/liblenet.so | sed 's/.* //; s/@.*//' | sort >have
sed -n 's/^[a-z].*[ *]\(lenet_[a-z_]*\)(.*$/\1/p' made/lenet.h | sort >want
is "$(wc -l <want)" -ge 8
same have want
readelf -d made/liblenet.so >out
says out 'soname: \[liblenet.so\]'
is -x made/liblenet.so
cat >use.c <<'END'
#include "made/lenet.h"
int main(void) { return lenet_info()->batch != LENET_BATCH; }
END
try 'the shared object' "$CC" use.c -Lmade -llenet -o use
try 'the shared object' env LD_LIBRARY_PATH=made ./use
runs 0 build "$lenet" --plain --weights w.safetensors -o made/lenet
./lenet 0.pgm colour.ppm >want
made/lenet 0.pgm colour.ppm >out 2>err
status=$?
status_is 0
same out want
runs 0 build two.nn --plain --weights two.safetensors -o made/two.o
try 'an object' "$CC" -Imade main.c made/two.o -o two
./two >out
says out '^21 43 '
says made/two.h 'TWO_BATCH = 1,'
runs 0 build two.nn --plain --batch 3 --weights two.safetensors -o made/two.o
says made/two.h 'TWO_BATCH = 3,'
runs 0 build "$lenet" --plain --infer -o made/untrained.o
says made/lenet.h 'LENET_BATCH = 64,'
runs 0 build two.nn --plain --weights two.safetensors -o made/two.a --weights-out made/two.bin
exists made/two.h made/two.bin
ar t made/two.a >out
says out '^two.o$'

# A module of Python, whose outputs are those of nnc predict, and which trains.
runs 0 build "$lenet" --plain --batch 3 --python -o made/lenet_model.py
exists made/lenet_model.py made/liblenet_model.so
absent made/lenet_model.h
runs 0 build "$lenet" --plain --batch 2 --weights w.safetensors --python -o made/built_in.py
python=
for p in python3 /usr/bin/python3; do
    [ -n "$python" ] || ! "$p" -c 'import numpy' 2>/dev/null || python=$p
done
if [ -n "$python" ]; then
    try 'the module' "$python" "$root/tests/ship/use_model.py"
else skip 'no python3 with NumPy: the modules were not run'; fi
runs 2 build "$lenet" --python -o made/lenet.so; says err 'is no NAME.py that Python can import'
runs 2 build "$lenet" --python -o made/4.py; says err 'is no NAME.py'
runs 2 build "$lenet" --python --weights w.safetensors --weights-out made/w.bin -o made/a.py; says err '--python takes weights when it runs'
runs 2 build "$lenet" -o made/a.py; says err 'a Python module is made with --python'
absent made/a.py made/liba.so made/liblenet.py

# shellcheck source=tests/ship/photograph.sh
. "$root/tests/ship/photograph.sh"
# shellcheck source=tests/ship/sqlite.sh
. "$root/tests/ship/sqlite.sh"

# What fails leaves nothing, neither there nor in the directory for temporary files.
mkdir temporary
TMPDIR=$tmp/temporary
export TMPDIR
CC=nosuch-gcc runs 3 build two.nn --plain -o made/x.so
says err "'nosuch-gcc' cannot be run"
CFLAGS=--nonsense runs 3 build two.nn --plain -o made/x.so
says err 'gcc failed (status 1)\|cc failed (status 1)'
AR=false runs 3 build two.nn --plain -o made/x.a
says err 'false failed (status 1)'
runs 3 build two.nn --plain -o nosuch/x.o
absent made/x.so made/x.a made/x.h nosuch temporary/*
unset CFLAGS TMPDIR
runs 2 build two.nn
says err 'no output file'
runs 2 build two.nn -o made/x
says err 'needs trained weights'
runs 2 build two.nn -o x.c
says err 'without build'
if have aarch64-linux-gnu-gcc; then
    CC=aarch64-linux-gnu-gcc runs 0 build two.nn --plain -o made/arm.a
else skip 'aarch64-linux-gnu-gcc is not installed'; fi
if have arm-none-eabi-gcc; then
    CC=arm-none-eabi-gcc CFLAGS='-Os -mthumb -mcpu=cortex-m4' runs 0 build two.nn --plain --weights two.safetensors -o made/m4.a
    exists made/two.h
    arm-none-eabi-nm made/m4.a 2>/dev/null | sed -n 's/^ *U //p' | sort -u >out
    what='what it needs of a library'
    lacks out 'malloc\|free\|fopen\|printf\|pthread'
fi

# ---- mistakes ------------------------------------------------------------------------------------

runs 2 "$lenet" --weights-out x.bin -o x.c
says err '--weights-out needs trained weights'
runs 2 "$lenet" --weights w.safetensors --train --weights-out x.bin -o x.c
says err '--weights-out'
runs 2 "$lenet" --self-test -o x.c
says err '--self-test needs trained weights'
runs 2 "$lenet" --weights w.safetensors --train --self-test -o x.c
says err '--self-test is for inference'
runs 2 "$lenet" --weights w.safetensors --input-type u16 -o x.c
says err "takes f32 or u8, not 'u16'"
runs 1 "$lenet" --weights two.safetensors -o x.c
says err 'the weights in two.safetensors are not those of the net lenet'
runs 1 "$lenet" --weights nosuch.safetensors -o x.c
absent x.c x.h
# More than a C compiler takes: 36 MB of zeros.
cat >large.nn <<'END'
net large {
    input(3000)
    dense(3000, bias=no) as d
}
END
header='{"d.weight":{"dtype":"F32","shape":[3000,3000],"data_offsets":[0,36000000]}}    '
{ printf '\120\0\0\0\0\0\0\0%s' "$header"; head -c 36000000 /dev/zero; } >large.safetensors
what='the header'
is ${#header} -eq 80
runs 1 large.nn --weights large.safetensors -o x.c
says err 'is 34 MB, and constants of more than 32 MB .* write it beside the C with --weights-out large.bin'
absent x.c x.h
runs 0 large.nn --weights large.safetensors -o x.c --weights-out large.bin
what='the file'
is "$(wc -c <large.bin)" -gt 36000000

conclude
