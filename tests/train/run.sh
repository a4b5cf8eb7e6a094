#!/bin/sh
# Training and evaluation from the command line: what is learnt, what is
# written, what is said when data, net and weights do not fit.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
examples=$root/dsl_examples
cd "$tmp" || exit 1

# Three flowers by two measures, 90 rows, well apart.
awk 'BEGIN { print "length,width,kind"; for (i = 0; i < 90; i++) { k = i % 3
    printf "%g,%g,%s\n", 10 * k + i % 7, 300 - 100 * k + i % 11, substr("irisrosetulip", 4 * k + 1, k == 2 ? 5 : 4) } }' >flowers.csv
awk 'BEGIN { for (i = 0; i < 40; i++) printf "%g,%g\n", i / 20 - 1, 3 * (i / 20 - 1) + 0.5 }' >line.csv
cat >flowers.nn <<'END'
net flowers(kinds=3) {
    input(2)
    dense(8) tanh
    dense(kinds) softmax
}
train flowers {
    loss cross_entropy
    optimizer adam(lr=0.05)
    batch 16
    epochs 30
}
END
cat >line.nn <<'END'
net line {
    input(1)
    dense(1) as fc
}
train line {
    loss mse
    optimizer sgd(lr=0.1)
    batch 8
    epochs 40
}
END

# Exclusive or is learnt, on its four rows, by either back end, with the same bits every time.
for jit in tcc cc; do
    runs 0 train "$examples/xor.nn" --data "$examples/xor.csv" --jit $jit -o xor.$jit
    says out '^test accuracy 100.00 % (4 of 4)'
    says out "^weights in xor.$jit"
    says err 'same rows serve'
    runs 0 eval "$examples/xor.nn" --data "$examples/xor.csv" --jit $jit --weights xor.$jit
    says out '^top-1      100.00 % (4 of 4)'
done
runs 0 train "$examples/xor.nn" --data "$examples/xor.csv" -o again
same xor.tcc again
runs 0 train "$examples/xor.nn" --data "$examples/xor.csv" --seed 2 -o other
differ again other

# Classes by name, a test part split off, normalised by column, a log.
runs 0 train flowers.nn --data flowers.csv --log log.csv
says err '72 train, 18 test'
says err 'each column'
says out '100.00 % (18 of 18)'
what=log.csv
if [ "$(wc -l <log.csv)" -eq $((1 + 30 * 5 + 30)) ]; then ok; else bad "$(wc -l <log.csv) lines"; fi
runs 0 eval flowers.nn --data flowers.csv --weights flowers.safetensors
says out '^ *rose *100.00 % *100.00 % *6$'
says out '^confusion'
runs 0 train flowers.nn --data flowers.csv --epochs 1 --log log.jsonl --batch 72 -o one
what=log.jsonl
if [ "$(wc -l <log.jsonl)" -eq 2 ]; then ok; else bad "$(wc -l <log.jsonl) lines"; fi
runs 0 train flowers.nn --data flowers.csv --column 3 --steps 9 --batch 1000 -o one
says out '^    9 '

# Names may be any bytes: what is no UTF-8 becomes a question mark in what is written.
odd=$(printf 'flo\377wers.csv')
LC_ALL=C sed "s/iris/$(printf '\351ris')/" flowers.csv >"$odd"
runs 0 train flowers.nn --data "$odd" --epochs 1 --jit tcc -o odd --page odd.html
runs 0 eval flowers.nn --data "$odd" --weights odd --jit tcc
says out '^ *?ris '; lacks err warning
runs 0 show flowers.nn --weights odd; says out '^data  *flo?wers.csv$'

# A character takes a column, however many bytes it has.
sed 's/iris/Îrïs/' flowers.csv >accents.csv
runs 0 train flowers.nn --data accents.csv --epochs 1 --jit tcc -o accents
runs 0 eval flowers.nn --data accents.csv --weights accents --jit tcc
says out '^ Îrïs  '; says out '^ rose  '; says out '^ *rose   tulip    Îrïs$'

# A path may be long.
folder=$(printf '%0200d' 0)
deep=$folder/$folder/$folder/$folder/$folder/$folder
mkdir -p "$deep" && cp flowers.csv "$deep"
runs 0 train flowers.nn --data "$deep/flowers.csv" --epochs 1 --jit tcc -o deep
says err 'flowers.csv: 72 train, 18 test of 2 columns, 3 classes$'

