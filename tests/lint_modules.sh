#!/bin/sh
# Who may include whom.  Modules are directories of compiler/, listed here from the lowest
# to the highest: a file includes headers of its own module and of those before it.
# Operators know only what `ops_know` lists; the runtime knows only the runtime.  No
# header includes itself through others.
cd "$(dirname "$0")/.." || exit 1

modules='base front graph elab autodiff quantize ops passes plan lower emit backend report stats interop'
modules="$modules commands/support commands/pictures commands/quantize commands/predict commands/train"
modules="$modules commands/show commands/trace commands/bench commands/check commands commands/help library"
ops_know='base graph autodiff quantize ops'

# A module may be a directory in a directory, such as commands/train: the longest name counts.
# shellcheck disable=SC2016  # $ belongs to awk
find compiler runtime -name '*.[chly]' | LC_ALL=C sort | xargs awk -v modules="$modules" -v ops_know="$ops_know" '
BEGIN {
    count = split(modules, order, " ")
    for (i = 1; i <= count; i++) rank[order[i]] = i
    count = split(ops_know, known, " ")
    for (i = 1; i <= count; i++) for_ops[known[i]] = 1
    for (i = 1; i < ARGC; i++) is_file[ARGV[i]] = 1
}
FNR == 1 {
    module = FILENAME ~ /^runtime\// ? "runtime" : FILENAME == "compiler/main.c" ? "commands" : \
             module_of(substr(FILENAME, 10))
    if (module == "") complain("it belongs to no module: see tests/lint_modules.sh")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    name = quoted[2]
    file = resolve(name)
    if (FILENAME ~ /\.h$/ && file ~ /\.h$/) includes[FILENAME] = includes[FILENAME] " " file
    target = file ~ /^runtime\// ? "" : module_of(file == "" ? name : substr(file, 10))
    if (target == "" || module == "") next
    if (module == "runtime") complain("the runtime includes " name)
    else if (module ~ /^ops(\/|$)/ && !(target in for_ops)) complain("an operator includes " name)
    else if (rank[target] > rank[module]) complain(module " includes " name ", which is above it")
}

# ops/layers for ops/layers/conv.c when there is a module of that name, else ops
function module_of(path) {
    while (sub(/\/[^\/]*$/, "", path)) if (path in rank) return path
    return ""
}
# The file that a name in quotes stands for; "" for one that is made.
function resolve(name,    here) {
    here = FILENAME
    sub(/[^\/]*$/, "", here)
    if ((here name) in is_file) return here name
    if (("compiler/" name) in is_file) return "compiler/" name
    return name in is_file ? name : ""
}
function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    bad = 1
}

# Whether there is a way of includes from a header to another; `way` is then what lies between.
function leads(from, to,    i, n, next_ones) {
    if (from in seen) return 0
    seen[from] = 1
    n = split(includes[from], next_ones, " ")
    for (i = 1; i <= n; i++)
        if (next_ones[i] == to || leads(next_ones[i], to)) {
            if (next_ones[i] != to) way = next_ones[i] " " way
            return 1
        }
    return 0
}
END {
    for (header in includes) {
        split("", seen)
        way = ""
        if (!leads(header, header)) continue
        print header ": it includes itself: " way
        bad = 1
    }
    exit bad
}' || exit 1

# Generated code may hold kernels that the compiler's macros know nothing of
# (compiler/emit/multiversion.c): they ask for NN_AVX512 and so on, which the pages of the
# targets explain.
# shellcheck disable=SC2046
if grep -n -e '__AVX512' -e '__AVX2__' -e '__FMA__' -e '__ARM_NEON' $(find runtime/kernels -name '*.h' ! -path '*/config/*'); then
    echo "a kernel asks for the compiler's flags: use NN_AVX512, NN_AVX2, NN_NEON"
    exit 1
fi
