#!/bin/sh
# Runs that are stopped and resumed end with the weights and the log of a run that was not, bit
# for bit; and what happens where checkpoints cannot be written or read.  tests/killed has runs
# that are killed.
# shellcheck disable=SC2086  # options are words
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
cleanup() {
    umount "$tmp/small" 2>/dev/null
    chmod -R u+w "$tmp"
    rm -rf "$tmp"
}
cd "$tmp" || exit 1
XDG_CACHE_HOME=$tmp/cache # cc compiles a net once
export XDG_CACHE_HOME
unset NNC_CACHE
. "$root/tests/resume/nets.sh"

# ---- stopped and resumed ------------------------------------------------------------------

# stops NET SIGNAL: after the current step, with weights and a checkpoint under their default names
mkdir stops
stops() {
    what="$1.nn, stopped by $2"
    rm -f stops/*
    : >err
    (cd stops && exec "$NNC" train ../$1.nn --data ../few --epochs 1000 --set 'schedule constant' --log part.csv >out 2>../err) &
    pid=$!
    until_says err '^epoch'
    kill -$2 $pid
    wait $pid
    status=$?
    status_is 0
    says err 'stopped at epoch [0-9]*, step [0-9]*; saved in'
    says err 'resume goes on from small.checkpoint.safetensors'
    exists stops/$1.safetensors stops/$1.checkpoint.safetensors
    epoch=$(sed -n 's/.*stopped at epoch \([0-9]*\),.*/\1/p' err)
    epochs=$((epoch + 2))
    (cd stops && "$NNC" train ../$1.nn --data ../few --epochs $epochs --set 'schedule constant' --log part.csv --resume >../out 2>../err)
    status=$?
    status_is 0
    runs 0 train $1.nn --data few --epochs $epochs --set 'schedule constant' --log stops/whole.csv -o stops/whole
    same stops/$1.safetensors stops/whole
    numbers stops/part.csv | grep train >numbers.part # tests are less often the more epochs there are
    numbers stops/whole.csv | grep train >numbers.whole
    same numbers.part numbers.whole
}
stops small INT
stops small TERM

# The time counts anew, and more epochs can be asked for.
constant="train small.nn --data few"
runs 0 $constant --set 'schedule constant' --epochs 300 --time-limit 0.3 --checkpoint timed -o timed.w
says err 'time limit reached at epoch'; says err 'resume goes on from timed'; exists timed
runs 0 $constant --set 'schedule constant' --epochs 300 --time-limit 0.3 --resume timed -o timed.w
says err 'time limit reached at epoch'; says err '^resumed .*timed: epoch'
runs 0 $constant --set 'schedule constant' --epochs 2 --checkpoint longer -o short.w
runs 0 $constant --set 'schedule constant' --epochs 4 --resume longer -o longer.w
runs 0 $constant --set 'schedule constant' --epochs 4 -o four.w
same longer.w four.w
runs 0 $constant --set 'schedule constant' --epochs 4 --resume longer -o again.w # it has ended already
same again.w four.w

# ---- runs that are not alike -----------------------------------------------------------------