# Values.
runs 0 train line.nn --data line.csv
says out '^test loss [0-9.]*e-'
runs 0 eval line.nn --data line.csv --weights line.safetensors
says out 'mean absolute error'

# Starting from weights, frozen ones.
runs 0 train flowers.nn --data flowers.csv --init flowers.safetensors --freeze '*' --epochs 1 -o frozen
says err '51 frozen'
same flowers.safetensors frozen
# A frozen batchnorm keeps its statistics; what is trained behind it changes.
cat >norms.nn <<'END'
net norms {
    input(2)
    batchnorm as first
    batchnorm(affine=no) as bare
    dense(3) as fc
}
train norms { batch 16  epochs 2 }
END
runs 0 train norms.nn --data flowers.csv --epochs 1 --set 'optimizer sgd(lr=0)' -o norms.start
runs 0 train norms.nn --data flowers.csv --init norms.start --train 'fc.*' --set 'optimizer sgd(lr=0)' -o norms.kept
same norms.start norms.kept
runs 0 train norms.nn --data flowers.csv --init norms.start --freeze 'first.*' --freeze 'bare.*' --set 'optimizer sgd(lr=0)' -o norms.kept
same norms.start norms.kept
runs 0 train norms.nn --data flowers.csv --init norms.start --set 'optimizer sgd(lr=0)' -o norms.moved
differ norms.start norms.moved
# Groups of parameters: factors of 2 are exact, and a rate of 0 is as good as frozen.
xor="$examples/xor.nn --data $examples/xor.csv --epochs 20"
runs 0 train $xor --set 'optimizer sgd(lr=0.1, momentum=0.9, weight_decay=0.02)' -o whole
runs 0 train $xor --set 'optimizer sgd(lr=0.05, momentum=0.9, weight_decay=0.01)' --set 'group "*" (lr=2, weight_decay=2)' -o doubled
same whole doubled
runs 0 train $xor --set 'optimizer sgd(lr=0.05, momentum=0.9, weight_decay=0.01)' --set 'group "*.bias" (lr=2)' -o biases
differ whole biases
runs 0 train $xor --train '*.bias' -o only; says err '33 parameters (24 frozen)'
runs 0 train $xor --freeze '*.weight' -o not; same only not
runs 0 train $xor --set 'group "*.weight" (train=no)' -o group; same only group
runs 0 train $xor --set 'group "*.weight" (lr=0)' -o still; same only still
runs 2 train $xor --train 'nothing*' -o none; says err 'train nothing\* matches no parameter of xor'
runs 1 train $xor --set 'group "nothing*" (lr=2)' -o none; says err 'group "nothing\*" matches no parameter of xor'
runs 0 train flowers.nn --data flowers.csv --init one --epochs 1 -o two
runs 1 train flowers.nn --data flowers.csv --init xor.tcc -o none
says err 'no tensor that the net flowers has'
absent none

# What goes wrong.
runs 1 train line.nn --data line.csv --lr 1e9 -o none
says err 'loss is .* at step .* lr 1e+09; try a smaller one'
says err 'last finite weights, from step 2, are in none'
rm none
runs 1 train flowers.nn --data flowers.csv -D kinds=5 -o none
says err '3 classes, the net has 5 outputs'
runs 1 train flowers.nn -o none
says err 'the net takes 2 values, the images have 784 (1x28x28)'
runs 1 train line.nn --data nothing
says err 'no file or folder nothing'
runs 1 train line.nn --data line.csv --target 7
says err 'no column 7 in line.csv'
runs 1 train line.nn --data line.csv -o nowhere/w
runs 1 eval flowers.nn --data flowers.csv --weights line.safetensors
says err 'missing     dense1.weight (8x2)'
says err 'unexpected  fc.weight (1x1)'
runs 1 eval flowers.nn --data flowers.csv --weights flowers.csv
says err 'not a safetensors file'
runs 1 eval flowers.nn --data flowers.csv --weights none
runs 2 eval flowers.nn
runs 2 train
runs 2 train flowers.nn line.nn
runs 2 train flowers.nn --epochs 0
runs 2 train flowers.nn --lr x
runs 2 train flowers.nn --time-limit 3y
runs 2 train flowers.nn --log log.txt
runs 2 train flowers.nn --valid 2.5; says err 'takes a share below 1 or a number of samples'
runs 2 train flowers.nn --valid 1.0; says err "takes a share below 1 or a number of samples, not '1.0'"
runs 2 train flowers.nn --keep all; says err "takes best or last, not 'all'"
runs 2 eval flowers.nn --weights flowers.safetensors --part all; says err "takes train, valid or test, not 'all'"
runs 1 train flowers.nn --data flowers.csv --set 'valid 1.5' -o none
says err 'valid takes a share of the training samples below 1, or a number of them, not 1.5'
runs 1 train line.nn --data line.csv --classes 1 -o none; says err 'line.csv has values'
runs 1 train flowers.nn --data flowers.csv --valid 72 -o none; says err '72 samples; 72 of them cannot be for validation'
runs 1 train flowers.nn --data flowers.csv --resume x
says err 'cannot open x: No such file'

