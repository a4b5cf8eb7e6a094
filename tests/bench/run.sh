#!/bin/sh
# `nnc bench`: what it prints, by the shape of it: the times themselves are the
# machine's.  And bench/run.sh without its peers.
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
runs 0 bench $net --reps 1 --infer; says out ', cc$'

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

# ---- what is wrong -----------------------------------------------------------------------

runs 2 bench; says err 'missing input file'; silent out
runs 2 bench $net $plain; says err 'one file'
runs 2 bench $net --reps 0; says err 'must be from 1'
runs 2 bench $net --format json; says err "text or csv, not 'json'"
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

conclude
