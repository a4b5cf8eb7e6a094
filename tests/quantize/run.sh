#!/bin/sh
# nnc quantize, and the nets in int8 that come of it.
# With ALL=1, all forms are optimized by the C compiler; and with MODELS, a folder of published models, and
# CIFAR10, a folder of the data: two published nets keep their accuracy.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
here=$root/tests/quantize
lenet=$root/dsl_examples/lenet.nn
cd "$tmp" || exit 1

# value NAME: of the certificate's line "NAME": number
value() { sed -n "s/^ *\"$1\": \\([-0-9.e]*\\),*\$/\\1/p" certificate.json | head -1; }

# within LOW VALUE HIGH
within() { if awk "BEGIN { exit !($1 <= $2 && $2 <= $3) }"; then ok; else bad "$2 is not from $1 to $3"; fi; }

# ---- the shipped digits ------------------------------------------------------------------

runs 0 train "$lenet" --limit 1000 --epochs 2 --threads 1 --jit tcc -o lenet.safetensors
what='LeNet'
runs 0 quantize "$lenet" --weights lenet.safetensors --limit 300 --samples 48 --threads 1 \
    -o lenet8.safetensors --certificate certificate.json --certificate certificate.html
is "$(sed -n '/id="data">/,/^}/p' certificate.html | sed 's/.*id="data">//' | tr -d ' \n' | head -c 60)" = \
    "$(tr -d ' \n' <certificate.json | head -c 60)"
says out 'weights    62414 bytes, in f32 246824'
within -0.02 "$(value change)" 0.02
is "$(grep -c '"snr_db": [3-5][0-9]\.' certificate.json)" -eq 10
runs 0 quantize "$lenet" --weights lenet.safetensors --limit 300 --samples 48 --threads 2 \
    -o again.safetensors --certificate again.json
same lenet8.safetensors again.safetensors
same certificate.json again.json
right=$(sed -n '/"after"/,/}/s/.*"right": \([0-9]*\),*/\1/p' certificate.json)
runs 0 eval "$lenet" --weights lenet8.safetensors --limit 300 --threads 1 --jit tcc
says out "($right of 300)"
lacks err 'whose layers are not those'
runs 0 eval "$lenet" --weights lenet8.safetensors --limit 300 --threads 2 --jit cc
says out "($right of 300)"

for method in range percentile mse entropy; do
    what="LeNet, $method"
    runs 0 quantize "$lenet" --weights lenet.safetensors --limit 300 --samples 32 --threads 1 \
        --calibration $method -o m.safetensors --certificate certificate.json
    within -0.03 "$(value change)" 0.03
done

# ---- layers in f32 -----------------------------------------------------------------------------

what='layers that are kept'
runs 0 quantize "$lenet" --weights lenet.safetensors --limit 300 --samples 32 --threads 1 --keep c1,f6 \
    -o kept.safetensors --certificate certificate.json
