#!/bin/sh
# LeNet learns the digits 5 to 9 on a Cortex-M7: accuracy against bytes of RAM, as Markdown.  A net
# of five outputs has learnt 0 to 4; with ten, the last of which start at random, it then takes a step
# on each of SAMPLES training digits, one at a time.  The C is that of the microcontroller, and runs on this
# machine, with the same bits; with BOARD=1 it runs in qemu-system-arm, which takes minutes a row.
#
#     MNIST=DIRECTORY bench/device_training.sh
#
# NNC ./nnc   CC gcc   SAMPLES 2000   MNIST: the directory with the four files train-images-idx3-ubyte.gz, …
cd "$(dirname "$0")/.." || exit 1
root=$(pwd)
NNC=$(realpath "${NNC:-./nnc}")
CC=${CC:-gcc}
SAMPLES=${SAMPLES:-2000}
MNIST=$(realpath "${MNIST:?is not set: the directory of MNIST}")
small=$root/tests/small
lenet=$root/dsl_examples/lenet.nn
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
cd "$tmp" || exit 3

for file in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    gzip -dc "$MNIST/$file-ubyte.gz" >$file || exit 1
done
"$CC" -O1 "$small/digits.c" -o digits || exit 1
samples() { ./digits train-images-idx3 train-labels-idx1 0 "$SAMPLES" 2 "$1" >train.bin || exit 1; } # DIGITS
./digits t10k-images-idx3 t10k-labels-idx1 0 10000 2 0123456789 >test.bin || exit 1
printf '#define HEADER "lenet.h"\n#define NET lenet\n#define UPPER LENET\n' >names.h

"$NNC" train "$lenet" -D classes=5 --data "$MNIST" --classes 0,1,2,3,4 --epochs 2 --seed 1 --threads 1 --quiet -o five.safetensors >&2 || exit 1
quantized() { # LAYERS FILE
    "$NNC" quantize "$lenet" -D classes=5 --weights five.safetensors --data "$MNIST" --classes 0,1,2,3,4 --keep "$1" -o "$2" >quantize.log || exit 1
}
quantized output eight_output.safetensors
quantized f6,output eight_f6.safetensors

on_board() { # the stack, which the host does not know
    arm-none-eabi-gcc -mcpu=cortex-m7 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard -std=gnu11 -O2 -ffp-contract=off -fno-math-errno \
        -ffunction-sections -fdata-sections -DBOARD -DEPOCHS=1 "-DRATE=${1}f" -include names.h -I. -nostartfiles -Wl,--gc-sections \
        -T "$root/tests/ship/board.ld" "$small/learn.c" lenet.c -o program.elf || exit 1
    qemu-system-arm -M mps2-an500 -nographic -monitor none -serial none -semihosting-config enable=on,target=native -kernel program.elf || exit 1
}
constant() { sed -n "s/^#define LENET_$1 \([0-9]*\)u.*/\1/p" lenet.h; }

# row WHAT WEIGHTS RATE OPTIONS…
row() {
    what=$1 weights=$2 rate=$3
    shift 3
    "$NNC" "$lenet" --train --weights "$weights" --target cortex-m7 --input-type u8 "$@" -o lenet.c 2>log || { cat log >&2; exit 1; }
    "$CC" -O2 -ffp-contract=off -std=gnu11 -DEPOCHS=1 "-DRATE=${rate}f" -include names.h -I. "$small/learn.c" lenet.c -o learn -lm || exit 1
    ./learn || exit 1
    [ -z "$BOARD" ] || [ "$what" = "$too_much" ] || on_board "$rate"
    block=$(constant TRAIN_BYTES) scratch=$(constant TRAIN_SCRATCH)
    od -An -v -tu1 -w2 classes.bin | awk -v what="$what" -v block="$block" -v scratch="$scratch" -v flash="$(constant CONSTANT_BYTES)" '
        { h = $1 > 4; all[h]++; right[h] += $1 == $2 }
        END { printf "| %s | %d | %d | %d | %d | %.2f %% | %.2f %% | %.2f %% |\n", what, flash, block, scratch, block + scratch,
            100 * right[0] / all[0], 100 * right[1] / all[1], 100 * (right[0] + right[1]) / (all[0] + all[1]) }'
    [ -z "$BOARD" ] || [ "$what" = "$too_much" ] || echo "    data and stack:$(od -An -tu4 memory.bin)"
}

too_much='all: more than 256 KB'
sgd='optimizer sgd(lr=0.01)'
echo '| trained | constants | block | scratch | block and scratch | 0 to 4 | 5 to 9 | all |'
echo '|---|---|---|---|---|---|---|---|'
samples 0123456789
row '`output`, the others in int8' eight_output.safetensors 0.01 --set "$sgd"
row '`output`' five.safetensors 0.01 --set "$sgd" --train-only 'output.*'
row '`output` and all biases' five.safetensors 0.01 --set "$sgd" --train-only 'output.*' --train-only '*.bias'
row '`output`, `c1`, `c3`' five.safetensors 0.01 --set "$sgd" --train-only 'output.*' --train-only 'c?.*' --freeze 'c5.*'
row '`f6`, `output`, the others in int8' eight_f6.safetensors 0.01 --set "$sgd"
row '`f6`, `output`' five.safetensors 0.01 --set "$sgd" --train-only 'output.*' --train-only 'f6.*'
row 'the same with `momentum=0.9`' five.safetensors 0.002 --set 'optimizer sgd(lr=0.002, momentum=0.9)' --train-only 'output.*' --train-only 'f6.*'
row 'the same with `adam`' five.safetensors 0.001 --train-only 'output.*' --train-only 'f6.*'
row "$too_much" five.safetensors 0.01 --set "$sgd"
for limit in 28K 32K 40K 48K 64K 96K 128K 256K; do
    row "\`update auto\` in $limit" five.safetensors 0.01 --set "$sgd" --set update=auto --data "$MNIST" --memory-limit $limit
    sed -n 's/^nnc: note: update auto trains \([^:]*\): .*/    trains \1/p' log
done
row '`update auto` in 64K, `f6` and `output` in floats, the others in int8' eight_f6.safetensors 0.01 --set "$sgd" --set update=auto --data "$MNIST" --memory-limit 64K
samples 56789
row '`f6`, `output`, the others in int8, from digits 5 to 9 alone' eight_f6.safetensors 0.01 --set "$sgd"
