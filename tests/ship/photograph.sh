# A photograph and digits: programs with built-in weights see bitwise the pixels that nnc predict
# sees, whatever the compiler and its flags.  The outputs of a program and of a Python module of
# the same form, compiler and flags are bitwise the same, in the fast form those of nnc predict.
# run.sh reads this file.  Compiling the fast form of nets with pooling takes long: with ALL=1.
# shellcheck shell=dash
# shellcheck disable=SC2034,SC2154 # variables of run.sh and tests/lib.sh

cat >scene.nn <<'EOF'
net scene {
    input(3x16x16)
    conv(8, 3, pad=1)
    batchnorm
    relu
    maxpool(2)
    conv(16, 3, pad=1)
    relu
    flatten
    dense(3)
}

train scene {
    loss cross_entropy
    optimizer sgd(lr=0.01)
    batch 6
    normalize dataset
}

net view {
    input(3x16x16)
    conv(8, 3, pad=1)
    relu
    flatten
    dense(3)
}

train view {
    loss cross_entropy
    optimizer sgd(lr=0.01)
    batch 6
    normalize dataset
}

net colour {
    input(3x16x16)
    conv(3, 1, init=[[[[1]], [[0]], [[0]]], [[[0]], [[1]], [[0]]], [[[0]], [[0]], [[1]]]], bias=no)
}

train colour {
    loss mse
    optimizer sgd(lr=0)
    batch 1
    normalize none
}

net grey {
    input(1x16x16)
    conv(1, 1, init=[[[[1]]]], bias=no)
}

train grey {
    loss mse
    optimizer sgd(lr=0)
    batch 1
    normalize none
}
EOF
awk 'BEGIN { for (i = 0; i < 12; i++) {
    for (k = 0; k < 768; k++) printf "0.%03d,", (i * 71 + k * k * 13) % 1000
    print i % 3 } }' >scene.csv
# 53x40 pixels: waves of three colours and noise.
awk 'BEGIN { for (y = 0; y < 40; y++) for (x = 0; x < 53; x++) for (c = 0; c < 3; c++)
    printf "\\%03o", int(127.5 + 90 * sin(x / (7 + c) + y / 9) + 30 * cos(x * y + c)) }' >escapes
# shellcheck disable=SC2059 # they are a format
{ printf 'P6\n53 40\n255\n'; printf "$(cat escapes)"; } >scene.ppm
what='the photograph'
is "$(wc -c <scene.ppm)" -eq $((13 + 53 * 40 * 3))
cut -d, -f1-256,769 scene.csv >grey.csv
for net in scene view colour grey; do
    data=scene.csv
    [ $net != grey ] || data=grey.csv
    runs 0 train scene.nn --net $net --data $data --epochs 1 -o $net.safetensors --jit tcc
done

# predicted NET.raw BYTES SOURCE ARGUMENTS…: the outputs of nnc predict as raw floats
predicted() {
    raw=$1 bytes=$2
    shift 2
    runs 0 predict "$@" --batch 1 --jit tcc -o predicted.npy
    tail -c "$bytes" predicted.npy >"$raw"
}
predicted colour.raw $((3 * 256 * 4)) scene.nn --net colour --weights colour.safetensors scene.ppm
predicted grey.raw $((256 * 4)) scene.nn --net grey --weights grey.safetensors scene.ppm
predicted scene.raw $((3 * 4)) scene.nn --net scene --weights scene.safetensors scene.ppm
predicted view.raw $((3 * 4)) scene.nn --net view --weights view.safetensors scene.ppm
predicted digits.raw $((3 * 10 * 4)) "$lenet" --weights w.safetensors 0.pgm 1.pgm 2.pgm

# computes COMPILER… -- IMAGES…: the program's inputs and outputs are in x.raw and y.raw
computes() {
    command=
    while [ "$1" != -- ]; do
        command="$command $1"
        shift
    done
    shift
    rm -f bits x.raw y.raw
    # shellcheck disable=SC2086
    try "bits.c:$command" $command '-DPROGRAM="bits_of.c"' -I. "$root/tests/ship/bits.c" -o bits -lm -lpthread
    try "bits:$command" ./bits "$@"
}

# The pixels, resized, and made grey.
for net in colour grey; do
    runs 0 scene.nn --net $net --weights $net.safetensors --batch 1 --plain --main -o bits_of.c
    for command in "$CC -std=gnu11 -O2 -march=native -Wall -Wextra -Werror" \
        'clang -std=gnu11 -O2 -march=native -Wall -Wextra -Werror' tcc; do
        have "${command%% *}" || { skip "${command%% *} is not installed: pixels"; continue; }
        # shellcheck disable=SC2086
        computes $command -- scene.ppm
        same x.raw $net.raw
        same y.raw $net.raw
    done
done

# both NAME SHAPE IMAGES FORM SOURCE ARGUMENTS…: a program and a module of the same compiler and flags
both() {
    name=$1 shape=$2 images=$3 form=$4
    shift 4
    # shellcheck disable=SC2086
    runs 0 "$@" $form --batch 1 --main -o bits_of.c
    # shellcheck disable=SC2086
    computes "$CC" $bits_flags -- $images
    is -s y.raw
    is "$(wc -c <y.raw)" -eq "$(wc -c <"$name.raw")"
    [ -n "$python" ] || return
    # shellcheck disable=SC2086
    CFLAGS=$bits_flags runs 0 build "$@" $form --batch 1 --python -o "made/bits_of_$name${form#--}.py"
    try "the module: $name $form" "$python" "$root/tests/ship/predict_module.py" made "bits_of_$name${form#--}" "$shape"
    same module.raw y.raw
}
digits_are="$lenet --weights w.safetensors"
scene_is='scene.nn --net scene --weights scene.safetensors'
bits_flags='-std=gnu11 -O2 -march=native'
# shellcheck disable=SC2086
{
    both digits 1x32x32 '0.pgm 1.pgm 2.pgm' --plain $digits_are
    both scene 3x16x16 scene.ppm --plain $scene_is
}
cp y.raw fused.raw

# Without fused multiply-add all compilers give the same; with it the last digits are others.
computes "$CC" -std=gnu11 -O2 -march=native -ffp-contract=off -- scene.ppm
cp y.raw unfused.raw
! grep -q -w fma /proc/cpuinfo || differ fused.raw unfused.raw
for compiler in clang tcc; do
    have $compiler || { skip "$compiler is not installed: a photograph"; continue; }
    computes $compiler -ffp-contract=off -- scene.ppm
    same y.raw unfused.raw
done

# The fast form: the outputs of nnc predict.
# shellcheck disable=SC2086
both view 3x16x16 scene.ppm '' scene.nn --net view --weights view.safetensors
same y.raw view.raw
if [ -n "$ALL" ]; then
    # shellcheck disable=SC2086
    {
        both digits 1x32x32 '0.pgm 1.pgm 2.pgm' '' $digits_are
        same y.raw digits.raw
        both scene 3x16x16 scene.ppm '' $scene_is
        same y.raw scene.raw
    }
fi
