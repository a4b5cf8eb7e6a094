#!/bin/sh
# Times what nnc writes against PyTorch and onnxruntime, and prints Markdown.
#
# For each net the C of nnc becomes a program (program.c); then that program and
# the peers (peers/) take turns, so that whatever else the machine does meets all
# of them alike.  A turn is a process: it warms up, runs for TIME seconds and says
# its median.  A cell of a table is the median of ROUNDS turns.  PyTorch's memory
# layout is the better of its two in the first round.  A peer that is not
# installed is left out, and the text says so.
#
#     bench/run.sh [NET…]       only these nets, as in the tables' heads
#
# NNC ./nnc   CC cc   THREADS 2   ROUNDS 5   TIME 2   NODE node
# PYTHON: the one that has PyTorch (default: python3, else /usr/bin/python3)
# ONNXRUNTIME: the folder of onnxruntime-node, where node does not find it
# RESULTS=1: the text goes to bench/RESULTS.md as well
cd "$(dirname "$0")/.." || exit 1
NNC=${NNC:-./nnc}
CC=${CC:-cc}
THREADS=${THREADS:-2}
ROUNDS=${ROUNDS:-5}
TIME=${TIME:-2}
if [ -z "$PYTHON" ]; then
    PYTHON=python3
    python3 -c 'import torch' 2>/dev/null || PYTHON=/usr/bin/python3
fi
NODE=${NODE:-node}
LC_ALL=C
export LC_ALL
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # they would hold PyTorch back
only=$*
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
turns=$tmp/turns # KEY CONTESTANT median_ms resident_mb, a line for each turn
costs=$tmp/costs # KEY flop peak_gflops
: >"$turns"
: >"$costs"

say() { echo "$*" >&2; }

# ---- who takes part -------------------------------------------------------------------

# present NAME COMMAND…: its version, or nothing and a line about it
present() {
    name=$1
    shift
    if "$@" >"$tmp/version" 2>"$tmp/why"; then
        tail -n 1 "$tmp/version"
    else
        say "$name: left out, $(tail -n 1 "$tmp/why")"
    fi
}

torch=$(present PyTorch "$PYTHON" bench/peers/peer_torch.py version)
ort=$(present onnxruntime "$NODE" bench/peers/peer_onnxruntime.js version)
if [ -n "$ort" ] && [ -z "$torch" ]; then
    say "onnxruntime: left out, its models are written by PyTorch, which is not there"
    ort=
fi

# ---- one row ----------------------------------------------------------------------------

# build NET MODE BATCH OPTIONS…: $tmp/program
build() {
    net=$1 mode=$2 batch=$3
    shift 3
    "$NNC" "dsl_examples/$net.nn" "$@" "--$mode" --batch "$batch" --threads "$THREADS" --prefix net -o "$tmp/net.c" &&
        "$CC" -std=gnu11 -O2 -march=native -I"$tmp" bench/program.c "$tmp/net.c" -o "$tmp/program" -lm -pthread
}

# cost KEY NET MODE BATCH OPTIONS…: operations of a pass, and the machine's peak now
cost() {
    key=$1 net=$2 mode=$3 batch=$4
    shift 4
    "$NNC" bench "dsl_examples/$net.nn" "$@" "--$mode" --batch "$batch" --threads "$THREADS" \
        --whole --reps 1 --jit tcc --format csv >"$tmp/cost" || return 1
    awk -F, -v key="$key" '$1 == "machine" { peak = $12 } $1 == "whole" { flop = $11 } END { print key, flop, peak }' \
        "$tmp/cost" >>"$costs"
}

# turn KEY CONTESTANT COMMAND…
turn() {
    key=$1 who=$2
    shift 2
    if "$@" >"$tmp/said" 2>"$tmp/why"; then
        read -r median least resident runs <"$tmp/said"
        echo "$key $who $median $resident" >>"$turns"
        say "    $who: $median ms, least $least, $runs runs, $resident MB"
    else
        say "    $who: failed, $(tail -n 1 "$tmp/why")"
    fi
}

# slower KEY: of PyTorch's layouts, after the first round; it takes no more part
slower() {
    awk -v key="$1" '$1 == key && $2 ~ /^torch/ { time[$2] = $3 }
        END { print !("torch_last" in time) || ("torch" in time && time["torch"] <= time["torch_last"]) ? "torch_last" : "torch" }' "$turns"
}

torch_turn() { # KEY CONTESTANT NAME BATCH MODE [LAYOUT]
    key=$1 who=$2
    shift 2
    turn "$key" "$who" "$PYTHON" bench/peers/peer_torch.py time "$1" "$2" "$3" "$THREADS" "$TIME" "${4:-}"
}

