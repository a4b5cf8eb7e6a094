#!/bin/sh
# nnc predict: files of every kind give what nnc eval counts, in every format; classes,
# single probabilities and values; and what is said of files that are no inputs.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
digits=$root/dsl_examples/data/digits
lenet=$root/dsl_examples/lenet.nn
cd "$tmp" || exit 1

"$NNC" train "$lenet" --steps 60 -o w.safetensors --jit tcc >/dev/null 2>&1
predict() { # STATUS ARGUMENTS…
    want=$1
    shift
    runs "$want" predict "$lenet" --weights w.safetensors "$@"
}
lines() { # FILE COUNT
    if [ "$(wc -l <"$1")" -eq "$2" ]; then ok; else bad "$(wc -l <"$1") lines, not $2"; fi
}

# ---- a labelled set: as many right as nnc eval counts -----------------------------------

runs 0 eval "$lenet" --weights w.safetensors --data "$digits" --jit tcc
right=$(sed -n 's/^top-1 .*(\([0-9]*\) of 2000)$/\1/p' out)
runs 0 predict "$lenet" --weights w.safetensors --data "$digits" --format csv -o y.npy --batch 32
tr -d '\r' <out >set.csv
what='nnc predict --data'
lines set.csv 2001
if [ "$(head -n 1 set.csv)" = file,class,probability,truth,truth_probability ]; then ok; else bad 'the heading' set.csv; fi
if [ -n "$right" ] && [ "$(awk -F, 'NR > 1 && $2 == $4' set.csv | wc -l)" = "$right" ]; then ok; else
    bad "not the $right right ones that eval counts" set.csv
fi
if [ "$(wc -c <y.npy)" -eq $((128 + 2000 * 10 * 4)) ] && head -n 1 y.npy | grep -q "'shape': (2000, 10)"; then ok; else
    bad "y.npy is no array of 2000x10"
fi

# The worst are those of the smallest probability of the truth, in that order.
sort -t, -k5,5g set.csv | sed -n '2,6p' | cut -d, -f1 >worst
runs 0 predict "$lenet" --weights w.safetensors --data "$digits" --worst 5 --format csv --batch 32
sed '1d' out | cut -d, -f1 >five
same worst five
says out '^test'
runs 0 predict "$lenet" --weights w.safetensors --data "$digits" --worst 1
says out '%  (is [0-9], [0-9.]* %)$'

# ---- files ------------------------------------------------------------------------------

# The first three test digits: as bytes of 28x28, and as floats of 32x32 with zeros around.
gzip -dc "$digits"/t10k-images-idx3-ubyte.gz | tail -c +17 | head -c $((3 * 784)) >pixels
array() { # TYPE SHAPE: the header of an .npy file
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
}
{ array '|u1' '3, 28, 28'; cat pixels; } >three.npy
od -An -v -tu1 -w28 pixels | awk '
    function zeros(n,   i) { for (i = 0; i < n; i++) row = row (row == "" ? "" : ",") 0 }
    NR % 28 == 1 { row = ""; zeros(64) }
    { zeros(2); for (i = 1; i <= NF; i++) row = row "," sprintf("%.9g", $i / 255); zeros(2) }
    NR % 28 == 0 { zeros(64); print row }' >three.csv
awk -F, 'NR > 1 && NR < 5 { print $2, $3 }' set.csv >want

as_in_set() { # OUT: class and probability are those of the set's first three samples
    sed 's/\r$//' "$1" | awk -F, 'NR > 1 { print $2, $3 }' >have
    if [ "$(wc -l <have)" -eq 3 ] && awk 'NR == FNR { c[NR] = $1; p[NR] = $2; next }
        c[FNR] != $1 || (p[FNR] - $2) ^ 2 > 1e-10 { bad = 1 } END { exit bad }' want have; then ok; else
        bad 'not what the set gives' have want
    fi
}
predict 0 three.npy --format csv
as_in_set out
cp out npy.out
says out '^three.npy\[1\],'
predict 0 three.csv --format csv
as_in_set out
says out '^three.csv:2,'
what='standard input'
"$NNC" predict "$lenet" --weights w.safetensors --format csv - <three.npy >out 2>err
status=$?
status_is 0
as_in_set out
says out '^-\[2\],'

# The arrays of an .npz, the first or the one that is named.
python=
for p in python3 /usr/bin/python3; do
    [ -n "$python" ] || ! "$p" -c 'import numpy' 2>/dev/null || python=$p