# A signal: the step ends, the weights are saved.
what='a signal'
: >err # the shell in the background empties it later
"$NNC" train line.nn --data line.csv --epochs 100000000 -o stopped >out 2>err </dev/null &
pid=$!
until_says err '^epoch'
kill -INT $pid
wait $pid
status=$?
status_is 0
says err 'stopped at epoch [0-9]*, step [0-9]*; saved in stopped'
runs 0 eval line.nn --data line.csv --weights stopped
runs 0 train line.nn --data line.csv --epochs 100000000 --time-limit 0.2 -o timed
says err 'time limit reached'

# ---- validation ----------------------------------------------------------------------------

# column LOG KIND NAME: the numbers of a log
column() { awk -F, -v kind="$2" -v name="$3" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } $1 == kind { print $at }' "$1"; }

# It is cut off the training part, alike with any number of threads, and shown; the test part comes at the end.
runs 0 train flowers.nn --data flowers.csv --valid 0.25 --threads 1 --log valid.csv -o v.1
says err '^data .*: 54 train, 18 valid, 18 test'
says out '^epoch   steps       lr     loss    train valid loss    valid samples/s     time$'
says out '^test accuracy 100.00 % (18 of 18)'
what='a line of validation for each epoch, one of the test'
is "$(column valid.csv valid loss | wc -l)" -eq 30
is "$(column valid.csv test loss | wc -l)" -eq 1
is "$(column valid.csv valid train_accuracy | grep -c '^[01]')" -eq 30
runs 0 train flowers.nn --data flowers.csv --set 'valid 0.25' --threads 2 -o v.2; same v.1 v.2
runs 0 train flowers.nn --data flowers.csv --valid 18 --seed 2 -o v.3; differ v.1 v.3
runs 0 eval flowers.nn --data flowers.csv --weights v.1 --part valid
says out '^part       validation$'; says out '100.00 % (18 of 18)'
column valid.csv valid loss | tail -n 1 | awk '{ printf "%.4g\n", $1 }' >loss.trained
awk '$1 == "loss" { printf "%.4g\n", $2 }' out >loss.evaluated
same loss.trained loss.evaluated
runs 0 eval flowers.nn --data flowers.csv --weights v.1 --part train; says out 'of 54)'
runs 0 eval flowers.nn --data flowers.csv --weights v.1; says out 'of 18)'
runs 1 eval flowers.nn --data flowers.csv --weights flowers.safetensors --part valid
says err 'flowers.csv has no validation part, and none was cut off its training part'

# The best weights, of a run that gets worse: those of its best epoch, in the file and of a run that ends there.
worse="line.nn --data line.csv --valid 8 --set normalize=none --set 'schedule bold_driver(grow=6, cut=1)'"
eval "runs 0 train $worse --epochs 6 --keep best --lr 0.02 --log worse.csv -o best.w"
best=$(column worse.csv valid loss | awk 'NR == 1 || $1 < least { least = $1; at = NR } END { print at }')
what='an epoch that is best, before the last'
if [ "$best" -gt 0 ] && [ "$best" -lt 6 ]; then ok; else bad "it is $best" worse.csv; fi
says out "^best validation loss [0-9.e-]*, in epoch $best\$"
eval "runs 0 train $worse --epochs $best --keep last --lr 0.02 -o then.w"
same best.w then.w
eval "runs 0 train $worse --epochs 6 --lr 0.02 -o last.w"; differ best.w last.w
lacks out 'best validation'
# Patience keeps the best, and looks at a tenth where nothing else is said.
runs 0 train flowers.nn --data flowers.csv --epochs 500 --lr 0.3 --set 'stop patience(5)' -o patient.w
says err 'note: 7 of the 72 training samples are for validation (valid 0.1)'
says err 'the validation loss has stopped falling at epoch'
says out '^best validation loss'

