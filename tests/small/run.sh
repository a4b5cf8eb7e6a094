#!/bin/sh
# Nets on the smallest machines: outputs are bitwise those of the same C on the host, the memory is what
# the header says, and nothing of libm or of 64-bit division is called.  Run by qemu-system-arm.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
small=$root/tests/small
nnc() { env -u CC -u CFLAGS "$NNC" "$@"; } # the target says which compiler
cd "$tmp" || exit 1

# random COUNT SEED: as many numbers from -1 to 1, separated by commas
random() { awk -v n="$1" -v seed="$2" 'BEGIN { srand(seed); for (i = 0; i < n; i++) printf "%.4f,", 2 * rand() - 1 }'; }

# learn NET.nn INPUTS CLASSES: weights after two steps on random numbers, and two inputs in x.bin
learn() {
    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
        random "$2" $i
        echo $((i % $3))
    done >data.csv
    runs 0 train "$1" --data data.csv --steps 2 --batch 8 -o w.safetensors --jit tcc
    head -n 2 data.csv | sed 's/,[0-9]*$//' | tr ',' '\n' >x.txt
    try 'the numbers' "$CC" -O0 "$small/floats.c" -o floats
    ./floats <x.txt >x.bin
    is "$(wc -c <x.bin)" -eq $((2 * 4 * $2))
}

# host NET [FLAG]: the C of the target, on this machine
host() {
    flag=$2
    upper=$(echo "$1" | tr a-z A-Z)
    printf '#define HEADER "%s.h"\n#define NET %s\n#define UPPER %s\n' "$1" "$1" "$upper" >names.h
    # shellcheck disable=SC2086
    try "$1 on the host" "$CC" -std=gnu11 -O1 -ffp-contract=off -Wall -Wextra -Werror $flag -include names.h -I. "$small/host.c" "$1.c" -o host -lm
    ./host <x.bin >want 2>err
    status=$?
    status_is 0
}

# board NET CPU MACHINE FLAGS…: the object in QEMU; prints nothing
board() {
    net=$1 cpu=$2 machine=$3
    shift 3
    rm -f y.bin stack.bin
    try "$net for $cpu" arm-none-eabi-gcc "$@" "-mcpu=$cpu" -mthumb -std=gnu11 -O2 -Wall -Wextra -Werror -include names.h -I. -nostartfiles \
        -Wl,--gc-sections,-Map=map -T "$root/tests/ship/board.ld" "$small/board.c" "$net.o" -o program.elf
    try "$net on $cpu" timeout 300 qemu-system-arm -M "$machine" -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel program.elf
    same y.bin want
}

# within NAME REPORTED MEASURED: by 2 %
within() {
    what="$net on $cpu: $1 is $2 by the report, $3 as measured"
    is $(($2 * 100)) -le $(($3 * 102))
    is $(($2 * 102)) -ge $(($3 * 100))
}
row() { sed -n "s/^$1,\([0-9]*\),.*/\1/p" metrics; } # KEY

