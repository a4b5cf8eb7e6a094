#!/bin/sh
# libnnc as it is installed: the example of the manual, and what goes wrong.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

stage=$tmp/stage
try 'make install' make -s install "CC=$CC" DESTDIR="$stage" PREFIX=/usr
prefix=$stage/usr
exists "$prefix/include/nnc.h" "$prefix/include/nn.h" "$prefix/lib/libnnc.a" "$prefix/lib/pkgconfig/nnc.pc" \
    "$prefix/share/doc/nnc/docs/libnnc.c" "$prefix/share/doc/nnc/docs/libnnc.md"
what='the names of libnnc.a'
nm -g --defined-only "$prefix/lib/libnnc.a" 2>/dev/null | sed -n 's/.* [A-Z] //p' | sort >"$tmp/have"
sed -n 's/^[a-z].*[ *]\(nnc_[a-z_]*\)(.*;.*/\1/p' "$prefix/include/nnc.h" | sort >"$tmp/want"
is "$(wc -l <"$tmp/want")" -ge 18
same "$tmp/have" "$tmp/want"

flags() { # OPTION: what pkg-config says, else what the file does
    if have pkg-config; then
        PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --define-variable=prefix="$prefix" "$1" nnc
    else
        sed -n "s|\${prefix}|$prefix|; s/^$2: //p" "$prefix/lib/pkgconfig/nnc.pc"
    fi
}
cflags=$(flags --cflags Cflags) libs=$(flags --libs Libs)
cp docs/libnnc.c tests/library/errors.c "$tmp"
cd "$tmp" || exit 1

what='the example'
is "$(wc -l <libnnc.c)" -lt 80
# shellcheck disable=SC2086
try 'the example' "$CC" -std=c99 -pedantic -Wall -Wextra -Werror libnnc.c $cflags $libs -o libnnc
./libnnc >out 2>err
status=$?
status_is 0
silent err
says out '^hidden,dense,4,main,3,4,12,'
says out '^loss after 1000 steps: below 0.05$'
says out '^0 xor 1 = 1$'
says out '^1 xor 1 = 0$'
printf 'net xor(hidden=4) { input(2) dense(hidden) as hidden tanh dense(1) as output sigmoid }\n' >xor.nn
printf '0,1\n1,1\n' >rows.csv
runs 0 predict xor.nn --weights xor.safetensors rows.csv
says out '^rows.csv:1 .*0\.9'
says out '^rows.csv:2 .*0\.0'

what='mistakes'
# shellcheck disable=SC2086
try 'mistakes' "$CC" -std=gnu11 -Wall -Wextra -Werror errors.c -Wl,--wrap=calloc $cflags $libs -o errors
./errors >out 2>err
status=$?
status_is 0
silent err
silent out
if have g++; then
    printf '#include <nnc.h>\nint main() { nnc *n = nnc_new(); nnc_free(n); }\n' >use.cc
    # shellcheck disable=SC2086
    try 'C++' g++ -Wall -Wextra -Werror use.cc $cflags $libs -o use
    try 'C++' ./use
fi

conclude
