#!/bin/sh
# Gradient accumulation in generated C: k batches of n samples, added up, and an update are a step
# on k * n samples.
#
# The same bits come out
#   - with k = 1, whatever the net, and
#   - where the large batch is run in micro-batches of n samples and k is a power of two: then the
#     sums are made in the same order, and dividing by k rounds nothing.
# Else the order of sums differs.  Dropout's random numbers are those of the large batch.
# Batchnorm's statistics are of n samples each, so with it only k = 1 is the same.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
here=$root/tests/accumulate
cd "$tmp" || exit 1

# net FILE OPTIMIZER LINES: the layers in all their forms: clipping, decay, penalties, dropout
net() {
    cat >"$1" <<END
net small {
    input(2x9x9)
    conv(6, 3) as c1  relu
    conv(8, 3, stride=2) as c2  relu
    dropout(0.3)
    flatten
    dense(12) as d1  tanh
    dense(5) as d2  softmax
}
train small {
    loss cross_entropy
    optimizer $2
    batch 32
$3
}
END
}
net momentum.nn 'sgd(lr=0.05, momentum=0.9, weight_decay=0.01)' '    clip norm(0.5)
    regularize l1(0.001)'
net adam.nn 'adam(lr=0.01)' '    clip value(0.01)'

# whole NET FORM…, part NET FORM…: a text of each
text() {
    prefix=$1
    shift
    try "nnc $*" "$NNC" "$@" --prefix "$prefix" -o "$prefix.c"
    # shellcheck disable=SC2086
    try "$prefix.c of $*" "$CC" $flags -O0 -Wall -Wextra -Werror -DPART_THREADS=1 -DWHOLE_THREADS=3 -c "$prefix.c" \
        -o "$prefix.o"
}
drives() { # ARGUMENTS: the two texts that were made last
    try 'drive.c' "$CC" -std=gnu11 -O0 -Wall -Wextra -Werror -I. "$here/drive.c" whole.o part.o -o drive -lm -lpthread
    try "drive $*" ./drive "$@"
}

for form in --plain '--target generic'; do
    flags=-std=gnu99
    [ "$form" != --plain ] || flags='-std=c99 -pedantic'
    # shellcheck disable=SC2086
    for net in momentum.nn adam.nn "$root/tests/refs/resnet_small.nn"; do
        text whole "$net" $form --batch 8
        text part "$net" $form --batch 8
        drives exact
    done
    # shellcheck disable=SC2086
    for net in momentum.nn adam.nn; do
        text whole "$net" $form --batch 12
        text part "$net" $form --batch 4
        drives close
    done
done

# In micro-batches of 16, which the limit asks for, the same as four batches of 16.
for net in momentum.nn adam.nn; do
    text whole $net --target generic --batch 64 --memory-limit 100000
    says whole.c 'round < 4; round++) { /\* micro-batches of 16 samples'
    text part $net --target generic --batch 16
    case $net in momentum.nn) drives close ;; *) drives exact ;; esac
done
# And as these in two blocks, two and two, but for the order of sums.  Blocks count for themselves,
# so dropout would draw other numbers.
sed '/dropout/d' adam.nn >still.nn
text whole still.nn --target generic --batch 64
text part still.nn --target generic --batch 16
drives close dealt
says part.h 'PART_GRADIENTS_BYTES'
lacks part.h 'its own statistics'
runs 0 "$root/tests/refs/resnet_small.nn" --prefix part -o part.c
says part.h 'its own statistics'
runs 0 momentum.nn --infer --prefix part -o part.c
lacks part.h 'part_grad_add\|PART_GRADIENTS'

# With hooks, which hear of each gradient when it is final; also one that is added a slice at a time.
sed 's/dense(12) as d1/dense(60000) as d1/' adam.nn >wide.nn
for form in --plain '--target generic'; do
    flags=-std=gnu99
    [ "$form" != --plain ] || flags='-std=c99 -pedantic'
    for net in momentum.nn wide.nn "$root/tests/refs/resnet_small.nn"; do
        [ "$form $net" != '--plain wide.nn' ] || continue # which adds whole gradients
        case $net in */resnet_small.nn) first=fc.weight ;; *) first=d2.weight ;; esac
        # shellcheck disable=SC2086
        text part "$net" $form --batch 8 --hooks
        try 'hooks.c' "$CC" -std=gnu11 -O1 -Wall -Wextra -Werror -I. "$here/hooks.c" part.o -o hooks -lm -lpthread
        try "hooks of $net $form" ./hooks $first
        [ "$net" != wide.nn ] || slices=$(grep -c 'd1_weight_accumulate(.*gradients->d1_weight' part.c)
    done
done
what='slices of a large gradient'
is "$slices" -eq 6 # of two entry points
text part adam.nn --target generic --batch 64 --memory-limit 100000 --hooks
try 'hooks.c' "$CC" -std=gnu11 -O1 -I. "$here/hooks.c" part.o -o hooks -lm -lpthread
try 'hooks in micro-batches' ./hooks d2.weight
runs 0 adam.nn --prefix part -o part.c
lacks part.c 'hooks->\|part_step_hooked'
runs 2 adam.nn --infer --hooks -o part.c
says err '^nnc: --hooks is for training, and nothing is trained here'

# Against PyTorch, through the module of Python.
CFLAGS=-O0 runs 0 build "$here/reference.nn" --plain --python -o accumulated.py
python=
for p in python3 /usr/bin/python3; do
    [ -n "$python" ] || ! "$p" -c 'import numpy' 2>/dev/null || python=$p
done
if [ -n "$python" ]; then
    try "PyTorch's steps" "$python" "$here/reference_steps.py" "$here/reference.safetensors"
else skip "no python3 with NumPy: PyTorch's numbers were not compared"; fi

conclude
