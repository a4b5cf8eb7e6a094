#!/bin/sh
# The command line: exit statuses, where output goes, what is left on disk.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
net=$root/tests/refs/lenet_sgd.nn
convs=$root/tests/passes/winograd.nn
plain=$root/tests/refs/conv_3x3.nn
resnet=$root/tests/refs/resnet_small.nn
cd "$tmp" || exit 1

only() { # FILE…: nothing else is in the folder `d`
    left=$(find d -mindepth 1 | sed 's|^d/||' | LC_ALL=C sort | tr '\n' ' ')
    if [ "$left" = "$1" ]; then ok; else bad "in d: '$left', not '$1'"; fi
}

# ---- help ------------------------------------------------------------------------

runs 2; says err 'nnc help'; silent out
runs 0 --version; says out '^nnc [0-9]'; says out '^targets: .* avx2 .*(this processor: [a-z0-9]*)$'; silent err
what='nnc --version without a compiler'
CC=/none/cc "$NNC" --version >out 2>err; says out 'cc: */none/cc was not found'; silent err
runs 0 help; says out 'train'; says out 'Exit status'; silent err
runs 0 --help; says out 'commands:'
runs 0 -h; says out 'commands:'
for command in compile train eval report check bench; do
    runs 0 help $command; says out '^  *--input SIZE'
    runs 2 $command "$net" --input 3xx; says err "input takes a shape such as CxHxW, LxD or F, or LABEL=SHAPE, not '3xx'"
    runs 0 help $command; says out "usage: nnc "; silent err
    cp out first
    runs 0 $command --help; same out first
done
runs 2 help nonsense; says err 'unknown command'
runs 2 help train eval
runs 2 trian; says err "did you mean 'train'"; silent out
runs 2 nonsense; says err "unknown command 'nonsense'"; says err 'usage:'
runs 2 import x.onnx; says err 'no output file'
refused=$root/tests/onnx/refused.onnx
for command in report check bench show; do
    runs 4 $command "$refused"; says err 'operators that cannot be expressed'; says err '  Unknown, 2 nodes (first): the language has no such layer'
done
runs 4 import "$refused" -o x.nn; says err '  Unknown, 2 nodes'; absent x.nn x.safetensors
runs 4 "$refused" -o x.c; absent x.c
runs 4 import "$root/tests/fuzz_inputs/seeds/onnx/pool_of_padding.onnx" -o x.nn
says err 'cannot be expressed: maxpool: the window of output row 0 lies in the padding alone'; absent x.nn x.safetensors
runs 2 bench; says err 'missing input file'

# ---- options ----------------------------------------------------------------------

runs 2 check --gradeints "$net"; says err 'did you mean --gradients'; says err 'usage: nnc check'
runs 2 check -z "$net"; says err 'unknown option -z'
runs 2 check; says err 'missing input file'
runs 2 check "$net" "$net"; says err 'one file'
runs 2 check "$net" --tolerance; says err 'needs an argument'
runs 2 check "$net" --tolerance x; says err "takes a number, not 'x'"
runs 2 check "$net" --gradients=yes; says err 'takes no argument'
runs 2 check "$net" --batch 0; says err 'must be from 1'
runs 2 check "$net" --batch 9999999999999999999; says err 'must be from 1'
runs 2 check "$net" --batch 1.5; says err 'takes an integer'
runs 2 check "$net" --jit llvm; says err "tcc or cc, not 'llvm'"
runs 2 check "$net" -D classes; says err 'NAME=VALUE'
runs 2 check "$net" -D 3=4; says err 'NAME=VALUE'
runs 1 check "$net" -D classes=4; says err 'classes'
runs 1 check "$net" -D 'classes=('; says err 'command line'
runs 1 check "$net" --set nonsense=1; says err 'nonsense'
runs 1 check "$net" --net other; says err 'other'
runs 2 check "$net" --freeze 'nothing*'; says err 'nothing\*'
runs 2 check "$net" --gradients --reference x; says err 'cannot be combined'
runs 2 "$net" -o x.c --main; says err 'needs trained weights'; absent x.c

# ---- the main form ------------------------------------------------------------------

