#!/bin/sh
# ONNX's backend tests, as Debian's libonnx-testdata has them: each model with its inputs and
# outputs, by `nnc check MODEL --reference FOLDER` with the tolerances of ONNX's own runner.
# Prints a table by family of models; a wrong output is a failure, and so is one that is refused
# where it passed before (the number of these is below).  Without ALL=1 a selection of operators
# is tried.  REASONS=FILE: what is refused, and how often; ONLY=PATTERN: folders that match.
cd "$(dirname "$0")/../.." || exit 1
nnc=${NNC:-./nnc}
data=${ONNX_TESTDATA:-/usr/include/onnx/backend/test/data}
selection='test_[bgil]*[nl]orm* test_resize* test_upsample* test_basic_conv* test_conv_* test_maxpool* test_averagepool* test_gemm* test_Linear* test_BatchNorm*'
least=30
[ -z "$ALL" ] || { selection='*'; least=600; }
[ -z "$ONLY" ] || { selection=$ONLY; least=0; }
[ -d "$data/node" ] || { echo "onnx: skipped: $data is not there (apt install libonnx-testdata)"; echo "onnx: 0 passed, 0 failed"; exit 0; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

check_one() {
    folder=$(dirname "$1")
    timeout 60 "$nnc" check "$1" --reference "$folder" --threads 1 >"$work/$2.out" 2>&1
    echo "$? $folder" >"$work/$2.status"
}

# Two at a time.
count=0
set -f
set -- $selection
set +f
for pattern in "$@"; do
    for model in "$data"/[nps]*/$pattern/model.onnx; do
        [ -f "$model" ] || continue
        count=$((count + 1))
        check_one "$model" $count &
        [ $((count % 2)) -ne 0 ] || wait
    done
done
wait

for status in "$work"/*.status; do
    read -r code folder <"$status"
    case $code in
        0) result=passed ;;
        4) result=refused ;;
        1) if grep -q -e '^wrong' -e 'this is not the net' "${status%.status}.out"; then result=wrong; else result=refused; fi ;;
        *) result=wrong ;;
    esac
    echo "$result $(basename "$(dirname "$folder")") $(basename "$folder") $code"
    [ "$result" != refused ] || grep '^  ' "${status%.status}.out" >&3
done 3>"$work/reasons" >"$work/results"

awk '{ n[$2, $1]++; family[$2] = 1; all[$1]++ }
END {
    printf "%-20s %7s %7s %7s\n", "models", "passed", "refused", "wrong"
    for (f in family) printf "%-20s %7d %7d %7d\n", f, n[f, "passed"], n[f, "refused"], n[f, "wrong"] | "sort"
    close("sort")
    printf "%-20s %7d %7d %7d\n", "all", all["passed"], all["refused"], all["wrong"]
}' "$work/results"
[ -z "$REASONS" ] || sed -E 's/^ *([^,]*), [0-9]+ nodes? \([^)]*\)/\1/' "$work/reasons" | sort | uniq -c | sort -rn >"$REASONS"
grep '^wrong' "$work/results" | sort
passed=$(grep -c '^passed' "$work/results")
failed=$(grep -c '^wrong' "$work/results")

# An imported model takes its inputs as they are, unless the train section gives numbers.
normalized() {
    {
        cat net.nn
        echo 'train net_net { loss mse  optimizer sgd(lr=0)  batch 1  normalize mean=[0.1, 0.2, 0.3] std=[1, 1, 2] }'
    } >trained.nn
    "$nnc" predict trained.nn --weights net.safetensors x.bin -o moved.npy && ! cmp -s own.npy moved.npy &&
        "$nnc" predict trained.nn --weights net.safetensors --set 'normalize none' x.bin -o same.npy && cmp own.npy same.npy
}

# MODEL.onnx has its own weights (and here a name that is a word of the language): as those of `nnc import` and --weights, to the last bit.
own_weights() {
    mkdir "$work/own"
    cp "$data/pytorch-converted/test_Conv2d/model.onnx" "$work/own/net.onnx"
    for _ in $(seq 105); do printf '\000\000\200\076'; done >"$work/own/x.bin" # 0.25
    nnc=$(realpath "$nnc")
    (
        cd "$work/own" || exit 1
        "$nnc" import net.onnx -o net.nn &&
            "$nnc" predict net.onnx x.bin -o own.npy && "$nnc" predict net.nn --weights net.safetensors x.bin -o given.npy &&
            cmp own.npy given.npy && [ "$(wc -c <own.npy)" -eq $((128 + 80 * 4)) ] && normalized && "$nnc" show net.onnx >own.txt && grep -q '^conv1.weight ' own.txt &&
            "$nnc" net.nn --weights net.safetensors -o - >given.c && "$nnc" net.onnx -o - >own.c &&
            grep -q 'static const' own.c && sed 's/net\.onnx/net.nn/' own.c | cmp - given.c &&
            "$nnc" bench net.onnx --whole --reps 1 >bench.txt && "$nnc" net.onnx --train -o train.c && grep -q 'net_net_step(' train.c
    )
}
if own_weights; then passed=$((passed + 1)); else
    echo "onnx: a model's own weights are not those that are imported"
    failed=$((failed + 1))
fi
if [ "$passed" -lt $least ]; then
    echo "onnx: only $passed models passed, expected $least at least"
    failed=$((failed + 1))
fi
echo "onnx: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
