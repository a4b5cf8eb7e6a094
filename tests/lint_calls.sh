#!/bin/sh
# The files of a directory are in an order: each calls functions of those before it alone, so
# that they can be read, and tested, from the lowest to the highest.  Exceptions are mutually recursive by nature: the
# elaborator (a block's body is elaborated where it is called), and batchnorm with its rewriting in chunks.
cd "$(dirname "$0")/.." || exit 1

exceptions='compiler/elab compiler/ops/layers'

# shellcheck disable=SC2016  # $ belongs to awk
find compiler runtime -name '*.c' | LC_ALL=C sort | xargs awk -v exceptions="$exceptions" '
BEGIN {
    count = split(exceptions, list, " ")
    for (i = 1; i <= count; i++) excepted[list[i]] = 1
}
FNR == 1 {
    directory = FILENAME
    sub(/\/[^\/]*$/, "", directory)
    files[++file_count] = FILENAME
    directory_of[FILENAME] = directory
    comment = 0
}
{
    line = $0
    gsub(/\\"/, "", line)
    gsub(/"[^"]*"/, "", line)
    if (comment && !sub(/.*\*\//, "", line)) next
    comment = 0
    gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
    if (sub(/\/\*.*/, "", line)) comment = 1
}
# The first line of a definition.
line ~ /^[A-Za-z_][A-Za-z_0-9 *]*\(/ && line !~ /^(static|typedef|extern|enum|struct [A-Za-z_]* \{)/ && line !~ /;$/ {
    name = line
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    defined[directory, name] = FILENAME
}
{
    gsub(/[^A-Za-z_0-9]+/, " ", line)
    count = split(line, words, " ")
    for (i = 1; i <= count; i++) uses[FILENAME] = uses[FILENAME] (index(uses[FILENAME] " ", " " words[i] " ") ? "" : " " words[i])
}
# Depth first; a file that is met again on the way to itself closes a circle.
function visit(file,    i, count, names, other) {
    state[file] = 1
    count = split(uses[file], names, " ")
    for (i = 1; i <= count; i++) {
        other = defined[directory_of[file], names[i]]
        if (other == "" || other == file || state[other] == 2) continue
        if (state[other] == 1) {
            print file ": it calls " names[i] " of " other ", which itself calls, perhaps through others, this file"
            bad = 1
        } else visit(other)
    }
    state[file] = 2
}
END {
    for (i = 1; i <= file_count; i++)
        if (!(directory_of[files[i]] in excepted) && !state[files[i]]) visit(files[i])
    exit bad
}'
