#!/bin/sh
# The unit tests and a selection of commands under the sanitizers.
# NNC and UNIT are built with them.
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh
ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99
LSAN_OPTIONS=suppressions=tests/lsan.supp:print_suppressions=0
UBSAN_OPTIONS=print_stacktrace=1
CK_TIMEOUT_MULTIPLIER=5 # sanitized code is slow; set for Check
export ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS CK_TIMEOUT_MULTIPLIER NNC UNIT

# A command may refuse its input; what counts is what the sanitizers say.
clean() {
    what="$*"
    "$@" >"$tmp/out" 2>&1
    judge $? "$tmp/out"
}
works() { # what must succeed as well
    what="$*"
    "$@" >"$tmp/out" 2>&1
    status=$?
    if [ $status -ne 0 ]; then bad "status $status" "$tmp/out"; else judge 0 "$tmp/out"; fi
}
judge() { # STATUS OUTPUT
    if [ "$1" -ge 4 ] || grep -q -e 'runtime error:' -e 'Sanitizer' "$2"; then bad "status $1" "$2"; else ok; fi
}

# The unit tests take as long as all the rest: they run beside it.
"$UNIT" >"$tmp/unit.out" 2>&1 &
unit=$!

# What the system compiler makes of the code is not instrumented here, but in `sanitized` below.
for net in lenet_adam resnet_small; do
    clean "$NNC" check tests/refs/$net.nn --reference tests/refs/$net.safetensors --jit cc
done
for net in tests/refs/*.nn; do
    clean "$NNC" check "$net" --reference "${net%.nn}.safetensors" --jit tcc
    clean "$NNC" check "$net"
    clean "$NNC" "$net" -o "$tmp/net.c"
    clean "$NNC" "$net" --plain -o -
    clean "$NNC" "$net" --dump plan
done
clean "$NNC" check tests/refs/resnet_small.nn --gradients --samples 2
for net in tests/errors/*.nn; do
    clean "$NNC" check "$net"
done
for format in text md csv json dot html; do
    clean "$NNC" report dsl_examples/lenet.nn dsl_examples/googlenet.nn --format $format --batch 2 --memory-limit 1G
    clean "$NNC" report dsl_examples/unet.nn --format $format
done
clean "$NNC" report --diff dsl_examples/lenet.nn dsl_examples/mlp.nn
clean "$NNC" bench tests/refs/resnet_small.nn --jit tcc --reps 1 --threads 2
clean "$NNC" bench tests/refs/lenet_sgd.nn --reps 1 --format csv
# A life of a net.  This program has no digits beside it.
digits='--data dsl_examples/data/digits --limit 200'
lenet=dsl_examples/lenet.nn
# shellcheck disable=SC2086
{
    works "$NNC" train $lenet $digits --steps 8 -o "$tmp/w.safetensors" --checkpoint "$tmp/check" --stats --page "$tmp/page.html"
    works "$NNC" train $lenet $digits --epochs 3 --resume "$tmp/check" -o "$tmp/w.safetensors" --jit tcc
    works "$NNC" train $lenet $digits --steps 2 --reproducible -o "$tmp/chunks.safetensors" --jit tcc
    works "$NNC" eval $lenet $digits --weights "$tmp/w.safetensors"
    works "$NNC" quantize $lenet $digits --samples 32 --weights "$tmp/w.safetensors" -o "$tmp/w8.safetensors" --jit tcc \
        --certificate "$tmp/certificate.json"
    works "$NNC" eval $lenet $digits --weights "$tmp/w8.safetensors" --jit tcc
    works "$NNC" train $lenet $digits --steps 3 --compute bf16 -o "$tmp/bf16.safetensors" --jit tcc
    works "$NNC" train $lenet $digits --steps 3 --quantize int8 --init "$tmp/w.safetensors" -o "$tmp/q.safetensors" --jit tcc
    works "$NNC" quantize $lenet $digits --weights "$tmp/q.safetensors" -o "$tmp/q8.safetensors" --jit tcc
    works "$NNC" $lenet --set 'update=auto' --train --weights "$tmp/w.safetensors" --memory-limit 256K --target cortex-m7 \
        --data dsl_examples/data/digits -o "$tmp/device.c"
    works "$NNC" predict $lenet ${digits% --limit*} --weights "$tmp/w8.safetensors" --worst 3 --sheet "$tmp/sheet.png"
}
works "$NNC" verify "$tmp/check"
works "$NNC" show $lenet --weights "$tmp/w.safetensors"
works "$NNC" $lenet --weights "$tmp/w8.safetensors" --plain -o "$tmp/w8.c"
works "$NNC" $lenet --weights "$tmp/w.safetensors" --weights-format bf16 -o "$tmp/bf16.c"
works "$NNC" $lenet --weights "$tmp/w.safetensors" --target cortex-m4 -o "$tmp/m4.c"
works "$NNC" report dsl_examples/ds_cnn.nn --target cortex-m7
works "$NNC" export $lenet --weights "$tmp/w.safetensors" -o "$tmp/net.onnx"
works "$NNC" import "$tmp/net.onnx" -o "$tmp/imported.nn"
for word in help --version 'help train' nonsense 'train --nonsense' ''; do
    # shellcheck disable=SC2086
    clean "$NNC" $word
done

clean "${FUZZ:-build/asan/fuzz}" 20

# The generated code itself, with a main that infers, trains a few steps and calls
# all else that it exports: the six families.
sanitized() { # SANITIZERS FILE.nn OPTIONS…
    kinds=$1
    shift
    clean "$NNC" "$@" --prefix net -o "$tmp/net.c"
    clean "$CC" -std=gnu99 -O1 -g "-fsanitize=$kinds" -fno-sanitize-recover=all -DNET_THREADS=3 -I"$tmp" \
        tests/generated/drive.c "$tmp/net.c" -o "$tmp/drive" -lm -lpthread
    clean "$tmp/drive"
}
for net in tests/families/*.nn; do
    clean "$NNC" check "$net" --gradients --samples 2
    sanitized address,undefined "$net"
    sanitized address,undefined "$net" --plain
    sanitized address,undefined "$net" --compute bf16
done
# Threads that meet where they should not.
for net in lenet googlenet resnet; do
    sanitized thread "tests/families/$net.nn"
done
what="$UNIT"
wait $unit || bad "status $?" "$tmp/unit.out"
judge 0 "$tmp/unit.out"
conclude
