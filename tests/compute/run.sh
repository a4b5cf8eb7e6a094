#!/bin/sh
# --compute bf16: the plain form computes what is defined, to the bit; the fast form close to it, with
# the same bits for any number of threads and by either compiler; it takes less memory.
# CC: the compiler.  THOROUGH: whole runs too, of MNIST, the folder with it.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
net=$root/tests/compute/values.nn
driver=$root/tests/compute/drive.c
cd "$tmp" || exit 1

# form NAME FLAGS OPTIONS…: what the net computes with the options, in the file NAME
form() {
    name=$1
    flags=$2
    shift 2
    mkdir -p "$name.d"
    runs 0 "$net" "$@" -o "$name.d/net.c" --prefix net
    silent err
    drive "$name" "$flags"
}

drive() {
    # shellcheck disable=SC2086 # flags are words
    try "$1" "$CC" $2 -Wall -Wextra -Werror -DNET_H='"net.h"' -DNET_INFO=net_info "$driver" "$1.d/net.c" -I"$1.d" \
        -o "$1.d/drive" -lm -lpthread
    "$1.d/drive" "$1" || bad "$1: status $?"
}

# near FILE FILE LIMIT: no number differs by more than this part of the largest of both
near() {
    what="$1 and $2"
    for file in "$1" "$2"; do od -An -v -tf4 -w4 "$file"; done | awk -v limit="$3" '
        { a[NR] = $1 }
        END {
            n = NR / 2
            for (i = 1; i <= n; i++) {
                d = a[i] - a[n + i]
                size = a[i] < 0 ? -a[i] : a[i]
                if (d < 0) d = -d
                if (!(d <= limit * (size > 0.1 ? size : 0.1))) bad++
            }
            exit bad > 0 || n < 100 || n != int(n)
        }' && ok || bad "they are not within $3"
}

# ---- the definition -------------------------------------------------------------------------

# In f32 with the rounding put in by name: all that a layer or its gradient gives to another, but what
# the loss reads and makes.
values='y_c1 y_r1 y_p1 y_c2 y_b2 y_r2 y_sum_c3 y_sum y_mean y_d1 y_t1'
gradients='dx_d2 dx_t1 dx_d1 dx_mean dx_sum_c3 y_r2_2 dx_r2 dx_b2 dx_c2 dx_p1 dx_r1'
weights='c1_weight c2_weight sum_c3_weight d1_weight d2_weight'

form plain '-std=c99 -O0 -ffp-contract=off' --compute bf16 --plain
mkdir -p defined.d
runs 0 "$net" --plain -o defined.d/f32.c --prefix net
sed 's/f32\.h/net.h/' defined.d/f32.c >defined.d/net.f32.c
awk -v VALUES="$values $gradients" -v WEIGHTS="$weights" -v BATCH=3 -f "$root/tests/compute/round.awk" \
    defined.d/net.f32.c >defined.d/net.c
mv defined.d/f32.h defined.d/net.h
drive defined '-std=gnu99 -O0 -ffp-contract=off'
same plain defined

# It is not that of f32.
form f32 '-std=c99 -O0 -ffp-contract=off' --plain
what='bf16 is not f32'
if cmp -s f32 plain; then bad 'the numbers are the same'; else ok; fi

# A text for inference alone stores the weights in bf16, and computes the same.
form infer '-std=c99 -O0 -ffp-contract=off' --compute bf16 --plain --infer
head -c "$(wc -c <infer)" plain >plain.infer
same infer plain.infer
runs 0 "$net" --compute bf16 --plain --infer -o small.c
says small.c 'uint16_t'

# ---- the fast form ----------------------------------------------------------------------------

# Values that differ by a rounding before they are rounded may be a unit of bf16, 2^-8, apart after it,
# and so in each of the eleven layers of a path; gradients twice as many.
form generic '-std=gnu99 -O0' --compute bf16 --target generic
form native '-std=gnu99 -O0' --compute bf16
near generic plain 0.09
near native plain 0.09
form three '-std=gnu99 -O0 -DNET_THREADS=3' --compute bf16
same three native

# Products of pairs, as the instruction has them, on any machine; and with packed weights.
exact='-std=gnu99 -O0 -DNN_EMULATED -DNN_BF16_PAIRS -DNET_THREADS=3'
form exact "$exact" --compute bf16 --target avx512bf16
says exact.d/net.c 'nn_conv_forward_bf16(&size'
says exact.d/net.c 'nn_conv_backward_data_bf16(&size'
says exact.d/net.c 'nn_conv_wgrad_pairs(&size'
says exact.d/net.c 'nn_dense_dweight_pairs(&size'
near exact plain 0.09
form exact.infer "$exact" --compute bf16 --target avx512bf16 --infer
head -c "$(wc -c <exact.infer)" exact >exact.both
same exact.infer exact.both

