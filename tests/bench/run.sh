#!/bin/sh
# `nnc bench`: what it prints, by the shape of it: the times themselves are the
# machine's.  And bench/run.sh without its peers, and the formulas of bench/scale.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
net=tests/refs/lenet_sgd.nn
plain=tests/refs/conv_3x3.nn

holds() { # WHAT AWK-PROGRAM: over the CSV, status 0
    if awk -F, "$2" "$tmp/out"; then ok; else bad "$1"; fi
}

# ---- text ------------------------------------------------------------------------------

runs 0 bench $net --jit tcc --reps 3 --threads 2; silent err
says out '^lenet.*: 61,706 parameters, batch 8, 2 threads, tcc$'
says out '^machine: .*GFLOP/s, memory .*GB/s$'
for pass in inference 'training step'; do
    says out "^$pass\$"
    says out "^$pass, call by call"; says out "^$pass, by operator"; says out "^$pass, the most expensive calls"
done
says out 'median .* ms, least .* ms, of 3 runs; .* samples/s'
says out 'memory: model .*, scratch '
says out '^call  *layer  *operator  *result  *ms  *share  *GFLOP/s  *of peak  *MB  *GB/s$'
says out 'conv.dweight'; says out 'sgd'; says out 'all calls .* 100.0%'; says out 'the pass by itself'
what='the most expensive calls'
lines=$(awk '/^inference, the most expensive/ { on = 1; next } /^$/ { on = 0 } on' "$tmp/out" | wc -l)
is "$lines" -eq 6

runs 0 bench $net --jit tcc --reps 2 --infer; lacks out 'training'; says out inference
runs 0 bench $net --jit tcc --reps 2 --train --whole; lacks out 'inference'; lacks out 'call by call'; lacks out 'GB/s'
runs 0 bench $plain --jit tcc --reps 2; lacks out 'training'; says out 'batch 1'
CC="$CC -O0" runs 0 bench $net --reps 1 --infer; says out ', cc$'

# ---- CSV -------------------------------------------------------------------------------

runs 0 bench $net --jit tcc --reps 3 --format csv; silent err
holds 'columns' 'NF != 15 { bad = 1 } END { exit bad || NR < 20 }'
holds 'the head' 'NR == 1 { exit $1 != "kind" || $9 != "median_ms" || $15 != "gbytes_per_s" }'
holds 'one machine' '$1 == "machine" { n++; bad = !($12 > 0.1 && $15 > 0.01) } END { exit n != 1 || bad }'
holds 'two passes' '$1 == "whole" { n++; if (!($8 == 3 && $10 <= $9 && $10 > 0)) bad = 1 } END { exit n != 2 || bad }'
holds 'calls in order' '$1 == "call" { if ($2 != pass) { pass = $2; at = 0 } if ($3 != ++at) bad = 1 } END { exit bad }'
holds 'ranks' '$1 == "call" { if (seen[$2, $4]++ || $4 < 1) bad = 1; count[$2]++; if ($4 > top[$2]) top[$2] = $4 }
    END { for (p in count) if (top[p] != count[p]) bad = 1; exit bad }'
holds 'the first in rank costs most' '$1 == "call" { if ($4 == 1) first[$2] = $9; if ($9 > most[$2]) most[$2] = $9 }
    END { for (p in most) if (first[p] != most[p]) bad = 1; exit bad }'
holds 'the sum is the sum' '$1 == "call" { s[$2] += $9; f[$2] += $11; b[$2] += $14 }
    $1 == "sum" { n++; if (($9 - s[$2]) ^ 2 > (0.001 * s[$2]) ^ 2 || f[$2] != $11 || b[$2] != $14) bad = 1 }
    END { exit n != 2 || bad }'
# c1 of a batch of 8: 2 * 8 * 6*28*28 * 25 for the multiply-adds, and the bias.
holds 'operations of a convolution' '$1 == "call" && $2 == "inference" && $6 == "conv" { exit !($11 >= 1881600 && $11 <= 1881600 + 8 * 4704) }'
# Its gradient by the weights: the multiply-adds; x, dy and dweight in bytes.
holds 'cost of a gradient' '$6 == "conv.dweight" && $7 == "6x1x5x5" { n++; bad = $11 != 1881600 || $14 != 4 * (8 * 1024 + 8 * 4704 + 150) }
    END { exit n != 1 || bad }'

# ---- weights; what is multiplied has a peak of its own ---------------------------------------