# row NAME MODE BATCH NET OPTIONS…
row() {
    name=$1 mode=$2 batch=$3 net=$4
    shift 4
    key=$mode.$name.b$batch
    if [ -n "$only" ]; then case " $only " in *" $name "*) ;; *) return ;; esac; fi
    say "$name, $mode, batch $batch"
    cost "$key" "$net" "$mode" "$batch" "$@" && build "$net" "$mode" "$batch" "$@" || exit 1
    if [ -n "$ort" ] && [ "$mode" = infer ]; then
        "$PYTHON" bench/peers/peer_torch.py export "$name" "$tmp/net.onnx" >"$tmp/said" 2>"$tmp/why" ||
            say "    onnx: failed, $(tail -n 1 "$tmp/why")"
    fi
    case $name in lenet) shape=1,32,32 ;; mlp) shape=1,28,28 ;; cifar) shape=3,32,32 ;; *) shape=3,224,224 ;; esac
    out=
    for round in $(seq "$ROUNDS"); do
        say "  round $round"
        turn "$key" nnc "$tmp/program" "$mode" "$TIME"
        if [ -n "$torch" ]; then
            [ "$out" = torch ] || torch_turn "$key" torch "$name" "$batch" "$mode"
            [ "$out" = torch_last ] || torch_turn "$key" torch_last "$name" "$batch" "$mode" channels_last
            [ -n "$out" ] || out=$(slower "$key")
        fi
        if [ -n "$ort" ] && [ -s "$tmp/net.onnx" ]; then
            turn "$key" onnxruntime "$NODE" bench/peers/peer_onnxruntime.js time "$tmp/net.onnx" $shape "$THREADS" "$TIME"
        fi
    done
    rm -f "$tmp/net.onnx"
    if [ -n "$out" ]; then # the one that is left is PyTorch
        awk -v key="$key" -v out="$out" '$1 != key || $2 != out' "$turns" >"$tmp/kept" && mv "$tmp/kept" "$turns"
    fi
}

# ---- the text -------------------------------------------------------------------------------

