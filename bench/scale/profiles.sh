#!/bin/sh
# Measures the profiles of scale.c on this machine, with one thread: profiles/NET-SAMPLES.
#
#     bench/scale/profiles.sh [NET…]        lenet, alexnet, vgg16, resnet50
#
# NNC ./nnc   REPS 3
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
REPS=${REPS:-3}
LC_ALL=C
export LC_ALL
only=$*
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p bench/scale/profiles

profile() { # NAME SAMPLES NET OPTIONS…
    name=$1 samples=$2 net=$3
    shift 3
    if [ -n "$only" ]; then case " $only " in *" $name "*) ;; *) return ;; esac; fi
    "$NNC" bench "dsl_examples/$net.nn" "$@" --set 'optimizer=sgd(lr=0.01, momentum=0.9)' --train --threads 1 \
        --batch "$samples" --reps "$REPS" --format csv >"$tmp/calls" || exit 1
    awk -F, -v net="$name" -v samples="$samples" -v optimizer=sgd -f bench/scale/profile.awk "$tmp/calls" >"$tmp/profile" || exit 1
    mv "$tmp/profile" "bench/scale/profiles/$name-$samples"
}

profile lenet 8 lenet
profile lenet 64 lenet
profile alexnet 4 alexnet
profile alexnet 16 alexnet
profile resnet50 2 resnet -D depth=50
profile resnet50 4 resnet -D depth=50
profile resnet50 16 resnet -D depth=50
profile vgg16 4 vgg
profile vgg16 16 vgg