done
if [ -n "$python" ]; then
    "$python" -c 'import numpy; x = numpy.load("three.npy"); y = numpy.zeros((5, 2, 3, 4, 2))
numpy.savez("first.npz", x_test=x, y_test=y); numpy.savez_compressed("second.npz", odd=y, x=x); numpy.savez("none.npz")'
    predict 0 first.npz --format csv
    as_in_set out
    says out '^first.npz:x_test\[2\],'
    predict 0 second.npz:x --format csv
    as_in_set out
    says out '^second.npz:x\[2\],'
    what='standard input'
    "$NNC" predict "$lenet" --weights w.safetensors --format csv - <first.npz >out 2>err
    status=$?
    status_is 0
    as_in_set out
    predict 1 second.npz
    says err 'second.npz:odd is 5x2x3x4x2, which is no input of the net; name another of odd (5x2x3x4x2), x (3x28x28)$'
    predict 1 second.npz:y
    says err 'second.npz:y: there is no such array; the file has odd (5x2x3x4x2), x (3x28x28)$'
    predict 1 none.npz
    says err 'none.npz'
else skip 'no python3 with NumPy: no .npz was read'; fi

# JSON has one object for each sample, and is JSON.
predict 0 three.npy --format json --top 3
lines out 5
says out '"file": "three.npy\[0\]", "classes": \[{"name": "[0-9]", "index": [0-9], "probability": 0'
if have python3; then
    what='JSON'
    if python3 -c 'import json, sys; a = json.load(open("out")); sys.exit(not (len(a) == 3 and len(a[0]["classes"]) == 3))'; then
        ok
    else bad 'no list of three'; fi
fi
predict 0 three.npy --top 10
says out '^three.npy\[0\]  [0-9] [0-9.]* %, '
predict 0 three.npy three.csv three.npy
lines out 9

# One batch or many, the outputs are the same.
predict 0 three.npy --format csv --batch 7
sed 's/\r$//' out >seven
sed 's/\r$//' npy.out >one
awk -F, '{ print $1, $2 }' seven >seven.classes
awk -F, '{ print $1, $2 }' one >one.classes
same seven.classes one.classes

# ---- values, and a single probability -----------------------------------------------------

cat >two.nn <<'END'
net two {
    input(2)
    dense(1, init=[[2, -1]], bias_init=[0.5]) as d
}
net scorer {
    input(2)
    dense(1, init=[[2, -1]], bias_init=[0.5]) as d
}
train scorer {
    loss bce_logits
    optimizer sgd(lr=0)
    batch 1
    normalize none
}
END
printf '1,3,0\n0,0,0\n' >data.csv
runs 0 train two.nn --net scorer --data data.csv --epochs 1 -o scorer.safetensors --jit tcc
printf '1,3\n\n2 , 0.5\r\n' >rows.csv
runs 0 predict two.nn --net two --weights scorer.safetensors rows.csv
printf 'rows.csv:1  -0.5\nrows.csv:3  4\n' >want
same out want
runs 0 predict two.nn --net two --weights scorer.safetensors rows.csv --format csv
printf 'file,y1\r\nrows.csv:1,-0.5\r\nrows.csv:3,4\r\n' >want
same out want
runs 0 predict two.nn --net scorer --weights scorer.safetensors rows.csv --top 2
printf 'rows.csv:1  0 62.25 %%, 1 37.75 %%\nrows.csv:3  1 98.20 %%, 0 1.80 %%\n' >want
same out want
printf 'a,b\n1,3\n' >rows.csv
runs 0 predict two.nn --net two --weights scorer.safetensors rows.csv
says out '^rows.csv:2  -0.5$'

# Raw floats 1 and 3.
printf '\000\000\200\077\000\000\100\100' >one.raw
runs 0 predict two.nn --net two --weights scorer.safetensors one.raw
says out '^one.raw  -0.5$'
# Floats that look like text: twice 0.7, and twice 0.1; texts of their size, whose last line does not end.
printf '333?333?' >one.raw
runs 0 predict two.nn --net two --weights scorer.safetensors one.raw
says out '^one.raw  1.2'
printf '\315\314\314\075\315\314\314\075' >one.raw
runs 0 predict two.nn --net two --weights scorer.safetensors one.raw
says out '^one.raw  0.6'
printf 'a,b\n1, 3' >rows.csv
runs 0 predict two.nn --net two --weights scorer.safetensors rows.csv
says out '^rows.csv:2  -0.5$'

