#!/bin/sh
# ONNX's backend tests, as Debian's libonnx-testdata has them: each model with its inputs and
# outputs, by `nnc check MODEL --reference FOLDER` with the tolerances of ONNX's own runner.
# Prints a table by family of models; a wrong output is a failure, and so is one that is refused
# where it passed before (the number of these is below).  Without ALL=1 a selection of operators
# is tried; with it there is a table by operator as well: models that have it and pass, and models
# that are refused because of it.  REASONS=FILE: what is refused, and how often; ONLY=PATTERN:
# folders that match.
# Then the models of this folder (make_models.py), and what concerns the weights of a model.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
data=${ONNX_TESTDATA:-/usr/include/onnx/backend/test/data}
selection='test_[bgil]*[nl]orm* test_resize* test_upsample* test_basic_conv* test_conv_* test_maxpool* test_averagepool* test_gemm* test_Linear* test_BatchNorm* test_ada* test_momentum* test_gradient* test_hardmax* test_onehot* test_cumsum* test_mod* test_round test_floor test_ceil test_gather_el* test_isnan test_isinf* test_*quantizelinear* test_qlinear* test_*integer* test_dropout_default_mask* test_PReLU* test_pow_*'
least=198
[ -z "$ALL" ] || { selection='*'; least=830; }
[ -z "$ONLY" ] || { selection=$ONLY; least=0; }
work=$tmp/work
mkdir "$work"

# ---- the backend tests ------------------------------------------------------------

# Its outputs were computed with an epsilon of 1e-2, which the model does not have; adam_multiple.onnx has it.
mistaken=test_adam_multiple

check_one() { # MODEL NUMBER
    timeout 60 "$NNC" check "$1" --reference "$(dirname "$1")" --threads 1 >"$work/$2.out" 2>&1
    echo "$? $1" >"$work/$2.status"
}

# Two at a time.
check_models() {
    local count=0 pattern model
    set -f
    set -- $selection
    set +f
    for pattern; do
        for model in "$data"/[nps]*/$pattern/model.onnx; do
            [ -f "$model" ] || continue
            case $model in */$mistaken/*) continue ;; esac
            count=$((count + 1))
            check_one "$model" $count &
            [ $((count % 2)) -ne 0 ] || wait
        done
    done
    wait
}

# RESULT FAMILY NAME STATUS MODEL for each; `reasons` has the lines of a refusal, behind the model.
list_results() {
    local status code model result
    for status in "$work"/*.status; do
        read -r code model <"$status"
        case $code in
        0) result=passed ;;
        4) result=refused ;;
        1) if grep -q -e '^wrong' -e 'this is not the net' "${status%.status}.out"; then result=wrong; else result=refused; fi ;;
        *) result=wrong ;;
        esac
        set -- "${model%/*/model.onnx}" "${model%/model.onnx}"
        echo "$result ${1##*/} ${2##*/} $code $model"
        [ "$result" != refused ] || sed -n "s|^  |$model  |p" "${status%.status}.out" >&3
    done 3>"$work/reasons" >"$work/results"
}

table_by_family() {
    awk '{ n[$2, $1]++; family[$2] = 1; all[$1]++ }
    END {
        printf "%-20s %7s %7s %7s\n", "models", "passed", "refused", "wrong"
        for (f in family) printf "%-20s %7d %7d %7d\n", f, n[f, "passed"], n[f, "refused"], n[f, "wrong"] | "sort"
        close("sort")
        printf "%-20s %7d %7d %7d\n", "all", all["passed"], all["refused"], all["wrong"]
    }' "$work/results"
}

# A model counts for each of its operators if it passes or is wrong, and for those in the way if it is refused.
table_by_operator() {
    awk '{ print $5 }' "$work/results" | xargs perl tests/onnx/operators.pl >"$work/operators"
    printf '%-28s %7s %7s %7s  %s\n' operator passed refused wrong 'first reason'
    awk -v results="$work/results" -v reasons="$work/reasons" '
    BEGIN {
        while ((getline line < results) > 0) { split(line, r, " "); result[r[5]] = r[1] }
        while ((getline line < reasons) > 0) {
            model = line; sub(/  .*/, "", model)
            op = line; sub(/^[^ ]*  /, "", op); sub(/,.*/, "", op)
            why = line; sub(/.*\): /, "", why)
            refused[op]++; listed[model] = 1
            if (!(op in reason)) reason[op] = why
        }
    }
    { for (i = 2; i <= NF; i++) {
          seen[$i] = 1
          if (result[$1] != "refused") n[$i, result[$1]]++
          else if (!($1 in listed)) { refused[$i]++; if (!($i in reason)) reason[$i] = "an input or output is no tensor of numbers" }
      } }
    END {
        for (op in seen) if (n[op, "passed"] + n[op, "wrong"] + refused[op])
            printf "%-28s %7d %7d %7d  %s\n", op, n[op, "passed"], refused[op], n[op, "wrong"], reason[op]
    }' "$work/operators" | sort
}

