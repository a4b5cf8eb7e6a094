#!/bin/sh
# nnc under valgrind, which sees values that were never set and memory that is not given back: the six
# families through every stage of the compiler, then each command on a tiny net, and what is wrong with
# files and options.  NNC: built without sanitizers.  Valgrind has no AVX-512: the kernels are AVX2's.
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

# runs_clean STATUS ARGUMENTS…: nnc ends so, and valgrind has nothing to say
runs_clean() {
    want=$1
    shift
    what="nnc $*"
    valgrind -q --log-file="$tmp/valgrind" --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=definite \
        --suppressions="$root/tests/valgrind.supp" "$NNC" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
    if [ "$status" -eq "$want" ] && [ ! -s "$tmp/valgrind" ]; then ok; else bad "status $status" "$tmp/valgrind" "$tmp/err"; fi
}

# clean ARGUMENTS…: nor has nnc
clean() {
    runs_clean 0 "$@"
    if [ -s "$tmp/err" ]; then bad 'it complains' "$tmp/err"; fi
}

for net in tests/families/*.nn; do
    clean check "$net"
    clean "$net" -o "$tmp/net.c"
    clean "$net" --plain -o "$tmp/net.c"
    clean report "$net"
    cp "$net" "$tmp/net.nn"
    clean fmt "$tmp/net.nn"
done
clean check --gradients --samples 1 tests/families/lenet.nn

# ---- the commands -------------------------------------------------------------------------

cd "$tmp" || exit 1
cat >tiny.nn <<'END'
net tiny {
    input(1x16x16)
    conv(4, 3, pad=1) as conv
    batchnorm
    relu
    maxpool(2)
    conv(6, 3, groups=2)
    relu
    flatten
    dense(10)
}

train tiny {
    optimizer adam(lr=0.01)
    batch 8
    epochs 1
}
END
train="train tiny.nn --limit 32 --steps 2 --threads 1 --jit tcc"
# shellcheck disable=SC2086 # words
{
    runs_clean 0 $train --threads 2 -o tiny.safetensors --checkpoint tiny.checkpoint.safetensors --log tiny.csv
    runs_clean 0 $train --stats 1 -o stats.safetensors --page page.html
    runs_clean 0 $train --reproducible -o chunks.safetensors
    runs_clean 0 $train --compute bf16 -o bf16.safetensors
    runs_clean 0 $train --steps 4 --resume tiny.checkpoint.safetensors -o resumed.safetensors
    runs_clean 0 $train --quantize int8 --init tiny.safetensors -o simulated.safetensors
    runs_clean 0 quantize tiny.nn --weights simulated.safetensors --limit 32 --samples 8 --threads 1 -o learned.safetensors
    runs_clean 0 quantize tiny.nn --weights tiny.safetensors --limit 32 --samples 8 --threads 1 -o tiny8.safetensors \
        --certificate tiny.html
}
runs_clean 0 eval tiny.nn --weights tiny.safetensors --limit 32 --threads 1 --jit tcc
runs_clean 0 eval tiny.nn --weights tiny8.safetensors --limit 32 --threads 1 --jit tcc
zeros=$(awk 'BEGIN { for (i = 0; i < 255; i++) printf "0,"; print 0 }')
{ printf 'P5\n16 16\n255\n' && head -c 256 /dev/zero; } >zeros.pgm
runs_clean 0 predict tiny.nn --weights tiny.safetensors zeros.pgm --top 3 --format json
runs_clean 0 show tiny.nn --weights tiny.safetensors
runs_clean 0 show tiny.nn --weights tiny.safetensors --features conv zeros.pgm -o features.png
runs_clean 0 show tiny.nn --weights tiny.safetensors --saliency zeros.pgm -o saliency.png
runs_clean 0 show tiny.nn --weights tiny.safetensors --filters conv -o filters.png
runs_clean 0 show --curve tiny.csv -o curve.svg
runs_clean 0 trace tiny.nn --weights tiny.safetensors --x "$zeros" --target 3 --format html -o trace.html
runs_clean 0 report tiny.nn --format html -o report.html
runs_clean 0 page tiny.csv -o runs.html
runs_clean 0 verify tiny.checkpoint.safetensors
runs_clean 0 export tiny.nn --weights tiny.safetensors -o tiny.onnx
runs_clean 0 export tiny.nn --weights tiny8.safetensors -o tiny8.onnx
runs_clean 0 import tiny.onnx -o imported.nn
runs_clean 0 tiny.nn --main --weights tiny.safetensors --target avx2 -o main.c
runs_clean 0 tiny.nn --weights tiny8.safetensors -o tiny8.c

# ---- what is wrong ---------------------------------------------------------------------------

printf 'net bad {\n    input(1x8x8)\n    conv(4, 9)\n    dence(3)\n}\n' >bad.nn
head -c 500 tiny.safetensors >cut.safetensors
head -c 700 tiny.onnx >cut.onnx
head -c 900 tiny.checkpoint.safetensors >cut.checkpoint.safetensors
runs_clean 1 check bad.nn
runs_clean 1 train bad.nn
runs_clean 1 train tiny.nn --data nowhere
runs_clean 1 train tiny.nn --resume cut.checkpoint.safetensors
runs_clean 2 train tiny.nn --batch none
runs_clean 1 eval tiny.nn --weights cut.safetensors
runs_clean 1 eval tiny.nn --weights tiny.onnx
runs_clean 1 import cut.onnx -o cut.nn
runs_clean 1 predict tiny.nn --weights tiny.safetensors tiny.nn
conclude
