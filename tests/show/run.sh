#!/bin/sh
# nnc show: the tensors of a weights file and where the run of a checkpoint stands; and
# checkpoints wherever weights are taken.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
lenet=$root/dsl_examples/lenet.nn
cd "$tmp" || exit 1

# ---- statistics -----------------------------------------------------------------------------

cat >two.nn <<'END'
net two {
    input(2)
    dense(2) as d
}
END
# d.weight 3 −4 0 0, d.bias NaN 5; what follows the length is the header.
header='{"__metadata__":{"note":"by hand"},"d.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"d.bias":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}}'
# shellcheck disable=SC2059 # a length is a format
put() { # FILE HEADER of less than 256 bytes
    printf "\\$(printf %o ${#2})\\0\\0\\0\\0\\0\\0\\0" >"$1"
    printf %s "$2" >>"$1"
    printf '\0\0\100\100\0\0\200\300\0\0\0\0\0\0\0\0\0\0\300\177\0\0\240\100' >>"$1"
}
put two.safetensors "$header"
runs 0 show two.nn --weights two.safetensors
tr -s ' ' <out >have
says have '^d.weight 2x2 -4 3 -0.25 2.487 5 2 ▄ █ ▄$'
says have '^d.bias 2 5 5 5 0 5 1'
runs 0 show two.nn --weights two.safetensors --format json
says out '"note": "by hand"'
if have python3; then
    what=JSON
    "$NNC" show two.nn --weights two.safetensors --format json >two.json
    if python3 -c '
import json
all = json.load(open("two.json"))
w, b = all["tensors"]
assert w["shape"] == [2, 2] and w["count"] == 4 and w["min"] == -4 and w["max"] == 3 and w["mean"] == -0.25
assert w["norm"] == 5 and w["zeros"] == 2 and w["nan"] == 0 and sum(w["histogram"]) == 4
assert b["nan"] == 1 and b["min"] == b["max"] == b["mean"] == 5 and not all["others"]'; then ok; else bad 'not what the file has' two.json; fi
fi

# What does not fit is shown and listed.
printf 'net two {\n    input(2)\n    dense(3) as d\n    dense(1) as e\n}\n' >other.nn
runs 1 show other.nn --weights two.safetensors
says out '^d.weight  *2x2 '
says err 'other shape d.weight: 2x2 in the file, 3x2 in the net'
says err 'missing     e.weight (1x3)'
runs 2 show two.nn
says err 'missing weights'
runs 2 show two.nn --weights two.safetensors --format xml
says err 'takes text or json'

# ---- checkpoints ----------------------------------------------------------------------------

sed 's/^train lenet {/train lenet {\n    ema(0.9)/' "$lenet" >ema.nn
for net in "$lenet" ema.nn; do
    runs 0 train "$net" --steps 20 --checkpoint at -o w.safetensors --jit tcc
    runs 0 show "$net" --weights at
    says out '^checkpoint  epoch 1, step 20 (20 of this epoch), after [0-9.]* s$'
    says out '^mean loss   [0-9.]* (of this epoch so far)$'
    says out '^optimizer   adam('
    says out '^batch       64$'
    says out "the optimizer's state and averages of the weights"
    # What the run saves is what others take of its checkpoint.
    runs 0 eval "$net" --weights w.safetensors --jit tcc
    grep -v '^weights' out >want
    runs 0 eval "$net" --weights at --jit tcc
    grep -v '^weights' out >have
    same have want
    runs 0 "$net" --weights w.safetensors --plain --batch 1 -o of_weights.c --prefix net
    runs 0 "$net" --weights at --plain --batch 1 -o of_at.c --prefix net
    sed 's/of_at/of_weights/' of_at.c >have
    same have of_weights.c
    rm -f at
done