runs 0 train $net --limit 200 --steps 2 --jit tcc -o "$tmp/w.safetensors"
runs 0 quantize $net --weights "$tmp/w.safetensors" --samples 16 --limit 20 --jit tcc -o "$tmp/w8.safetensors"
runs 0 bench $net --weights "$tmp/w.safetensors" --infer --jit tcc --reps 2; silent err; lacks out ' in int8'
runs 0 bench $net --weights "$tmp/w8.safetensors" --jit tcc --reps 2; silent err; lacks out 'training step'
says out '^machine: .* at most [0-9.]* GFLOP/s, [0-9.]* in int8, memory '; says out 'c1 *quantized_conv'
runs 0 bench $net --weights "$tmp/w8.safetensors" --jit tcc --reps 2 --format csv
holds 'a peak of int8' '$1 == "peak" { n++; bad = $6 != "int8" || $12 < 0.1; peak = $12 } $1 == "machine" { flops = $12 }
    $1 == "call" && $6 == "quantized_conv" { m++; if (($12 / peak - $13) ^ 2 > (0.001 * $13) ^ 2) bad = 1 }
    $1 == "call" && $6 == "softmax" { m++; if (($12 / flops - $13) ^ 2 > (0.001 * $13) ^ 2) bad = 1 }
    END { exit n != 1 || m != 3 || bad }'
runs 0 export $net --weights "$tmp/w8.safetensors" -o "$tmp/w8.onnx"
runs 0 bench "$tmp/w8.onnx" --jit tcc --reps 2; says out 'quantized_conv'
runs 1 bench $net --weights "$tmp/w8.safetensors" --train; says err 'w8.safetensors has int8 weights, which are for inference'
runs 1 bench $net --weights "$tmp/none"; says err 'none'; silent out

# ---- what is wrong -----------------------------------------------------------------------

runs 2 bench; says err 'missing input file'; silent out
runs 2 bench $net $plain; says err 'one file'
runs 2 bench $net --reps 0; says err 'must be from 1'
runs 2 bench $net --format json; says err "text or csv, not 'json'"
# As many threads as are asked for; without, one for each processor that the process is bound to.
runs 0 bench $net --jit tcc --reps 1 --threads 96
says out '^lenet.*, 96 threads, tcc$'
if have taskset; then
    try 'taskset -c 0 nnc bench' taskset -c 0 "$NNC" bench $net --jit tcc --reps 1
    says out '^lenet.*, 1 thread, tcc$'
else skip 'no taskset: one processor of several was not tried'; fi
runs 2 bench $net --threads 0
runs 2 bench $net --rep; says err 'reps\|needs an argument'
runs 1 bench missing.nn; says err 'missing.nn'; silent out
runs 1 bench $net --train --reps 1 --set loss=nosuch; says err "loss takes"; silent out
runs 0 bench $plain --train --reps 1 --jit tcc; says out "training step" # a class at each place
if [ -w /dev/full ]; then
    what='nnc bench >/dev/full'
    : >"$tmp/out"
    "$NNC" bench $plain --jit tcc --reps 1 --whole >/dev/full 2>"$tmp/err"
    status=$?
    status_is 3
fi

# ---- bench/run.sh --------------------------------------------------------------------------

what='bench/run.sh mlp, without peers'
PYTHON=false NODE=false ROUNDS=1 TIME=0 NNC=$NNC sh bench/run.sh mlp >"$tmp/out" 2>"$tmp/err"
status=$?
status_is 0
says out '^| training step, ms | mlp b64 |$'; says out '^| nnc | [0-9.]* |$'
says out 'PyTorch is not installed'; says out 'onnxruntime is not installed'
says err 'PyTorch: left out'; lacks out '^| PyTorch'

# ---- bench/scale: cases that were computed by hand ------------------------------------------

# A pass of 4 s with gradients of 4000 bytes at 1 s and at 3 s, and of 6 s for 8 samples.  A message takes
# 1.25 s and 1 ms a byte, an addition 0.25 ms a byte.
cat >"$tmp/four" <<'END'
profile toy 4
compute 1
gradient 4000 0.5 last
compute 2
gradient 4000 0.5 first
compute 1
END
cat >"$tmp/eight" <<'END'
profile toy 8
compute 3
gradient 8000 1 all
compute 3
END
try 'bench/scale/scale.c' "$CC" -std=gnu11 -O1 -Wall -Wextra -Werror bench/scale/scale.c -o "$tmp/scale" -lm

