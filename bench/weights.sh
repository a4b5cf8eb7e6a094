#!/bin/sh
# Times inference of one sample with weights in bf16 beside the same in f32, and prints Markdown.
# The two take turns, each a process of `nnc bench`; a number is the median of ROUNDS medians.
#
#     bench/weights.sh [NET…]       files (default: AlexNet, VGG-16, ResNet-50, ResNet-18)
#
# NNC ./nnc   THREADS 2   ROUNDS 5
cd "$(dirname "$0")/.." || exit 1
NNC=${NNC:-./nnc}
THREADS=${THREADS:-2}
ROUNDS=${ROUNDS:-5}
LC_ALL=C
export LC_ALL
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# turn FORMAT ARGUMENTS…: "FORMAT milliseconds" to `turns`, and the model's memory to FORMAT.memory
turn() {
    format=$1
    shift
    "$NNC" bench "$@" --infer --batch 1 --threads "$THREADS" --whole --weights-format "$format" >"$tmp/out" || exit 1
    sed -n "s/^  median \([0-9.]*\) ms.*/$format \1/p" "$tmp/out" >>"$tmp/turns"
    sed -n 's/^  memory: model \(.*\), scratch.*/\1/p' "$tmp/out" >"$tmp/$format.memory"
}

# middle FORMAT: the median of its turns
middle() {
    sed -n "s/^$1 //p" "$tmp/turns" | sort -n | awk '{ at[NR] = $1 } END { print at[int((NR + 1) / 2)] }'
}

# row NAME ARGUMENTS…
row() {
    name=$1
    shift
    : >"$tmp/turns"
    for round in $(seq "$ROUNDS"); do
        echo "$name, round $round" >&2
        turn f32 "$@"
        turn bf16 "$@"
    done
    f32=$(middle f32)
    bf16=$(middle bf16)
    printf '| %s | %s | %s | %s | %s | %s |\n' "$name" "$f32" "$bf16" \
        "$(awk -v a="$bf16" -v b="$f32" 'BEGIN { printf "%.2f", a / b }')" "$(cat "$tmp/f32.memory")" "$(cat "$tmp/bf16.memory")"
}

echo "| one sample, $THREADS threads | f32, ms | bf16, ms | ratio | model, f32 | model, bf16 |"
echo '|---|---|---|---|---|---|'
if [ $# -gt 0 ]; then
    for net; do row "$net" "$net"; done
    exit
fi
row AlexNet dsl_examples/alexnet.nn
row VGG-16 dsl_examples/vgg.nn
row ResNet-50 dsl_examples/resnet.nn -D depth=50
row ResNet-18 dsl_examples/resnet.nn -D depth=18
