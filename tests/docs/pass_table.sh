#!/bin/sh
# The passes of compiler/lower/pass_table.h as the table of docs/architecture.md.
cd "$(dirname "$0")/../.." || exit 1

echo '| pass | switch | requires | afterwards |'
echo '|---|---|---|---|'
${CC:-cc} -E -P -Icompiler - <<'END' | sed 's/@ROW/\
@ROW/g' | awk -F '"' '/^@ROW/ {
    required = tolower($3)
    gsub(/[ :]/, "", required)
    gsub(/_/, "-", required)
    gsub(/[|]/, ", ", required)
    sub(/^0$/, "", required)
    printf "| %s | `--no-%s` | %s | %s |\n", $2, $2, required, $4
}'
#include "lower/pass_table.h"
#undef PASS_BIT
#define PASS_BIT(id) id
#define ROW(id, name, applies, run, requires, effect, help) @ROW name : requires : effect
PASS_TABLE(ROW)
END
