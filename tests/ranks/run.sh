#!/bin/sh
# Training in chunks: the same bits from one process, and from 1 to 4 ranks with 1 or 2 threads each, of
# one run or of one that was interrupted and goes on with another number of ranks.  Ranks that are not
# alike do not begin, and one that is lost ends the others.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
cd "$tmp" || exit 1

# Random numbers, several losses, and a last batch of one chunk and a half.
cat >net.nn <<'END'
net small {
    input(1x12x12)
    conv(6, 3) as c1  relu
    maxpool(2)
    dropout(0.2)
    flatten
    dense(12) as d1  tanh
    dense(10) as d2  softmax
}
train small {
    loss cross_entropy
    optimizer adam(lr=0.01)
    regularize l2(0.0001)
    clip norm(2)
    batch 64
    epochs 2
    augment translate(2)
}
END
trains='train net.nn --limit 280 --jit tcc --checkpoint-every 0'

# In the log, all but the seconds.
numbers() { cut -d, -f1-7 "$1.csv" >"$1.numbers"; }

# alone NAME ARGUMENTS…
alone() {
    name=$1
    shift
    # shellcheck disable=SC2086
    runs 0 $trains -o "$name.safetensors" --log "$name.csv" "$@"
    numbers "$name"
}

alone one --reproducible --threads 1
says err 'batch *64 in chunks of 16'
alone threads --reproducible --threads 3
same threads.safetensors one.safetensors
same threads.numbers one.numbers
if [ "$ALL" ]; then
    alone compiled --reproducible --jit cc
    same compiled.safetensors one.safetensors
fi
alone eights --reproducible --chunk 8
differ eights.safetensors one.safetensors

# alike LIMIT A B: the losses of ten steps are the same up to that
alike() {
    what="losses of $2 and $3"
    awk -F, -v limit="$1" 'NR == FNR { loss[FNR] = $5; next }
        { d = ($5 - loss[FNR]) / $5; if (d < -limit || d > limit) bad = 1 } $1 == "train" { n++ } END { exit bad || n != 10 }' \
        "$2.csv" "$3.csv"
    status=$?
    status_is 0
}

# In chunks, the same up to rounding: the losses of the steps.
sed '/dropout/d' net.nn >still.nn
trains='train still.nn --limit 280 --jit tcc --checkpoint-every 0'
alone whole
alone cut --reproducible
alike 1e-4 whole cut

# Statistics of the whole batch, of images and of vectors, in all forms of batchnorm; the losses of the
# evaluations are those of the running statistics.
cat >norm.nn <<'END'
net small {
    input(1x12x12)
    conv(6, 3, bias=no) as c1  batchnorm as b1  relu
    dropout(0.2)
    add { } { conv(6, 3, pad=1, bias=no) as c2  batchnorm(momentum=none) as b2 }
    relu
    maxpool(2)
    conv(20, 3, bias=no) as c3  batchnorm(affine=no) as b3
    flatten
    dense(12, bias=no) as d1  batchnorm as b4  tanh
    dense(10) as d2  softmax
}
train small {
    loss cross_entropy
    optimizer sgd(lr=0.05, momentum=0.9)
    batch 64
    epochs 2
}
END
trains='train norm.nn --limit 280 --jit tcc --checkpoint-every 0'
alone norm --reproducible --threads 1
alone norm-threads --reproducible --threads 3
same norm-threads.safetensors norm.safetensors
same norm-threads.numbers norm.numbers
# Values that are recomputed, but never what the chunks agree on, nor is a batchnorm of theirs refused.
alone norm-limited --reproducible --memory-limit 240K
says err '1 value of a step is recomputed'
same norm-limited.safetensors norm.safetensors
cat >deep.nn <<'END'
net small {
    input(1x12x12)
    conv(16, 3, pad=1, bias=no) batchnorm relu
    conv(16, 3, pad=1, bias=no) batchnorm relu
    conv(16, 3, pad=1, bias=no) batchnorm relu
    avgpool(12) flatten dense(10)
}
train small {
    loss cross_entropy
    optimizer sgd(lr=0.05, momentum=0.9)
    batch 64
    epochs 1
}
END
trains='train deep.nn --limit 280 --jit tcc --checkpoint-every 0'
alone deep --reproducible
alone deep-limited --reproducible --memory-limit 700K
says err '2 values of a step are recomputed'
same deep-limited.safetensors deep.safetensors
trains='train norm.nn --limit 280 --jit tcc --checkpoint-every 0'
if [ "$ALL" ]; then
    alone norm-compiled --reproducible --jit cc
    same norm-compiled.safetensors norm.safetensors
