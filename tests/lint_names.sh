#!/bin/sh
# Names tell things apart: no type is defined in two files of compiler/ and runtime/, and no
# two files have static functions of one name.
cd "$(dirname "$0")/.." || exit 1

# shellcheck disable=SC2016  # $ belongs to awk
find compiler runtime -name '*.[ch]' | LC_ALL=C sort | xargs awk '
/^(typedef )?(struct|enum|union) [A-Za-z_0-9]+ \{/ {
    name = $0
    sub(/ \{.*/, "", name)
    sub(/.* /, "", name)
    define(name)
}
/^\} [A-Za-z_][A-Za-z_0-9]*;$/ { define(substr($2, 1, length($2) - 1)) }
/^static .*\(/ && !/;$/ {
    name = $0
    gsub(/__attribute__\(\([^)]*\)\) ?/, "", name)
    sub(/\(.*/, "", name)
    if (name ~ /[=\[]/) next
    sub(/.*[ *]/, "", name)
    if (!((name, FILENAME) in statics)) static_files[name] = static_files[name] " " FILENAME
    statics[name, FILENAME] = 1
}
function define(name) {
    if (name in type_file && type_file[name] != FILENAME) {
        print FILENAME ":" FNR ": the type " name " is also defined in " type_file[name]
        bad = 1
    }
    type_file[name] = FILENAME
}
END {
    for (name in static_files)
        if (split(static_files[name], files, " ") > 1) {
            print "the static function " name " is in more than one file:" static_files[name]
            bad = 1
        }
    exit bad
}'