# A range test: a rate that is worth trying, and nothing is written.
runs 0 train flowers.nn --data flowers.csv --lr-find -o rates.svg
says out '^  *lr  *loss'; says out '#  lowest$'
what='the proposal of --lr-find'
if awk '/^proposal/ { exit !($3 > 1e-4 && $3 < 1) }' out; then ok; else bad 'no or another proposal'; fi
# The same in a picture: a tick for each power of ten, both curves, the proposal in red.
proposed=$(sed -n 's/^proposal *\(--lr [^:]*\):.*/\1/p' out)
says rates.svg ">proposal: $proposed</text>"
says rates.svg '>1e-06</text>'; says rates.svg '#d0242c'
what='the curve of the average'
is "$(grep -c 'stroke="#18569e"' rates.svg)" -gt 40
tail -n 1 rates.svg >last; says last '^</svg>$'
cp out table
runs 0 train flowers.nn --data flowers.csv --lr-find -o rates.png --jit tcc
head -c 24 rates.png | od -An -tx1 -w24 | tr -d ' ' >out
says out '^89504e470d0a1a0a0000000d49484452000003c00000021c$'
cp table out
what='the proposal of --lr-find'
if awk 'length > 79 { exit 1 }' out; then ok; else bad 'a line of more than 79 columns'; fi
runs 0 train flowers.nn --data flowers.csv --lr-find --set 'optimizer sgd(lr=1)' --freeze '*' --jit tcc
says out '^no proposal'
runs 2 train flowers.nn --data flowers.csv --lr-find --resume
runs 2 train flowers.nn --data flowers.csv --lr-find -o rates.safetensors
says err 'writes no weights, but a picture, FILE.png or FILE.svg'
absent rates.safetensors

# Parts of the classes, and of the samples.
runs 0 train flowers.nn --data flowers.csv --classes tulip,iris -D kinds=2 --limit 20 -o two.w
says err '^data .*: 20 train, 12 test of 2 columns, 2 classes'
# The weights know which they are: so do eval and predict.
runs 0 eval flowers.nn --data flowers.csv -D kinds=2 --weights two.w
says err 'note: only samples of the classes tulip,iris, as in training'
says out '^ *tulip .* 6$'; says out 'of 12)'
runs 0 predict flowers.nn --data flowers.csv -D kinds=2 --weights two.w --format csv
what='the samples of two classes'
is "$(wc -l <out)" -eq 13
runs 1 eval flowers.nn --data flowers.csv -D kinds=2 --weights two.w --classes rose,iris
runs 0 eval flowers.nn --data flowers.csv --classes tulip,iris -D kinds=2 --weights two.w
says out '^ *tulip .* 6$'; says out 'of 12)'
runs 1 train flowers.nn --data flowers.csv --classes daisy -o none
says err "no class 'daisy'; it has 3, numbered from 0, the first of them iris"

# ---- data that is not named ---------------------------------------------------------------

runs 1 train line.nn
says err 'the net takes 1 value'
says err 'note: without --data, nnc uses the digits it ships with'
runs 0 train "$examples/lenet.nn" --steps 1 -o digits.safetensors
says err '^data .*(no --data: the digits that nnc ships with)'
runs 0 train flowers.nn --data flowers.csv --steps 1 -o named.safetensors
lacks err '--data'
runs 0 train flowers.nn --data flowers.csv --target 3 --steps 1 -o named.safetensors # the other name of --column
runs 1 train flowers.nn --data flowers.csv --column 7
says err 'column'

# ---- every sample of an epoch, averages of the weights, mixing ---------------------------