fi
sed '/dropout/d' norm.nn >still-norm.nn
trains='train still-norm.nn --limit 280 --jit tcc --checkpoint-every 0'
alone norm-whole
for chunk in 8 32; do
    alone norm-cut --reproducible --chunk $chunk
    alike 1e-5 norm-whole norm-cut
done
trains='train net.nn --limit 280 --jit tcc --checkpoint-every 0'

# Refusals that need no ranks.
runs 2 train net.nn --chunk 8
says err '^nnc: error: --chunk needs --reproducible, or mpirun'
runs 2 train net.nn --reproducible --chunk 10
says err '^nnc: error: --chunk 10: the batch of 64 samples is not a multiple of it'
cat >domains.nn <<'END'
net small {
    input(2)
    dense(1) as d
    head domains (loss=coral, target=domain) { identity }
}
train small {
    loss mse
    batch 4
}
END
printf 'a,b,domain,y\n1,2,0,1\n2,3,1,2\n4,2,0,1\n2,5,1,0\n' >domains.csv
runs 1 train domains.nn --data domains.csv --reproducible
says err '^nnc: error: --reproducible: loss.domains (coral) computes with all samples of a batch together'
absent small.safetensors

if ! have mpirun || [ ! -e "${NNC%/*}/nnc-mpi.so" ]; then
    skip 'no MPI here: several ranks were not run'
    conclude
fi
OMPI_ALLOW_RUN_AS_ROOT=1
OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
OMPI_MCA_rmaps_base_oversubscribe=1
OMPI_MCA_hwloc_base_binding_policy=none
OMPI_MCA_mpi_yield_when_idle=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_rmaps_base_oversubscribe
export OMPI_MCA_hwloc_base_binding_policy OMPI_MCA_mpi_yield_when_idle

# ranks STATUS N ARGUMENTS…
ranks() {
    want=$1
    n=$2
    shift 2
    what="mpirun -n $n nnc $*"
    timeout -k 5 60 mpirun -n "$n" "$NNC" "$@" >out 2>err
    status=$?
    status_is "$want"
}

# The program of the documentation: two ranks with half the batch learn as one with all of it.
for batch in 64 32; do
    runs 0 "$root/dsl_examples/lenet.nn" --batch $batch --hooks --target generic -o lenet.c
    try "docs/mpi.c, batch $batch" env OMPI_CC="$CC" MPICH_CC="$CC" mpicc -std=gnu11 -O1 -Wall -Wextra -Werror -I. \
        "$root/docs/mpi.c" lenet.c -o lenet$batch -lm -lpthread
    timeout -k 5 60 mpirun -n $((64 / batch)) ./lenet$batch >losses$batch 2>err
    status=$?
    status_is 0
done
what='docs/mpi.c'
paste losses64 losses32 | awk '{ n++; a = $4; b = $8; if ((a - b) * (a - b) > 1e-6 * a * a + 1e-9) bad = 1 }
    END { exit bad || n != 40 || a > 0.1 }'
status=$?
status_is 0

runs 0 --version
says out '^many machines: .*nnc-mpi.so'

for n in 1 2 3 4; do
    # shellcheck disable=SC2086
    ranks 0 $n $trains -o ranks.safetensors --log ranks.csv --threads $((1 + n % 2))
    says err 'batch *64 in chunks of 16'
    is "$(grep -c '^weights in' out)" -eq 1
    numbers ranks
    same ranks.safetensors one.safetensors
    same ranks.numbers one.numbers
done
says err '^ranks *4 with 1 threads, '
if have taskset; then
    what='a rank that is bound to one processor'
    timeout -k 5 60 mpirun -n 2 taskset -c 0 "$NNC" train net.nn --limit 280 --jit tcc --steps 1 -o bound.safetensors >out 2>err
    status=$?
    status_is 0
    says err '^ranks *2 with 1 threads, '
