#!/bin/sh
# nnc eval: calibration, several views of an image, and JSON, by numbers that can be had by hand.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
lenet=$root/dsl_examples/lenet.nn
cd "$tmp" || exit 1

# Images of two pixels, a and b; scores a and b + 1/2.
cat >two.nn <<'END'
net two {
    input(1x1x2)
    flatten
    dense(2, init=[[1, 0], [0, 1]], bias_init=[0, 0.5]) as d
}
train two {
    loss cross_entropy
    optimizer sgd(lr=0)
    batch 4
    normalize none
}
END
array() { # TYPE SHAPE: the header of an .npy file
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
}
zero='\000\000\000\000' one='\000\000\200\077'
mkdir set
for part in train test; do
    # shellcheck disable=SC2059 # they are formats
    { array '<f4' '3, 1, 1, 2'; printf "$zero$one$one$zero$zero$one"; } >set/x_$part.npy
    { array '|u1' '3,'; printf '\001\000\000'; } >set/y_$part.npy
done
runs 0 train two.nn --data set --epochs 1 -o two.w --jit tcc

# Class 1 is predicted with σ(1.5) = 0.8176, right once of two, and class 0 with σ(0.5) = 0.6225,
# right: |0.5 − 0.8176| · 2/3 + |1 − 0.6225| · 1/3 = 0.3376.
runs 0 eval two.nn --weights two.w --data set --jit tcc
says out '^top-1      66.67 % (2 of 3)$'
says out '^calibration error (ECE) 33.76 %$'
says out '^ *80.00 -  86.67 *81.76 % *50.00 % *2$'
says out '^ *60.00 -  66.67 *62.25 % *100.00 % *1$'
cp out plain
runs 0 eval two.nn --weights two.w --data set --jit tcc --tta none
same out plain

# With the mirror image: (0.8176 + 0.3775) / 2 = 0.5976 for class 1, whatever the image.
runs 0 eval two.nn --weights two.w --data set --jit tcc --tta flip
says out '^views      images and their mirror images'
says out '^top-1      33.33 % (1 of 3)$'
says out '^calibration error (ECE) 26.42 %$'
says out '^ *53.33 -  60.00 *59.76 % *33.33 % *3$'
runs 0 eval two.nn --weights two.w --data set --jit tcc --tta flip --batch 2
says out '59.76 %'

# Of images that are the same everywhere all views are.
for part in train test; do
    # shellcheck disable=SC2059
    { array '<f4' '3, 1, 1, 2'; printf "$one$one$one$one$zero$zero"; } >set/x_$part.npy
done
for views in none flip crops; do
    runs 0 eval two.nn --weights two.w --data set --jit tcc --tta $views
    grep -v '^views' out >$views
    same $views none
done

# ---- JSON -----------------------------------------------------------------------------------

runs 0 train "$lenet" --steps 60 -o w.safetensors --jit tcc
runs 0 eval "$lenet" --weights w.safetensors --jit tcc
right=$(sed -n 's/^top-1 .*(\([0-9]*\) of 2000)$/\1/p' out)
ece=$(sed -n 's/^calibration error (ECE) \(.*\) %$/\1/p' out)
runs 0 eval "$lenet" --weights w.safetensors --jit tcc --format json
cp out eval.json
for key in loss accuracy top5 confusion classes count calibration; do says out "^ \"$key\": "; done
if have python3; then
    what=JSON
    if python3 -c '
import json, sys
e = json.load(open("eval.json"))
right, ece = int(sys.argv[1]), float(sys.argv[2])
c = e["confusion"]
assert e["count"] == 2000 and sum(map(sum, c)) == 2000 and sum(c[i][i] for i in range(10)) == right
assert abs(e["accuracy"] - right / 2000) < 1e-9 and e["accuracy"] <= e["top5"] <= 1
for i, k in enumerate(e["classes"]):
    assert k["index"] == i and k["count"] == sum(c[i]) and abs(k["recall"] - c[i][i] / sum(c[i])) < 1e-6
bins = e["calibration"]["bins"]
assert sum(b["count"] for b in bins) == 2000 and abs(100 * e["calibration"]["ece"] - ece) < 0.006
assert abs(sum(b["count"] * abs(b["accuracy"] - b["confidence"]) for b in bins if b["count"]) / 2000 - ece / 100) < 1e-4
' "$right" "$ece" 2>err; then ok; else bad 'not what the text says' eval.json err; fi
fi
printf '1,3\n2,5\n3,7\n4,9\n' >line.csv
printf 'net line { input(1) dense(1, init=[[2]], bias_init=[1.5]) as d }\ntrain line { loss mse optimizer sgd(lr=0) batch 2 }\n' >line.nn
runs 0 train line.nn --data line.csv --epochs 1 -o line.w --jit tcc
runs 0 eval line.nn --data line.csv --weights line.w --format json
says out '"loss": 0.25,'
says out '"mean_absolute_error": 0.5,'

# ---- mistakes ---------------------------------------------------------------------------------

runs 1 eval line.nn --data line.csv --weights line.w --tta flip
says err 'the net takes values, and views are of images'
runs 2 eval line.nn --data line.csv --weights line.w --tta both
says err 'takes none, flip or crops'
runs 2 eval line.nn --data line.csv --weights line.w --format xml
says err 'takes text or json'

conclude