# Other kernels of bf16, on paths of twelve layers; groups and deconvolutions by pairs, too.
net=$root/tests/compute/rows.nn
form rows.plain '-std=c99 -O0 -ffp-contract=off' --compute bf16 --plain
form rows '-std=gnu99 -O0 -DNET_THREADS=3' --compute bf16
near rows rows.plain 0.09
for kernel in nn_grouped_forward nn_grouped_backward_data nn_depthwise_forward nn_depthwise_backward_data \
    nn_depthwise_wgrad nn_conv_wgrad nn_minmax_pool_nhwc nn_minmax_pool_nhwc_dx nn_region_avgpool_nhwc \
    nn_region_avgpool_nhwc_dx; do
    says rows.d/net.c "${kernel}_bf16(&size"
done
for kernel in nn_relu_grad nn_silu nn_leaky_relu nn_hardswish_grad nn_tanh nn_sigmoid_grad nn_relu6 nn_gelu_grad; do
    says rows.d/net.c "${kernel}_bf16((long)"
done
says rows.d/net.c 'nn_copy_rows_bf16(&size'
says rows.d/net.c 'nn_add_bf16('
form rows.exact "$exact" --compute bf16 --target avx512bf16
near rows.exact rows.plain 0.09
says rows.exact.d/net.c 'nn_conv_backward_data_bf16(&size'
says rows.exact.d/net.c 'nn_conv_wgrad_pairs(&size, dy, x'

# Winograd's algorithm in pairs, which rounds once more: of layers and both of their gradients.
net=$root/tests/compute/winograd.nn
form winograd.plain '-std=c99 -O1 -ffp-contract=off' --compute bf16 --plain
form winograd.exact "$exact -O1" --compute bf16 --target avx512bf16
says winograd.exact.d/net.c 'nn_winograd_pairs(&size'
says winograd.exact.d/net.c 'nn_winograd_panels_rounded(&size, 0, weight'
says winograd.exact.d/net.c 'nn_winograd_panels_rounded(&size, 1, weight'
says winograd.exact.d/net.c 'nn_winograd_wgrad_pairs(&size'
near winograd.exact winograd.plain 0.09
form winograd.one "$exact -O1 -UNET_THREADS -DNET_THREADS=1" --compute bf16 --target avx512bf16
same winograd.one winograd.exact
form winograd.direct "$exact -O1" --compute bf16 --target avx512bf16 --no-winograd
lacks winograd.direct.d/net.c 'nn_winograd'
near winograd.direct winograd.exact 0.09
form winograd '-std=gnu99 -O1' --compute bf16
near winograd winograd.plain 0.09

# A batch-blocked net stores floats, each value rounded where it is made: nine of layers and nine gradients.
net=$root/tests/compute/blocked.nn
form blocked.plain '-std=c99 -O0 -ffp-contract=off' --compute bf16 --plain
form blocked '-std=gnu99 -O0' --compute bf16
near blocked blocked.plain 0.09
form blocked.3 '-std=gnu99 -O0 -DNET_THREADS=3' --compute bf16
same blocked.3 blocked
form blocked.exact "$exact" --compute bf16 --target avx512bf16
near blocked.exact blocked.plain 0.09
says blocked.d/net.c 'nn_blocked_conv(&size'
runs 0 "$net" --train --compute bf16 --dump program
what='values that are rounded'
if [ "$(grep -c ':nchw16n = round_bf16()' out)" -eq 18 ]; then ok; else bad 'not 18' out; fi

# Branches of a concat in their place, or copied there: the same bits, in less memory.
net=$root/tests/compute/branches.nn
form placed '-std=gnu99 -O0 -DNET_THREADS=2' --compute bf16
form copied '-std=gnu99 -O0' --compute bf16 --no-concat-elimination
same placed copied
form placed.exact "$exact" --compute bf16 --target avx512bf16
form copied.exact "$exact" --compute bf16 --target avx512bf16 --no-concat-elimination
same placed.exact copied.exact
for form in placed copied; do sed -n 's/^#define NET_TRAIN_SCRATCH *\([0-9]*\).*/\1/p' $form.d/net.h >$form.bytes; done
what='scratch of branches in their place'
if [ "$(cat placed.bytes)" -lt "$(cat copied.bytes)" ]; then ok; else bad 'no less' placed.bytes; fi
net=$root/tests/compute/values.nn

# ---- training -----------------------------------------------------------------------------------

# trained NAME OPTIONS…: lenet after some steps
trained() {
    name=$1
    shift
    runs 0 train "$root/dsl_examples/lenet.nn" --quiet --checkpoint-every 0 -o "$name.safetensors" "$@"
    cp out "$name.out"
}

for threads in 1 2 3; do trained tcc.$threads --compute bf16 --jit tcc --steps 12 --threads $threads; done
trained cc --compute bf16 --jit cc --steps 12 --threads 2
same tcc.2.safetensors tcc.1.safetensors
same tcc.3.safetensors tcc.1.safetensors
same cc.safetensors tcc.1.safetensors
trained chunks.1 --compute bf16 --jit tcc --steps 12 --threads 1 --reproducible
trained chunks.2 --compute bf16 --jit tcc --steps 12 --threads 2 --reproducible
same chunks.1.safetensors chunks.2.safetensors

