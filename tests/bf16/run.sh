#!/bin/sh
# Weights in bf16: both forms compute the same from the same rounded weights, in every kernel, with any
# number of threads; PyTorch rounds the same and computes the same; built-in weights take half.
# CC: the compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
net=$root/tests/golden/bf16.nn
driver=$root/tests/bf16/drive.c
python=/usr/bin/python3
cd "$tmp" || exit 1

# form NAME FLAGS OPTIONS…: outputs of the net with the options, in the file NAME
form() {
    name=$1
    flags=$2
    shift 2
    mkdir -p "$name.d"
    runs 0 "$net" "$@" -o "$name.d/bf16.c"
    silent err
    # shellcheck disable=SC2086 # flags are words
    try "$name" "$CC" $flags -Wall -Wextra -Werror "$driver" "$name.d/bf16.c" -I"$name.d" -o "$name.d/drive" -lm -lpthread
    "$name.d/drive" weights "$name" || bad "$name: status $?"
}

# near FILE FILE LIMIT: no output differs by more
near() {
    what="$1 and $2"
    for file in "$1" "$2"; do od -An -v -tf4 -w4 "$file"; done | awk -v limit="$3" -v n=15 '
        { if (NR <= n) a[NR] = $1; else { d = a[NR - n] - $1; if (d < 0) d = -d; if (!(d <= limit)) bad = 1 } }
        END { exit bad || NR != 2 * n }' && ok || bad "they are not within $3"
}

# apart FILE FILE: the root mean square of the outputs' differences
apart() {
    for file in "$1" "$2"; do od -An -v -tf4 -w4 "$file"; done | awk -v n=15 '
        { if (NR <= n) a[NR] = $1; else sum += (a[NR - n] - $1) ^ 2 } END { printf "%.9g\n", sqrt(sum / n) }'
}

# ---- the forms ------------------------------------------------------------------------------

form plain '-std=c99 -O0 -ffp-contract=off' --weights-format bf16 --plain --batch 3
cp weights plain.weights
form generic '-std=gnu11 -O0' --weights-format bf16 --target generic --batch 3
same weights plain.weights
form native '-std=gnu11 -O0' --weights-format bf16 --batch 3
same weights plain.weights
form direct '-std=gnu11 -O0' --weights-format bf16 --batch 3 --no-winograd
near generic plain 2e-5
near direct plain 2e-5
form one '-std=gnu11 -O0 -DBF16_THREADS=1' --weights-format bf16 --batch 3
form three '-std=gnu11 -O0 -DBF16_THREADS=3' --weights-format bf16 --batch 3
same one three

# Weights that are rounded differ from those that are not: by more than rounding of sums, and by less
# than a hundredth.
form f32 '-std=gnu11 -O0' --infer --batch 3
cp weights f32.weights
what='bf16 is not f32'
if cmp -s f32 native; then bad 'the outputs are the same'; else ok; fi
near native f32 0.05

# Winograd's panels in fixed point add a fiftieth of that for m = 2, and what f32 rounds.
what='fixed point is finer than bf16'
added=$(apart native plain)
own=$(apart plain f32)
if awk -v a="$added" -v b="$own" 'BEGIN { exit !(a < b / 10) }'; then ok; else bad "$added of $own" /dev/null; fi

# Dense layers of many rows, whose panels have 16 bits to a weight.
net=$tmp/rows.nn
echo 'net bf16 { input(27x16) dense(19) tanh dense(21, bias=no) flatten dense(5) }' >rows.nn
form rows.plain '-std=c99 -O0 -ffp-contract=off' --weights-format bf16 --plain --batch 3
form rows '-std=gnu11 -O0 -DBF16_THREADS=3' --weights-format bf16 --batch 3
says rows.d/bf16.c 'nn_conv_forward_w16(&size'
near rows rows.plain 2e-5
form rows.generic '-std=gnu11 -O0' --weights-format bf16 --target generic --batch 3
near rows.generic rows.plain 2e-5
net=$root/tests/golden/bf16.nn

# ---- PyTorch ----------------------------------------------------------------------------------

what=PyTorch
if "$python" -c 'import torch' 2>/dev/null; then
    try 'rounding and outputs' "$python" "$root/tests/bf16/reference.py" plain.weights plain
    # The weights of f32, rounded by PyTorch, are those that bf16 has.
    try 'the rounding of weights' "$python" "$root/tests/bf16/reference.py" --round f32.weights plain.weights
else
    skip 'there is no PyTorch'
fi

# ---- sizes --------------------------------------------------------------------------------------

# bytes OPTIONS…: of the block, as the header says
bytes() {
    "$NNC" "$@" -o size.c && sed -n 's/^#define [A-Z0-9_]*_MODEL_BYTES \([0-9]*\).*/\1/p' size.h
}
mlp='net mlp { input(1x32x32) flatten dense(512) relu dense(10) }'
echo "$mlp" >mlp.nn
what='bytes of the model'
wide=$(bytes mlp.nn --infer)
narrow=$(bytes mlp.nn --weights-format bf16)
if [ $((narrow * 100)) -lt $((wide * 51)) ]; then ok; else bad "$narrow of $wide" /dev/null; fi

# ---- built-in weights -------------------------------------------------------------------------------

# As constants, in a file, and set: the same outputs of lenet for some pixels.
lenet=$root/dsl_examples/lenet.nn
"$NNC" train "$lenet" --limit 64 --epochs 1 -o w.safetensors --jit tcc >/dev/null 2>&1
head -c 1024 "$NNC" >pixels
for format in f32 bf16; do
    runs 0 "$lenet" --weights w.safetensors --weights-format $format --plain --main -o lenet.c
    try "$format as constants" "$CC" -std=c99 -O0 -pedantic -Wall -Wextra -Werror lenet.c -I. -o lenet -lm
    { printf 'P5 32 32 255\n' && cat pixels; } >pixels.pgm
    try "$format: the program" ./lenet --top 3 pixels.pgm
    cp "$tmp/out" "$format.constants"
    runs 0 "$lenet" --weights w.safetensors --weights-format $format --plain --main -o lenet.c --weights-out $format.bin
    try "$format in a file" "$CC" -std=c99 -O0 -pedantic -Wall -Wextra -Werror lenet.c -I. -o lenet -lm
    try "$format in a file: the program" ./lenet $format.bin --top 3 pixels.pgm
    same out $format.constants
done
what='a file of half of the bytes'
wide=$(wc -c <f32.bin)
narrow=$(wc -c <bf16.bin)
if [ $((narrow * 100)) -lt $((wide * 52)) ]; then ok; else bad "$narrow of $wide" /dev/null; fi

# ---- wrong input ----------------------------------------------------------------------------------

runs 2 "$net" --weights-format fp16 -o x.c
says err "weights-format takes f32 or bf16, not 'fp16'"
runs 2 "$net" --weights-format bf16 --train -o x.c
says err 'is for inference'
runs 2 bench "$net" --weights-format bf16 --train
says err 'is for inference'
conclude
