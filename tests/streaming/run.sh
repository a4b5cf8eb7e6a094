#!/bin/sh
# Images decoded by worker threads and streamed, from folders and from shards: the bits of a run
# do not depend on where the samples are and on who decodes them.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
cd "$tmp" || exit 1
nnc() { case $1 in data) "$NNC" "$@" ;; *) "$NNC" "$@" --jit tcc ;; esac; }

try 'the program that writes pictures' "$CC" -O1 -o make_pictures "$root/tests/streaming/make_pictures.c" -ljpeg
try 'pictures' ./make_pictures photos 4 200 20 9
cat >net.nn <<'END_OF_NET'
net colors {
    input(3x16x16)
    conv(6, 3, stride=2) relu
    flatten
    dense(4)
}
train colors {
    optimizer sgd(lr=0.02)
    batch 20
    epochs 2
    augment crop(16, pad=2) flip jitter(0.2)
    valid 0.1
}
END_OF_NET

# Streamed without a cache and with one for some of the images, by any number of workers.
runs 0 train net.nn --data photos --log memory.csv -o memory
lacks err streamed
cut -d, -f1-7 memory.csv >memory.steps
for workers in 0 1 2 3; do
    runs 0 train net.nn --data photos --data-cache 1 --workers $workers --log streamed.csv -o streamed
    says err '144 train, 16 valid, 40 test of 3x16x16, 4 classes, streamed'
    same memory streamed
    cut -d, -f1-7 streamed.csv | cmp -s - memory.steps; status=$?; status_is 0
done
runs 0 train net.nn --data photos --data-cache 40K --workers 2 -o streamed
says err streamed
same memory streamed
runs 0 eval net.nn --data photos --weights memory --data-cache 1 --workers 3
says out '^data .*, streamed$'
grep -v '^data' out >streamed.txt
runs 0 eval net.nn --data photos --weights memory
grep -v '^data' out >memory.txt
same memory.txt streamed.txt

# The index of a larger set: the same run with it, and a change in a file is seen.
try 'more pictures' ./make_pictures many 4 260 16
runs 0 train net.nn --data many --steps 2 --checkpoint whole -o many.whole
is ! -e cache
sleep 3 # files that were written in this moment are not kept
for use in 'written' 'read'; do
    NNC_CACHE=on XDG_CACHE_HOME=$tmp/cache runs 0 train net.nn --data many --steps 2 --checkpoint check -o many.part
    what="an index that is $use"
    same many.whole many.part
    is "$(find cache/nnc/images -type f | wc -l)" -eq 1
done
set -- many/class_1/*.jpg
cp "$1" "$2"
NNC_CACHE=on XDG_CACHE_HOME=$tmp/cache runs 1 train net.nn --data many --resume check
says err 'cannot resume from check: .*data'
rm -r many check

# Predictions are those of a set in memory.
runs 0 predict net.nn --data photos --weights memory --format csv
cp out memory.csv
is "$(wc -l <memory.csv)" -eq 41
for workers in 0 3; do
    runs 0 predict net.nn --data photos --weights memory --format csv --data-cache 1 --workers $workers
    same memory.csv out
done

# Stopped in the middle of an epoch, with the samples in memory; resumed with others.
runs 0 train net.nn --data photos --steps 5 --epochs 2 --checkpoint check -o part
runs 0 train net.nn --data photos --resume check --data-cache 1 --workers 3 -o resumed
says err 'resumed    check: epoch 1, step 5'
same memory resumed

# Interrupted while workers decode.
: >err # the shell in the background empties it later, and it has epochs of the run before
"$NNC" train net.nn --jit tcc --data photos --data-cache 1 --workers 2 --epochs 100000 --checkpoint check -o part >out 2>err &
until_says err '^epoch 1 of'
kill -INT $!
wait $!
status=$?
what='an interrupt'
status_is 0
says err 'stopped at epoch'
exists check part

# Shards of the same pictures, in the same order.
mkdir keys
label=0
for class in photos/*; do
    for picture in "$class"/*.jpg; do
        cp "$picture" keys/
        picture=${picture##*/}
        echo $label >"keys/${picture%.jpg}.cls"
    done
    (cd keys && LC_ALL=C ls | tar -cf "../set-0$label.tar" -T - && rm -- *)
    label=$((label + 1))
done
runs 0 train net.nn --data 'set-{00..03}.tar' -o shards
says err '{00..03}.tar: 144 train, 16 valid, 40 test of 3x16x16, 4 classes'
runs 0 train net.nn --data './set-{00..03}.tar' --data-cache 1 --workers 2 -o streamed
says err streamed
runs 0 eval net.nn --data 'set-{00..03}.tar' --weights shards
sed -n '/^loss/p; /^top/p' out >shards.txt
sed -n '/^loss/p; /^top/p' memory.txt >photos.txt
same shards.txt photos.txt

# What they are.
runs 0 data photos
says out '^samples   160 for training, 40 for testing$'; says out '^inputs    images of 3 channels and of several sizes$'
runs 0 data set-02.tar; says out '^format    WebDataset shards'; says out '^samples   40 for training, 10 for testing$'

# An image whose data are damaged is found when it is decoded: what was learnt is kept.
# One in the training part, and one in the test part, which is decoded last.
for picture in photos/class_3/0000103.jpg photos/class_3/0000159.jpg; do
    rm -f check part
    cp $picture whole.jpg
    head -c 700 whole.jpg >$picture
    runs 1 train net.nn --data photos --data-cache 1 --set 'normalize none' --checkpoint check -o part
    says err "error: $picture is damaged: Premature end of JPEG file"
    says err 'stopped at epoch [12], step [0-9]*; saved in part'
    says err 'nnc: --resume goes on from check'
    exists check part
    runs 1 train net.nn --data photos -o e
    says err "error: $picture is damaged: Premature end of JPEG file"
    cp whole.jpg $picture
done

# What goes wrong.
runs 2 train net.nn --workers 65; says err '--workers is 65; it must be from 0 to 64'
runs 2 train net.nn --data-cache much; says err "--data-cache takes a size such as 8G or 512M (1 to 8T), not 'much'"
runs 1 train net.nn --data 'set-{00..04}.tar' -o e; says err 'set-04.tar: No such file'
head -c 20000 set-01.tar >cut.tar
runs 1 train net.nn --data cut.tar -o e; says err 'cut.tar is truncated: 0000[0-9]*.[a-z]* ends at byte [0-9]*, the file at byte 20000'
gzip -c set-01.tar >zipped.tar
runs 1 train net.nn --data zipped.tar -o e; says err 'zipped.tar is no tar archive, or a compressed one'
printf 'no MATLAB' >digits.mat
runs 1 train net.nn --data digits.mat -o e; says err 'digits.mat is .*MATLAB'

conclude
