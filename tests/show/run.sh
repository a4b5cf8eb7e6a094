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

# In the terminal: one that answers that it has sixels, one that answers without, one that does not answer, one at
# which Ctrl-C is pressed while the answer is awaited.
in_terminal() { # ANSWER WANTED OPTIONS…
    answer=$1 wanted=$2
    shift 2
    what="in a terminal that answers $answer: show $*"
    # shellcheck disable=SC2086 # assignments
    env -u NO_COLOR -u COLORTERM TERM=xterm-256color $environment python3 "$root/tests/show/terminal.py" "$answer" "$NNC" \
        show "$lenet" --weights lenet.w "$@" >out 2>err
    if [ "$(cat out)" = "$wanted" ]; then ok; else bad "not: $wanted" out; fi
}
if have python3; then
    environment=
    if "$NNC" --version | grep -q '^sixel pictures: *libsixel'; then
        in_terminal sixel 'sixel 151x102, asked 1, echoes, status 0' --filters c1
        in_terminal sixel 'sixel 268x180, asked 1, echoes, status 0' --features tanh1 grey.pgm
        in_terminal plain 'blocks, asked 1, echoes, status 0' --filters c1
        in_terminal silent 'blocks, asked 1, echoes, status 0' --filters c1
        in_terminal interrupt 'nothing, asked 1, echoes, status -2' --filters c1
        runs 0 show "$lenet" --weights lenet.w --filters c1 --inline sixel
        says out '1;1;151;102'
    else
        echo 'nnc is built without libsixel: no sixels are drawn'
        runs 2 show "$lenet" --weights lenet.w --filters c1 --inline sixel
        says err 'sixel needs libsixel'
    fi
    in_terminal sixel 'blocks, asked 0, echoes, status 0' --filters c1 --inline blocks
    environment=TERM=dumb in_terminal sixel 'text, asked 0, echoes, status 0' --filters c1
    environment=NO_COLOR=1 in_terminal sixel 'text, asked 0, echoes, status 0' --filters c1
    environment=NNC_INLINE=text in_terminal sixel 'text, asked 0, echoes, status 0' --filters c1
fi
runs 0 show "$lenet" --weights lenet.w --filters c1 --inline none
is "$(cat out)" = c1.weight
runs 2 show "$lenet" --weights lenet.w --filters c1 --inline png
says err "takes auto, sixel, blocks, text or none, not 'png'"
NNC_INLINE=png runs 2 show "$lenet" --weights lenet.w --filters c1
says err "NNC_INLINE takes auto, sixel, blocks, text or none, not 'png'"

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

# ---- shades, by hand --------------------------------------------------------------------------

# The grey picture has 0 0.2 / 0.4 1, the coloured one (1, 0, 0.2) (0.4, 0.8, 0).
base64 -d >dots.png <<'END'
iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR42mNgMGZI+w8AAp0BmS9udAMAAAAASUVORK5CYII=
END
printf 'P6\n2 1\n255\n\377\0\063\146\314\0' >two.ppm
cat >hand.nn <<'END'
net grey {
    input(1x2x2)
    conv(2, 1, init=[[[[1]]], [[[-2.5]]]], bias=no) as c
    relu as r
    flatten
    dense(3, init=[[1.5, -1, 0.5, 2.5, 9, 9, 9, 9], [0, 1, 0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0]], bias=no) as d
    softmax
}
net colour {
    input(3x1x2)
    flatten
    dense(2, init=[[1, -4, -2, 1, 0.5, 3], [0, 0, 0, 0, 0, 0]], bias=no) as d
    softmax
}
train grey { loss cross_entropy optimizer sgd(lr=0) batch 1 normalize none }
train colour { loss cross_entropy optimizer sgd(lr=0) batch 1 normalize mean=[0.5, 0.5, 0.5] std=[0.5, 0.5, 0.5] }
END
printf '0,0,0,0,0\n1,1,1,1,1\n1,1,1,0,2\n' >four.csv
printf '0,0,0,0,0,0,0\n1,1,1,1,1,1,1\n' >six.csv
runs 0 train hand.nn --net grey --data four.csv --epochs 1 --jit tcc -o grey.w
runs 0 train hand.nn --net colour --data six.csv --epochs 1 --jit tcc -o colour.w

# shades NAME COLUMNS ROWS WIDTH HEIGHT SQUARE GAP: those of NAME.png are the lines of standard input
shades() {
    file=$1.png
    shift
    cat >want
    python3 "$root/tests/show/pixels.py" "$file" "$@" >have 2>"$tmp/err"
    what="the shades of $file"
    same have want
}
if have python3; then
    # c is 0 0.2 / 0.4 1 and -2.5 times that, of 2.5 at most: 0 0.08 / 0.16 0.4 red, and 0 0.2 / 0.4 1 blue.
    runs 0 show hand.nn --net grey --weights grey.w --features c dots.png -o c.png
    shades c 2 1 2 2 42 4 <<'END'
ffffff f9edee / f3dadd e0a3aa
ffffff d3e0ee / a6c2de 2166ac
END
    # r is c without the negative channel: from dark violet (0) to yellow (1).
    runs 0 show hand.nn --net grey --weights grey.w --features r dots.png -o r.png
    shades r 2 1 2 2 42 4 <<'END'
440154 404284 / 2a778e fde725
440154 440154 / 440154 440154
END
    # d is 2.5, 0.2 and 0.4: 1, 0.08 and 0.16 of the largest, and one square that is no unit.
    runs 0 show hand.nn --net grey --weights grey.w --features d dots.png -o d.png
    shades d 1 1 2 2 168 4 <<'END'
fde725 461d6c / 44367f e1e1e1
END
    # The score d[0] = 1.5 r0 - r1 + 0.5 r2 + 2.5 r3: its slopes are 0 (where relu ends), -1, 0.5 and 2.5, and
    # none through the negative channel; with 0.4, the mean, in place of a pixel it falls by -0.6, 0.2, 0 and 1.5.
    runs 0 show hand.nn --net grey --weights grey.w --saliency dots.png -o s.png
    shades s 3 1 2 2 126 8 <<'END'
000000 333333 / 666666 ffffff
440154 2a778e / 404284 fde725
a6c2de f5e0e3 / ffffff b2182b
END
    # The largest slopes over the channels are 2 and 4; normalised, the pixels are (1, -1, -0.6) and
    # (-0.2, 0.6, -1), their mean is (0.4, -0.2, -0.8), and the score falls by 2.3 and 2.6.
    runs 0 show hand.nn --net colour --weights colour.w --saliency two.ppm -o t.png
    shades t 3 1 2 1 126 8 <<'END'
ff0033 66cc00
21908d fde725
bb3343 b2182b
END
    # Templates: 1 -4, -2 1 and 0.5 3 of 4 at most, around 127.5.
    runs 0 show hand.nn --net colour --weights colour.w --filters d -o w.png
    shades w 2 1 2 1 24 4 <<'END'
9f408f 009fdf
808080 808080
END
else
    skip 'python3 is not installed: no shades are compared'
fi

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
