#!/bin/sh
# What scale.c predicts against runs on this machine: 1, 2 and 4 ranks of one thread, over shared
# memory, and over links of a given bandwidth and latency between network namespaces.  Prints Markdown.
#
#     bench/scale/calibrate.sh [NET…]           lenet, alexnet
#
# Every rank gets a namespace, with an address in 10.231.7.0/24 that exists nowhere else; the namespaces
# are joined by a bridge in one more.  `tc tbf` limits what each sends, `tc netem` delays it by half of
# DELAY where the kernel has netem.  Without the right to make namespaces only shared memory is measured.
#
# The network's parameters are those that wires.c measures between two ranks.  The computation is that of runs
# with one rank and as many chunks, one on each processor that the ranks would use, at the same time: what these take from
# each other by sharing memory and a clock, ranks do as well.  Where ranks share processors, it takes as much longer.
#
# NNC ./nnc   LINKS "10 1" (Gbit/s)   DELAY 0 (microseconds)   RANKS "2 4"   STEPS 8   JIT cc   CC cc
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
case $NNC in /*) ;; *) NNC=$PWD/$NNC ;; esac
LINKS=${LINKS-10 1}
DELAY=${DELAY:-0}
RANKS=${RANKS:-2 4}
STEPS=${STEPS:-8}
JIT=${JIT:-cc}
LC_ALL=C
OMPI_ALLOW_RUN_AS_ROOT=1
OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
OMPI_MCA_rmaps_base_oversubscribe=1
OMPI_MCA_hwloc_base_binding_policy=none
OMPI_MCA_mpi_yield_when_idle=1
export LC_ALL OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_rmaps_base_oversubscribe
NNC_SHARE_WEIGHTS=no # ranks are to send what they would send to another machine
export OMPI_MCA_hwloc_base_binding_policy OMPI_MCA_mpi_yield_when_idle NNC_SHARE_WEIGHTS
[ $# -gt 0 ] || set -- lenet alexnet
most=1
for n in $RANKS; do [ "$n" -le "$most" ] || most=$n; done
processors=$(getconf _NPROCESSORS_ONLN)
tmp=$(mktemp -d) || exit 1
space=nncs$$
say() { echo "$*" >&2; }

remove_spaces() {
    for n in hub $(seq "$most"); do ip netns del "$space-$n" 2>/dev/null; done
}
end() {
    remove_spaces
    rm -rf "$tmp"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

# ---- the network ---------------------------------------------------------------------------

make_spaces() {
    ip netns add $space-hub && ip -n $space-hub link add bridge type bridge && ip -n $space-hub link set bridge up || return 1
    for n in $(seq "$most"); do
        ip netns add "$space-$n" &&
            ip -n "$space-$n" link add eth type veth peer name "port$n" netns $space-hub &&
            ip -n $space-hub link set "port$n" master bridge up &&
            ip -n "$space-$n" addr add "10.231.7.$n/24" dev eth &&
            ip -n "$space-$n" link set eth up && ip -n "$space-$n" link set lo up || return 1
    done
}

# shape GBIT: of all links
shape() {
    for n in $(seq "$most"); do
        ip netns exec "$space-$n" tc qdisc replace dev eth root handle 1: tbf rate "$1gbit" burst 512k latency 50ms || return 1
        if [ "$DELAY" -gt 0 ]; then
            ip netns exec $space-hub tc qdisc replace dev "port$n" root netem delay "${DELAY}us" limit 100000 || return 1
        fi
    done
}

# Open MPI starts its daemon on a "host" with this: HOST COMMAND…
cat >"$tmp/agent" <<END
#!/bin/sh
while :; do case \$1 in -*) shift ;; *) break ;; esac; done
host=\$1
shift
exec ip netns exec $space-\${host##*.} unshare -u sh -c "hostname node\${host##*.}; \$*"
END
chmod +x "$tmp/agent"

# on RANKS COMMAND…: over the links, or shared memory where `link` is empty
on() {
    n=$1
    shift
    if [ -z "$link" ]; then
        timeout 300 mpirun -n "$n" "$@"
    else
        # shellcheck disable=SC2016
        timeout 300 ip netns exec "$space-1" unshare -u sh -c 'hostname node1 && exec "$@"' sh mpirun --mca plm_rsh_agent "$tmp/agent" --mca btl tcp,self --mca pml ob1 \
            --mca btl_tcp_if_include 10.231.7.0/24 --mca oob_tcp_if_include 10.231.7.0/24 \
            --host "$(seq -s, -f '10.231.7.%g' "$n")" -n "$n" "$@"
    fi
}

# ---- one number ------------------------------------------------------------------------------

# npy TYPE SHAPE: the beginning of an array in NumPy's format
npy() { printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"; }

images() { # 64 of noise, of the first and the last of 1000 classes
    mkdir "$tmp/data"
    { npy '|u1' '64, 3, 224, 224' && head -c $((64 * 3 * 224 * 224)) /dev/urandom; } >"$tmp/data/x_train.npy"
    { npy '<u2' '64,' && printf '\347\003' && head -c 126 /dev/zero; } >"$tmp/data/y_train.npy"
}

# Milliseconds of a step: the mean, since the log has whole milliseconds, without the first of each epoch, before which
# the one before was evaluated.
log_step() {
    awk -F, '$1 == "train" { if ($2 == epoch) { sum += $8 - last; n++ } last = $8; epoch = $2 }
        END { if (n) print 1000 * sum / n }' "$@"
}

# train RANKS [RUN]: writes the log of steps of $net, in four chunks
train() {
    n=$1 run=${2:-0} steps=$STEPS
    case $net in
    lenet) set -- lenet --limit 6400 && steps=$((50 * STEPS)) ;;
    alexnet) set -- alexnet --data "$tmp/data" --set 'augment=crop(224)' --valid 0 ;;
    vgg16) set -- vgg --data "$tmp/data" --set 'augment=crop(224)' --valid 0 ;;
    esac
    file=$PWD/dsl_examples/$1.nn
    shift
    rm -f "$tmp/log$run.csv"
    on "$n" "$NNC" train "$file" "$@" --set 'optimizer=sgd(lr=0.001, momentum=0.9)' --jit "$JIT" --seed 1 --threads 1 --batch "$batch" \
        --chunk $((batch / 4)) --steps $((steps + 1)) --checkpoint-every 0 --log "$tmp/log$run.csv" -o "$tmp/w$run.safetensors" \
        >"$tmp/said$run" 2>&1 || { tail -n 3 "$tmp/said$run" >&2 && return 1; }
}

# ranks N: a step of N ranks
ranks() { train "$1" && log_step "$tmp/log0.csv"; }

# beside N: a step of one rank, as many of which run at the same time as N ranks have processors
beside() {
    all=$(seq 0 $((($1 < processors ? $1 : processors) - 1)))
    for one in $all; do train 1 "$one" & done
    wait
    for one in $all; do log_step "$tmp/log$one.csv"; done | awk '{ sum += $1 } END { if (NR) print sum / NR }'
}

# ---- a row ---------------------------------------------------------------------------------------

# predict RANKS MILLISECONDS OPTIONS…: a step, the exchange in it; the speed is that of runs of one rank beside each other
predict() {
    n=$1 alone=$2
    shift 2
    share=$(awk -v n="$n" -v p="$processors" 'BEGIN { print (n > p ? n / p : 1) }')
    set -- "$@" --overlap --shard --factors --bucket "$n" --batch "$batch" --chunk $((batch / 4))
    first=$("$tmp/scale" "$@" --ranks 1 "$profile" | awk -F, 'NR == 2 { print 1000 * $11 }')
    "$tmp/scale" "$@" --ranks "$n" --share "$share" --speed "$(awk -v a="$alone" -v f="$first" 'BEGIN { print f / a }')" \
        "$profile" | awk -F, 'NR == 2 { print 1000 * $11, 1000 * $8 }'
}

row() { # NET
    net=$1
    case $net in
    lenet) batch=64 profile=lenet-8 ;;
    alexnet) batch=16 profile=alexnet-4 ;;
    vgg16) batch=8 profile=vgg16-4 ;;
    *) say "there is no net $net here" && exit 2 ;;
    esac
    profile=bench/scale/profiles/$profile
    for n in $RANKS; do
        saved=$link link=
        alone=$(beside "$n")
        link=$saved
        measured=$(ranks "$n") && [ -n "$alone" ] && [ -n "$measured" ] || return 1
        # shellcheck disable=SC2086
        predicted=$(predict "$n" "$alone" $options)
        awk -v net="$net" -v link="$link" -v n="$n" -v m="$measured" -v p="$predicted" -v a="$alone" 'BEGIN {
            split(p, part, " ")
            printf "| %s | %s | %d | %.4g | %.4g | %.4g | %.4g | %.2f |\n", net, link == "" ? "shared memory" : link " Gbit/s", n,
                a, m, part[1], part[2], part[1] / m }'
    done
}

cc=${CC:-cc}
"$cc" -std=gnu11 -O2 bench/scale/scale.c -o "$tmp/scale" -lm &&
    OMPI_CC=$cc MPICH_CC=$cc mpicc -O2 bench/scale/wires.c -o "$tmp/wires" || exit 1
images
if [ -n "$LINKS" ] && ! make_spaces 2>"$tmp/why"; then
    say "no network namespaces here ($(tail -n 1 "$tmp/why")): only shared memory is measured"
    LINKS=
fi
echo "Load of the machine at the beginning: $(cut -d' ' -f1 /proc/loadavg) on $processors processors."
echo
echo '| net | link | ranks | step of 1 rank beside others, ms | step, ms | predicted, ms | exchange in it, ms | predicted / measured |'
echo '|---|---|---:|---:|---:|---:|---:|---:|'
for link in '' $LINKS; do
    if [ -n "$link" ] && ! shape "$link" 2>"$tmp/why"; then
        say "the kernel cannot do this here: $(tail -n 1 "$tmp/why"); DELAY=0 leaves the delay out"
        exit 1
    fi
    # A rank that waits looks for messages all the time: what its processor does says nothing about a slow link.
    options=$(on 2 "$tmp/wires" | sed 's/--cpu.*//') && [ -n "$options" ] || exit 1
    echo "${link:-shared memory}: $options" >>"$tmp/links"
    for net; do row "$net" || exit 1; done
done
echo
sed 's/^/    /' "$tmp/links"