# unlike ARGUMENTS… WORDS: of the checkpoint of small.nn after two steps
runs 0 train small.nn --data few --steps 2 --checkpoint two -o two.w
unlike() {
    runs 1 train $1 --resume two -o no
    says err "cannot resume from two: $2"
    absent no
}
few="small.nn --data few"
unlike "$few --batch 20" 'the batch was 25, now it is 20'
unlike "$few --seed 3" 'the seed was 1, now it is 3'
runs 0 train $few --steps 1 --checkpoint-every 0 -o weights
runs 1 train $few --seed 3 --resume two -o weights; lacks err overwriting # it does not come to that
runs 0 train $few --steps 2 --resume two -o weights; says err 'note: overwriting weights'
unlike "$few --lr 0.1" 'the learning rate was 0.003, now it is 0.1'
sed 's/adam(lr=0.003)/sgd(lr=0.003)/' small.nn >sgd.nn
sed 's/ema(0.99)//' small.nn >no_ema.nn
unlike "sgd.nn --data few" 'the optimizer was adam(lr=0.003), now it is sgd(0.003)'
unlike "no_ema.nn --data few" 'the average of the weights was ema 0.99'
unlike "$few --order sequential" 'the order was shuffle, now it is sequential'
unlike "$few --valid 0.2" 'the validation part was 0.1 of the training part, now it is 0.2 of the training part'
unlike "$few --keep last" 'what is kept was best, now it is last'
unlike "$few --limit 300" 'the data was few with the hash [0-9a-f]*, now it is few with [0-9a-f]*: other files, or another choice of them (--valid, --limit, --classes)'
unlike "$few --freeze c1.*" 'what is frozen was none, now it is 2 tensors'
unlike "$few --input 1x32x32" "the hash of the net's layers was [0-9a-f]*, now it is [0-9a-f]*"
mkdir other
cp few/* other
printf '\001' | dd of=other/train-images-idx3-ubyte bs=1 seek=100000 conv=notrunc 2>dd.said
unlike "small.nn --data other" 'the data was few with the hash [0-9a-f]*, now it is other with [0-9a-f]*'
runs 1 train $few --resume none; says err 'cannot open none'
runs 1 train $few --resume two.w; says err 'two.w is not a checkpoint'
runs 1 train --data few --resume small.nn; says err 'cannot open small.checkpoint.safetensors'
runs 2 train $few --resume two --init two.w; says err 'resume goes on from a checkpoint, --init begins'
runs 2 train $few --checkpoint-every never; says err "takes a time such as 5m, or a number of steps, not 'never'"
runs 0 train --resume two $few --steps 2 -o two.again; same two.again two.w
runs 0 train --checkpoint two --resume $few --steps 2 -o two.again; same two.again two.w
runs 0 train $few --resume=two --steps 2 -o two.again; same two.again two.w
runs 0 train $few --checkpoint two --steps 1 -o one.w; says err 'two is of a run at epoch 1, step 2; this run begins anew and replaces it'
head -c 2000 two >shorter
runs 1 train $few --resume shorter -o no; says err '^nnc: error: shorter'; absent no

# ---- where no checkpoint can be written ----------------------------------------------------------

stubborn="$few --steps 60 --checkpoint-every 5 -o kept.w"
runs 0 train $few --steps 60 --checkpoint-every 0 -o plain.w; absent small.checkpoint.safetensors
runs 1 train $stubborn --checkpoint none/at; says err 'cannot write none/at: No such file'; absent kept.w
if [ -w /dev/full ]; then
    runs 3 train $stubborn --checkpoint /dev/full
    says err 'warning: no checkpoint: cannot write /dev/full: No space left'
    says out '^weights in kept.w'
    same kept.w plain.w
fi
mkdir small
if mount -t tmpfs -o size=400k tmpfs small 2>/dev/null; then
    runs 0 train $few --set 'schedule constant' --steps 10 --checkpoint small/at -o ten.w
    cp small/at at.before
    dd if=/dev/zero of=small/fill bs=4k count=100 2>dd.said
    runs 3 train $few --steps 10 --checkpoint small/at -o kept.w; says err 'cannot write small/at: No space left'
    same small/at at.before
    rm small/fill
    what='a disk that becomes full'
    : >err
    "$NNC" train $few --set 'schedule constant' --epochs 1000 --checkpoint-every 5 --resume small/at -o kept.w >out 2>err &
    pid=$!
    until_says err '^epoch 3'
    dd if=/dev/zero of=small/fill bs=4k count=100 2>dd.said
    until_says err 'warning: no checkpoint: cannot write small/at: No space left'
    sleep 0.3
    kill -0 $pid || bad 'training has ended'
    kill -INT $pid
    wait $pid
    status=$?
    status_is 3
    exists kept.w
    runs 0 train $few --set 'schedule constant' --resume small/at --checkpoint new.at --steps 1 -o kept.w # it is whole
    umount small
fi
if [ "$(id -u)" != 0 ]; then
    mkdir closed
    (
        cd closed || exit
        chmod a-w .
        runs 0 train ../small.nn --data ../few --steps 5 -o "$tmp/kept.w"
        says err 'note: there will be no checkpoints: .*Permission denied'
        runs 3 train ../small.nn --data ../few --steps 5 --checkpoint c -o "$tmp/kept.w"
        says err 'cannot write c: Permission denied'
    )
fi
# ---- what a checkpoint costs ------------------------------------------------------------------------

if [ -n "$ALL" ]; then
    try 'bench/checkpoint.sh' env NET="$PWD/small.nn" COUNT=3 sh "$root/bench/checkpoint.sh" "$PWD"
    says out 'weights, statistics and momentum | 0 MB | [0-9]* ms'
fi

conclude