# report_holds NET.nn FLAGS…: flash of the program's symbols that are not the board's; RAM of the
# header and the stack that was painted
report_holds() {
    "$NNC" report "$1" --weights "$weights" --target "$cpu" --format json >report.json 2>err
    "$CC" -O0 "$small/metrics.c" -o metrics_of -ljansson && ./metrics_of <report.json >metrics
    shift
    arm-none-eabi-gcc "$@" "-mcpu=$cpu" -mthumb -std=gnu11 -O2 -include names.h -I. -c "$small/board.c" -o board.o
    arm-none-eabi-nm board.o | awk '{ print $NF }' >board.names
    flash=$(arm-none-eabi-nm -S -t d program.elf | awk 'NR == FNR { board[$1] = 1; next }
        NF == 4 && $3 ~ /[tTrR]/ && !($4 in board) { sum += $2 } END { print sum + 0 }' board.names -)
    stack=$(od -An -td4 stack.bin | tr -s ' ' '\n' | sort -n | tail -n 1)
    scratch=$(sed -n 's/^#define [A-Z0-9_]*_INFER_SCRATCH \([0-9]*\)u/\1/p' "$net.h")
    outputs=$(sed -n 's/^ *[A-Z0-9_]*_OUTPUTS = \([0-9]*\),.*/\1/p' "$net.h")
    what="$net on $cpu: stack $stack"
    is "$stack" -le "$(row ram_stack)"
    within flash "$(row flash_bytes)" "$flash"
    within RAM "$(row ram_bytes)" $((scratch + 4 * outputs + stack))
    [ -z "$SHOW" ] || echo "$net $cpu: flash $(row flash_bytes) $flash, RAM $(row ram_bytes) $((scratch + 4 * outputs + stack)), stack $stack, cycles $(row cycles)"
}

# needs_no_library OBJECT NM: of what inference calls, in sections of their own
needs_no_library() {
    what="what $1 needs"
    "$2" "$1" | sed -n 's/^ *U //p' >needs
    lacks needs '^\(exp\|tanh\|log1p\|expm1\|erf\)f$'
    lacks needs 'l\(div\|mod\)\|[ud]*i*\(div\|mod\)di[34]\|malloc\|printf'
}

# multiplies_in_pairs OBJECT: it uses the DSP extension
multiplies_in_pairs() {
    what="the instructions of $1"
    arm-none-eabi-objdump -d "$1" >instructions
    says instructions 'smlad'
    says instructions 'sxtb16'
}

# as_plain NET.nn NET: outputs are those of the form in which nothing is in place
as_plain() {
    mv want in_place
    runs 0 "$1" --weights "$weights" --plain --batch 1 -o "$2.c"
    lacks "$2.c" in_place
    host "$2" -DCALLERS_X
    same want in_place
}

# everywhere NET.nn NET [REPORT] [WEIGHTS]: in each machine's emulator; and whether its report is true
everywhere() {
    weights=${4:-w.safetensors}
    for target in cortex-m0 cortex-m4 cortex-m7; do
        runs 0 "$1" --weights "$weights" --target $target --batch 1 -o "$2.c"
        case $target in
        cortex-m0)
            cp "$2.c" m0.c
            host "$2"
            mv want m0.want
            ;;
        cortex-m4) cp "$2.c" m4.c ;;
        *) same "$2.c" m4.c ;;
        esac
    done
    if [ -n "$4" ]; then says "$2.c" nn_dual_dot; lacks m0.c nn_dual_dot; else same m4.c m0.c; fi
    lacks "$2.c" __attribute__
    # shellcheck disable=SC2086
    try "$2 in strict C99" "$CC" -std=c99 -pedantic -Wall -Wextra -Werror -c "$2.c" -o plain.o
    host "$2"
    same want m0.want
    have arm-none-eabi-gcc && have qemu-system-arm || { skip 'arm-none-eabi-gcc or qemu-system-arm is not installed'; return; }
    for target in cortex-m0,mps2-an385 cortex-m4,mps2-an386,fpv4-sp-d16 cortex-m7,mps2-an500,fpv5-sp-d16; do
        cpu=${target%%,*} machine=${target#*,} fpu=
        case $machine in *,*) fpu="-mfloat-abi=hard -mfpu=${machine#*,}" machine=${machine%,*} ;; esac
        runs 0 build "$1" --weights "$weights" --target "$cpu" -o "$2.o"
        needs_no_library "$2.o" arm-none-eabi-nm
        [ -z "$4" ] || [ "$cpu" = cortex-m0 ] || multiplies_in_pairs "$2.o"
        # shellcheck disable=SC2086
        board "$2" "$cpu" "$machine" $fpu
        # shellcheck disable=SC2086
        [ -z "$3" ] || report_holds "$1" $fpu
    done
}

try 'the math functions' "$CC" -std=gnu11 -O2 -ffp-contract=off -Wall -Wextra -Werror -I"$root" "$small/scalar_math.c" -o math -lm
try 'the math functions' ./math