# The last, shorter batch has code of its own, which computes as that of a net with this batch;
# it does so with any number of threads, and its loss counts by its samples.
runs 0 train flowers.nn --data flowers.csv --epochs 5 --batch 72 -o whole.safetensors
runs 0 train flowers.nn --data flowers.csv --epochs 5 --batch 1000 -o short.safetensors
same whole.safetensors short.safetensors
runs 0 train norms.nn --data flowers.csv --batch 50 --threads 1 -o one.safetensors
runs 0 train norms.nn --data flowers.csv --batch 50 --threads 2 -o two.safetensors
runs 0 train norms.nn --data flowers.csv --batch 50 --epochs 2 --threads 96 -o many.safetensors
runs 0 train norms.nn --data flowers.csv --batch 50 --epochs 2 --threads 1 -o few.safetensors
same few.safetensors many.safetensors
runs 2 train norms.nn --data flowers.csv --threads 1025
says err '^nnc train: --threads is 1025; it must be from 1 to 1024'
same one.safetensors two.safetensors
runs 0 train flowers.nn --data flowers.csv --epochs 1 --batch 50 --lr 1e-20 --log weighted.csv -o w.safetensors
says out '^    1       2'
what='the mean of 50 and 22 samples'
epoch=$(awk '$1 == 1 { print $4 }' out)
if awk -F, -v epoch="$epoch" '$1 == "train" { n = ++i == 1 ? 50 : 22; sum += n * $5 }
    END { d = sum / 72 - epoch; exit !(i == 2 && d < 1e-4 && d > -1e-4) }' weighted.csv; then ok; else bad "$epoch" weighted.csv; fi
# The order, with weights that do not move: epochs are alike or not.
for order in sequential shuffle; do
    runs 0 train flowers.nn --data flowers.csv --epochs 2 --order $order --lr 1e-20 --log $order.csv -o w.safetensors
    awk -F, '$1 == "train" && $2 == 1 { print $5 }' $order.csv >$order.1
    awk -F, '$1 == "train" && $2 == 2 { print $5 }' $order.csv >$order.2
done
same sequential.1 sequential.2
differ shuffle.1 shuffle.2
runs 0 train flowers.nn --data flowers.csv --epochs 2 --set 'order sequential' --lr 1e-20 --log key.csv -o w.safetensors
awk -F, '$1 == "train" && $2 == 1 { print $5 }' key.csv >key.1
same sequential.1 key.1
runs 2 train flowers.nn --data flowers.csv --order random
says err "takes shuffle or sequential, not 'random'"

# The momentum that onecycle cycles is that of the run: where it goes decides where the weights end.
for base in 0.5 0.9; do
    runs 0 train flowers.nn --data flowers.csv --epochs 3 -o cycle_$base.safetensors \
        --set "schedule onecycle(0.05, cycle_momentum=yes, base_momentum=$base)"
done
what='base_momentum of onecycle'
if cmp -s cycle_0.5.safetensors cycle_0.9.safetensors; then bad 'it changes nothing'; else ok; fi

# At their ends the averages are the weights, or those of the beginning.
frozen="norms.nn --data flowers.csv --train fc.weight --train fc.bias"
# shellcheck disable=SC2086 # words
{
    runs 0 train $frozen --set 'optimizer sgd(lr=0)' -o first.safetensors
    runs 0 train $frozen -o plain.safetensors
}
for set in 'ema(0)' 'lookahead(k=1, alpha=1)'; do
    # shellcheck disable=SC2086
    runs 0 train $frozen --set "$set" -o averaged.safetensors
    same plain.safetensors averaged.safetensors
done
for set in 'ema(1)' 'lookahead(k=3, alpha=0)'; do
    # shellcheck disable=SC2086
    runs 0 train $frozen --set "$set" -o averaged.safetensors
    tail -c 60 averaged.safetensors >averaged.end
    tail -c 60 first.safetensors >first.end
    same first.end averaged.end
done
runs 1 train flowers.nn --data flowers.csv --set 'ema(2)'
says err 'decay'
# A net learns from mixed samples, too; what cannot be mixed is refused.
runs 0 train flowers.nn --data flowers.csv --set 'mixup(0.2)' -o mixed.safetensors
says out '^test accuracy 100.00 %'
runs 0 train "$examples/lenet.nn" --set 'cutmix(1)' --steps 3 --batch 8 --jit tcc -o cut.safetensors
runs 1 train flowers.nn --data flowers.csv --set 'cutmix(1)'
says err 'cutmix takes images; the net takes 2 columns'
runs 1 train flowers.nn --data flowers.csv --set 'mixup(1)' --set 'loss focal'
says err 'mixup mixes the targets of two samples, but those of focal are classes; use cross_entropy'
runs 0 train flowers.nn --data flowers.csv --set 'schedule bold_driver' --log bold.csv
what='bold_driver: the rate grows by 1.05 while the loss falls'
if awk -F, '$1 == "train" && $2 == 3 { exit !($4 > 0.0524 && $4 < 0.0526) }' bold.csv; then ok; else bad 'another rate' bold.csv; fi

