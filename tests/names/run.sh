#!/bin/sh
# Whatever a net and its layers are called, the C that is written compiles: in every
# dialect, with the standard headers before it and after it.
# CC: the compiler (its C++ where it has one).  ALL=1, as in `make thorough`: vector instructions
# and C99 for every name, not just for those that are likest to clash with the kernels.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

# Keywords of C and C++; types, macros and functions of the C library, some by what
# follows (sem_init, MSG_BATCH); names of the compiler's own; names of locals.
names='int xor new class auto bool nullptr alignas static_assert asm typeof
    time index sqrtf errno M_PI NULL string stdin exp gamma y0 div signal linux uint8_t size_t main std
    SIGINT va_list sem msg pthread_mutex atomic res mtx _Bool __LINE__ _posix _x
    nn NN nn_vec NN_W nn_model_info nn_team Nn_conv
    m x y a i p t T lr seed scratch arena samples target count values training team pass info model
    conv1 lenet LeNet lenet_t nnet'
reserved='alignas asm atomic auto bool class div errno exp gamma index int linux main msg mtx new nn nullptr
    pthread_mutex res sem signal size_t sqrtf static_assert std stdin time typeof uint8_t va_list xor y0
    M_PI NN NN_W NULL Nn_conv SIGINT _Bool __LINE__ _posix _x nn_model_info nn_team nn_vec'

# Every net also has layers of names that are taken: its own, nn_conv, double, step.
describe() { # NAME
    cat <<END
net $1 {
    input(1x6x6)
    conv(2, 3) as nn_conv  batchnorm as NN_LINKED  relu as double
    add { conv(2, 1) as step } { } as $1
    flatten  dense(3) as $1_step
}
train $1 { loss cross_entropy  optimizer sgd(lr=0.1)  batch 2 }
END
}

headers='assert ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdarg stdbool stddef stdint
    stdio stdlib string strings time wchar wctype pthread semaphore sys/socket sys/stat unistd'
for header in $headers; do echo "#include <$header.h>"; done >"$tmp/standard.h"
cxx=
echo 'int x;' | "$CC" -x c++ -fsyntax-only - 2>/dev/null && cxx=yes
[ -n "$cxx" ] || skip "$CC compiles no C++"
# Most of the time in C++ goes into the headers: they are compiled once.
[ -z "$cxx" ] || "$CC" -x c++-header -Wall -Wextra -Werror "$tmp/standard.h" -o "$tmp/standard.h.gch"
check='-fsyntax-only -Wall -Wextra -Werror'

for name in $names; do
    describe "$name" >"$tmp/net.nn"
    try "nnc: net $name, --plain" "$NNC" "$tmp/net.nn" --plain -o "$tmp/plain_$name.c"
    target=generic
    case ${ALL:+all}$name in all* | int | time | index | nn | NN | nn_vec | NN_W | m | scratch | __LINE__) target=avx2 ;; esac
    try "nnc: net $name" "$NNC" "$tmp/net.nn" --target $target -o "$tmp/fast_$name.c"
    # shellcheck disable=SC2086
    {
        try "C99: net $name, --plain" "$CC" -std=c99 -pedantic $check "$tmp/plain_$name.c"
        try "GNU C: net $name, --plain, after headers" "$CC" -std=gnu11 $check -include "$tmp/standard.h" "$tmp/plain_$name.c"
        try "GNU C: net $name, after headers" "$CC" -std=gnu11 $check -include "$tmp/standard.h" "$tmp/fast_$name.c"
        [ $target = generic ] || try "C99: net $name" "$CC" -std=c99 $check "$tmp/fast_$name.c"
        [ -z "$cxx" ] || try "C++: net $name, --plain" "$CC" -x c++ $check -include "$tmp/standard.h" "$tmp/plain_$name.c"
    }
done

# All headers together, before and after the standard ones: each declares what its net is called.
prefix_of() {
    case " $(echo $reserved) " in *" $1 "*) echo "net_$1" ;; *) echo "$1" ;; esac
}
includes() { # FORM
    # LeNet and lenet are one name in capitals, as are conv1 and its like: one of each
    for name in $names; do echo "$name"; done | awk '!seen[toupper($0)]++ { print "#include \"'"$1"'_" $0 ".h\"" }'
}
uses() {
    for name in $names; do echo "$name"; done | awk '!seen[toupper($0)]++' | while read -r name; do
        prefix=$(prefix_of "$name")
        echo "$prefix *use_of_$name(void *block) { return ${prefix}_init(block, ${prefix}_info()->batch, 1); }"
    done
}
for form in plain fast; do
    { includes $form && cat "$tmp/standard.h" && uses; } >"$tmp/before_$form.c"
    { cat "$tmp/standard.h" && includes $form && uses; } >"$tmp/after_$form.c"
    for order in before after; do
        for dialect in '-std=c99' '-std=gnu11' ${cxx:+-xc++}; do
            # shellcheck disable=SC2086
            try "headers, $form, $order the standard ones, $dialect" "$CC" $dialect $check "$tmp/${order}_$form.c"
        done
    done
done

# The code that runs in this process.
for name in exp nn int sem; do
    describe "$name" >"$tmp/net.nn"
    try "--jit tcc: net $name" "$NNC" check "$tmp/net.nn" --jit tcc
done
describe int >"$tmp/net.nn"
try '--jit cc: net int' "$NNC" check "$tmp/net.nn" --jit cc

# No header hides one of the C library's.
describe string >"$tmp/string.nn"
runs 0 "$tmp/string.nn" --plain -o "$tmp/string.c"
says err 'note: the header is .*/net_string.h: there is a standard header <string.h>'
absent "$tmp/string.h"
try 'string.c beside it' "$CC" -std=c99 -Wall -Wextra -Werror -I"$tmp" -c "$tmp/string.c" -o "$tmp/string.o"
runs 2 "$tmp/string.nn" -o "$tmp/a\"b.c"
says err 'use --header NAME'

# A prefix that is asked for is taken as it is, or not at all.
runs 2 "$tmp/string.nn" --prefix xor -o "$tmp/p.c"
says err "'xor' is taken in C; try 'net_xor'"
conclude
