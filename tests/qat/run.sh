#!/bin/sh
# nnc train --quantize int8: training with simulated int8.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
here=$root/tests/qat
net=$here/depthwise.nn
layers=$root/tests/quantize/integers.nn
cd "$tmp" || exit 1
one='--threads 1 --jit tcc'

# right FILE: of the last output
right() { sed -n 's/.*(\([0-9]*\) of [0-9]*).*/\1/p' "$1" | head -1; }

# ---- channels with different scales ------------------------------------------------------------

# The same function with scales of channels from 1 to 1000: int8 cannot hold it.
what='a net that int8 is bad for'
# shellcheck disable=SC2086
runs 0 train "$net" --epochs 2 --limit 1500 $one -o even.safetensors
python3 "$here/scale.py" even.safetensors uneven.safetensors 1000 c1.weight=0,1 c1.bias=0,1 c2.weight=0,-1 \
    c3.weight=0,1 c3.bias=0,1 c4.weight=0,-1
# shellcheck disable=SC2086
runs 0 eval "$net" --weights uneven.safetensors --limit 500 $one
before=$(right out)
# shellcheck disable=SC2086
runs 0 quantize "$net" --weights uneven.safetensors --limit 500 $one -o plain8.safetensors
# shellcheck disable=SC2086
runs 0 eval "$net" --weights plain8.safetensors --limit 500 $one
plain=$(right out)
is $((before - plain)) -ge 150
# shellcheck disable=SC2086
runs 0 train "$net" --quantize int8 --init uneven.safetensors --lr 2e-3 --epochs 1 --limit 1500 $one -o q.safetensors
says err '^int8       simulated, scales from 512 samples'
simulated=$(right out)
is $((simulated - plain)) -ge 75
# shellcheck disable=SC2086
runs 0 eval "$net" --weights q.safetensors --limit 1500 $one
is "$(right out)" -eq "$simulated"
# shellcheck disable=SC2086
runs 0 quantize "$net" --weights q.safetensors --limit 200 $one -o q8.safetensors --certificate q.json
says out '^scales     learned in training with simulated int8$'
says q.json '"calibration": "learned"'
for jit in tcc cc; do
    runs 0 eval "$net" --weights q8.safetensors --limit 1500 --threads 1 --jit $jit
    is "$(right out)" -eq "$simulated"
done
runs 0 "$net" --weights q8.safetensors --plain -o q.c
says q.c 'the hash of the certificate of its weights is'
runs 0 "$net" --weights q.safetensors --plain -o q.c
says err 'q.safetensors was trained with simulated int8: nnc quantize makes int8 weights of it'

# ---- the numbers are those of the integers -------------------------------------------------------

# All sorts of layers, batchnorms folded and alone: the outputs are those of the int8 net, number by number.
what='all layers'
# shellcheck disable=SC2086
runs 0 train "$layers" --steps 20 --limit 300 $one -o layers.safetensors
# shellcheck disable=SC2086
runs 0 train "$layers" --quantize int8 --init layers.safetensors --steps 3 --limit 300 $one -o layersq.safetensors
# shellcheck disable=SC2086
runs 0 quantize "$layers" --weights layersq.safetensors --limit 100 $one -o layers8.safetensors
for w in layersq layers8; do
    # shellcheck disable=SC2086
    runs 0 eval "$layers" --weights $w.safetensors --limit 200 $one
    sed -n 's/^loss *\([0-9.]*\) .*/\1/p' out >loss_$w
done
if awk "BEGIN { d = $(cat loss_layersq) - $(cat loss_layers8); exit !(d < 1e-4 && d > -1e-4) }"; then ok; else
    bad "the simulated net's loss is $(cat loss_layersq), the int8 net's $(cat loss_layers8)"
fi

# A net with a head, whose layers are simulated as well.
what='a head'
cat >head.nn <<'END'
net hd {
    input(1x28x28)
    conv(4, 5, stride=2) as c1  batchnorm as b1  relu
    head aux (weight=0.3) { global_avgpool  flatten  dense(10) as a }
    conv(8, 3, stride=2) as c2  relu
    flatten
    dense(10) as d
}
train hd { loss cross_entropy  optimizer adam(lr=2e-3)  batch 32 }
END
# shellcheck disable=SC2086
runs 0 train head.nn --limit 300 --steps 20 $one -o hd.safetensors
# shellcheck disable=SC2086
runs 0 train head.nn --quantize int8 --init hd.safetensors --limit 300 --steps 4 $one -o hdq.safetensors
# shellcheck disable=SC2086
runs 0 quantize head.nn --weights hdq.safetensors --limit 100 $one -o hd8.safetensors
for w in hdq hd8; do
    # shellcheck disable=SC2086
    runs 0 eval head.nn --weights $w.safetensors --limit 200 $one
    sed -n 's/^loss *\([0-9.]*\) .*/\1/p' out >loss_$w