# table MODE: of the times; then of the memory
table() {
    awk -v mode="$1" -v torch="$torch" -v ort="$ort" '
    function median(list, count, sorted, i, k, t) {
        split(list, sorted, " ")
        for (i = 2; i <= count; i++)
            for (k = i; k > 1 && sorted[k - 1] + 0 > sorted[k] + 0; k--) {
                t = sorted[k]; sorted[k] = sorted[k - 1]; sorted[k - 1] = t
            }
        return count % 2 ? sorted[(count + 1) / 2] : (sorted[count / 2] + sorted[count / 2 + 1]) / 2
    }
    function digits(x) { return sprintf(x < 1 ? "%.3f" : x < 10 ? "%.2f" : x < 100 ? "%.1f" : "%.0f", x) }
    function time_of(who, key) { return count[key, who] ? median(times[key, who], count[key, who]) : 0 }
    function line(label, kind, i, cells) {
        cells = "| " label " |"
        for (i = 1; i <= keys; i++) cells = cells " " cell(kind, name[i]) " |"
        print cells
    }
    function torch_of(key) { return time_of("torch", key) + time_of("torch_last", key) } # one of them is 0
    function best_peer(key, t, o) {
        t = torch_of(key); o = time_of("onnxruntime", key)
        return !o || (t && t < o) ? t : o
    }
    function share(key) { return 100 * flop[key] / (time_of("nnc", key) * 1e6 * peak) }
    function memory(who, key) { return who == "torch" ? mb[key, "torch"] + mb[key, "torch_last"] : mb[key, who] }
    function cell(kind, key, t) {
        if (kind == "share") return time_of("nnc", key) && peak ? sprintf(share(key) < 10 ? "%.1f %%" : "%.0f %%", share(key)) : "-"
        if (kind == "ratio") return best_peer(key) && time_of("nnc", key) ? sprintf("%.2f", best_peer(key) / time_of("nnc", key)) : "-"
        if (kind ~ /^mb /) return (t = memory(substr(kind, 4), key)) ? t : "-"
        t = kind == "torch" ? torch_of(key) : time_of(kind, key)
        if (!t) return "-"
        return digits(t) (kind == "torch" && time_of("torch_last", key) ? " (channels last)" : "")
    }
    function head(title, i, one, two) {
        one = "| " title " |"; two = "|---|"
        for (i = 1; i <= keys; i++) {
            split(name[i], part, ".")
            one = one " " part[2] (mode == "train" ? " " part[3] : "") " |"
            two = two "---:|"
        }
        print one; print two
    }
    FILENAME == ARGV[1] { flop[$1] = $2; if ($3 > peak) peak = $3; next }
    index($1, mode ".") == 1 {
        if (!($1 in seen)) { seen[$1] = 1; name[++keys] = $1 }
        times[$1, $2] = times[$1, $2] " " $3
        count[$1, $2]++
        if ($4 + 0 > mb[$1, $2] + 0) mb[$1, $2] = $4
    }
    END {
        if (!keys) exit
        head(mode == "infer" ? "inference, batch 1, ms" : "training step, ms")
        line("nnc", "nnc")
        if (mode == "infer" && ort) line(ort, "onnxruntime")
        if (torch) line(torch, "torch")
        if (torch || ort) line("best peer / nnc", "ratio")
        line("nnc, of the machine'"'"'s peak", "share")
        print ""
        head(mode == "infer" ? "resident at most, MB" : "resident at most, training, MB")
        line("nnc", "mb nnc")
        if (mode == "infer" && ort) line(ort, "mb onnxruntime")
        if (torch) line(torch, "mb torch")
        print ""
    }' "$costs" "$turns"
}

# The peak is the best that was seen beside any of the rows.
machine() {
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
    "$NNC" bench dsl_examples/lenet.nn --infer --reps 3 --jit tcc --threads "$THREADS" --format csv >"$tmp/cost"
    awk -F, '$1 == "machine" { print "machine", 0, $12, $6, $15 }' "$tmp/cost" >>"$costs"
    awk -v cpu="${cpu:-unknown}" -v threads="$THREADS" '$3 > peak { peak = $3 } { kernels = $4; bandwidth = $5 }
        END { printf "Machine: %s; %d threads, %s: %.0f GFLOP/s at most, memory %.0f GB/s.\n", cpu, threads, kernels, peak, bandwidth }' \
        "$costs"
}

text() {
    cat <<END
# nnc beside its peers

Written by \`make bench RESULTS=1\`; \`bench/run.sh\` says how it is done. Every number is the median of $ROUNDS turns of $TIME s, in which all take part one after the other. Training is SGD with momentum on random data. Resident memory is that of the whole process: for nnc the program that its C becomes.

$(machine) nnc's C is compiled by $("$CC" --version | head -n 1), \`-O2 -march=native\`.

END
    [ -n "$torch" ] || printf 'PyTorch is not installed here.\n\n'
    [ -n "$ort" ] || printf 'onnxruntime is not installed here, or has no models.\n\n'
    table infer
    table train
    [ -n "$only" ] || bf16_table
    [ -n "$only" ] || weights_table
    [ -n "$only" ] || int8_table
}

# Computing in bf16, of all rows: see bf16.sh.
bf16_table() {
    NNC=$NNC CC=$CC THREADS=$THREADS ROUNDS=$ROUNDS PYTHON=$PYTHON TIME=$TIME sh bench/bf16.sh >"$tmp/bf16" || {
        say 'bf16: left out'
        return
    }
    printf 'With \140--compute bf16\140, and PyTorch with autocast (\140bench/bf16.sh\140):\n\n'
    cat "$tmp/bf16"
    printf '\n'
}

# Weights in bf16, of all rows: see weights.sh.
weights_table() {
    NNC=$NNC CC=$CC THREADS=$THREADS ROUNDS=$ROUNDS sh bench/weights.sh >"$tmp/weights" || {
        say 'weights in bf16: left out'
        return
    }
    printf 'With \140--weights-format bf16\140 (\140bench/weights.sh\140):\n\n'
    cat "$tmp/weights"
    printf '\n'
}

# Nets in int8, of all rows: see int8.sh.
int8_table() {
    NNC=$NNC CC=$CC THREADS=$THREADS ROUNDS=$ROUNDS PYTHON=$PYTHON NODE=$NODE TIME=$TIME sh bench/int8.sh >"$tmp/int8" || {
        say 'int8: left out'
        return
    }
    printf 'In int8, and the same net in the QDQ form (\140bench/int8.sh\140, \140-O3 -march=native\140):\n\n'
    cat "$tmp/int8"
}

# ---- the rows ---------------------------------------------------------------------------------

sgd='optimizer=sgd(lr=0.01, momentum=0.9)'
row lenet infer 1 lenet
row alexnet infer 1 alexnet
row vgg16 infer 1 vgg
row googlenet infer 1 googlenet -D heads=no
row resnet18 infer 1 resnet
row resnet50 infer 1 resnet -D depth=50
row densenet121 infer 1 densenet
row lenet train 64 lenet --set "$sgd"
row mlp train 64 mlp --set "$sgd"
row cifar train 64 cifar --set "$sgd"
row alexnet train 16 alexnet --set "$sgd"
row vgg16 train 4 vgg --set "$sgd"
row googlenet train 8 googlenet -D heads=no --set "$sgd"
row resnet18 train 8 resnet --set "$sgd"
row resnet50 train 8 resnet -D depth=50 --set "$sgd"
row densenet121 train 8 densenet --set "$sgd"

text >"$tmp/text"
cat "$tmp/text"
if [ -n "$RESULTS" ]; then cp "$tmp/text" bench/RESULTS.md; fi