cat >separable.nn <<'END'
net separable {
    input(1x13x7)
    conv(8, 5x3, stride=2, pad=same) as c1  batchnorm as b1  relu
    conv(8, 3, pad=1, groups=8) as d1  batchnorm as b2  relu
    conv(8, 1) as p1  relu6
    conv(6, 1, bias=no) as p2  gelu
    add { conv(6, 3, pad=1) as l  sigmoid } { }
    maxpool(2)
    global_avgpool
    flatten
    dense(4) as fc
    softmax
}
train separable {
    loss cross_entropy
    optimizer sgd(lr=0.1)
    batch 8
    normalize dataset
}
END
learn separable.nn 91 4
everywhere separable.nn separable

# RISC-V is compiled only.
if have riscv64-unknown-elf-gcc; then
    runs 0 build separable.nn --weights w.safetensors --target rv32imc -o separable.o
    needs_no_library separable.o riscv64-unknown-elf-nm
else skip 'riscv64-unknown-elf-gcc is not installed'; fi

# In integers: a 3x3 convolution that keeps rows, a depthwise, a pointwise and a sum, all in place.
cat >integers.nn <<'END'
net integers {
    input(2x12x8)
    conv(8, 3, pad=same) as c1  batchnorm as b1  relu
    conv(8, 3, pad=[2, 1, 2, 1], dilation=[2, 1]) as c2  batchnorm as b2  relu
    add {
        conv(8, 3, pad=1, groups=8) as d1  relu
        conv(8, 3, pad=1, groups=2) as c3
    } { }
    relu
    conv(6, 1) as p1  sigmoid
    maxpool(2)
    global_avgpool
    flatten
    dense(4) as fc
}
train integers {
    loss cross_entropy
    optimizer sgd(lr=0.1)
    batch 8
    normalize dataset
}
END
learn integers.nn 192 4
runs 0 quantize integers.nn --weights w.safetensors --data data.csv --samples 12 -o w8.safetensors
everywhere integers.nn integers '' w8.safetensors
for part in c2 c3 p1; do says integers.c "$part, quantized_conv.in_place"; done
as_plain integers.nn integers

# Depthwise and pointwise convolutions need one buffer, not two.
arena() { "$NNC" "$@" --infer --batch 1 --dump plan 2>err | sed -n 's/^plan .* arena \([0-9]*\) .*/\1/p'; }
cat >chain.nn <<'END'
net chain {
    input(16x10x10)
    conv(16, 3, pad=1, groups=16) as a  relu
    conv(16, 1) as b  relu
    conv(12, 1) as c
    global_avgpool
}
END
what='the memory of a chain'
is "$(arena chain.nn --target cortex-m4)" -eq $((6400 + 448))
is "$(arena chain.nn --plain)" -eq $((6400 + 6400))
# The depthwise convolution has to leave its input alone, which is read again.
sed 's/^    conv(16, 3.*/    add { conv(16, 3, pad=1, groups=16) as a } { }/' chain.nn >twice.nn
is "$(arena twice.nn --target cortex-m4)" -eq $((6400 + 6400))

# Of two branches the one that takes much and leaves little is computed first, wherever it stands.
cat >branches.nn <<'END'
net branches {
    input(4x8x8)
    conv(8, 3, pad=1) as s  relu
    concat { conv(8, 1) as small  flatten } { conv(32, 3, pad=1) as wide  relu  global_avgpool  flatten }
    dense(4) as fc
}
train branches { loss cross_entropy  optimizer sgd(lr=0.1)  batch 8  normalize none }
END
what='the memory of branches'
is "$(arena branches.nn --target cortex-m4)" -eq $((2048 + 8192 + 128))
is "$(arena branches.nn --plain)" -eq $((2048 + 2048 + 8192))
learn branches.nn 256 4
weights=w.safetensors
runs 0 branches.nn --weights w.safetensors --target cortex-m7 --batch 1 -o branches.c
host branches
as_plain branches.nn branches

