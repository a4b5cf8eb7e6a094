#!/bin/sh
# nnc export: the command line, models before onnx.checker, and weights in other forms before NumPy
# and PyTorch.  What is read back by nnc itself is in tests/unit/test_export.c.
# With ALL=1, as in `make check-all`, models of all layers and all examples are run by onnxruntime
# and compared with the plain form, to 1e-5.  ONNXRUNTIME: the folder of onnxruntime-node
# (npm install onnxruntime-node), where node does not find it.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
UNIT=${UNIT:-build/unit}
case $UNIT in /*) ;; *) UNIT=$root/$UNIT ;; esac
files=$root/tests/torch
python=/usr/bin/python3 # Debian's: onnx, NumPy and PyTorch are among its packages
cd "$tmp" || exit 1

cat >net.nn <<'NET'
net tiny {
    input(1x4x4)
    conv(2, 3) as conv
    flatten
    dense(3) as fc
}
train tiny { loss cross_entropy  optimizer sgd(lr=0.1)  batch 1  normalize mean=[0.5] std=[0.25] }
NET
echo 0,0.5,1,0.25,0.75,0.125,1,0,0.5,0.5,0.25,0,1,0.375,0.625,0.75 >x.csv
weights=$files/net_zip.pt

# ---- the command line --------------------------------------------------------------

runs 2 export net.nn --weights "$weights"; says err 'no output file'
runs 2 export net.nn --weights "$weights" -o net.txt; says err 'ends in none of .onnx, .safetensors'; absent net.txt
runs 2 export net.nn -o net.onnx; says err 'no weights'; absent net.onnx
runs 2 export --weights "$weights" -o net.onnx; says err 'a model needs NET.nn'
runs 2 export net.nn x.nn --weights "$weights" -o net.onnx; says err 'one file'
runs 2 export net.nn --weights "$weights" --normalize -o net.npz; says err 'weights have no layers'
runs 1 export net.nn --weights none.pt -o net.onnx; says err 'none.pt'
runs 1 export net.nn --weights "$files/net_renamed.pt" -o net.onnx; says err 'missing     conv.weight'; absent net.onnx
runs 1 export net.nn --weights "$weights" -o none/net.onnx; says err 'cannot write'; absent none
runs 0 help export; says out 'export \[NET.nn\] --weights FILE -o MODEL.onnx'

# What cannot be expressed is listed, and nothing is written.
cat >parts.nn <<'NET'
net parts {
    input(1x600x600)
    adaptive_avgpool(401)
    adaptive_avgpool(301)
}
NET
printf '\010\000\000\000\000\000\000\000{}      ' >empty.safetensors
echo old >old.onnx
runs 4 export parts.nn --weights empty.safetensors -o old.onnx
says err 'parts.nn:3:5: error: adaptive_avgpool cannot be expressed in ONNX: its 401x401 parts'
says err 'parts.nn:4:5: error: adaptive_avgpool cannot be expressed in ONNX: its 301x301 parts'
echo old >expected
same old.onnx expected

# ---- models ----------------------------------------------------------------------------

runs 0 export net.nn --weights "$weights" -o net.onnx
silent out
silent err
runs 0 export net.nn --weights "$weights" -o again.onnx
same again.onnx net.onnx
runs 0 export net.nn --weights "$weights" --normalize -o normal.onnx
runs 0 export net.nn --weights "$files/net_renamed.pt" --map 'features.0.*=conv.*' -o renamed.onnx
same renamed.onnx net.onnx
runs 0 export net.onnx -o third.onnx
runs 0 predict net.nn --weights "$weights" --set 'normalize none' x.csv -o net.npy
runs 0 predict net.nn --weights "$weights" x.csv -o normalized.npy
for model in net normal third; do runs 0 predict $model.onnx x.csv -o $model.onnx.npy; done
same net.onnx.npy net.npy
same third.onnx.npy net.npy
same normal.onnx.npy normalized.npy
runs 1 export net.nn --weights "$weights" --normalize --set 'normalize none' -o other.onnx
says err 'says how inputs are normalized'
absent other.onnx

# The numbers of a sequence are those of its channels, as of an image: given, or measured on rows or arrays.
cat >row.nn <<'NET'
net row { input(2x3)  relu  flatten  dense(2) as fc }
train row { loss cross_entropy  optimizer sgd(lr=0.1)  batch 2  epochs 1 }
NET
mkdir rows
cat >rows/train.csv <<'CSV'
a,b,c,d,e,f,class
1,2,3,4,5,6,0
2,4,1,3,9,1,1
3,1,2,8,7,2,0
5,3,6,1,2,4,1
CSV
cp rows/train.csv rows/test.csv
echo 1,3,2,5,6,7 >one.csv
for numbers in 'normalize mean=[2.5] std=[0.25]' 'normalize mean=[2.5, 1] std=[0.25, 2]' 'normalize dataset'; do
    runs 0 train row.nn --data rows --set "$numbers" -o row.safetensors
    runs 0 export row.nn --weights row.safetensors --normalize -o row.onnx
    runs 0 predict row.nn --weights row.safetensors one.csv -o row.npy
    runs 0 predict row.onnx one.csv -o row.onnx.npy
    same row.onnx.npy row.npy
done
if grep -q -a -F 'normalize.mean":"2.75 4.33333' row.safetensors; then ok; else bad 'not the means of two channels'; fi
runs 0 export --weights row.safetensors -o row.npz
sed 's/input(2x3)/& normalize([2.75, 4.33333349], [1.53432941, 2.59272480])/' row.nn >layer.nn
runs 0 predict layer.nn --weights row.npz --set 'normalize none' one.csv -o layer.npy
same layer.npy row.npy
runs 1 check row.nn --set 'normalize mean=[1, 2, 3] std=[1, 1, 1]'
says err 'normalize: mean has 3 numbers, but the input has 2 channels'
array='import numpy as np
x = np.loadtxt("rows/train.csv", delimiter=",", skiprows=1)
samples, classes = x[:, :6].reshape(4, 2, 3).astype("f"), x[:, 6].astype("i")
np.savez("rows.npz", x_train=samples, y_train=classes, x_test=samples, y_test=classes)
np.save("one.npy", np.array([[1, 3, 2], [5, 6, 7]], "f"))'
if "$python" -c "$array" 2>err; then
    runs 0 train row.nn --data rows.npz -o arrays.safetensors
    runs 0 predict row.nn --weights arrays.safetensors one.npy -o arrays.npy
    same arrays.npy row.npy
    runs 1 train row.nn --data rows.npz --set 'augment flip' -o none.safetensors
    says err 'augment changes images, and the data has sequences'
else
    skip 'NumPy is not there: arrays of sequences'
fi

# Columns may be the pixels of images in colour: three numbers, of which each is for a third of them.
cat >colours.nn <<'NET'
net colours { input(6)  dense(2) as fc }
train colours { loss cross_entropy  optimizer sgd(lr=0.1)  batch 2  normalize mean=[1, 2, 4] std=[0.5, 1, 2] }
NET
sed 's/input(6)/input(3x1x2) flatten/' colours.nn >image.nn
runs 0 predict image.nn --weights row.npz one.csv -o image.npy
runs 0 predict colours.nn --weights row.npz one.csv -o colours.npy
same colours.npy image.npy
runs 0 export colours.nn --weights row.npz --normalize -o colours.onnx
runs 0 predict colours.onnx one.csv -o colours.npy
same colours.npy image.npy
onnx_says() { "$python" -c "import onnx; $1" >out 2>err; status=$?; status_is 0; }
if "$python" -c 'import onnx' 2>/dev/null; then
    what='onnx.checker'
    onnx_says 'onnx.checker.check_model(onnx.load("normal.onnx"), full_check=True)'
    onnx_says 'm = onnx.load("net.onnx"); assert [i.name for i in m.graph.initializer] == ["conv.weight", "conv.bias", "fc.weight", "fc.bias"]'
else
    skip 'onnx.checker: no onnx for Python'
fi

# ---- weights -----------------------------------------------------------------------------

# From one form to the next and back, with the net and without it.
runs 0 export --weights "$files/zip.pt" -o types.safetensors # 12 tensors of 11 types and shapes
runs 0 export --weights types.safetensors -o types.pth
runs 0 export --weights types.pth -o types_again.safetensors
same types_again.safetensors types.safetensors
runs 0 export net.nn --weights "$weights" -o a.safetensors
runs 0 export --weights a.safetensors -o b.npz
runs 0 export --weights b.npz -o c.pth
runs 0 export --weights c.pth -o d.safetensors
same d.safetensors a.safetensors
runs 0 export net.onnx -o e.pth
same e.pth c.pth
runs 0 export net.nn --weights "$files/net_renamed.pt" --map 'features.0.*=conv.*' -o f.safetensors
same f.safetensors a.safetensors
runs 1 export --weights "$weights" --map 'none.*=conv.*' -o g.safetensors
absent g.safetensors
if "$python" -c 'import torch' 2>/dev/null; then
    what='torch.load and numpy.load'
    "$python" - "$files/zip.pt" <<'READ' >out 2>err
import sys
import numpy, torch
state = torch.load("c.pth", weights_only=True)
arrays = numpy.load("b.npz")
assert list(state) == list(arrays) == ["conv.weight", "conv.bias", "fc.weight", "fc.bias"]
for name in state: assert numpy.array_equal(state[name].numpy(), arrays[name])
old, new = torch.load(sys.argv[1]), torch.load("types.pth", weights_only=True)
for name in new:
    a, b = old[name].contiguous(), new[name]
    assert a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b), name
READ
    status=$?
    status_is 0
else
    skip 'torch.load: no PyTorch'
fi

# What inference needs is kept in safetensors and in the model; elsewhere a note says what is not.
cat >digits.nn <<'NET'
net digits {
    input(1x28x28)
    flatten
    dense(10) as fc
}
train digits { loss cross_entropy  optimizer sgd(lr=0.01)  batch 16  normalize dataset }
NET
runs 0 train digits.nn --data "$root/dsl_examples/data/digits" --steps 2 -o trained.safetensors
runs 0 export digits.nn --weights trained.safetensors -o copied.safetensors
silent err
same copied.safetensors trained.safetensors
runs 0 export digits.nn --weights trained.safetensors -o trained.npz
says err 'note: trained.npz has no place for metadata: normalize.mean, normalize.std, fit, classes'
runs 0 export digits.nn --weights trained.safetensors -o digits.onnx
what=metadata
if grep -q -a -F normalize.mean digits.onnx && grep -q -a classes digits.onnx; then ok; else bad 'not in the model'; fi
runs 0 export digits.nn --weights trained.safetensors --normalize -o digits_normal.onnx
if ! grep -q -a -F normalize.mean digits_normal.onnx && grep -q -a classes digits_normal.onnx; then ok; else bad 'not what is left'; fi

# Of a checkpoint, the net's weights alone.
runs 0 train digits.nn --data "$root/dsl_examples/data/digits" --steps 2 -o checked.safetensors --checkpoint check.safetensors --set 'optimizer adam'
runs 0 export digits.nn --weights check.safetensors -o weights.npz
runs 0 export --weights weights.npz -o weights.safetensors
runs 0 show digits.nn --weights weights.safetensors

# ---- onnxruntime -------------------------------------------------------------------------------

if [ -n "$ALL" ] && node "$root/tests/export/onnxruntime.js" version >/dev/null 2>&1; then
    mkdir models
    what='all layers and examples, read back'
    (cd "$root" && ALL=1 EXPORT_TO="$tmp/models" "$UNIT" 'exported layers' 'exported examples') >out 2>&1
    status=$?
    status_is 0
    what=onnxruntime
    node "$root/tests/export/onnxruntime.js" models/*.onnx >out 2>err
    status=$?
    status_is 0
    "$python" -c 'import onnx' 2>/dev/null || skip 'onnx.checker of all models: no onnx for Python'
    ! "$python" -c 'import onnx' 2>/dev/null ||
        onnx_says 'import glob; [onnx.checker.check_model(f, full_check=True) for f in glob.glob("models/*.onnx")]'
elif [ -n "$ALL" ]; then
    skip 'onnxruntime: npm install onnxruntime-node, and ONNXRUNTIME is its folder'
fi
conclude