runs 0 train "$root/dsl_examples/lenet.nn" --quiet --jit tcc --compute bf16 --steps 3 --checkpoint x.checkpoint -o x.safetensors
runs 1 train "$root/dsl_examples/lenet.nn" --quiet --jit tcc --steps 5 --checkpoint x.checkpoint --resume -o x.safetensors
says err 'cannot resume from x.checkpoint: --compute was bf16.*, now it is f32'
runs 0 train "$root/dsl_examples/lenet.nn" --quiet --jit tcc --compute bf16 --steps 5 --checkpoint x.checkpoint --resume -o x.safetensors

size=$(od -An -tu8 -N8 x.checkpoint | tr -d ' ')
tail -c +9 x.checkpoint | head -c "$size" >notes
now=$(sed -n 's/.*"run.compute":"\([^"]*\)".*/\1/p' notes)

# noted TEXT: x.checkpoint, as a run whose products are these wrote it
noted() {
    sed "s/\(\"run.compute\":\"\)[^\"]*/\1$1/" notes >header
    length=$(wc -c <header)
    {
        # shellcheck disable=SC2059 # a format of two bytes
        printf "\\$(printf %03o $((length % 256)))\\$(printf %03o $((length / 256)))\\0\\0\\0\\0\\0\\0"
        cat header
        tail -c +$((9 + size)) x.checkpoint
    } >noted.checkpoint
}

# Products of pairs are not those of floats: neither goes on where the other was.
case $now in bf16) then='bf16 with VDPBF16PS' ;; *) then=bf16 ;; esac
noted "$now"
same noted.checkpoint x.checkpoint
noted "$then"
cp noted.checkpoint before
runs 1 train "$root/dsl_examples/lenet.nn" --quiet --jit tcc --compute bf16 --steps 7 --checkpoint noted.checkpoint --resume -o y.safetensors
says err "cannot resume from noted.checkpoint: --compute was $then, now it is $now\$"
same noted.checkpoint before
what='a run that does not go on'
if [ -e y.safetensors ]; then bad 'writes weights' /dev/null; else ok; fi

# accuracy NAME: in hundredths of a point
accuracy() { sed -n 's/^test accuracy \([0-9]*\)\.\([0-9]*\) %.*/\1\2/p' "$1.out"; }

# After an epoch of digits, within a point of f32, two standard errors of a share of 2000; the
# documentation has whole runs.
trained digits.f32 --epochs 1 --jit tcc
trained digits.bf16 --epochs 1 --jit tcc --compute bf16
what='accuracy of f32 and bf16'
apart=$(($(accuracy digits.f32) - $(accuracy digits.bf16)))
if [ "$apart" -le 100 ] && [ "$apart" -ge -100 ]; then ok; else bad "$apart hundredths of a point apart" /dev/null; fi

if [ -n "$THOROUGH" ] && [ ! -d "$MNIST" ]; then
    what=MNIST
    skip 'whole runs: MNIST, a folder with it'
elif [ -n "$THOROUGH" ]; then
    for seed in 1 2 3; do
        for format in f32 bf16; do
            trained mnist.$format --data "$MNIST" --compute $format --seed $seed --epochs 3 \
                --jit tcc
            echo "mnist, seed $seed, $format: $(accuracy mnist.$format)"
        done
        what="MNIST, seed $seed"
        apart=$(($(accuracy mnist.f32) - $(accuracy mnist.bf16)))
        if [ "$apart" -le 20 ] && [ "$apart" -ge -20 ]; then ok; else bad "$apart hundredths apart" /dev/null; fi
    done
fi

# ---- memory --------------------------------------------------------------------------------------

# bytes NET OPTIONS…: of the scratch of a step
bytes() {
    "$NNC" report "$@" | sed -n 's/^  a step *[0-9,]* *\([0-9,]*\) .*/\1/p' | tr -d ,
}

# percent NET: of the scratch in f32; at most so many
percent() {
    what="memory of $1"
    f32=$(bytes "$root/dsl_examples/$1.nn")
    bf16=$(bytes "$root/dsl_examples/$1.nn" --compute bf16)
    if [ $((bf16 * 100)) -le $((f32 * $2)) ]; then ok; else bad "$bf16 of $f32" /dev/null; fi
}
percent resnet 60
percent resnet_cifar 60

# ---- wrong input ----------------------------------------------------------------------------------

runs 2 "$net" --compute fp16 -o x.c
says err "compute takes f32 or bf16, not 'fp16'"
runs 2 train "$net" --compute bf16 --stats
says err 'the values of layers cannot be seen'
runs 2 report "$net" --compute bf16 --target cortex-m4
says err 'not for microcontrollers'
conclude