runs 0 "$root/dsl_examples/lenet.nn" --target cortex-m7 --infer --batch 1 -o lenet.c
says lenet.h '^#define LENET_INPUT_AT [0-9]*u$'
runs 0 "$root/dsl_examples/lenet.nn" --plain --infer --batch 1 -o lenet.c
lacks lenet.h LENET_INPUT_AT

# A 3x3 convolution keeps three rows; the same sums in floats.
cat >rows.nn <<'END'
net rows {
    input(3x11x9)
    conv(8, 3) as a  relu
    conv(8, 3, pad=1) as b  relu
    conv(6, 5, pad=2, groups=2) as c  relu
    conv(6, 3, pad=[2, 1, 2, 1], dilation=[2, 1]) as d
    global_avgpool
    flatten
    dense(3) as fc
}
train rows { loss cross_entropy  optimizer sgd(lr=0.1)  batch 8  normalize none }
END
learn rows.nn 297 3
everywhere rows.nn rows
for part in b c d; do says rows.c "$part, conv.in_place"; done
as_plain rows.nn rows
sed 's/^    conv(16, 3.*/    conv(16, 3, pad=1) as a  relu/' chain.nn >near.nn
what='the memory of rows'
is "$(arena near.nn --target cortex-m4)" -eq $((6400 + 4 * 16 * 3 * 10))

# The report against the linker and the painted stack.
sed 's/fit *pad/normalize none/' "$root/dsl_examples/lenet.nn" >lenet.nn
learn lenet.nn 1024 10
everywhere lenet.nn lenet report
runs 0 quantize lenet.nn --weights w.safetensors --data data.csv --samples 12 -o w8.safetensors
everywhere lenet.nn lenet report w8.safetensors

# Budgets of a machine, in the source.
runs 0 report lenet.nn --target cortex-m7
says out '^flash of Cortex-M7 *24[0-9],'
says out '^RAM of Cortex-M7 *23,'
sed 's/expect params.*/expect flash_bytes <= 200K and ram_bytes <= 64K/' lenet.nn >tight.nn
runs 0 check tight.nn
for command in 'check tight.nn' 'report tight.nn' 'tight.nn --infer -o tight.c'; do
    # shellcheck disable=SC2086
    runs 1 $command --target cortex-m7
    says err 'expected flash_bytes <= 200K, but flash_bytes is 24[0-9]'
done
sed 's/200K/1M/' tight.nn >loose.nn
runs 0 check loose.nn --target cortex-m7
runs 2 check loose.nn --target cortex
says err 'target takes native, generic'
sed 's/<= 200K/<= 9223372036854775807K/' tight.nn >huge.nn
runs 1 check huge.nn
says err 'does not fit in an integer'
absent tight.c

runs 2 "$root/dsl_examples/lenet.nn" --target cortex-m5 -o x.c
says err "did you mean 'cortex-m4'\|did you mean cortex-m"
runs 2 build separable.nn --weights w.safetensors --target cortex-m4 -o separable
says err 'for cortex-m4 there are objects and archives'
runs 2 build separable.nn --weights w.safetensors --target cortex-m4 --threads 2 -o separable.o
says err 'the plain form has no threads'
absent x.c separable

# ---- training there -----------------------------------------------------------------

digits=$root/dsl_examples/data/digits
for file in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    gzip -dc "$digits/$file-ubyte.gz" >$file
done
try 'the digits' "$CC" -O1 -Wall -Wextra -Werror "$small/digits.c" -o digits
./digits train-images-idx3 train-labels-idx1 0 400 0 0123456789 >train.bin
./digits t10k-images-idx3 t10k-labels-idx1 0 200 0 0123456789 >test.bin
is "$(wc -c <train.bin)" -eq $((400 * 785))

