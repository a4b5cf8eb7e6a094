#!/bin/sh
# Running code: the cache of the system compiler's work, and --jit tiered.
# CC: the compiler that it is to use.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
examples=$root/dsl_examples
check=$root/tests/refs/maxpool_2 # its kernels compile in a third of a second
real=$CC
cd "$tmp" || exit 1

compiled() { # N: the compiler has run N times since it was last asked
    got=$(wc -l <runs)
    : >runs
    if [ "$got" -eq "$1" ]; then ok; else bad "$got compilations, not $1"; fi
}
entries() { # N: of the cache, and nothing else is in it
    got=$(find "$XDG_CACHE_HOME/nnc/jit" -type f -name '????????????????????????????????.so' 2>/dev/null | wc -l)
    all=$(find "$XDG_CACHE_HOME" -type f 2>/dev/null | wc -l)
    if [ "$got" -eq "$1" ] && [ "$all" -eq "$1" ]; then ok; else bad "$got entries of $all files, not $1"; fi
}

# A compiler that counts, and takes as long as it is told to.
cat >compiler <<EOF
#!/bin/sh
echo run >>"$tmp/runs"
echo "\$@" >"$tmp/arguments"
sleep "\${SLOW:-0}"
exec $real "\$@"
EOF
chmod +x compiler
: >runs
CC=$tmp/compiler
XDG_CACHE_HOME=$tmp/cache
TMPDIR=$tmp/private
mkdir "$TMPDIR"
unset NNC_CACHE
export CC XDG_CACHE_HOME TMPDIR
more=$(($(getconf _NPROCESSORS_ONLN) + 1)) # threads than without the option
jit="check $check.nn --reference $check.safetensors --jit cc"

# ---- the cache ---------------------------------------------------------------------

# shellcheck disable=SC2086  # $jit is words
{
    runs 0 $jit; compiled 1; entries 1; cp out first
    runs 0 $jit; compiled 0; entries 1; same out first
    runs 0 $jit --threads $more; compiled 1; entries 2
    runs 0 $jit --batch 3; same out first; : >runs
    rm -rf cache
    CC="$CC -O1" runs 0 $jit; compiled 1; entries 1; says arguments ' -O2 .* -O1 -o ' # the last counts
    runs 0 $jit; compiled 1; entries 2
    NNC_CACHE=off runs 0 $jit; compiled 1; entries 2

    # another compiler in the same place
    touch -d '2001-02-03' compiler; runs 0 $jit; compiled 1; entries 3

    # damage: a byte, the end, everything, not even a file of ours
    rm -rf cache
    runs 0 $jit; compiled 1
    entry=$(find cache -name '*.so')
    printf x | dd of="$entry" bs=1 seek=5000 conv=notrunc 2>dd.said; runs 0 $jit; compiled 1; same out first; entries 1
    head -c 4000 "$entry" >cut.so; cp cut.so "$entry"; runs 0 $jit; compiled 1; same out first; entries 1
    : >"$entry"; runs 0 $jit; compiled 1; entries 1
    head -c 20000 /dev/zero >"$entry"; runs 0 $jit; compiled 1; entries 1
    runs 0 $jit; compiled 0; same out first

    # a cache that others may write to, or that cannot be made, is no cache
    chmod go+w cache/nnc/jit; runs 0 $jit; compiled 1; runs 0 $jit; compiled 1; same out first
    chmod go-w cache/nnc/jit; runs 0 $jit; compiled 0
    XDG_CACHE_HOME=/dev/null/x runs 0 $jit; compiled 1
    (
        unset XDG_CACHE_HOME
        HOME=$tmp/home "$NNC" $jit >out 2>err
    )
    what='HOME/.cache'
    if [ "$(find "$tmp/home/.cache/nnc/jit" -name '*.so' | wc -l)" -eq 1 ]; then ok; else bad 'no entry there'; fi
    compiled 1

    # bounded: the longest unused goes first, strangers stay
    rm -rf cache
    runs 0 $jit; : >runs
    for i in 1 2 3; do
        truncate -s 200M "cache/nnc/jit/0000000000000000000000000000000$i.so"
        touch -d "2020-01-0$i" "cache/nnc/jit/0000000000000000000000000000000$i.so"
    done
    touch -d 2020-01-01 cache/nnc/jit/new-abcdef
    runs 0 $jit --threads $more; compiled 1; entries 4
    absent cache/nnc/jit/00000000000000000000000000000001.so
    runs 0 $jit; compiled 0

    # two at once
    rm -rf cache
    for i in 1 2 3; do
        SLOW=0.3 "$NNC" $jit >out.$i 2>&1 &
    done
    wait
    what='three processes at once'
    for i in 1 2 3; do same out.$i first; done
    entries 1
    : >runs
    runs 0 $jit; compiled 0
}