runs 0 "$net" -o lenet.c; silent out; silent err; exists lenet.c lenet.h
says lenet.c '#include "lenet.h"'; says lenet.h 'lenet_step'; says lenet.h 'LENET_BATCH = 8'
runs 0 compile "$net" -o again.c --header lenet.h; same lenet.c again.c; same lenet.h again.h
runs 0 "$net" -o first.c --prefix p --batch 3 --infer
says first.h 'p_infer'; says first.h 'P_BATCH = 3'
lacks first.h p_step
runs 0 "$net" --train -o train.c; says train.h lenet_step
runs 0 "$plain" -o plain.c; says plain.h conv_3x3_infer
lacks plain.h conv_3x3_step
runs 1 "$net" --train --set loss=nosuch -o wrong.c; says err 'loss takes'; absent wrong.c wrong.h
echo 'net n { input(3x8x8) conv(6, 3) flatten dense(4) }' >bare.nn
runs 0 bare.nn -o bare.c; lacks bare.h n_step
runs 0 bare.nn --train -o bare.c; says bare.h n_step
runs 0 "$net" --plain -o lp.c; exists lp.c lp.h
runs 0 "$net" -o -; silent err; cp out stdout.c; says out 'lenet_infer'
if ${CC:-cc} -std=gnu99 -Wall -Wextra -Werror -c stdout.c -o stdout.o 2>err; then ok; else bad 'what -o - writes does not compile alone'; fi
runs 0 "$net" -o - --header other.h; says out '#include "other.h"'
what='nnc - -o -'
if "$NNC" - -o - <"$net" >out 2>err && sed 's/<stdin>/lenet_sgd.nn/' out | cmp -s - stdout.c; then ok; else bad 'standard input differs from the file'; fi
runs 0 "$net" -o lenet.c; cp lenet.c kept.c; cp lenet.h kept.h
echo 'net n { input(3x8x8) conv(6, 50x50) }' >wrong.nn
runs 1 wrong.nn -o lenet.c; says err 'wrong.nn:1:'; silent out; same lenet.c kept.c; same lenet.h kept.h
runs 1 wrong.nn -o new.c; absent new.c new.h
runs 1 missing.nn -o new.c; says err 'missing.nn'; absent new.c new.h
runs 1 check .; says err '\.'
runs 2 "$net"; says err '-o FILE.c'
runs 2 "$net" -o out.txt; says err 'must end in .c'; absent out.txt
runs 2 "$net" -o out.so; says err 'nnc build'; absent out.so
runs 2 "$net" "$net" -o x.c; absent x.c
runs 2 "$net" -o x.c --map 'c*=conv*'; says err "map c\*=conv\* renames tensors of a weights file, and none is read here (use --weights FILE)"; absent x.c
runs 2 "$net" --dump plan --map a=b; says err 'none is read here'; silent out
runs 2 train "$net" --map a=b -o x; says err 'and none is read here (use --init FILE)'; absent x
runs 2 report "$net" --peak 1e10; says err "peak is 1e10; it must be from 1e-06 to 1000000000\$"
runs 2 "$net" -o x.c --prefix 3d; says err prefix
runs 2 "$net" -o x.c --prefix double; says err prefix
runs 2 "$net" --dump nonsense; says err 'ast, graph'
runs 2 "$net" --dump paln; says err 'did you mean plan'
runs 2 "$net" --dump layuot; says err 'did you mean layout'
for pass in batch-blocking winograd layout selection fusion legalization concat-elimination prepack gradient-splitting \
    micro-batches rematerialization; do
    runs 0 "$net" --dump=$pass; silent err; exists out
    runs 0 "$net" --no-$pass --dump program; silent err; exists out
    runs 2 "$net" --plain --no-$pass --dump program; says err "no-$pass: the plain form"
done
runs 2 "$net" --dump ast -o x.c; absent x.c
echo 'net double { input(4) dense(2) }' >keyword.nn
runs 0 keyword.nn -o x.c; exists x.c x.h
cat x.h >out; says out 'net_double_infer('; says out 'NET_DOUBLE_BATCH'
runs 2 keyword.nn -o x.c --prefix double; says err "'double' is taken in C; try 'net_double'"
runs 0 keyword.nn -o x.c --prefix fine; exists x.c x.h
runs 0 check keyword.nn
cp "$net" source.c
runs 2 source.c -o source.c; says err 'write over'; same source.c "$net"
cp "$net" source.nn; echo 'step,loss' >log.csv; cp log.csv kept.csv; mkdir -p here
for command in report 'train --limit 16 --jit tcc' 'trace --x 0.5'; do
    # shellcheck disable=SC2086  # a command and its options
    runs 2 $command source.nn -o here/../source.nn; says err '-o here/../source.nn would write over the source'
    same source.nn "$net"