# learner NET RATE: its C on the host, from the samples in train.bin; what it makes of them goes to host_*.bin
learner() {
    printf '#define HEADER "%s.h"\n#define NET %s\n#define UPPER %s\n#define EPOCHS 1\n#define RATE %sf\n' "$1" "$1" "$(echo "$1" | tr a-z A-Z)" "$2" >names.h
    try "$1 learns on the host" "$CC" -std=gnu11 -O1 -ffp-contract=off -Wall -Wextra -Werror -include names.h -I. "$small/learn.c" "$1.c" -o learn -lm
    try "$1 learns on the host" ./learn
    for file in losses classes block; do mv $file.bin host_$file.bin; done
    od -An -v -tu1 -w2 host_classes.bin | awk '{ h = $1 > 4; right[h] += $1 == $2; all[h]++ }
        END { print int(100 * right[0] / all[0]), int(100 * right[1] / all[1]) }' >accuracy
    [ -z "$SHOW" ] || echo "$1: right of 0 to 4 and of 5 to 9, in percent: $(cat accuracy)"
}

# learner_on_board NET CPU MACHINE FLAGS…: the same there, in 256 KB all told
learner_on_board() {
    net=$1 cpu=$2 machine=$3
    shift 3
    try "$net for $cpu" arm-none-eabi-gcc "$@" "-mcpu=$cpu" -mthumb -std=gnu11 -O2 -ffp-contract=off -fno-math-errno -Wall -Wextra -Werror \
        -DBOARD -include names.h -I. -nostartfiles -ffunction-sections -fdata-sections -Wl,--gc-sections \
        -T "$root/tests/ship/board.ld" "$small/learn.c" "$net.c" -o program.elf
    needs_no_library program.elf arm-none-eabi-nm
    try "$net on $cpu" timeout 900 qemu-system-arm -M "$machine" -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel program.elf
    for file in losses classes block; do same $file.bin host_$file.bin; done
    memory=$(od -An -tu4 memory.bin)
    # shellcheck disable=SC2086
    set -- $memory
    what="$net on $cpu: data $1, stack $2"
    is $(($1 + $2)) -le $((256 * 1024))
    is "$2" -gt 100
    [ -z "$SHOW" ] || echo "$what"
}

cat >reader.nn <<'END'
net reader(classes=10) {
    input(1x28x28)
    conv(8, 5, stride=2, pad=2) as c1  batchnorm as b1  relu
    conv(12, 3, pad=1) as c2  relu
    maxpool(2)
    dropout(0.1)
    flatten
    dense(24) as f  relu
    dense(classes) as output  softmax
}
train reader {
    loss cross_entropy
    optimizer sgd(lr=0.05, momentum=0.9)
    batch 32
}
END
runs 0 train reader.nn -D classes=5 --data "$digits" --classes 0,1,2,3,4 --epochs 2 --jit tcc --seed 1 -o five.safetensors
runs 0 reader.nn --train --weights five.safetensors --target cortex-m7 --input-type u8 --train-only 'f.*' --train-only 'output*' -o reader.c
says err 'other shape output.weight: 5x24 in the file, 10x24 in the net'
says reader.h '^#define READER_MODEL_BYTES 576[0-9]*u /. trained weights'
for part in 'float c2_weight' 'float b1_running_mean'; do
    what="$part is a constant"
    is "$(sed '/^struct reader {/,/^}/!d' reader.c | grep -c "$part")" -eq 0
    is "$(sed '/^struct reader_frozen {/,/^}/!d' reader.c | grep -c "$part")" -eq 1
done
lacks reader.c 'malloc\|argmax\|nn_fill_normal'
try 'training in strict C99' "$CC" -std=c99 -pedantic -Wall -Wextra -Werror -c reader.c -o plain.o
learner reader 0.002
cp accuracy in_floats
read -r old new <accuracy
what='classes 0 to 4 and 5 to 9, of which the latter were never seen before'
is "$old" -ge 70
is "$new" -ge 50