# ---- tiered ----------------------------------------------------------------------------

lenet="train $examples/lenet.nn --data $examples/data/digits --batch 32"
xor="train $examples/xor.nn --data $examples/xor.csv --threads 1"
switched() { # MIN: after so many steps at least
    at=$(sed -n 's/^back end   cc from step \([0-9]*\)$/\1/p' err)
    if [ -n "$at" ] && [ "$at" -ge "$1" ]; then ok; else bad "changed at step '$at', not after $1"; fi
}
# shellcheck disable=SC2086
{
    rm -rf cache
    runs 0 $lenet --steps 60 --jit tcc -o tcc.safetensors; compiled 0
    SLOW=0.1 runs 0 $lenet --time-limit 30 --steps 60 --jit tiered -o tiered.safetensors; same tcc.safetensors tiered.safetensors
    : >runs

    runs 0 $xor --jit tcc -o tcc.safetensors
    SLOW=0 runs 0 $xor --jit tiered -o tiered.safetensors; same tcc.safetensors tiered.safetensors
    rm -rf cache
    # a run long enough to change in the midst of it
    runs 0 $xor --epochs 60000 --jit tcc -o tcc.safetensors; : >runs
    SLOW=0.1 runs 0 $xor --epochs 60000 -o tiered.safetensors; compiled 1; switched 100
    same tcc.safetensors tiered.safetensors
    says err '^back end   tcc, then cc'
    runs 0 $xor --epochs 60000 -o again.safetensors; compiled 0; switched 1; same tcc.safetensors again.safetensors

    # no compiler: said, and no harm
    CC=nowhere-at-all NNC_CACHE=off runs 0 $xor --epochs 20000 -o none.safetensors
    says err 'note: .*nowhere-at-all'
    CC=nowhere-at-all NNC_CACHE=off runs 0 $xor --epochs 1 -o none.safetensors

    # a compiler that is still busy at the end goes with the program
    rm -rf cache
    SLOW=60 runs 0 $xor --epochs 10 -o short.safetensors
    runs 0 eval $examples/xor.nn --data $examples/xor.csv --weights tcc.safetensors --jit tcc; cp out first
    runs 0 eval $examples/xor.nn --data $examples/xor.csv --weights tcc.safetensors --jit tiered; same out first
    runs 2 check $check.nn --jit tiered; says err "tcc or cc, not 'tiered'"
    runs 2 $xor --jit llvm; says err "tcc, cc or tiered, not 'llvm'"
}

what='two gigabytes of parameters'
if [ -n "$ALL" ]; then
    printf 'net big { input(2)  dense(23200)  relu  dense(23200)  dense(2) }\n' >big.nn
    runs 0 bench big.nn --jit tcc --reps 1
    says out '^dense  *3 '
    says out ' parameters, batch 1, .* threads*, cc$'
else
    skip 'a net of 2.2 GB: ALL=1'
fi

what='private directories'
if [ -z "$(find "$TMPDIR" -mindepth 1)" ]; then ok; else bad "left: $(find "$TMPDIR" -mindepth 1 | head -3)"; fi

conclude
