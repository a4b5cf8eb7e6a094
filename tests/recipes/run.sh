#!/bin/sh
# Every example trains a step of two samples, on data that fits its input and target:
# it compiles, its recipe is accepted, and the loss is a number.  Nets of more than 40
# million parameters, whose weights alone take seconds to draw, only with ALL=1, as in
# `make check-all`.
# And VGG is grown: every column begins with what the one before it computes.
#
#     tests/recipes/run.sh [FILE.nn…]

cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
[ $# -gt 0 ] || set -- dsl_examples/*.nn
most=40000000
[ -z "$ALL" ] || most=1000000000

# ---- data ----------------------------------------------------------------------------

# 3x32x32 in CIFAR-10's binary form, ten images, one of each class; two to test with, since a pass of each is as much
# work as a third of a step.
gzip -dc dsl_examples/data/digits/t10k-images-idx3-ubyte.gz | head -c 32768 >"$tmp/pixels"
mkdir "$tmp/colour"
for class in 0 1 2 3 4 5 6 7 8 9; do
    # shellcheck disable=SC2059 # the byte of the class
    printf "\\$(printf %03o $class)"
    tail -c +$((class * 3072 + 1)) "$tmp/pixels" | head -c 3072
done >"$tmp/colour/test_batch.bin"
for part in 1 2 3 4 5; do cp "$tmp/colour/test_batch.bin" "$tmp/colour/data_batch_$part.bin"; done
head -c 6146 "$tmp/colour/data_batch_1.bin" >"$tmp/colour/test_batch.bin"

# The first twenty of the digits that are tested with, in IDX files.
mkdir "$tmp/digits"
for part in train t10k; do
    { printf '\000\000\010\003\000\000\000\024\000\000\000\034\000\000\000\034' && tail -c +17 "$tmp/pixels" | head -c 15680; } >"$tmp/digits/$part-images-idx3-ubyte"
    { printf '\000\000\010\001\000\000\000\024' &&
        gzip -dc dsl_examples/data/digits/t10k-labels-idx1-ubyte.gz | tail -c +9 | head -c 20; } >"$tmp/digits/$part-labels-idx1-ubyte"
done

# columns N: a CSV file of four rows of N numbers and a target of ±1
columns() {
    awk -v n="$1" 'BEGIN {
        for (i = 0; i < n; i++) printf "x%d,", i
        print "y"
        for (row = 0; row < 4; row++) {
            for (i = 0; i < n; i++) printf "%d,", (row * 7 + i * 3) % 5 < 2 ? -1 : 1
            print row % 2 ? -1 : 1
        }
    }' >"$tmp/columns.csv"
}

# array SHAPE COUNT: an .npy array of COUNT bytes, which are zero
array() {
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': ($1)}"
    head -c "$2" /dev/zero
}

# planes CxHxW CxHxW SEGMENTS: black images, and targets of zeros: values, or a class of each pixel
planes() {
    mkdir -p "$tmp/planes"
    for part in train test; do
        for what in "x $1" "y $2"; do
            name=${what% *}
            shape=${what#* }
            count=$(($(echo "$shape" | sed 's/x/ * /g')))
            dims=$(echo "$shape" | sed 's/x/, /g')
            if [ "$name" = y ] && $3; then
                dims=${dims#*, } count=$((count / ${shape%%x*}))
            elif [ "$name" = y ]; then
                dims=$count
            fi
            array "4, $dims" $((4 * count)) >"$tmp/planes/${name}_$part.npy"
        done
    done
}

# domains CxHxW: black images of domain 0
domains() {
    mkdir -p "$tmp/domains"
    for part in train test; do
        array "4, $(echo "$1" | sed 's/x/, /g')" $((4 * $(echo "$1" | sed 's/x/ * /g'))) >"$tmp/domains/x_$part.npy"
        { array 4, 3 && printf '\011'; } >"$tmp/domains/y_$part.npy" # ten classes, the last of which is there
        array 4, 4 >"$tmp/domains/domain_$part.npy"
    done
}

# ---- a step of each ------------------------------------------------------------------

# Sets `parameters`, `takes` and `gives` (shapes) from what nnc check says.
describe() { # ARGUMENTS…
    runs 0 check "$@"
    # shellcheck disable=SC2046  # words
    set -- $(sed -n 's/.* \([0-9]*\) parameters, [0-9]* MACs, \([0-9x]*\) -> \([0-9x]*\);.*/\1 \2 \3/p' "$tmp/out")
    parameters=${1:-0} takes=$2 gives=$3
}

for example; do
    define=
    ! grep -q '^net .*classes=' "$example" || define='-D classes=10'
    case $example in
    */wide_resnet_cifar.nn) define="$define -D depth=16 -D widen=8" ;;
    */vgg_grown.nn) define="$define -D size=32 -D width=16 -D hidden=128" ;;
    */random_wiring.nn) define="$define -D size=64 -D width=16" ;;
    */unet.nn) define='-D size=188 -D width=16' ;;
    */tiny_yolo_v2.nn) define= ;;
    esac
    # shellcheck disable=SC2086  # words
    describe "$example" $define
    [ "$parameters" -le "$most" ] || continue
    case $takes:$gives in
    1x28x28:1x28x28 | 1x*x*:10) data=$tmp/digits ;;
    1x*x*:*x*x* | 3x*x*:*x*x*)
        segments=false
        ! grep -q '^    loss *cross_entropy' "$example" || segments=true
        planes "$takes" "$gives" $segments && data=$tmp/planes
        ;;
    3x28x28:10) domains "$takes" && data=$tmp/domains ;;
    3x*x*) data=$tmp/colour ;;
    *) columns "$takes" && data=$tmp/columns.csv ;;
    esac
    # shellcheck disable=SC2086
    runs 0 train "$example" $define --data "$data" --steps 1 --batch 2 --jit tcc -o "$tmp/weights"
    says out 'test loss [0-9.e+-]*, after 1 steps'
done

# ---- growing ---------------------------------------------------------------------------

# grow COLUMN OPTIONS…: trains a column at a rate that changes nothing but column A's
# weights; `loss` is its test loss
grow() {
    column=$1
    shift
    runs 0 train dsl_examples/vgg_grown.nn -D column="$column" -D size=32 -D width=8 -D hidden=32 -D dropout=0 \
        -D classes=10 --data "$tmp/colour" --steps 1 --batch 2 --jit tcc -o "$tmp/$column" "$@"
    loss=$(sed -n 's/.*test loss \([0-9.e+-]*\), after.*/\1/p' "$tmp/out")
}

grow A
first=$loss
before=A
for column in B C D E; do
    grow "$column" --lr 1e-12 --init "$tmp/$before"
    what="column $column grown from $before"
    is "$loss" = "$first"
    before=$column
done
grow E --lr 1e-12
what='column E of its own'
is "$loss" != "$first"

conclude