says out '^in f32     c1, s2, tanh1, f6, tanh4, softmax1$'
lacks out '^c1.y'
is "$(grep -A2 kept_in_f32 certificate.json | tr -d ' ",\n')" = 'kept_in_f32:[c1f6'
right=$(sed -n '/"after"/,/}/s/.*"right": \([0-9]*\),*/\1/p' certificate.json)
for jit in tcc cc; do
    runs 0 eval "$lenet" --weights kept.safetensors --limit 300 --threads 2 --jit $jit
    says out "($right of 300)"
done
# Of one sample the scales are poor; the promise is kept by few layers.
poor='--limit 600 --samples 1 --calibration range --valid 0.3 --threads 1'
# shellcheck disable=SC2086
runs 0 quantize "$lenet" --weights lenet.safetensors $poor -o all.safetensors --certificate certificate.json
within -0.5 "$(value change)" -0.005
# shellcheck disable=SC2086
runs 0 quantize "$lenet" --weights lenet.safetensors $poor --max-drop 0.1 -o few.safetensors --certificate certificate.json
says err 'measuring 5 layers'
within -0.001 "$(value change)" 1
says certificate.json '"max_drop": 0.1'
is "$(sed -n '/kept_in_f32/,/]/p' certificate.json | grep -c '^    "')" -le 4
runs 2 quantize "$lenet" --weights lenet.safetensors --keep outptu -o w.safetensors
says err '--keep outptu: no layer of that name would be in int8; did you mean output'
runs 2 quantize "$lenet" --weights lenet.safetensors --limit 50 --max-drop 0.5 -o w.safetensors
says err 'cut one off with --valid'
runs 1 quantize "$lenet" --weights lenet.safetensors --limit 50 --keep c1,c3,c5,f6,output -o w.safetensors
says err 'no layer of lenet is left for int8'
absent w.safetensors

# ---- all forms of a net give the same bits --------------------------------------------------

what='all layers'
runs 0 train "$here/layers.nn" --steps 60 --threads 1 --jit tcc -o layers.safetensors
runs 0 quantize "$here/layers.nn" --weights layers.safetensors --limit 200 --samples 64 --threads 1 \
    -o layers8.safetensors --certificate certificate.json
says out 'in f32     lrn1, mul1, maxpool2, global_avgpool1, global_maxpool1, concat2'
within -0.04 "$(value change)" 0.04
low=$(sed -n 's/^ *"snr_db": \([-0-9.]*\),*/\1/p' certificate.json | sort -g | head -1)
within 15 "$low" 60

# The kernels of int8 in a text; as the C compiler optimizes them they are in nnc, where eval and the unit
# tests compare them.
level=-O0
[ -z "$ALL" ] || level=-O2

# driver FLAGS OPTIONS…: the bits of the outputs of $net
driver() {
    flags=$1
    shift
    runs 0 "$here/$net.nn" --weights "$net"8.safetensors --batch 2 --prefix net --header net.h "$@" -o net.c
    # shellcheck disable=SC2086 # flags are several words
    if "$CC" $flags -I. "$here/driver.c" net.c -lm -lpthread -o driver 2>err; then ok; else bad "$CC $flags"; fi
    ./driver >"bits$form"
}

runs 0 train "$here/integers.nn" --steps 30 --threads 1 --jit tcc -o integers.safetensors
runs 0 quantize "$here/integers.nn" --weights integers.safetensors --limit 100 --samples 32 --threads 1 \
    -o integers8.safetensors --certificate certificate.json
is -z "$(grep '^in f32' out)"
net=integers
form=1 driver '-std=c99 -O0 -Wall -Wextra -Wpedantic -Werror' --plain
says net.c "the hash of the certificate of its weights is"
says net.c '= x0\[n \* [0-9]* + k\];' # at the scale of the concat
"$CC" -std=c99 -O2 -c net.c -o net.o
nm -u net.o | grep -Ev 'memcpy|memset|memcmp|memmove|strcmp|GLOBAL_OFFSET_TABLE|stack_chk' >others
is ! -s others # none of the mathematics library
form=2 driver '-O3 -march=native' --plain
form=3 driver $level --threads 1
says net.c '\.linear = {{' # of the sum of two branches
says net.c '\.add = &add, ' # in the convolution before it
is "$(grep -c ' nn_int8_sum(&add' net.c)" -eq 1 # that of three
form=4 driver $level --threads 2 --target generic
says net.c '\.add = &add, '
form=unfused driver $level --threads 2 --no-fusion
is "$(grep -c ' nn_int8_sum(&add' net.c)" -eq 2
for form in 2 3 4 unfused; do same bits1 bits$form; done

what='a weight that kernels cannot multiply'
cp integers8.safetensors damaged.safetensors
start=$(grep -a -o 'qweight":{[^}]*}' damaged.safetensors | sed -n '1s/.*"data_offsets":\[\([0-9]*\),.*/\1/p')
at=$(($(od -An -tu4 -N4 damaged.safetensors) + 8 + start + 5))
printf '\200' | dd of=damaged.safetensors bs=1 seek=$at conv=notrunc 2>err
runs 1 eval "$here/integers.nn" --weights damaged.safetensors --limit 10 --threads 1 --jit tcc
says err 'damaged.safetensors: weight 5 of [a-z0-9]* is -128: weights of int8 are from -127 to 127'

what='branches that are written into their concat'
runs 0 train "$here/dense.nn" --steps 10 --threads 1 --jit tcc -o dense.safetensors
runs 0 quantize "$here/dense.nn" --weights dense.safetensors --limit 50 --samples 32 --threads 1 -o dense8.safetensors
net=dense
form=5 driver '-O0' --plain
form=6 driver $level --threads 2 --no-concat-elimination
is "$(grep -c '  nn_int8_join(&part' net.c)" -eq 6
form=7 driver $level --threads 2
is "$(grep -c '  nn_int8_join(&part' net.c)" -eq 3
for form in 6 7; do same bits5 bits$form; done

# ---- ONNX, with pairs of QuantizeLinear and DequantizeLinear ------------------------------------

# exported NET WEIGHTS8 MODEL: the model of the net, normalization built in
exported() {
    runs 0 export "$1" --weights "$2" --normalize -o "$3"
    silent out
    silent err
    if /usr/bin/python3 -c 'import onnx' 2>/dev/null; then
        what="onnx.checker, $3"
        /usr/bin/python3 -c 'import onnx, sys; onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)' "$3" >out 2>err
        status=$?
        status_is 0
    else
        skip 'onnx.checker: no onnx for Python'
    fi
}

# runtime NET WEIGHTS8 MODEL VALUE X: what onnxruntime makes of the model beside the integers
runtime() {
    runs 0 "$1" --weights "$2" --plain --batch 1 --prefix net --header net.h -o net.c
    "$CC" -O1 -I. "$here/file_driver.c" net.c -lm -o driver 2>err
    ./driver "$5" y
    node "$here/onnxruntime.js" compare "$3" "$5" y "$2" "$4" >out 2>err
    status=$?
    status_is 0
    steps=$(sed -n 's/^largest \([0-9]*\) steps, .*/\1/p' out)
    same=$(sed -n 's/.*, top-1 \([0-9]*\) of .*/\1/p' out)
}

sed 's/  softmax$//' "$lenet" >logits.nn
what='exported nets'
runs 0 train logits.nn --limit 4000 --epochs 3 --threads 1 --jit tcc -o logits.safetensors
runs 0 quantize logits.nn --weights logits.safetensors --limit 300 --samples 64 --threads 1 -o logits8.safetensors
exported logits.nn logits8.safetensors logits.onnx
exported "$here/integers.nn" integers8.safetensors integers.onnx
exported "$lenet" kept.safetensors kept.onnx
exported "$here/layers.nn" layers8.safetensors layers.onnx
runs 0 export logits.nn --weights logits8.safetensors --normalize -o again.onnx
same logits.onnx again.onnx
runs 1 export logits.nn --weights logits8.safetensors -o logits.npz
says err 'int8 weights, made by nnc quantize'
# What is imported again computes the same bits, from the model too; of integers that others write as
# uint8, or as QLinearConv, comes the same file.
bits() { # NET WEIGHTS OUT
    runs 0 "$1" --weights "$2" --plain --batch 1 --prefix net --header net.h -o net.c
    "$CC" -O1 -I. "$here/driver.c" net.c -lm -o driver 2>err
    ./driver >"$3"
}
back() { # NET WEIGHTS MODEL
    runs 0 import "$3" -o back.nn
    silent err
    bits "$1" "$2" y1
    bits back.nn back.safetensors y2
    is -s y1
    same y1 y2
}
what='imported nets'
back logits.nn logits8.safetensors logits.onnx
back "$lenet" kept.safetensors kept.onnx
back "$here/layers.nn" layers8.safetensors layers.onnx
back "$here/integers.nn" integers8.safetensors integers.onnx
runs 0 integers.onnx --plain --batch 1 --prefix net --header net.h -o net.c
"$CC" -O1 -I. "$here/driver.c" net.c -lm -o driver 2>err
./driver >y2
same y1 y2
runs 0 eval logits.onnx --limit 100 --threads 1
runs 0 export back.nn --weights back.safetensors -o third.onnx
if /usr/bin/python3 -c 'import onnx' 2>/dev/null; then
    /usr/bin/python3 "$here/rewrite.py" uint8 integers.onnx back.onnx
    runs 0 import back.onnx -o back.nn
    silent err
    bits "$here/integers.nn" integers8.safetensors y1
    bits back.nn back.safetensors y2
    same y1 y2
    /usr/bin/python3 "$here/rewrite.py" qlinear logits.onnx back.onnx
    back logits.nn logits8.safetensors back.onnx
    # A second scale of one value is none that the integer net would have: simulated.
    /usr/bin/python3 "$here/rewrite.py" scale logits.onnx other.onnx
    runs 0 import other.onnx -o other.nn
    says err 'its integers are simulated in f32, since MaxPool .* has another scale than what it moves'
    says other.nn 'fake_quantize('
    runs 0 eval other.nn --weights other.safetensors --limit 100 --threads 1
fi
# onnxruntime multiplies sums by floats and rounds half to even: a number differs by one step where the
# two roundings do, and what is made of it by a few.
if node "$here/onnxruntime.js" version >/dev/null 2>&1; then
    node "$here/onnxruntime.js" digits "$root/dsl_examples/data/digits" 500 32 digits.x
    node "$here/onnxruntime.js" random 392000 random.x
    runtime logits.nn logits8.safetensors logits.onnx output.y digits.x
    is "$steps" -le 2
    is "$same" -ge 499 # one step decides the other
    runtime "$here/integers.nn" integers8.safetensors integers.onnx d2.y random.x
    is "$steps" -le 8
    is "$same" -ge 450
else
    skip 'onnxruntime: npm install onnxruntime-node, and ONNXRUNTIME is its folder'
fi

# ---- what is refused ------------------------------------------------------------------------

what='errors'
runs 2 quantize "$lenet" --weights lenet.safetensors
says err 'no output file'
runs 2 quantize "$lenet" --weights lenet.safetensors -o w.npz
says err 'must end in .safetensors'
runs 2 quantize "$lenet" --weights lenet.safetensors -o w.safetensors --calibration best
says err "--calibration takes range, percentile, mse or entropy, not 'best'"
runs 1 quantize "$lenet" --weights lenet8.safetensors -o w.safetensors --limit 50
says err 'missing'
runs 1 eval "$here/layers.nn" --weights lenet8.safetensors --limit 50
says err 'was made for another net than layers'
runs 1 train "$lenet" --init lenet8.safetensors --steps 1 --limit 50 -o w.safetensors
says err 'int8 weights, made by nnc quantize'
absent w.safetensors

# ---- published nets -------------------------------------------------------------------------

what='published nets'
if [ -z "$ALL" ] || [ ! -f "$MODELS/resnet20-cifar10.th" ] || [ ! -d "$CIFAR10" ]; then
    skip 'ResNet-20 and ResNet8: ALL=1 with MODELS and CIFAR10, a folder of its binary files'
else
    runs 0 quantize "$root/dsl_examples/resnet_cifar.nn" -D zeros=around --weights "$MODELS/resnet20-cifar10.th" \
        --data "$CIFAR10" --set 'normalize mean=[0.485,0.456,0.406] std=[0.229,0.224,0.225]' --jit cc \
        -o r20.safetensors --certificate certificate.json
    says out 'before     81.03 %'
    within -0.003 "$(value change)" 0.003
    runs 0 quantize "$here/resnet8.nn" --weights "$MODELS/tiny/resnet8.safetensors" --data "$CIFAR10" --jit cc \
        -o r8.safetensors --certificate certificate.json
    says out 'before     75.48 %'
    within -0.005 "$(value change)" 0.005
fi

conclude