# A NaN has no sign, in every format, and is no probability above others.
printf '\000\000\300\377\000\000\100\100' >nan.raw
printf '\000\000\200\077\000\000\100\100' >one.raw
runs 0 predict two.nn --net two --weights scorer.safetensors nan.raw
says out '^nan.raw  nan$'
runs 0 predict two.nn --net two --weights scorer.safetensors nan.raw --format csv
says out '^nan.raw,nan.$'
runs 0 predict two.nn --net scorer --weights scorer.safetensors nan.raw one.raw --top 2
says out '^nan.raw  0 nan %, 1 nan %$'
says out '^one.raw  0 62.25 %, 1 37.75 %$'

# A grey PNG of 2x2 pixels, 0 51 / 102 255: alone, in a folder, and for a net of three channels.
base64 -d >dots.png <<'END'
iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR42mNgMGZI+w8AAp0BmS9udAMAAAAASUVORK5CYII=
END
mkdir -p album/inner
cp dots.png album/a.png
cp dots.png album/inner/b.PNG
echo 'no image' >album/notes.txt
cat >dots.nn <<'END'
net grey {
    input(1x2x2)
    flatten
    dense(1, init=[[1, 10, 100, 1000]], bias=no) as d
}
net colour {
    input(3x2x2)
    flatten
    dense(1, init=[[0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0, 100]], bias=no) as d
}
train grey { loss mse optimizer sgd(lr=0) batch 1 normalize none }
train colour { loss mse optimizer sgd(lr=0) batch 1 normalize none }
END
printf '0,0,0,0,0\n1,1,1,1,1\n' >four.csv
printf '0,0,0,0,0,0,0,0,0,0,0,0,0\n1,1,1,1,1,1,1,1,1,1,1,1,1\n' >twelve.csv
runs 0 train dots.nn --net grey --data four.csv --epochs 1 -o grey.safetensors --jit tcc
runs 0 train dots.nn --net colour --data twelve.csv --epochs 1 -o colour.safetensors --jit tcc
runs 0 predict dots.nn --net grey --weights grey.safetensors dots.png album
printf 'dots.png  1042\nalbum/a.png  1042\nalbum/inner/b.PNG  1042\n' >want
same out want
runs 0 predict dots.nn --net colour --weights colour.safetensors dots.png
says out '^dots.png  111$'

# ---- outputs as pictures, several outputs, sheets ---------------------------------------------

# The picture of a net that gives back its input is that input; the normalisation is undone.
cat >pictures.nn <<'END'
net same {
    input(1x2x2)
    conv(1, 1, init=[[[[1]]]], bias=no) as c
}
net map {
    input(1x2x2)
    conv(2, 1, init=[[[[1]]], [[[0.3]]]], bias_init=[0, 0.2]) as c
}
net several {
    input(1x2x2)
    conv(2, 1, init=[[[[1]]], [[[10]]]], bias=no) as c
    output features
    flatten
    dense(1, init=[[1, 10, 100, 1000, 0, 0, 0, 0]], bias=no) as d
}
train same { loss mse optimizer sgd(lr=0) batch 1 normalize mean=[0.25] std=[0.125] }
train map { loss cross_entropy optimizer sgd(lr=0) batch 1 normalize none }
END
# shellcheck disable=SC2059 # a length is a format
head_of() { printf "\\$(printf %o ${#1})\\0\\0\\0\\0\\0\\0\\0"; printf %s "$1"; } # HEADER of less than 256 bytes
weigh() { # NET FILE: untrained weights
    runs 0 train pictures.nn --net "$1" --data four.csv --epochs 1 -o "$2" --jit tcc
}
weigh same same.safetensors
runs 0 predict pictures.nn --net same --weights same.safetensors dots.png -o y.png
says out '^dots.png  -2 -0.39999[0-9]* 1.20000[0-9]* 6$'
runs 0 predict dots.nn --net grey --weights grey.safetensors y.png
says out '^y.png  1042$'
runs 0 predict pictures.nn --net same --weights same.safetensors dots.png album -o y.png
exists y-0.png y-1.png y-2.png
same y.png y-2.png