# Pictures of weights: 6 kernels of 5x5, 45 pixels each with 4 between them, in 3 columns and 2 rows.
size_of() { od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'; }
filters=$root/dsl_examples/lenet.nn
runs 0 train "$filters" --limit 20 --epochs 1 --jit tcc -o filters.w
runs 0 show "$filters" --weights filters.w --filters c1 -o c1.png; silent out
what='the size of c1.png'
is "$(size_of c1.png)" = 151x102
runs 1 show "$filters" --weights filters.w --filters f6 -o f6.png; says err 'no layer of lenet with kernels'; absent f6.png
runs 2 show "$filters" --weights filters.w --filters c1; runs 2 show "$filters" --weights filters.w -o c1.png

# ---- pictures of samples, regions and logs ----------------------------------------------------

runs 0 train "$root/dsl_examples/lenet.nn" --limit 64 --epochs 3 --jit tcc -o lenet.w --log run.csv
head -c 784 /dev/zero | tr '\0' '\100' >pixels
{ printf 'P5\n28 28\n255\n' && cat pixels; } >grey.pgm

lenet=$root/dsl_examples/lenet.nn
runs 0 show "$lenet" --weights lenet.w --features tanh1 grey.pgm -o tanh1.png; silent out
what='the size of tanh1.png' # 6 tiles of 84 with 4 between them in 3 columns, below 3 lines in 320 pixels
is "$(size_of tanh1.png | cut -dx -f1)" = 320
runs 0 show "$lenet" --weights lenet.w --features output grey.pgm -o output.png; exists output.png
runs 1 show "$lenet" --weights lenet.w --features none grey.pgm -o none.png; says err 'no layer of this name'; absent none.png
runs 2 show "$lenet" --weights lenet.w --features tanh1 -o none.png; says err 'missing image'
runs 0 show "$lenet" --weights lenet.w --saliency grey.pgm -o saliency.png; silent out
what='the size of saliency.png' # 3 panels of 9 · 28 pixels
is "$(size_of saliency.png | cut -dx -f1)" = 704
runs 2 show "$lenet" --weights lenet.w --saliency grey.pgm --filters c1 -o none.png; says err 'one of them'
runs 1 show "$lenet" --weights lenet.w --decision -o none.png; says err 'is not two numbers'; absent none.png

xor=$root/dsl_examples/xor.nn
runs 0 train "$xor" --data "$root/dsl_examples/xor.csv" -o xor.w --jit tcc
runs 0 show "$xor" --weights xor.w --decision --data "$root/dsl_examples/xor.csv" -o xor.png
runs 0 show "$xor" --weights xor.w --decision --range 0,1 -o part.png; differ xor.png part.png
runs 2 show "$xor" --weights xor.w --decision --range 1,0 -o none.png; says err 'takes two numbers'
runs 1 show "$xor" --weights xor.w --saliency grey.pgm -o none.png; says err 'is no image'

runs 0 show --curve run.csv -o curve.svg
says curve.svg '>training<'
says curve.svg '>test, best [0-9.]* in epoch [123]<'
lacks curve.svg '>-0<'
runs 0 show --curve run.csv -o curve.png; exists curve.png
runs 2 show --curve run.csv; says err 'no output file'
runs 2 show "$xor" --curve run.csv -o curve.png; says err 'needs no net'

# In a terminal: half blocks, in 24-bit colours, in 256 or none.
in_terminal() { script -qec "$*" /dev/null 2>/dev/null | tr -d '\r' >out; }
if have script; then
    what='pictures in a terminal'
    in_terminal "env -u NO_COLOR TERM=xterm COLORTERM=truecolor $NNC show $lenet --weights lenet.w --filters c1"
    cp out true.txt
    says true.txt '38;2;255;255;255m.*▀'
    in_terminal "env -u NO_COLOR -u COLORTERM TERM=xterm $NNC show $lenet --weights lenet.w --features c1 grey.pgm"
    cp out few.txt
    says few.txt '38;5;231m.*▀'
    says few.txt '^c1 6x28x28: '
    in_terminal "env NO_COLOR=1 TERM=xterm $NNC show $lenet --weights lenet.w --filters c1"
    cp out plain.txt
    lacks plain.txt '▀'
    says plain.txt '^@@@@'
else
    skip 'script is not installed: no picture in a terminal'
fi
conclude