# ---- a class for each pixel, labels, signs -----------------------------------------------

# array SHAPE TYPE: an .npy array of the bytes on standard input
array() {
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': ($1)}"
    cat
}

# bytes COUNT EXPRESSION: of i, from 0
bytes() {
    # shellcheck disable=SC2059 # escapes
    printf "$(awk -v n="$1" "BEGIN { for (i = 0; i < n; i++) printf \"\\\\%03o\", ($2) }")"
}

# Pixels are bright or dark; those of the left column have no class that counts.
mkdir maps
bytes 3840 'i * 7 % 11 > 5 ? 200 + i % 50 : i % 60' | array '60, 8, 8' '|u1' >maps/x_train.npy
bytes 3840 'i % 8 == 0 ? 255 : i * 7 % 11 > 5' | array '60, 8, 8' '|u1' >maps/y_train.npy
cat >maps.nn <<'END'
net maps {
    input(1x8x8)
    conv(2, 1)
    softmax
}
train maps {
    loss      cross_entropy(ignore_index=255)
    optimizer adam(lr=0.1)
    batch     16
    epochs    10
}
END
runs 0 train maps.nn --data maps
says out '^test accuracy 100.00 % (672 of 672 pixels)'
runs 0 eval maps.nn --data maps --weights maps.safetensors
says out '^top-1      100.00 % (672 of 672 pixels)'
says out '^ *mean *100.00 %$'
runs 1 train maps.nn --data maps --set 'loss cross_entropy'
says err 'the data has 256 classes, the net has 2 outputs: sample 0 of maps/y_train.npy has class 255'
# Bright pixels stay bright when maps move with their images, else nothing could be learnt.
runs 0 train maps.nn --data maps --set 'augment flip translate(3)'
says out '^test accuracy 100.00 % (672 of 672 pixels)'
runs 0 train maps.nn --data maps --set 'augment resize(11) crop(8, pad=1) rotate(30) cutout(2)'
says out '^test accuracy 100.00 % (672 of 672 pixels)'
# Fitted with their images, they have the input's size.
runs 0 train maps.nn --data maps --input 1x12x10 --epochs 2
says out '^test accuracy .* of 1440 pixels'
runs 1 train maps.nn --data maps --set 'mixup(0.2)'
says err 'mixup mixes a class of each sample, but cross_entropy takes one of each of 8x8 places; with targets=prob'
# A valid convolution takes the edges off: what is left of the maps is their centre.
sed 's/conv(2, 1)/conv(2, 3)/' maps.nn >valid.nn
runs 0 train valid.nn --data maps --epochs 1
says out 'of 432 pixels'
sed 's/conv(2, 1)/conv(2, 2, stride=2)/' maps.nn >coarse.nn
runs 1 train coarse.nn --data maps
says err 'class maps of 8x8, the net gives 4x4, in which a pixel stands for several'
runs 1 train maps.nn --data "$examples/data/digits" --input 1x28x28
says err 'the data has 10 classes, the net has 2 outputs'

# Samples without a class (-100) are in the batch, not in the loss and the accuracy.
mkdir some labelled
bytes 240 'i * 7 % 11 > 5 ? 200 : 20' | array '120, 2' '|u1' >some/x_train.npy
bytes 240 'i % 4 >= 2 ? 156 + 99 * (i % 2) : i % 2 ? 0 : i * 7 % 11 > 5' | array '120' '<i2' >some/y_train.npy
bytes 80 'i * 7 % 11 > 5 ? 200 : 20' | array '40, 2' '|u1' >some/x_test.npy
bytes 80 'i % 4 >= 2 ? 156 + 99 * (i % 2) : i % 2 ? 0 : i * 7 % 11 > 5' | array '40' '<i2' >some/y_test.npy
cp some/x_train.npy some/y_train.npy labelled
bytes 80 'i * 7 % 11 > 5 ? 200 : 20' | od -An -v -tu1 -w4 | awk '{ printf "\\%03o\\%03o", $1, $2 }' >pairs
# shellcheck disable=SC2059 # escapes
printf "$(cat pairs)" | array '20, 2' '|u1' >labelled/x_test.npy
bytes 20 'i * 4 * 7 % 11 > 5' | array '20' '|u1' >labelled/y_test.npy
cat >some.nn <<'END'
net some { input(2) dense(2) }
train some { loss cross_entropy  optimizer adam(lr=0.1)  batch 16  epochs 20 }
END
runs 0 train some.nn --data some -o some.w
says out '^test accuracy 100.00 % (20 of 20)'
runs 0 eval some.nn --data some --weights some.w --batch 7
says out '^top-1      100.00 % (20 of 20)'
awk '$1 == "loss" { print $2 }' out >some.loss
runs 0 eval some.nn --data labelled --weights some.w
awk '$1 == "loss" { print $2 }' out >labelled.loss
same some.loss labelled.loss
runs 0 predict some.nn --data some --weights some.w --format csv
what='predict --format csv'
is "$(tr -d '\r' <out | awk -F, '{ print NF }' | sort -u | wc -l)" -eq 1
runs 1 train some.nn --data some --set 'loss mse'
says err 'sample 1 of the training part has no class (-100), and this loss takes a value of every sample'

