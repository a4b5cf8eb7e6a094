#!/bin/sh
# Times inference of one sample in int8 beside the same net in f32, and prints Markdown.  The weights
# are random after one step; the scales are those of four random images.  Beside them onnxruntime runs the
# int8 net as nnc exports it, in the QDQ form.  They take turns, each a process; a number is the median
# of ROUNDS medians.
#
#     bench/int8.sh [NET…]      only these nets, as in the table
#
# NNC ./nnc   CC gcc   FLAGS '-O3 -march=native -DNN_TEAM_HEAP'   THREADS 2   ROUNDS 5   PYTHON: one with NumPy (python3, else /usr/bin/python3)
# NODE node   TIME 1: seconds of a turn of onnxruntime   ONNXRUNTIME: the folder of onnxruntime-node, where
# node does not find it; without it the column is left out
cd "$(dirname "$0")/.." || exit 1
root=$(pwd)
NNC=$(realpath "${NNC:-./nnc}")
CC=${CC:-gcc}
FLAGS=${FLAGS:--O3 -march=native -DNN_TEAM_HEAP}
THREADS=${THREADS:-2}
ROUNDS=${ROUNDS:-5}
PYTHON=${PYTHON:-$(python3 -c "import numpy" 2>/dev/null && echo python3 || echo /usr/bin/python3)}
NODE=${NODE:-node}
TIME=${TIME:-1}
only=$*
peer=$root/bench/peers/peer_onnxruntime.js
formats='f32 int8'
if runtime=$("$NODE" "$peer" version 2>/dev/null); then
    formats="$formats qdq"
else
    echo 'int8.sh: onnxruntime is left out: npm install onnxruntime-node, and ONNXRUNTIME is its folder' >&2
fi
LC_ALL=C
export LC_ALL
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
cd "$tmp" || exit 3

"$PYTHON" - <<'END' || { echo 'int8.sh: it needs Python with NumPy (PYTHON=...)' >&2; exit 1; }
import numpy
random = numpy.random.default_rng(0)
x, y = random.random((4, 3, 224, 224), dtype=numpy.float32), numpy.array([999, 1, 2, 3])
numpy.savez('data.npz', x_train=x, y_train=y, x_test=x, y_test=y)
END

# program FORMAT WEIGHTS NET…
program() {
    format=$1
    weights=$2
    shift 2
    "$NNC" "$@" --weights "$weights" --infer --target native --batch 1 --threads "$THREADS" --prefix net --header net.h \
        --weights-out "$format.bin" -o net.c || exit 1
    # shellcheck disable=SC2086 # flags are words
    "$CC" $FLAGS -I. "$root/bench/int8.c" net.c -lm -lpthread -o "$format" || exit 1
}

# middle FORMAT: the median of its turns
middle() { sort -n "$1.turns" | awk '{ at[NR] = $1 } END { print at[int((NR + 1) / 2)] }'; }

# turn FORMAT: milliseconds of one
turn() {
    if [ "$1" = qdq ]; then
        "$NODE" "$peer" time qdq.onnx 3,224,224 "$THREADS" "$TIME" | cut -d ' ' -f 1
    else
        ./"$1" "$1.bin"
    fi
}

# ratio FORMAT OTHER
ratio() { awk -v a="$(middle "$1")" -v b="$(middle "$2")" 'BEGIN { printf "%.2f", a / b }'; }

# wanted NAME: whether it is one of those that are to be timed
wanted() { [ -z "$only" ] || case " $only " in *" $1 "*) ;; *) false ;; esac }

# row NAME NET…
row() {
    name=$1
    shift
    wanted "$name" || return 0
    rm -f ./*.turns
    made=no
    "$NNC" train "$@" --data data.npz --steps 1 --batch 2 --jit cc -o w.safetensors >log 2>&1 &&
        "$NNC" quantize "$@" --weights w.safetensors --data data.npz --samples 4 --limit 4 --jit cc \
            -o w8.safetensors >log 2>&1 && made=yes
    if [ $made = no ]; then
        cat log >&2
        exit 1
    fi
    program f32 w.safetensors "$@"
    program int8 w8.safetensors "$@"
    [ -z "$runtime" ] || "$NNC" export "$@" --weights w8.safetensors -o qdq.onnx || exit 1
    for round in $(seq "$ROUNDS"); do
        echo "$name, round $round" >&2
        for format in $formats; do turn "$format" >>"$format.turns" || exit 1; done
    done
    printf '| %s | %s | %s | %s |' "$name" "$(middle f32)" "$(middle int8)" "$(ratio int8 f32)"
    [ -z "$runtime" ] || printf ' %s | %s |' "$(middle qdq)" "$(ratio int8 qdq)"
    echo
}

echo "| one sample, $THREADS threads | f32, ms | int8, ms | ratio |${runtime:+ $runtime QDQ, ms | nnc to it |}"
echo "|---|---|---|---|${runtime:+---|---|}"
row ResNet-18 "$root/dsl_examples/resnet.nn" -D depth=18
row ResNet-50 "$root/dsl_examples/resnet.nn" -D depth=50
row GoogLeNet "$root/dsl_examples/googlenet.nn"
row 'MobileNet v2' "$root/dsl_examples/mobilenet_v2.nn"
row DenseNet-121 "$root/dsl_examples/densenet.nn"