else skip 'no taskset: ranks that are bound were not tried'; fi

# A tree of three levels; and tensors whose gradients travel in buckets, several of them or one, during the backward pass.
sed 's/clip norm(2)//' net.nn >free.nn
cat >large.nn <<'END'
net large {
    input(1x12x12)
    conv(6, 3) as c1  relu
    flatten
    dense(3000) as d1  tanh
    dense(200) as d2  tanh
    dense(10) as d3  softmax
}
train large {
    loss cross_entropy
    optimizer sgd(lr=0.01, momentum=0.9)
    batch 64
    epochs 1
}
END
for net in free large; do
    trains="train $net.nn --limit 152 --jit tcc --epochs 1 --checkpoint $net.part --checkpoint-every 1 --chunk 8"
    # shellcheck disable=SC2086
    runs 0 $trains --reproducible -o $net.safetensors --log $net.csv --threads 1
    numbers $net
    cp $net.part $net.whole
    for n in 2 3; do
        # shellcheck disable=SC2086
        ranks 0 $n $trains -o ranks.safetensors --log ranks.csv --threads $((1 + n % 2))
        numbers ranks
        same ranks.safetensors $net.safetensors
        same ranks.numbers $net.numbers
        runs 0 verify $net.whole $net.part
        says out "^$net.part is the same as $net.whole"
    done
done
# Ranks of one machine have the weights of large.nn in the same memory, or, if they are told, apart.
NNC_SHARE_WEIGHTS=no
export NNC_SHARE_WEIGHTS
# shellcheck disable=SC2086
ranks 0 2 $trains -o ranks.safetensors
same ranks.safetensors large.safetensors
unset NNC_SHARE_WEIGHTS
# Goes on with another number of ranks, from the states of all.
# shellcheck disable=SC2086
ranks 0 3 $trains --steps 1 -o ranks.safetensors
# shellcheck disable=SC2086
ranks 0 2 $trains --resume -o ranks.safetensors
same ranks.safetensors large.safetensors
trains='train norm.nn --limit 280 --jit tcc --checkpoint-every 0'
for n in 2 3 4; do
    # shellcheck disable=SC2086
    ranks 0 $n $trains -o ranks.safetensors --log ranks.csv --threads $((1 + n % 2))
    numbers ranks
    same ranks.safetensors norm.safetensors
    same ranks.numbers norm.numbers
done
trains='train norm.nn --limit 280 --jit tcc --checkpoint part.safetensors'
# shellcheck disable=SC2086
ranks 0 3 $trains --steps 3 -o part-weights.safetensors
# shellcheck disable=SC2086
ranks 0 2 $trains --resume -o part-weights.safetensors
same part-weights.safetensors norm.safetensors

# An interrupted run goes on with any number of ranks; chunks are a part of what it is.
trains='train net.nn --limit 280 --jit tcc --checkpoint part.safetensors'
# shellcheck disable=SC2086
ranks 0 3 $trains --epochs 2 --steps 3 -o part-weights.safetensors --log part.csv
exists part.safetensors
cp part.safetensors begun.safetensors
for n in 2 4; do
    cp begun.safetensors part.safetensors
    # shellcheck disable=SC2086
    ranks 0 $n $trains --resume -o part-weights.safetensors
    same part-weights.safetensors one.safetensors
done
cp part.safetensors ended.safetensors
runs 0 verify begun.safetensors ended.safetensors
says out '^ended.safetensors is the same run as begun.safetensors, later'
# shellcheck disable=SC2086
ranks 0 2 $trains --checkpoint ended2.safetensors
runs 0 verify ended.safetensors ended2.safetensors
says out '^ended2.safetensors is the same as ended.safetensors'
cp begun.safetensors part.safetensors
# shellcheck disable=SC2086
runs 1 $trains --resume
says err 'the batch was 64 in chunks of 16, now it is 64'