done
same loss_hdq loss_hd8
try 'the scale of the head is learned' python3 "$here/moved.py" hd.safetensors hdq.safetensors aux.a.weight \
    quantization/aux.a.qweight.scale_factor

# ---- layers that stay in f32 -----------------------------------------------------------------------

# Such a layer has its weights as they were trained, unrounded; all values keep their learned scales.
what='a layer in f32'
# shellcheck disable=SC2086
runs 0 quantize "$layers" --weights layersq.safetensors --limit 100 $one --keep c5 -o kept8.safetensors
says out '^in f32 .*c5'
try 'tensors of a layer in f32' python3 "$here/kept.py" layersq.safetensors layers8.safetensors kept8.safetensors c5
# shellcheck disable=SC2086
runs 0 eval "$layers" --weights kept8.safetensors --limit 200 $one
sed -n 's/^loss *\([0-9.]*\) .*/\1/p' out >loss_kept8
if awk "BEGIN { d = $(cat loss_kept8) - $(cat loss_layers8); exit !(d != 0 && d < 0.02 && d > -0.02) }"; then ok; else
    bad "the loss is $(cat loss_kept8) with c5 in f32, $(cat loss_layers8) in int8"
fi
# shellcheck disable=SC2086
runs 0 quantize "$net" --weights q.safetensors --limit 300 --valid 0.3 $one --max-drop 0 -o w.safetensors \
    --certificate w.json
says w.json '"max_drop": 0'
rm -f w.safetensors

# ---- checkpoints, and the same bits ----------------------------------------------------------------

what='a run in two parts'
run="--limit 200 --batch 32 --quantize int8 $one"
# shellcheck disable=SC2086
runs 0 train "$net" $run --init even.safetensors --steps 8 -o whole.safetensors
# shellcheck disable=SC2086
runs 0 train "$net" $run --init even.safetensors --steps 4 --checkpoint half.ckpt.safetensors -o half.safetensors
# shellcheck disable=SC2086
runs 0 train "$net" $run --resume half.ckpt.safetensors --steps 8 -o rest.safetensors
same whole.safetensors rest.safetensors
runs 1 train "$net" --limit 200 --batch 32 --threads 1 --jit tcc --resume half.ckpt.safetensors --steps 8 -o w.safetensors
says err 'the training was with --quantize int8, now it is in f32'
# shellcheck disable=SC2086
runs 0 train "$net" --limit 200 --batch 32 --quantize int8 --threads 2 --jit tcc --init even.safetensors --steps 8 \
    -o threads.safetensors
same whole.safetensors threads.safetensors
# Training goes on from learned scales; nothing is calibrated then.
# shellcheck disable=SC2086
runs 0 train "$net" $run --init whole.safetensors --steps 1 -o more.safetensors
says err '^int8       simulated, learned scales$'
# In chunks; and with statistics.
# shellcheck disable=SC2086
runs 0 train "$net" $run --init even.safetensors --steps 2 --reproducible -o w.safetensors
# shellcheck disable=SC2086
runs 0 train "$net" $run --init even.safetensors --steps 2 --page run.html -o w.safetensors

# ---- what is refused ------------------------------------------------------------------------------------

what='refusals'
rm -f w.safetensors
runs 2 train "$net" --quantize int8 --limit 100 -o w.safetensors
says err 'quantize trains on from weights in f32 (--init FILE)'
runs 2 train "$net" --quantize int4 --init even.safetensors --limit 100 -o w.safetensors
says err "quantize takes int8, not 'int4'"
runs 2 train "$net" --quantize int8 --compute bf16 --init even.safetensors --limit 100 -o w.safetensors
says err 'bf16 would round them again'
runs 1 eval "$net" --compute bf16 --weights q.safetensors --limit 100
says err 'the weights of q.safetensors are for int8, which is simulated in floats'
runs 1 train "$net" --limit 50 --quantize int8 --init layers.safetensors -o w.safetensors
runs 2 quantize "$net" --weights q.safetensors --limit 50 --calibration range -o w.safetensors
says err 'has scales that were learned in training'
absent w.safetensors

conclude
