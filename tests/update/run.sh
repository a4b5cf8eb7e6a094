#!/bin/sh
# `update auto`: what C that trains on within a limit of memory trains is chosen.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
cd "$tmp" || exit 1
one='--threads 1 --jit tcc'
m7='--train --target cortex-m7'

cat >digits.nn <<'END'
net digits(classes=10) {
    input(1x28x28)
    conv(8, 5, stride=2) as c1  batchnorm as b1  relu
    conv(16, 3, stride=2) as c2  relu
    flatten
    dense(20) as d1  relu
    dense(classes) as d2
}

train digits {
    optimizer sgd(lr=0.01)
    batch 16
    update auto
}
END

# train itself trains all.
# shellcheck disable=SC2086
runs 0 train digits.nn -D classes=5 --classes 0,1,2,3,4 --limit 600 --epochs 2 $one -o five.safetensors

# chosen: what the last command says
chosen() { sed -n 's/^nnc: note: update auto trains \([^:]*\):.*/\1/p' err; }
# bytes: of the header's block, and the larger scratch
bytes() {
    awk '/^#define DIGITS_TRAIN_BYTES/ { block = $3 + 0 }
        /^#define DIGITS_(TRAIN|INFER)_SCRATCH/ { if ($3 + 0 > scratch) scratch = $3 + 0 }
        END { print block + scratch }' net.h
}

before=0
for limit in 10000 14000 24000 100000; do
    what="update auto in $limit"
    # shellcheck disable=SC2086
    runs 0 digits.nn $m7 --weights five.safetensors --memory-limit $limit -o net.c
    is "$(bytes)" -le $limit
    is "$(bytes)" -ge $before
    says err ": [0-9]* parameters, $(bytes) of $limit bytes$"
    lacks err 'b1\.'
    chosen | tr ',' '\n' | grep -q d2.weight || bad 'the new classes are not trained'
    before=$(bytes)
done
is "$(chosen)" = 'c1.weight, c1.bias, c2.weight, c2.bias, d1.weight, d1.bias, d2.weight, d2.bias'
lacks net.c 'running_mean\[c\] = '

what='the same again'
# shellcheck disable=SC2086
runs 0 digits.nn $m7 --weights five.safetensors --memory-limit 24000 -o net.c
cp net.c first.c
# shellcheck disable=SC2086
runs 0 digits.nn $m7 --weights five.safetensors --memory-limit 24000 -o net.c
same net.c first.c
# What is named by hand comes to the same.
# shellcheck disable=SC2046,SC2086
runs 0 digits.nn $m7 --weights five.safetensors --memory-limit 24000 --set update=all \
    $(chosen | tr -d ',' | sed 's/[^ ]*/--train-only &/g') -o net.c
same net.c first.c
# Among what is trained at all.
# shellcheck disable=SC2086
runs 0 digits.nn $m7 --weights five.safetensors --memory-limit 60000 --train-only 'd2.*' -o net.c
is "$(chosen)" = 'd2.weight, d2.bias'

what='layers in int8'
# shellcheck disable=SC2086
runs 0 quantize digits.nn -D classes=5 --classes 0,1,2,3,4 --weights five.safetensors --limit 200 --samples 32 \
    --keep d1,d2 $one -o five8.safetensors
# shellcheck disable=SC2086
runs 0 digits.nn $m7 --weights five8.safetensors --memory-limit 24000 -o net.c
is "$(bytes)" -le 24000
says err 'update auto trains .*d2.weight'
lacks err 'c2.weight'

what='refusals'
rm -f net.c net.h
# shellcheck disable=SC2086
runs 1 digits.nn $m7 --weights five.safetensors --memory-limit 2000 -o net.c
says err 'nothing of digits can be trained in 2000 bytes'
# shellcheck disable=SC2086
runs 2 digits.nn $m7 --weights five.safetensors -o net.c
says err 'use --memory-limit'
# shellcheck disable=SC2086
runs 2 digits.nn $m7 --weights five.safetensors --set update=all --memory-limit 60K --data . -o net.c
says err 'nothing is chosen here'
# shellcheck disable=SC2086
runs 1 digits.nn $m7 --weights five.safetensors --memory-limit 24000 --data nowhere -o net.c
runs 1 train digits.nn --set update=some --limit 50 -o w.safetensors
says err 'update takes all or auto, not some'
absent net.c
runs 0 digits.nn --plain -o net.c # without weights all is trained
says net.h 'digits_step'

conclude