if [ -d "$data/node" ]; then
    check_models
    list_results
    table_by_family
    [ -z "$ALL" ] || table_by_operator
    [ -z "$REASONS" ] || sed -E 's/^[^ ]*  ([^,]*), [0-9]+ nodes? \([^)]*\)/\1/' "$work/reasons" | sort | uniq -c | sort -rn >"$REASONS"
    what='backend tests'
    grep '^wrong' "$work/results" | sort >"$work/wrong"
    passed=$(grep -c '^passed' "$work/results")
    add "$passed" "$(wc -l <"$work/wrong")"
    cat "$work/wrong"
    [ "$passed" -ge $least ] || bad "only $passed models passed, expected $least at least" /dev/null
else
    skip "$data is not there (apt install libonnx-testdata)"
fi
what=

# ---- models of this folder ---------------------------------------------------------

[ ! -d "$data/node" ] || runs 0 check tests/onnx/adam_multiple.onnx --reference "$data/node/$mistaken"

for folder in tests/onnx/models/*/; do
    runs 0 check "$folder/model.onnx" --reference "$folder" --rtol 1e-5 --atol 1e-6
    case $folder in */external/ | */functions/) runs 0 check "$folder/model.onnx" --gradients ;; esac
    [ -f "$folder/reference.safetensors" ] || continue
    runs 0 import "$folder/model.onnx" -o "$tmp/net.nn"
    runs 0 check "$tmp/net.nn" --reference "$folder/reference.safetensors" --tolerance 1e-6
done

# The batch is not in the source where one sample's axis 0 is moved; an Identity's name is kept, and a
# Dropout of ratio 0 is none.
runs 0 import tests/onnx/models/windows/model.onnx -o "$tmp/net.nn"
cp "$tmp/net.nn" "$tmp/out"
says out 'input(2x2x8)'; says out '"attn.shared"'; lacks out dropout

# Tensors that the exporter numbers are called after the modules that take them.
runs 0 import tests/onnx/models/numbered/model.onnx -o "$tmp/net.nn"
cp "$tmp/net.nn" "$tmp/out"
says out '"layers.0.attn.Mul"'; says out '"layers.1.attn.Mul"'; lacks out onnx.Mul

# A shape is that of an input which the model has.
runs 1 import tests/onnx/models/windows/model.onnx --input nope=1x2x8x8 -o "$tmp/none.nn"
says err 'has no input nope; it has '; absent "$tmp/none.nn"

# ---- weights -------------------------------------------------------------------------

# An imported model takes its inputs as they are, unless the train section gives numbers.
normalized() {
    {
        cat net.nn
        echo 'train net_net { loss mse  optimizer sgd(lr=0)  batch 1  normalize mean=[0.1, 0.2, 0.3] std=[1, 1, 2] }'
    } >trained.nn
    "$NNC" predict trained.nn --weights net.safetensors x.bin -o moved.npy && ! cmp -s own.npy moved.npy &&
        "$NNC" predict trained.nn --weights net.safetensors --set 'normalize none' x.bin -o same.npy && cmp own.npy same.npy
}

# MODEL.onnx has its own weights (and here a name that is a word of the language): as those of `nnc import` and --weights, to the last bit.
own_weights() {
    mkdir "$tmp/own"
    cp "$data/pytorch-converted/test_Conv2d/model.onnx" "$tmp/own/net.onnx"
    for _ in $(seq 105); do printf '\000\000\200\076'; done >"$tmp/own/x.bin" # 0.25
    (
        cd "$tmp/own" || exit 1
        "$NNC" import net.onnx -o net.nn &&
            "$NNC" predict net.onnx x.bin -o own.npy && "$NNC" predict net.nn --weights net.safetensors x.bin -o given.npy &&
            cmp own.npy given.npy && [ "$(wc -c <own.npy)" -eq $((128 + 80 * 4)) ] && normalized && "$NNC" show net.onnx >own.txt && grep -q '^conv1.weight ' own.txt &&
            "$NNC" net.nn --weights net.safetensors -o - >given.c && "$NNC" net.onnx -o - >own.c &&
            grep -q 'static const' own.c && sed 's/net\.onnx/net.nn/' own.c | cmp - given.c &&
            CC="$CC -O0" "$NNC" bench net.onnx --whole --reps 1 >bench.txt && "$NNC" net.onnx --train -o train.c && grep -q 'net_net_step(' train.c
    )
}
if [ -d "$data/node" ]; then
    if own_weights; then ok; else bad "a model's own weights are not those that are imported" /dev/null; fi
fi
conclude