# The same as code whose weights are all in the block.
runs 0 reader.nn --train --prefix whole --target cortex-m7 --train-only 'f.*' --train-only 'output*' -o whole.c
cp reader.c reader_bytes.c
runs 0 reader.nn --train --weights five.safetensors --target cortex-m7 --train-only 'f.*' --train-only 'output*' -o reader.c
try 'code with all in its block' "$CC" -std=gnu11 -O1 -ffp-contract=off -Wall -Wextra -Werror -I. "$small/constants.c" reader.c whole.c -o constants -lm
try 'code with all in its block' ./constants
# And in the form with kernels.
for kernels in generic avx2; do
    runs 0 reader.nn --train --batch 1 --prefix whole --target $kernels --train-only 'f.*' --train-only 'output*' -o whole.c
    runs 0 reader.nn --train --batch 1 --weights five.safetensors --target $kernels --train-only 'f.*' --train-only 'output*' -o reader.c
    try "the same with kernels, $kernels" "$CC" -std=gnu11 -O0 -Wall -Wextra -Werror -I. "$small/constants.c" reader.c whole.c -o constants -lm -lpthread
    try "the same with kernels, $kernels" ./constants
done

# Within a limit of memory, where values are computed again and others are written over.
cp reader.nn plain_reader.nn
cat >reader.nn <<'END'
net reader(classes=10) {
    input(1x28x28)
    conv(8, 3, pad=1) as c0  relu
    conv(8, 3, pad=1) as c1  batchnorm as b1  relu
    conv(8, 1) as p1  relu
    add { conv(8, 3, pad=1, groups=8) as d1  relu  conv(8, 3, pad=1) as c2 } { }
    relu
    maxpool(2)
    conv(4, 1) as c4  relu6
    maxpool(2)
    flatten
    dense(classes) as output  softmax
}
train reader { loss cross_entropy  optimizer sgd(lr=0.05, momentum=0.9)  batch 32 }
END
runs 0 train reader.nn -D classes=5 --data "$digits" --classes 0,1,2,3,4 --steps 2 --jit tcc -o deep.safetensors
runs 0 reader.nn --train --prefix whole --target cortex-m7 --train-only '*.bias' --train-only 'output*' -o whole.c
for limit in 110K 128K 200K; do
    runs 0 reader.nn --train --weights deep.safetensors --target cortex-m7 --train-only '*.bias' --train-only 'output*' --memory-limit $limit -o reader.c
    try "the same within $limit" "$CC" -std=gnu11 -O1 -ffp-contract=off -Wall -Wextra -Werror -I. "$small/constants.c" reader.c whole.c -o constants -lm
    try "the same within $limit" ./constants
    grep 'define READER_TRAIN_SCRATCH' reader.h >>scratches
done
what='three limits, three plans'
is "$(sort -u scratches | wc -l)" -eq 3
says reader.c in_place
mv plain_reader.nn reader.nn

# Layers in int8, which are left as they are, before what learns.
runs 0 quantize reader.nn -D classes=5 --weights five.safetensors --data "$digits" --classes 0,1,2,3,4 --samples 64 --keep f,output -o five8.safetensors
runs 0 reader.nn --train --prefix reader8 --weights five8.safetensors --target cortex-m7 --input-type u8 -o reader8.c
says reader8.c '^    int8_t c2_qweight'
says reader8.h '^#define READER8_MODEL_BYTES 576[0-9]*u /. trained weights'
learner reader8 0.002
read -r old new <accuracy
what='classes 0 to 4 and 5 to 9, after layers in int8'
is "$old" -ge 70
is "$new" -ge 50
runs 0 reader.nn --train --weights five.safetensors --target cortex-m7 --input-type u8 --train-only 'f.*' --train-only 'output*' -o reader.c
same reader.c reader_bytes.c
if have arm-none-eabi-gcc && have qemu-system-arm; then
    learner_on_board reader8 cortex-m7 mps2-an500 -mfloat-abi=hard -mfpu=fpv5-sp-d16
    learner reader 0.002
    same accuracy in_floats
    learner_on_board reader cortex-m7 mps2-an500 -mfloat-abi=hard -mfpu=fpv5-sp-d16
    if [ -n "$ALL" ]; then
        learner_on_board reader cortex-m0 mps2-an385
        learner_on_board reader cortex-m4 mps2-an386 -mfloat-abi=hard -mfpu=fpv4-sp-d16
    fi
