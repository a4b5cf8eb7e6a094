#!/bin/sh
# Times --compute bf16 beside f32 and beside PyTorch's autocast to bf16: a step of training, and inference of
# one sample.  Prints Markdown.  All take turns, each a process (program.c, peers/peer_torch.py); a number is
# the median of ROUNDS medians, in milliseconds.  PyTorch's memory layout is the better of its two in the
# first round.
#
#     bench/bf16.sh [NET…]      only these nets, as in the table
#
# NNC ./nnc   CC cc   FLAGS '-std=gnu11 -O2 -march=native'   THREADS 2   ROUNDS 5   TIME 2: seconds of a turn
# MODES 'train infer'   PYTHON: one with PyTorch (python3, else /usr/bin/python3); without it its columns are left out
cd "$(dirname "$0")/.." || exit 1
root=$(pwd)
NNC=$(realpath "${NNC:-./nnc}")
CC=${CC:-cc}
FLAGS=${FLAGS:--std=gnu11 -O2 -march=native}
THREADS=${THREADS:-2}
ROUNDS=${ROUNDS:-5}
TIME=${TIME:-2}
MODES=${MODES:-train infer}
PYTHON=${PYTHON:-$(python3 -c "import torch" 2>/dev/null && echo python3 || echo /usr/bin/python3)}
only=$*
peer=$root/bench/peers/peer_torch.py
torch=$("$PYTHON" "$peer" version 2>/dev/null) || echo 'bf16.sh: PyTorch is left out: python3-torch, python3-torchvision' >&2
LC_ALL=C
export LC_ALL
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # they would hold PyTorch back
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
cd "$tmp" || exit 3

# program FORMAT MODE BATCH NET…
program() {
    format=$1 mode=$2 batch=$3
    shift 3
    "$NNC" "$@" "--$mode" --compute "$format" --batch "$batch" --threads "$THREADS" --prefix net --header net.h -o net.c || exit 1
    # shellcheck disable=SC2086 # flags are words
    "$CC" $FLAGS -I. "$root/bench/program.c" net.c -lm -lpthread -o "$format" || exit 1
}

# middle CONTESTANT: the median of its turns
middle() { sort -n "$1.turns" | awk '{ at[NR] = $1 } END { print at[int((NR + 1) / 2)] }'; }

# ratio CONTESTANT OTHER
ratio() { awk -v a="$(middle "$1")" -v b="$(middle "$2")" 'BEGIN { printf "%.2f", a / b }'; }

# turn CONTESTANT MODE BATCH MODEL: adds its median
turn() {
    case $1 in
    torch) "$PYTHON" "$peer" time "$4" "$3" "$2" "$THREADS" "$TIME" bf16 ;;
    torch_last) "$PYTHON" "$peer" time "$4" "$3" "$2" "$THREADS" "$TIME" channels_last bf16 ;;
    *) ./"$1" "$2" "$TIME" ;;
    esac >said || exit 1
    read -r median least resident runs <said
    echo "$median" >>"$1.turns"
    echo "    $1: $median ms, least $least, $runs runs, $resident MB" >&2
}

# wanted NAME: whether it is one of those that are to be timed
wanted() { [ -z "$only" ] || case " $only " in *" $1 "*) ;; *) false ;; esac }

# row NAME MODE BATCH MODEL NET…
row() {
    name=$1 mode=$2 batch=$3 model=$4
    shift 4
    wanted "$name" || return 0
    case " $MODES " in *" $mode "*) ;; *) return 0 ;; esac
    rm -f ./*.turns
    for format in f32 bf16; do program $format "$mode" "$batch" "$@"; done
    who="f32 bf16${torch:+ torch torch_last}"
    for round in $(seq "$ROUNDS"); do
        echo "$name, $mode, batch $batch, round $round" >&2
        for contestant in $who; do turn "$contestant" "$mode" "$batch" "$model"; done
        [ -z "$torch" ] || [ "$round" -gt 1 ] ||
            who="f32 bf16 $(awk -v one="$(cat torch.turns)" -v other="$(cat torch_last.turns)" \
                'BEGIN { print (one <= other ? "torch" : "torch_last") }')"
    done
    case $mode in train) what="$name, step of $batch" ;; *) what="$name, one sample" ;; esac
    printf '| %s | %s | %s | %s |' "$what" "$(middle f32)" "$(middle bf16)" "$(ratio bf16 f32)"
    [ -z "$torch" ] || printf ' %s | %s |' "$(middle "${who##* }")" "$(ratio bf16 "${who##* }")"
    echo
}

sgd='optimizer=sgd(lr=0.01, momentum=0.9)'
echo "| $THREADS threads | f32, ms | bf16, ms | ratio |${torch:+ $torch autocast, ms | nnc bf16 to it |}"
echo "|---|---|---|---|${torch:+---|---|}"
row ResNet-50 train 8 resnet50 "$root/dsl_examples/resnet.nn" -D depth=50 --set "$sgd"
row DenseNet-121 train 8 densenet121 "$root/dsl_examples/densenet.nn" --set "$sgd"
row ResNet-18 train 8 resnet18 "$root/dsl_examples/resnet.nn" --set "$sgd"
row VGG-16 train 4 vgg16 "$root/dsl_examples/vgg.nn" --set "$sgd"
row ResNet-50 infer 1 resnet50 "$root/dsl_examples/resnet.nn" -D depth=50
row DenseNet-121 infer 1 densenet121 "$root/dsl_examples/densenet.nn"
row ResNet-18 infer 1 resnet18 "$root/dsl_examples/resnet.nn"
row VGG-16 infer 1 vgg16 "$root/dsl_examples/vgg.nn"
