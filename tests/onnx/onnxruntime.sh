#!/bin/sh
# Models as onnxruntime runs them: ONNX's six light models, and torchvision's classifiers with random
# weights, exported by PyTorch.  Each is imported and checked, |y − expected| ≤ 1e-4 + 1e-4·|expected|.
#
#     MODELS       a folder of published models, with light/
#     ONNXRUNTIME  the folder of onnxruntime-node, where node does not find it
#     PYTHON       with torchvision (python3)
#     ONLY         a pattern of names; OPSETS (11 13); LARGEST bytes of a model file (700000000)
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
NODE=${NODE:-node} PYTHON=${PYTHON:-python3} ONLY=${ONLY:-*} OPSETS=${OPSETS:-11 13} LARGEST=${LARGEST:-700000000}

runtime() { "$NODE" tests/onnx/onnxruntime.js "$@"; }
if ! runtime version >"$tmp/version" 2>/dev/null; then
    skip "onnxruntime is not there (npm install onnxruntime-node, ONNXRUNTIME=its folder)"
    echo "$test_part: 0 passed, 0 failed"
    exit 0
fi
cat "$tmp/version"
printf '%-24s %6s %8s %6s %11s  %s\n' model opset MB lines import 'result, largest difference'

# row NAME OPSET MODEL: one line of the table
row() {
    what="$1, opset $2"
    mkdir -p "$tmp/data"
    if ! runtime run "$3" "$tmp/data" >"$tmp/out" 2>&1; then
        bad "onnxruntime does not run it"
        return
    fi
    local begin end result size
    size=$(($(wc -c <"$3") / 1000000))
    begin=$(date +%s%N)
    nnc import "$3" -o "$tmp/net.nn" >"$tmp/out" 2>"$tmp/err"
    status=$?
    end=$(date +%s%N)
    if [ $status -eq 0 ]; then
        "$NNC" check "$3" --reference "$tmp/data" --rtol 1e-4 --atol 1e-4 >"$tmp/out" 2>"$tmp/err"
        status=$?
    fi
    case $status in
    0) result="agrees, $(sed -n 's/.*largest error //p' "$tmp/out" | head -n 1)" ;;
    4) result="refused: $(sed -n '2s/^ *//p' "$tmp/err")" ;;
    *) result="WRONG: $(tail -n 1 "$tmp/out") $(tail -n 1 "$tmp/err")" ;;
    esac
    printf '%-24s %6s %8d %6d %6d ms  %s\n' "$1" "$2" "$size" "$(wc -l <"$tmp/net.nn")" $(((end - begin) / 1000000)) "$result"
    status_is 0
    rm -rf "$tmp/data" "$tmp/net.nn" "$tmp/net.safetensors"
}

for model in "${MODELS:-/nonexistent}"/light/*.onnx; do
    if [ ! -f "$model" ]; then
        skip "no light models (MODELS=FOLDER)"
        break
    fi
    name=$(basename "$model" .onnx)
    # shellcheck disable=SC2254 # ONLY is a pattern
    case $name in $ONLY) row "$name" - "$model" ;; esac
done

torch() { "$PYTHON" tests/onnx/torch_models.py "$@" 2>"$tmp/torch"; }
if ! torch list >"$tmp/names"; then
    skip "torchvision is not there (PYTHON)"
    : >"$tmp/names"
fi
while read -r name; do
    # shellcheck disable=SC2254
    case $name in $ONLY) ;; *) continue ;; esac
    # shellcheck disable=SC2086 # several opsets
    torch "$name" "$tmp" $OPSETS
    for opset in $OPSETS; do
        model=$tmp/model-$opset.onnx
        what="$name, opset $opset"
        if [ -f "$tmp/refused-$opset" ]; then
            skip "$name, opset $opset: $(cat "$tmp/refused-$opset")"
        elif [ ! -f "$model" ]; then
            bad "PyTorch does not export it" "$tmp/torch"
        elif [ "$(wc -c <"$model")" -gt "$LARGEST" ]; then
            skip "$name: larger than $LARGEST bytes"
        else
            row "$name" "$opset" "$model"
        fi
        rm -f "$model" "$tmp/refused-$opset"
    done
done <"$tmp/names"
conclude