else skip 'arm-none-eabi-gcc or qemu-system-arm is not installed'; fi

# The report's numbers are the header's.
report_trains() { # HEADER ARGUMENTS…
    header=$1
    shift
    runs 0 report reader.nn --target cortex-m7 --format json "$@"
    "$CC" -O0 "$small/metrics.c" -o metrics_of -ljansson && ./metrics_of <out >metrics
    for pair in train_ram_block,TRAIN_BYTES train_ram_scratch,TRAIN_SCRATCH train_constants,CONSTANT_BYTES; do
        what="${pair%,*} of $*"
        is "$(row "${pair%,*}")" -eq "$(sed -n "s/^#define [A-Z0-9]*_${pair#*,} \([0-9]*\)u.*/\1/p" "$header")"
    done
    is "$(row train_ram_input)" -eq $((4 * 784))
}
report_trains reader.h --train 'f.*' --train 'output*'
runs 0 reader.nn -D classes=5 --train --weights five8.safetensors --target cortex-m7 -o five8.c
report_trains five8.h -D classes=5 --weights five8.safetensors
runs 0 report reader.nn --target cortex-m7
lacks out 'training RAM'

# What cannot be.
runs 1 reader.nn --train --weights five.safetensors --target cortex-m7 --freeze '*' -o none.c
says err 'nothing of reader is trained: all its parameters are frozen'
runs 0 quantize reader.nn -D classes=5 --weights five.safetensors --data "$digits" --classes 0,1,2,3,4 --samples 8 -o all8.safetensors
runs 1 reader.nn -D classes=5 --train --weights all8.safetensors --target cortex-m7 -o none.c
says err 'or in int8 (nnc quantize --keep LAYERS leaves layers in f32)'
runs 1 reader.nn --train --weights five.safetensors --target cortex-m7 --freeze output.weight -o none.c
says err 'output.weight is not trained, and five.safetensors has no tensor of its name and shape'
runs 1 reader.nn --train --weights five.safetensors --target cortex-m7 --train-only 'f.*' --train-only 'output*' --memory-limit 128K -o none.c
says err 'does not fit in 131072 bytes'
says err 'trained parameters 5[0-9,]* bytes, optimizer state 57600'
runs 0 reader.nn --train --weights five.safetensors --target cortex-m7 --train-only 'f.*' --train-only 'output*' --memory-limit 256K -o none.c
rm none.c none.h
runs 2 reader.nn --train --weights five.safetensors --main -o none.c
says err 'main is for inference'
runs 2 reader.nn --train --weights five.safetensors --weights-out none.bin -o none.c
says err 'weights-out is for inference'
runs 2 reader.nn --train --train-only nowhere -o none.c
says err 'train-only nowhere matches no parameter'
absent none.c none.bin

# What a block is saved by, with the power cut at every byte.
try 'two slots' "$CC" -std=gnu11 -O1 -Wall -Wextra -Werror "$small/two_slots.c" -o two_slots
try 'two slots' ./two_slots

if [ -n "$ALL" ]; then
    learn "$root/dsl_examples/ds_cnn.nn" 490 12
    everywhere "$root/dsl_examples/ds_cnn.nn" ds_cnn report
    runs 0 quantize "$root/dsl_examples/ds_cnn.nn" --weights w.safetensors --data data.csv --samples 12 -o w8.safetensors
    everywhere "$root/dsl_examples/ds_cnn.nn" ds_cnn report w8.safetensors
    learn "$root/dsl_examples/resnet8.nn" 3072 10
    everywhere "$root/dsl_examples/resnet8.nn" resnet8 report
    runs 0 quantize "$root/dsl_examples/resnet8.nn" --weights w.safetensors --data data.csv --samples 12 -o w8.safetensors
    everywhere "$root/dsl_examples/resnet8.nn" resnet8 report w8.safetensors
fi
conclude
