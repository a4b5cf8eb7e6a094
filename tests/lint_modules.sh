#!/bin/sh
# No lower room of compiler/ includes a header of a higher one; operators know
# only base and graph; the runtime knows only the runtime.
cd "$(dirname "$0")/.." || exit 1
# shellcheck disable=SC2016  # $ belongs to awk

find compiler runtime -name '*.[chly]' | LC_ALL=C sort | xargs awk '
BEGIN {
    count = split("base front graph ops passes plan lower emit backend report commands", rooms, " ")
    for (i = 1; i <= count; i++) rank[rooms[i]] = i
}
FNR == 1 {
    split(FILENAME, path, "/")
    room = FILENAME == "compiler/main.c" ? "commands" : path[1] == "runtime" ? "runtime" : path[2]
    if (room != "runtime" && !(room in rank)) complain("the room " room " is in no order")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    split(quoted[2], parts, "/")
    target = parts[1]
    if (room == "runtime") {
        if (target in rank) complain("the runtime includes " quoted[2])
    } else if (room == "ops") {
        if (target in rank && target != "base" && target != "graph" && target != "ops") complain("an operator includes " quoted[2])
    } else if (target in rank && rank[target] > rank[room]) {
        complain(room " includes " quoted[2] ", which is above it")
    }
}
function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    bad = 1
}
END { exit bad }' || exit 1

# Generated code may hold kernels that the compiler's macros know nothing of
# (compiler/emit/tuned.c): they ask for NN_AVX512 and so on.
# shellcheck disable=SC2046
if grep -n -e '__AVX512' -e '__AVX2__' -e '__FMA__' -e '__ARM_NEON' $(find runtime/kernels -name '*.h' ! -name vector.h); then
    echo "a kernel asks for the compiler's flags: use NN_AVX512, NN_AVX2, NN_NEON of vector.h"
    exit 1
fi
