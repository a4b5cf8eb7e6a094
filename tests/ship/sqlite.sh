# The loadable function of SQLite in docs/sqlite.c: classes and probabilities are those of
# nnc predict, for bytes and for floats; and what is no input of the net.  run.sh reads this file.
# shellcheck shell=dash
# shellcheck disable=SC2034,SC2154 # variables of run.sh and tests/lib.sh

have sqlite3 && echo '#include <sqlite3ext.h>' | "$CC" -E - >/dev/null 2>&1 || {
    skip 'sqlite3 and libsqlite3-dev are not installed: docs/sqlite.c'
    return
}

runs 0 "$lenet" --weights w.safetensors --batch 1 --plain -o lenet.c
try 'sqlite.c' "$CC" -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -I. "$root/docs/sqlite.c" lenet.c -o digit.so -lm -lpthread

sql() { # STATUS SQL…
    expected=$1
    shift
    what="sqlite3: $*"
    sqlite3 -csv -bail scans.db '.load ./digit' "$@" >out 2>err
    status=$?
    status_is "$expected"
}

# Four digits as bytes, and as the floats that nnc predict shows.
rm -f scans.db
sql 0 'CREATE TABLE scans (id INTEGER PRIMARY KEY, pixels BLOB)'
for i in 0 1 2 3; do
    tail -c +$((i * 1024 + 1)) pixels | head -c 1024 >scan
    tail -c +$((i * 4096 + 1)) four.raw | head -c 4096 >scan.raw
    sql 0 "INSERT INTO scans VALUES ($i, readfile('scan')), ($((i + 4)), readfile('scan.raw'))"
done
runs 0 predict "$lenet" --weights w.safetensors four.raw four.raw --format csv --batch 1
tr -d '\r' <out | awk -F, 'NR > 1 { printf "%d,%d,%.4f\n", NR - 2, $2, $3 }' >want
what='the four digits, twice'
is "$(wc -l <want)" -eq 8
sql 0 "SELECT id, digit(pixels), printf('%.4f', digit(pixels, digit(pixels))) FROM scans ORDER BY id"
tr -d '\r"' <out >have
same have want
sql 0 "SELECT round(sum(digit(pixels, value)), 4) FROM scans, json_each('[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]') WHERE scans.id = 2"
says out '^1.0'

# The functions are deterministic: an index can hold them.
sql 0 'CREATE INDEX sevens ON scans (digit(pixels, 7))' \
    'EXPLAIN QUERY PLAN SELECT id FROM scans WHERE digit(pixels, 7) > 0.5'
says out 'INDEX sevens'
awk -F, '$2 == 7 && $3 > 0.5 { print $1 }' want >ids
sql 0 'SELECT id FROM scans WHERE digit(pixels, 7) > 0.5 ORDER BY id'
tr -d '\r' <out >have
same have ids

sql 0 "SELECT digit(NULL) IS NULL, digit(NULL, 7) IS NULL"
says out '^1,1'
sql 1 'SELECT digit(zeroblob(1023))'
says err 'digit: a blob of 1024 bytes or floats is needed'
sql 1 "SELECT digit(zeroblob(1024), 'ten')"
says err 'digit: there is no such class'
sql 1 'SELECT digit(zeroblob(1024), NULL)'
says err 'digit: there is no such class'