# Each rank with the optimizer's state of its own tensors; checkpoints have all of it.
trains='train net.nn --limit 280 --jit tcc --checkpoint-every 0 --shard-optimizer'
for n in 1 2 3; do
    # shellcheck disable=SC2086
    ranks 0 $n $trains -o ranks.safetensors --log ranks.csv --threads $((1 + n % 2))
    numbers ranks
    same ranks.safetensors one.safetensors
    same ranks.numbers one.numbers
done
trains='train net.nn --limit 280 --jit tcc --checkpoint part.safetensors'
rm -f part.safetensors
# shellcheck disable=SC2086
ranks 0 3 $trains --shard-optimizer --steps 3 --checkpoint-every 2 -o part-weights.safetensors
runs 0 verify part.safetensors begun.safetensors
says out '^begun.safetensors is the same as part.safetensors'
# shellcheck disable=SC2086
ranks 0 2 $trains --resume --shard-optimizer -o part-weights.safetensors
same part-weights.safetensors one.safetensors
cp begun.safetensors part.safetensors
# shellcheck disable=SC2086
ranks 0 4 $trains --resume --shard-optimizer --steps 7 --checkpoint-every 1 -o part-weights.safetensors
# shellcheck disable=SC2086
runs 0 $trains --resume --reproducible -o part-weights.safetensors
same part-weights.safetensors one.safetensors
runs 2 train net.nn --shard-optimizer
says err '^nnc: error: --shard-optimizer needs mpirun'

# Ranks that differ, and ranks that are too many.
ranks 2 5 train net.nn
says err '^nnc: error: 5 ranks share a batch of 4 chunks'
is "$(grep -c '^nnc: ' err)" -eq 1

# apart WHAT ARGUMENTS…: rank 1 of 2 with arguments of its own
apart() {
    pattern=$1
    shift
    what="a rank with $*"
    timeout -k 5 60 mpirun -n 1 "$NNC" train net.nn --jit tcc --limit 280 -o apart.safetensors : \
        -n 1 "$NNC" train "$@" --jit tcc -o apart.safetensors >out 2>err
    status=$?
    is "$status" -ne 0
    says err "$pattern"
    lacks err '^batch'
    is "$(grep -c '^nnc: ' err)" -eq 1
    absent apart.safetensors
}
differs='^nnc: error: rank 1 differs from rank 0:'
hash='[0-9a-f]*'
apart "$differs the hash of the net.s layers is $hash there, and $hash on rank 0" still.nn --limit 280
apart "$differs the data's hash is $hash there, and $hash on rank 0" net.nn --limit 270
apart "$differs the learning rate is 0.02 there, and 0.01 on rank 0" net.nn --limit 280 --lr 0.02
apart "$differs the optimizer's state is sharded there, and whole on rank 0" net.nn --limit 280 --shard-optimizer
apart "$differs the length of the run is 7 epochs, all .* there, and the net.s epochs, all .* on rank 0" net.nn --limit 280 --epochs 7
apart "$differs the compiler is .*memory 900000000 there, and .*memory 0 on rank 0" net.nn --limit 280 --memory-limit 900000000
sed 's/batch 64/batch 64  valid 0.1/' net.nn >valid.nn
apart "$differs .* is .* there, and .* on rank 0" valid.nn --limit 280
apart '^nnc: rank 1: error: cannot read missing.nn' missing.nn
apart '^nnc: rank 1: error: there is no file or folder missing' net.nn --data missing

# Another program: the constants in a copy of it are replaced by others of the same length.
# other FROM TO PATTERN
other() {
    mkdir -p other
    ln -sf "$root/dsl_examples" other # the digits
    cp "${NNC%/*}/nnc-mpi.so" other
    LC_ALL=C sed "s/$1/$2/" "$NNC" >other/nnc
    chmod +x other/nnc
    what="a rank with another program: $3"
    differ other/nnc "$NNC"
    timeout -k 5 60 mpirun -n 2 "$NNC" train net.nn --jit tcc --limit 280 -o apart.safetensors : \
        -n 1 other/nnc train net.nn --jit tcc --limit 280 -o apart.safetensors >out 2>err
    status=$?
    status_is 1
    says err "$3"
    lacks err '^batch'
    is "$(grep -c '^nnc: ' err)" -eq 1
    absent apart.safetensors
}
version=$("$NNC" --version | sed -n 's/^nnc //p')
set=$("$NNC" --version | sed -n 's/.*(this processor: \(.*\))/\1/p')
other "nnc $version\\x00" "nnc $(echo "$version" | tr 0-9 1-90)\\x00" \
    "^nnc: error: rank 2 differs from rank 0: the version of nnc is $(echo "$version" | tr 0-9 1-90) there, and $version on rank 0"