done
runs 2 page log.csv -o ./log.csv; says err 'over the log'; same log.csv kept.csv
runs 2 predict source.nn --weights log.csv log.npy -o log.npy; says err 'over the input'
runs 2 train source.nn --limit 16 --jit tcc --log new.csv --page here/../new.csv
says err '--log new.csv and --page here/../new.csv are one file'; absent new.csv lenet_sgd.safetensors
runs 2 train source.nn --limit 16 --jit tcc -o k --checkpoint k; says err '-o k and --checkpoint k are one file'; absent k
runs 2 quantize source.nn --weights k -o k.safetensors --certificate k; says err 'FILE.json or FILE.html'
runs 1 quantize source.nn --weights k -o none/k.safetensors; says err 'cannot write none/k.safetensors'
runs 1 quantize source.nn --weights k -o k.safetensors --certificate none/k.html; says err 'cannot write none/k.html'
runs 2 report source.nn --set ''; says err 'KEY=VALUE'
for stage in ast graph program plan; do
    runs 0 "$net" --dump $stage; silent err; exists out
    cp out first
    runs 0 "$net" --dump $stage; same out first
done
runs 0 "$convs" --dump program; says out 'conv\[winograd_'
runs 0 "$convs" --explain; silent err; says out '\* winograd_4x4_3x3 *nhwc *[0-9]'; says out 'batch_blocked *nchw16n *- more than 16 channels'
runs 0 "$convs" --infer --explain; awk '!NF { exit }  { print }' out >explained; exists explained
CC="$CC -O0" runs 0 bench "$convs" --infer --whole --reps 1 --explain; mv out benched; awk '!NF { exit }  { print }' benched >out; same out explained
runs 0 "$convs" --explain --no-winograd; lacks out '\* winograd'; says out '\* direct_nhwc'
runs 2 "$convs" --explain --plain; says err '--explain: the plain form'
runs 2 "$convs" --explain -o explain.c; says err 'leave out -o'
runs 2 bench "$convs" --explain --format csv; says err '--explain prints text'
runs 0 "$convs" --dump program --plain; lacks out 'conv.*\[winograd_'
runs 0 "$convs" --dump program --no-winograd; lacks out 'conv.*\[winograd_'

for target in native avx512 avx2 avxvnni neondotprod neon generic; do
    runs 0 "$net" -o target.c --target $target; silent err
done
says target.c "compiler's flags allow"
runs 0 "$net" -o target.c --target avx2; says target.c 'again for AVX2'; says target.c nn_has_avx2
runs 2 "$net" -o target.c --target avx1024; says err 'native, generic, neon, neondotprod, avx2, avxvnni, avx512, avx512vnni, avx512bf16, cortex-m0, cortex-m4, cortex-m7, rv32imc, not'
runs 2 "$net" -o target.c --target avx513; says err 'did you mean avx512'
runs 2 "$net" -o target.c --target avx2 --plain; says err 'any machine'

# ---- passes of the fast form, one by one: what they compute is tested by tests/passes

runs 0 "$convs" --header net.h -o all.c
for option in --no-fusion --no-winograd --no-layout; do
    runs 0 "$convs" --header net.h $option -o without.c
    differ all.c without.c
    runs 2 "$net" -o without.c --plain $option; says err "$option: the plain form is written without"
    runs 2 check "$net" --gradients $option; says err "$option: the plain form is written without"
    for command in compile check train eval bench; do runs 0 help $command; says out "$option "; done
    runs 0 bench "$net" --jit tcc --reps 1 --whole $option
done

# ---- a limit of memory: what it does to the numbers is tested by tests/passes and tests/unit

