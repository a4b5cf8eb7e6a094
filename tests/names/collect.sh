#!/bin/sh
# Lists the global names of this machine's C library that compiler/emit/reserved_names.txt
# lacks: macros, and whatever cannot be the name of a type once the headers are there.
cd "$(dirname "$0")/../.." || exit 1
CC=${CC:-cc}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C

known() { sed '/^#/d' compiler/emit/reserved_names.txt | tr -s ' ' '\n' | sed '/^$/d' | sort -u; }
gnu() { "$CC" -std=gnu11 -D_GNU_SOURCE "$@"; }

# <tgmath.h> and <stdnoreturn.h> only define macros over names of the others.
for header in $(known | grep '\.h$' | grep -v -e tgmath -e stdnoreturn -e arm_neon -e immintrin -e omp) \
    arpa/inet.h net/if.h netinet/in.h netinet/tcp.h sys/ioctl.h sys/mman.h sys/msg.h sys/random.h sys/resource.h \
    sys/select.h sys/sem.h sys/shm.h sys/socket.h sys/stat.h sys/statvfs.h sys/sysinfo.h sys/time.h sys/times.h \
    sys/types.h sys/uio.h sys/un.h sys/utsname.h sys/wait.h; do
    echo "#include <$header>"
done >"$tmp/headers.c"
gnu -E -dM "$tmp/headers.c" | awk '{ sub(/\(.*/, "", $2); print $2 }' | sort -u >"$tmp/macros"
gnu -E -P "$tmp/headers.c" | grep -oE '[A-Za-z][A-Za-z0-9_]*' | sort -u | comm -23 - "$tmp/macros" >"$tmp/words"
{ cat "$tmp/headers.c" && sed 's/.*/typedef struct & &;/' "$tmp/words"; } >"$tmp/types.c"
before=$(wc -l <"$tmp/headers.c")
gnu -fsyntax-only -fmax-errors=0 "$tmp/types.c" 2>&1 |
    sed -n 's/.*types\.c:\([0-9]*\):[0-9]*: error.*/\1/p' | sort -un |
    awk -v before="$before" 'NR == FNR { bad[$1 - before]; next } FNR in bad' - "$tmp/words" |
    sort -u - "$tmp/macros" | grep -v '^_' >"$tmp/taken"
known | comm -13 - "$tmp/taken"
