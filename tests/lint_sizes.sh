#!/bin/sh
# Nothing is long: no function has more than 60 lines between its braces, no file more
# than 600 lines, and half of all functions have fewer than 10.
cd "$(dirname "$0")/.." || exit 1

# The format is that of clang-format: the braces of a function, and of nothing else, stand
# alone in the first column, or its body on one line with its head.
# shellcheck disable=SC2016  # $ belongs to awk
find compiler runtime bench tests/unit tests/fuzz -name '*.[chly]' | LC_ALL=C sort | xargs awk -v longest=60 -v largest=600 -v median=10 '
FNR == 1 {
    if (file != "") check_file()
    file = FILENAME
    start = 0
}
{ lines = FNR }
/^\{$/ { start = FNR }
/^\}$/ && start {
    add(FNR - start - 1)
    start = 0
}
/^[A-Za-z].*\) \{.*\}$/ && !/=/ { add(1) }

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