for command in compile check train bench; do runs 0 help $command; says out '--memory-limit BYTES'; done
runs 0 "$net" --header net.h -o all.c
runs 0 "$net" --header net.h --memory-limit 1G -o within.c; same all.c within.c; silent err
runs 0 "$resnet" --dump plan; cp out all.plan
runs 0 "$resnet" --dump plan --memory-limit 1G; same out all.plan
runs 0 "$resnet" --dump plan --memory-limit 8.3M; says out ' recomputed: '
runs 0 "$resnet" --dump plan --plain --memory-limit 800K; says out ' recomputed: '
runs 1 "$net" --memory-limit 1K -o few.c; says err 'does not fit in 1024 bytes (1.00 KiB): it takes [0-9]* bytes (.* KiB), of which the model is '; absent few.c few.h
for form in '' --plain; do
    runs 1 "$resnet" $form --memory-limit 1K -o few.c
    least=$(sed -n 's/.* no less than \([0-9]*\) bytes .*/\1/p' err)
    runs 0 "$resnet" $form --memory-limit "${least:-0}" -o few.c; silent err; rm -f few.c few.h
    runs 1 "$resnet" $form --memory-limit $((${least:-0} - 1)) -o few.c; says err 'with a batch of [0-9]* it fits'; absent few.c
done
runs 2 "$net" --memory-limit 8X -o few.c; says err '8G or 512M'
runs 2 "$net" --infer --memory-limit 8G -o few.c; says err 'is for training'
runs 2 "$net" --infer --memory-limit 8G --dump plan; says err 'is for training'
runs 2 bench "$net" --infer --memory-limit 8G; says err 'is for training'
runs 0 bench "$net" --jit tcc --reps 1 --whole --memory-limit 1G; says out 'nothing has to be recomputed'
runs 0 bench "$resnet" --jit tcc --reps 1 --whole --memory-limit 8.3M; says out 'instead of .* of a step are recomputed, '
runs 0 train "$resnet" --jit tcc --steps 1 --memory-limit 8.3M -o w; says err 'memory .* values of a step are recomputed, '
runs 0 check "$plain" --gradients --samples 4 --memory-limit 1G; says out '^ok'

# ---- files, whole or not at all --------------------------------------------------------

mkdir d
runs 3 "$net" -o no/such/folder/x.c; says err 'no/such/folder'
mkdir d/x.h
runs 3 "$net" -o d/x.c; says err 'x.h'; only 'x.h '
rmdir d/x.h
mkdir d/x.c
runs 3 "$net" -o d/x.c; says err 'x.c'; only 'x.c '
rmdir d/x.c
what='nnc -o d/x.c with a limit on file sizes'
(
    ulimit -f 8
    trap '' XFSZ
    "$NNC" "$net" -o d/x.c >out 2>err
    echo $? >status
)
status=$(cat status)
status_is 3
only ''
runs 0 "$net" -o d/x.c; only 'x.c x.h '
what='nnc … | head: a pipe that nobody reads ends it without a word'
{ sleep 0.5; "$NNC" report "$net" 2>err; echo $? >closed; } | true
is "$(cat closed)" = 141
silent err
if [ -w /dev/full ]; then
    what='nnc -o - >/dev/full'
    "$NNC" "$net" -o - >/dev/full 2>err
    status=$?
    status_is 3
    what='nnc --version >/dev/full'
    "$NNC" --version >/dev/full 2>err
    status=$?
    status_is 3
fi

# ---- check ---------------------------------------------------------------------------------

runs 0 check "$net"; says out '^ok'; says out '61706 parameters'; silent err
runs 0 check - <"$net"
runs 0 check "$plain" --gradients --samples 4; says out 'c.weight'; says out '^ok'
runs 0 check "$plain" --gradients --samples 4 --jit cc; says out '^ok'
runs 1 check "$plain" --gradients --samples 4 --tolerance 1e-30; says out 'WRONG'; says out '^wrong'
ref=${plain%.nn}.safetensors
runs 0 check "$plain" --reference "$ref"; says out 'grad.c.weight'; says out '^ok'
for form in --plain --no-fusion --no-winograd --no-layout; do runs 0 check "$plain" --reference "$ref" $form; says out '^ok'; done
runs 1 check "$plain" --reference "$ref" --tolerance 1e-30; says out 'WRONG'
runs 1 check "$plain" --reference nowhere.safetensors; says err 'nowhere.safetensors'
runs 1 check "$plain" --reference "$plain"; says err 'conv_3x3.nn'
runs 1 check "$net" --reference "$ref"; says err 'x is 3x3x9x8'
head -c 2000 "$ref" >short.safetensors
runs 1 check "$plain" --reference short.safetensors; says err 'short.safetensors'
CC=nowhere runs 3 check "$plain" --reference "$ref" --jit cc
says err nowhere

conclude
