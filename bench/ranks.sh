#!/bin/sh
# Two ranks of one thread against one process of two threads on this machine, and PyTorch's
# DistributedDataParallel over gloo on two processes of one thread; prints Markdown.
#
# All train with the same batch, in turns.  A turn is a process, or an mpirun; its time is the median of its steps,
# but for the first and those before which an epoch ends, which is evaluated.  A cell is the median of TURNS turns;
# the ratio is the median of the turns' ratios.  A net that nnc cannot train on ranks, and a peer that is not installed, are
# left out, and standard error says why.  Of PyTorch's two layouts of images the better one counts.
#
#     bench/ranks.sh [NET…]         alexnet, vgg16, resnet50
#
# NNC ./nnc   TURNS 3   STEPS 8   TORCH_TURNS 1   TORCH_STEPS 3   JIT cc
# BATCH: of all nets (default: 32 for AlexNet, 8 for VGG-16, 16 for ResNet-50); a chunk is half of it
# PYTHON: the one that has PyTorch (default: python3, else /usr/bin/python3)
cd "$(dirname "$0")/.." || exit 1
NNC=${NNC:-./nnc}
TURNS=${TURNS:-3}
STEPS=${STEPS:-8}
TORCH_TURNS=${TORCH_TURNS:-1}
TORCH_STEPS=${TORCH_STEPS:-3}
JIT=${JIT:-cc}
if [ -z "$PYTHON" ]; then
    PYTHON=python3
    python3 -c 'import torch' 2>/dev/null || PYTHON=/usr/bin/python3
fi
LC_ALL=C
OMPI_ALLOW_RUN_AS_ROOT=1
OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
OMPI_MCA_rmaps_base_oversubscribe=1
OMPI_MCA_hwloc_base_binding_policy=none
export LC_ALL OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
export OMPI_MCA_rmaps_base_oversubscribe OMPI_MCA_hwloc_base_binding_policy
only=$*
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
say() { echo "$*" >&2; }

# npy TYPE SHAPE: the beginning of an array in NumPy's format
npy() { printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"; }

# Images of noise, of the first and the last of 1000 classes, enough for an epoch of all steps of the largest batch
images=$((${BATCH:-32} * (STEPS + 1)))
mkdir "$tmp/data"
{ npy '|u1' "$images, 3, 224, 224" && head -c $((images * 3 * 224 * 224)) /dev/urandom; } >"$tmp/data/x_train.npy"
{ npy '<u2' "$images," && printf '\347\003' && head -c $((2 * images - 2)) /dev/zero; } >"$tmp/data/y_train.npy"

median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# nnc_step COMMAND…: milliseconds of a step
nnc_step() {
    rm -f "$tmp/log.csv"
    "$@" --data "$tmp/data" --jit "$JIT" --seed 1 --batch "$batch" --steps $((STEPS + 1)) --set 'augment=crop(224)' \
        --valid 0 --checkpoint-every 0 --log "$tmp/log.csv" -o "$tmp/w.safetensors" >"$tmp/said" 2>&1 || return 1
    awk -F, '$1 == "train" { if ($2 == epoch) print 1000 * ($8 - last); last = $8; epoch = $2 }' "$tmp/log.csv" | median
}

why() { grep -v '^-*$' "$tmp/said" | grep -m 1 'error' || tail -n 1 "$tmp/said"; }

torch=$("$PYTHON" bench/peers/peer_ddp.py version 2>"$tmp/said" | tail -n 1)
[ -n "$torch" ] || say "PyTorch: left out, $(tail -n 1 "$tmp/said")"
command -v mpirun >/dev/null || { say 'there is no mpirun here' && exit 1; }

row() { # NAME BATCH NET OPTIONS…
    name=$1 batch=${BATCH:-$2} net=dsl_examples/$3.nn
    shift 3
    if [ -n "$only" ]; then case " $only " in *" $name "*) ;; *) return ;; esac; fi
    : >"$tmp/turns"
    : >"$tmp/torch"
    for turn in $(seq "$TURNS"); do
        for who in $(if [ $((turn % 2)) -eq 0 ]; then echo ranks threads; else echo threads ranks; fi); do
            if [ "$who" = ranks ]; then
                ranks=$(nnc_step mpirun -n 2 "$NNC" train "$net" "$@" --threads 1 --chunk $((batch / 2))) || break 2
            else
                threads=$(nnc_step "$NNC" train "$net" "$@" --threads 2) || break 2
            fi
        done
        say "$name, turn $turn: 2 threads $threads ms, 2 ranks $ranks ms"
        echo "$threads $ranks" >>"$tmp/turns"
        if [ -n "$torch" ] && [ "$turn" -le "$TORCH_TURNS" ]; then
            for how in '' channels_last; do
                # shellcheck disable=SC2086  # an option, or none
                "$PYTHON" bench/peers/peer_ddp.py time "$name" "$batch" 2 "$TORCH_STEPS" $how >"$tmp/time" 2>"$tmp/said" || why >&2
                say "$name, turn $turn: PyTorch${how:+, $how,} $(cut -d' ' -f1 "$tmp/time") ms"
                cut -d' ' -f1 "$tmp/time"
            done | grep . | sort -g | head -n 1 >>"$tmp/torch"
        fi
    done
    [ -s "$tmp/turns" ] || { say "$name: left out, $(why)" && return; }
    peer=$(median <"$tmp/torch")
    awk -v name="$name" -v batch="$batch" -v torch="$peer" -v threads="$(cut -d' ' -f1 "$tmp/turns" | median)" \
        -v ranks="$(cut -d' ' -f2 "$tmp/turns" | median)" -v speed="$(awk '{ print $1 / $2 }' "$tmp/turns" | median)" 'BEGIN {
        printf "| %s | %d | %.0f | %.0f | %.0f %% | %s | %s |\n", name, batch, threads, ranks, 100 * speed,
            torch ? sprintf("%.0f", torch) : "-", torch ? sprintf("%.2f", torch / ranks) : "-" }'
}

echo "| training step, ms | batch | nnc, 2 threads | nnc, 2 ranks | speed of 2 ranks | ${torch:-PyTorch}, DDP, 2 processes | DDP / 2 ranks |"
echo '|---|---:|---:|---:|---:|---:|---:|'
row alexnet 32 alexnet
row vgg16 8 vgg
row resnet50 16 resnet -D depth=50