# The first class wins from 0.2 / 0.7 on: of 0, 0.2, 0.4 and 1 the last two are black.
header='{"c.weight":{"dtype":"F32","shape":[2,1,1,1],"data_offsets":[0,8]},"c.bias":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}'
{ head_of "$header"; printf '\0\0\200\077\232\231\231\076\0\0\0\0\315\314\114\076'; } >map.safetensors
runs 0 predict pictures.nn --net map --weights map.safetensors dots.png -o y.png
runs 0 predict dots.nn --net grey --weights grey.safetensors y.png
says out '^y.png  11$'

# Several outputs are an array each.
header='{"c.weight":{"dtype":"F32","shape":[2,1,1,1],"data_offsets":[0,8]},"d.weight":{"dtype":"F32","shape":[1,8],"data_offsets":[8,40]}}'
one='\0\0\200\077' ten='\0\0\040\101' zero='\0\0\0\0'
# shellcheck disable=SC2059 # they are formats
{ head_of "$header"; printf "$one$ten$one$one$one$one$zero$zero$zero$zero"; } >several.safetensors
runs 0 predict pictures.nn --net several --weights several.safetensors dots.png album -o y.npy
exists y.npy y.features.npy
head -n 1 y.npy >out
says out "'shape': (3, 1)"
head -n 1 y.features.npy >out
says out "'shape': (3, 2, 2, 2)"
what='the features'
is "$(tail -c 32 y.features.npy | od -An -tf4 -w32 | tr -s ' ')" = ' 0 0.2 0.4 1 0 2 4 10'
runs 1 predict pictures.nn --net several --weights several.safetensors dots.png -o z.png
says err 'are no picture (1); use -o FILE.npy'
absent z.png
runs 2 predict pictures.nn --net same --weights same.safetensors dots.png -o y.txt
says err 'must end in .npy (an array) or .png'

runs 0 predict "$lenet" --weights w.safetensors --data "$digits" --worst 3 --sheet sheet.png
runs 2 predict "$lenet" --weights w.safetensors --data "$digits" --sheet sheet.jpg; says err '--sheet sheet.jpg: the name must end in .png'
head -c 24 sheet.png | od -An -tx1 -w24 | tr -d ' ' >out
says out '^89504e470d0a1a0a0000000d49484452'
runs 0 predict "$lenet" --weights w.safetensors --data "$digits" --sheet sheet.png
says err 'sheet.png has the first 400 of 2000 samples'
runs 0 predict pictures.nn --net same --weights same.safetensors album --sheet album.png
exists album.png
runs 1 predict two.nn --net two --weights scorer.safetensors rows.csv --sheet rows.png
says err 'no images of one or three channels'
absent rows.png

# ---- mistakes ------------------------------------------------------------------------------

predict 2 --top 1
says err 'nothing to predict'
runs 2 predict "$lenet" three.npy
says err 'missing weights'
runs 2 predict "$lenet" three.npy --map 'a=b'
says err 'missing weights'
predict 2 three.npy --worst 3
says err '--worst needs a labelled set'
predict 2 three.npy --workers 2
says err 'are for a labelled set'
predict 2 three.npy --format xml
says err 'text, csv or json'
predict 1 nosuch.png
says err 'cannot read .*nosuch.png'
printf 'abcdefg\0' >odd.bin
predict 1 odd.bin
says err 'its 8 bytes are no multiple of the net.s 4096 (1024 floats)'
mkdir empty
predict 1 empty
says err 'empty has no JPEG or PNG images'
printf '1,2,x\n' >word.csv
predict 1 word.csv
says err "word.csv:1: 'x' is no number"
printf '1,2\n' >short.csv
predict 1 short.csv
says err 'short.csv:1: 2 numbers, the net takes 1024'
{ array '<f4' '5, 2, 3'; head -c 120 /dev/zero; } >odd.npy
predict 0 odd.npy
{ array '<f4' '5, 2, 3, 4, 2'; head -c 960 /dev/zero; } >odd.npy
predict 1 odd.npy
says err 'odd.npy is 5x2x3x4x2, which is no input of the net'
printf '\211PNG\r\n\032\nnothing more' >cut.png
predict 1 three.npy cut.png
says err 'cut.png'
lines out 3
runs 1 predict "$lenet" --weights w.safetensors --data "$digits/nosuch"
printf 'a,b\n' >heading.csv
runs 1 predict "$lenet" --weights w.safetensors heading.csv
says err 'heading.csv is text without a row of numbers'

conclude
