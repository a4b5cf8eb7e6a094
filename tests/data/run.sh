#!/bin/sh
# Data sets and augmentation from the command line: CIFAR files made of one
# colour for each class, what is said of them, and what goes wrong.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
cd "$tmp" || exit 1
nnc() { case $1 in data) "$NNC" "$@" ;; *) "$NNC" "$@" --jit tcc ;; esac; }

# Ten images, class k in the brightness 24·k.
for k in 0 1 2 3 4 5 6 7 8 9; do
    # shellcheck disable=SC2059
    printf "\\$(printf %o $k)"
    head -c 3072 /dev/zero | LC_ALL=C tr '\000' "\\$(printf %03o $((24 * k)))"
done >ten.bin
mkdir -p sets/cifar-10-batches-bin
for name in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
    cat ten.bin ten.bin >sets/cifar-10-batches-bin/$name.bin
done
printf 'airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n' >sets/cifar-10-batches-bin/batches.meta.txt
cat >net.nn <<'END_OF_NET'
net shades(size=32) {
    input([3, size, size])
    avgpool(size)
    flatten
    dense(32) relu
    dense(10)
}
train shades {
    loss cross_entropy
    optimizer adam(lr=0.02)
    batch 20
    schedule cosine
    epochs 80
}
END_OF_NET
NNC_DATA=$tmp/sets
export NNC_DATA

# It is found by its name, learnt and evaluated under the classes' names.
runs 0 train net.nn --data cifar10 -o plain
says err 'cifar-10-batches-bin: 100 train, 20 test of 3x32x32, 10 classes'
says out '100.00 % (20 of 20)'
runs 0 eval net.nn --data cifar10 --weights plain
says out '^ *automobile *100.00 %'
runs 0 train net.nn --data sets --epochs 1 -o other

# Augmentation: said, done, and the same every time; the test part is left alone.
runs 0 train net.nn --data cifar10 --set 'augment crop(32, pad=2) flip rotate(10) cutout(8) jitter(0.1)' --epochs 2 -o a
says err '^augment    crop(32, pad=2) flip rotate(10) cutout(8) jitter(0.1)$'
runs 0 train net.nn --data cifar10 --set 'augment crop(32, pad=2) flip rotate(10) cutout(8) jitter(0.1)' --epochs 2 --threads 2 -o b
same a b
runs 0 train net.nn --data cifar10 --epochs 2 -o c
differ a c
runs 0 train net.nn --data cifar10 --set 'augment flip' --epochs 2 -o d
same c d # of one colour
runs 0 train net.nn --data cifar10 --set 'augment resize(40) crop(32)' --epochs 1 -o e
runs 0 train net.nn --data cifar10 -D size=24 --set 'augment crop(24)' --epochs 1 -o e
runs 1 train net.nn --data cifar10 --set 'augment crop(48)' -o e
says err 'augment crop(48): the images are only 32x32 there; put crop(48, pad=8)'
runs 1 train net.nn --data cifar10 --set 'augment crop(31.5)' -o e
runs 1 train net.nn --data cifar10 --set 'augment turn(3)' -o e

# Which sets there are.  NNC_DATA is sets.
runs 0 data; says out '^cifar10 .*sets/cifar-10-batches-bin '; says out '^cifar100 *-  *photographs'; says out 'shipped with nnc'
runs 0 data cifar10
says out '^found     .*/sets/cifar-10-batches-bin$'; says out '^samples   [0-9]* for training, [0-9]* for testing$'
says out '^inputs    3x32x32, bytes'; says out '^classes   10: '; lacks out '^targets'
if [ -d /usr/share/datasets/fashion-mnist ]; then
    runs 0 data fashion-mnist; says out '^samples   60000 for training, 10000 for testing'
fi
runs 1 data cifar100
says out '/cifar100$'; says out 'Unpack cifar-100-binary'; silent err
printf '1,2,0.5\n3,4,0.25\n' >two.csv
runs 0 data two.csv; says out '^samples   2, for training and testing$'; says out '^inputs    2, numbers'
runs 1 data none.csv; says err "there is no file or folder none.csv, nor a set of that name ('nnc data' lists them)"
runs 2 data cifar10 cifar100; says err 'one NAME or PATH at a time'

# What goes wrong.
runs 1 train net.nn --data cifar100 -o e
says err "the data set cifar100 was not found in .* or ./data; 'nnc data cifar100' says how to get it"
printf x >>sets/cifar-10-batches-bin/data_batch_3.bin
runs 1 train net.nn --data cifar10 -o e
says err 'data_batch_3.bin has 61461 bytes, not a multiple of the 3073 bytes of an image'
mkdir -p pictures/train/cat
printf 'no picture' >pictures/train/cat/tom.jpg
runs 1 train net.nn --data pictures -o e
says err 'pictures/train/cat/tom.jpg is neither JPEG nor PNG'
printf 'PK\003\004 and no more of the archive' >x.npz
runs 1 train net.nn --data x.npz -o e
says err 'x.npz: it has no directory'
printf '1,2\n' >columns.csv
printf 'net n { input(1) dense(1) }\ntrain n { loss mse\n augment flip }\n' >columns.nn
runs 1 train columns.nn --data columns.csv -o e
says err 'augment changes images, and the data has columns'

conclude
