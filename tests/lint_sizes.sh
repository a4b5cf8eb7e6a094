#!/bin/sh
# Nothing is long: no function has more than 60 lines between its braces, no file more
# than 600 lines, and half of all functions have fewer than 10.  Functions of the kernels and
# of the compiler have at most 7 parameters: what needs more takes a descriptor.
cd "$(dirname "$0")/.." || exit 1

# The format is that of clang-format: the braces of a function, and of nothing else, stand
# alone in the first column, or its body on one line with its head.
# shellcheck disable=SC2016  # $ belongs to awk
find compiler runtime bench tests/unit tests/fuzz tests/fuzz_inputs -name '*.[chly]' | LC_ALL=C sort | xargs awk -v longest=60 -v largest=600 -v median=10 -v parameters=7 '
FNR == 1 {
    if (file != "") check_file()
    file = FILENAME
    start = depth = 0
    counted = file ~ /^compiler|^runtime\/kernels/
}
{ lines = FNR }
/^\{$/ { start = FNR }
/^\}$/ && start {
    add(FNR - start - 1)
    start = 0
}
/^[A-Za-z].*\) \{.*\}$/ && !/=/ { add(1) }

# A list of parameters, of a definition, a declaration or a type, begins in a line that begins in
# the first column, and ends where its parentheses are closed.
counted && depth > 0 { read_list($0) }
counted && depth == 0 && match($0, /^[A-Za-z][A-Za-z0-9_ *]*\(/) {
    head = FNR
    commas = 0
    read_list(substr($0, RLENGTH))
}

function read_list(text, i, c) {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "(") depth++
        if (c == "," && depth == 1) commas++
        if (c == ")" && --depth == 0) break
    }
    if (depth == 0 && commas >= parameters) complain(head, "a function of " (commas + 1) " parameters, more than " parameters)
}
function add(length_of_body) {
    if (length_of_body > longest) complain(start, "a function of " length_of_body " lines, more than " longest)
    functions_of[length_of_body]++
    functions++
}
function check_file() { if (lines > largest) complain(lines, "a file of more than " largest " lines") }
function complain(line, text) {
    printf "%s:%d: %s\n", file, line, text
    bad = 1
}
END {
    check_file()
    for (middle = 0; seen + functions_of[middle] <= functions / 2; middle++) seen += functions_of[middle]
    printf "%d functions, half of them of %d lines at most\n", functions, middle
    if (middle >= median) {
        print "the median of the functions is not below " median " lines"
        bad = 1
    }
    exit bad
}'
