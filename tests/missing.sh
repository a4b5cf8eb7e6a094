#!/bin/sh
# missing.sh CC "TOOL…" "HEADER…": prints the tools and headers that are not here.
cc=$1
for tool in $2; do
    command -v "$tool" >/dev/null 2>&1 || printf ' %s' "$tool"
done
for header in $3; do
    printf '#include <stddef.h>\n#include <stdio.h>\n#include <%s>\n' "$header" |
        "$cc" -E -x c - >/dev/null 2>&1 || printf ' <%s>' "$header"
done