# Labels that hold or not, which is counted by label and by sample.
mkdir labels
bytes 240 'i * 7 % 11 > 5 ? 200 : 20' | array '60, 4' '|u1' >labels/x_train.npy
bytes 240 'i * 7 % 11 > 5' | array '60, 4' '|u1' >labels/y_train.npy
cat >labels.nn <<'END'
net labels {
    input(4)
    dense(4)
}
train labels {
    loss      bce_logits
    optimizer adam(lr=0.1)
    batch     16
    epochs    30
}
END
runs 0 train labels.nn --data labels
says out '^test accuracy 100.00 % (48 of 48 labels)'
runs 0 eval labels.nn --data labels --weights labels.safetensors
says out '^labels     100.00 % (48 of 48)'
says out '^all labels 100.00 % (12 of 12 samples)'

# Two classes, one score, by their signs; as classes and as −1 and 1.
awk 'BEGIN { for (i = 0; i < 60; i++) printf "%g,%g,%d\n", i % 7 - 3, i % 5 - 2, (i % 7 > 3) }' >classes.csv
sed 's/,0$/,-1/' classes.csv >signs.csv
cat >svm.nn <<'END'
net svm {
    input(2)
    dense(1)
}
train svm {
    loss      hinge
    optimizer sgd(lr=0.1)
    batch     12
    epochs    60
}
END
for data in classes signs; do
    runs 0 train svm.nn --data $data.csv -o $data.safetensors
    says out '^test accuracy 100.00 % (12 of 12)'
    sed -n 's/^\(test accuracy.*steps\).*/\1/p' out >$data.end
done
same classes.end signs.end

# ---- what is said while it goes on -----------------------------------------------------

# With one pipe for both, a row of the table for each epoch and no second line.
what='nnc train 2>&1'
"$NNC" train flowers.nn --data flowers.csv --epochs 3 -o piped.safetensors >out 2>&1 </dev/null
if [ "$(grep -c -E '^ +[123] |^epoch [123] of' out)" -eq 3 ]; then ok; else bad 'an epoch appears twice'; fi
runs 0 train flowers.nn --data flowers.csv --epochs 3 -o piped.safetensors
says err '^epoch 3 of 3: '

# Of a quiet run the end alone, and its warnings.
runs 0 train flowers.nn --data flowers.csv --epochs 3 -o quiet.safetensors --quiet
is "$(grep -c -v '^nnc: note: flowers.csv has no test part' err)" -eq 0
is "$(wc -l <out)" -eq 2
says out '^test accuracy .* after [0-9]* steps'; says out '^weights in quiet.safetensors$'
same piped.safetensors quiet.safetensors

# On a terminal no line is wider than it, and no escape sequences are used.
if script -qec true /dev/null >/dev/null 2>&1; then
    what='nnc train on a terminal of 50 columns'
    echo "stty cols 50; NO_COLOR=1 '$NNC' train flowers.nn --data flowers.csv --epochs 4000 --time-limit 1 -o t.safetensors >/dev/null" >on_terminal
    script -qec 'sh on_terminal' /dev/null >out 2>err </dev/null
    tr '\r' '\n' <out | grep '^epoch' >lines
    if [ -s lines ]; then ok; else bad 'there is no progress'; fi
    if awk 'length > 49 { exit 1 }' lines; then ok; else bad "a line of more than 49 columns"; fi
    if grep -q "$(printf '\033')" lines; then bad 'there are escape sequences'; else ok; fi
fi

conclude