# step RANKS SECONDS OPTIONS…: of the step
step() {
    what="scale, $1 ranks: $3 $4 $5 $6 $7 $8"
    ranks=$1 want=$2
    shift 2
    "$tmp/scale" --latency 1e6 --overhead 250000 --gbit 8e-6 --add 4e-6 --ranks "$ranks" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
    status_is 0
    holds "$want s" "NR == 2 { d = \$11 - $want; exit d * d > 1e-10 }"
}
four="--per-rank 4 $tmp/four"
# shellcheck disable=SC2086
{
    step 1 5 $four
    step 2 16.5 $four                                   # 4 + (1.25 + 4 + 1) + (1.25 + 4) + 1
    holds 'efficiency' 'NR == 2 { exit $13 != 0.30303 || $14 != "bandwidth" }'
    step 3 20 $four                                     # 4 + (1.5 + 16/3 + 4/3) + (1.5 + 16/3) + 1
    step 4 22 $four                                     # 4 + (1.75 + 6 + 1.5) + (1.75 + 6) + 1
    step 4 26 $four --algorithm ring                    # 4 + 6 × 1.25 + 12 + 1.5 + 1
    step 4 23.5 $four --algorithm halving               # 4 + 4 × 1.25 + 12 + 1.5 + 1
    step 3 37 $four --algorithm halving                 # 4 + 4 × 1.25 + 2 × (4 + 8) + 3 + 1
    step 4 46 $four --algorithm binomial                # 4 + 2 × (1.25 + 8 + 2) + 2 × (1.25 + 8) + 1
    step 2 16 $four --overlap --bucket 0                # 1 + 7 + 7, with 4 s meanwhile; + 1
    holds 'hidden' 'NR == 2 { exit $8 != 14 || $9 != 3 }'
    step 2 15.5 $four --overlap                         # 3 + 11.5 + 1: a bucket of both
    step 2 15 $four --overlap --shard                   # 3 + 6.25 + 0.5 + 5.25
    step 2 15.5 $four --overlap --shard --bucket 0      # 1 + 2 × (1.25 + 2 + 0.5 + 0.25 + 1.25 + 2)
    step 2 16 $four --shard                             # 4 + 6.25 + 0.5 + 5.25
    step 2 24.5 $four --cpu 1e6                         # the processor takes 8 s where the link takes 4
    step 2 22.5 $four --share 2                         # 8 + (1.25 + 4 + 2) + 5.25 + 2
    step 2 14 $four --speed 2                           # 2 + 11.5 + 0.5
    step 1 6 "$tmp/eight" --per-rank 6 "$tmp/four"      # 5 + 1
    step 1 9 "$tmp/eight" --per-rank 12 "$tmp/four"     # 8 + 1
    step 1 5 "$tmp/eight" --per-rank 2 "$tmp/four"
    # Chunks 0 1, 2 3 4 and 5 6 7: 1, 2 and 2 nodes of the tree; 12 + 2 × 2 for a rank's own,
    # (2 + 4 × 8/3 + 4 × 2/3) + (1.5 + 16/3), and 1.
    step 3 39.1666666667 --batch 32 --chunk 4 "$tmp/four"
    step 9 0 --batch 32 --chunk 4 "$tmp/four"
    holds 'no more ranks than chunks' 'NR == 2 { exit !($11 == "" && $14 == "chunks") }'
}

# refused PATTERN ARGUMENTS…
refused() {
    what="scale $2 $3"
    pattern=$1
    shift
    "$tmp/scale" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
    status_is 2
    says err "$pattern"
    silent out
}
refused 'no profile'
refused 'cannot read' "$tmp/missing"
refused '.--per-rank, or --batch and --chunk' "$tmp/four"
refused 'batch of 10 is not a multiple of the chunk of 4' --batch 10 --chunk 4 "$tmp/four"
refused 'ring' --algorithm tree "$tmp/four"
refused 'takes a number from 0' --latency x "$tmp/four"

# A profile has all of a net's parameters, in the order of the backward pass, and the time of the pass.
runs 0 bench $net --jit tcc --reps 1 --train --format csv
cp "$tmp/out" "$tmp/calls"
what=bench/scale/profile.awk
awk -F, -v net=lenet -v samples=8 -v optimizer=sgd -f bench/scale/profile.awk "$tmp/calls" >"$tmp/out"
least=$(awk -F, '$1 == "whole" { w = $10 } $1 == "call" { s += $10 } END { print w < s ? w : s }' "$tmp/calls")
is "$(awk '$1 == "gradient" { bytes += $2 } END { print bytes }' "$tmp/out")" -eq $((4 * 61706))
is "$(awk '$1 == "gradient" { print $4; exit }' "$tmp/out")" = d3.weight
is "$(awk '$1 == "gradient" { name = $4 } END { print name }' "$tmp/out")" = c1.bias
awk -v least="$least" '{ s += $1 == "compute" ? $2 : $1 == "gradient" ? $3 : 0 }
    END { d = 1000 * s / least - 1; exit d * d > 1e-8 }' "$tmp/out"
status=$?
status_is 0

conclude
