#!/bin/sh
# Weights files of PyTorch, in both of its forms, and what is said of those that do not fit.
# With ALL=1 and MODELS, a folder with resnet20-cifar10.th, and CIFAR10, a folder of the data:
# the published ResNet-20 has the accuracy that PyTorch finds.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
files=$root/tests/torch
cifar_net=$root/dsl_examples/resnet_cifar.nn
cd "$tmp" || exit 1

cat >net.nn <<'NET'
net tiny {
    input(1x4x4)
    conv(2, 3) as conv
    flatten
    dense(3) as fc
}
NET
echo 0,0.5,1,0.25,0.75,0.125,1,0,0.5,0.5,0.25,0,1,0.375,0.625,0.75 >x.csv

# The first output by hand is 1 + Σ fc.weight[0][i]·conv(x)[i]: an .npz of the same values agrees.
for form in zip stream; do
    runs 0 predict net.nn --weights "$files/net_$form.pt" x.csv --jit tcc
    cp out "$form.txt"
done
same zip.txt stream.txt
python=/usr/bin/python3 # Debian's: NumPy is one of its packages
if "$python" -c 'import numpy' 2>/dev/null; then
    "$python" - <<'MAKE'
import numpy as np
np.savez("net.npz", **{
    "conv.weight": np.arange(18, dtype=np.float32).reshape(2, 1, 3, 3) / 16 - 0.5,
    "conv.bias": np.array([0.25, -0.25], np.float32),
    "fc.weight": np.ascontiguousarray((np.arange(24, dtype=np.float32).reshape(8, 3) / 32).T),
    "fc.bias": np.array([1, 2, 3], np.float16)})
MAKE
    runs 0 predict net.nn --weights net.npz x.csv --jit tcc
    same out zip.txt
else
    skip 'an .npz of the same values: no NumPy'
fi

runs 1 predict net.nn --weights "$files/net_renamed.pt" x.csv --jit tcc
says err 'missing     conv.weight (2x1x3x3)'
says err 'unexpected  features.0.weight (2x1x3x3)'

says err 'missing     conv.weight (2x1x3x3); perhaps features.0.weight of the file'
runs 0 predict net.nn --weights "$files/net_renamed.pt" --map 'features.0.*=conv.*' x.csv --jit tcc
same out zip.txt
runs 0 predict net.nn --weights "$files/net_renamed.pt" x.csv --jit tcc \
    --map features.0.weight=conv.weight --map features.0.bias=conv.bias
same out zip.txt
runs 0 net.nn --weights "$files/net_renamed.pt" --map 'features.0.*=conv.*' -o renamed.c
runs 0 net.nn --weights "$files/net_zip.pt" -o zip.c
sed 's/zip/renamed/g' zip.c >expected.c
same renamed.c expected.c
for rule in features.0.weight 'features.*=conv' 'f*0.*=conv.*' =conv; do
    runs 1 predict net.nn --weights "$files/net_renamed.pt" --map "$rule" x.csv
    says err 'is not OLD=NEW'
done
runs 1 predict net.nn --weights "$files/net_renamed.pt" --map 'feature.0.*=conv.*' x.csv
says err 'renames nothing'
runs 1 predict net.nn --weights "$files/net_renamed.pt" --map 'features.0.bias=fc.bias' x.csv
says err 'two tensors are then called fc.bias'

# A cut file, and one that would run a program, are errors and do nothing.
head -c 700 "$files/net_stream.pt" >cut.pt
runs 1 predict net.nn --weights cut.pt x.csv
says err 'cut, or damaged'
printf '\200\002\212\nl\374\234F\371 j\250P\031.\200\002M\351\003.\200\002}.cos\nsystem\n(X\012\000\000\000touch harmtR.' >harm.pt
runs 1 predict net.nn --weights harm.pt x.csv
says err 'asks for os.system'
absent harm

if [ -z "$ALL" ] || [ ! -f "$MODELS/resnet20-cifar10.th" ] || [ ! -d "$CIFAR10" ]; then
    skip 'the published ResNet-20: ALL=1 with MODELS and CIFAR10, a folder of its binary files'
else
    runs 0 eval "$cifar_net" -D zeros=around --weights "$MODELS/resnet20-cifar10.th" --data "$CIFAR10" \
        --set 'normalize mean=[0.485,0.456,0.406] std=[0.229,0.224,0.225]'
    says out 'loss       0.878796'
    says out '81.03 % (8103 of 10000)'
fi

conclude