other "\\x00$set\\x00" "\\x00$(echo "$set" | sed 's/.$/x/')\\x00" \
    "^nnc: error: rank 2 differs from rank 0: the instruction set is $(echo "$set" | sed 's/.$/x/') there, and $set on rank 0"

# stuck RANK PATTERN COMMAND…: a rank of two that does not come to the start of the run, for which the other
# waits as long as it is told
mkfifo stuck.nn
stuck() {
    at=$1
    pattern=$2
    shift 2
    what="rank $at: $*"
    set -- sh -c 'test $OMPI_COMM_WORLD_RANK = '"$at"' && exec "$@"; exec "$NNC" train net.nn --jit tcc --limit 280 -o apart.safetensors' sh "$@"
    begin=$(date +%s)
    NNC=$NNC NNC_RANK_TIMEOUT=2 timeout -k 5 60 mpirun -n 2 "$@" >out 2>err
    status=$?
    is "$status" -ne 0
    is "$status" -lt 124
    is $(($(date +%s) - begin)) -le 20
    says err "$pattern"
    absent apart.safetensors
}
stuck 1 '^nnc: rank 1 has not answered rank 0 for 2 s' "$NNC" train stuck.nn
stuck 0 '^nnc: rank 0 has not answered rank 1 for 4 s' "$NNC" train stuck.nn
stuck 1 '^nnc: error: not all ranks have started, or the launcher has not answered, for 2 s' sleep 100

# A rank whose MPI does not end, with its work done.
cat >hangs.c <<'END'
#include <unistd.h>
int MPI_Finalize(void);
int MPI_Finalize(void) { return (int)sleep(100); }
END
try 'an MPI_Finalize that hangs' "$CC" -shared -fPIC -o hangs.so hangs.c
what='MPI_Finalize hangs'
begin=$(date +%s)
# shellcheck disable=SC2016
NNC_RANK_TIMEOUT=2 timeout -k 5 60 mpirun -n 2 sh -c \
    'test $OMPI_COMM_WORLD_RANK = 1 && { LD_PRELOAD=./hangs.so exec "$@"; }; exec "$@"' sh \
    "$NNC" train net.nn --jit tcc --limit 280 --steps 1 -o hangs.safetensors >out 2>err
status=$?
is "$status" -ne 0
is "$status" -lt 124
is $(($(date +%s) - begin)) -le 20
says err '^nnc: error: the work is done, but MPI has not come to its end (MPI_Finalize) for 2 s; the run is ended'
exists hangs.safetensors

# lost SIGNAL NET PATTERN: rank 1 of 2 gets the signal in the middle of a run, which ends within seconds
lost() {
    what="a rank of $2.nn that gets $1"
    rm -f out err pid.0 pid.1
    NNC_RANK_TIMEOUT=2 timeout -k 5 60 mpirun -n 2 sh -c 'echo $$ >pid.$OMPI_COMM_WORLD_RANK; exec "$@"' sh \
        "$NNC" train "$2.nn" --limit 280 --jit tcc --epochs 100000 -o lost.safetensors >out 2>err &
    run=$!
    until_says out '^ *1 '
    if [ "$2" = large ]; then says "/proc/$(cat pid.1)/maps" '/memfd:weights'; fi
    kill -"$1" "$(cat pid.1)"
    begin=$(date +%s)
    wait $run
    status=$?
    is "$status" -ne 0
    is $(($(date +%s) - begin)) -le 15
    says err "$3"
}
lost KILL net 'rank 1 .*exited on signal 9'
lost STOP net '^nnc: rank 1 has not answered rank 0 for 2 s'
lost STOP large '^nnc: rank 1 has not answered rank 0 for 2 s'

. "$root/tests/ranks/killed.sh"
conclude
