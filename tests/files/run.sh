#!/bin/sh
# What is written and what is read, when the file system does not play along:
# devices, pipes, links, full disks, signals, compilers that do not end, files
# that are not what they should be.  Some cases need root (mknod, mount) and are
# left out without it.
# shellcheck disable=SC2086  # $line and $endless are words
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
examples=$root/dsl_examples
check=$root/tests/refs/maxpool_2 # its kernels compile in a third of a second
real=$CC
cleanup() {
    umount "$tmp/small" 2>/dev/null
    chmod -R u+w "$tmp"
    rm -rf "$tmp"
}
cd "$tmp" || exit 1

# A program that does not end has status 124.
nnc() { timeout -k 1 "${LIMIT:-60}" "$NNC" "$@"; }

# ended PID: its status, after 20 seconds at most
ended() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        kill -0 "$1" 2>/dev/null || break
        sleep 1
    done
    kill -9 "$1" 2>/dev/null
    wait "$1"
    status=$?
}
temporaries() { # none is left
    left=$(find . -name '.nnc-*' | head -3)
    if [ -z "$left" ]; then ok; else bad "left: $left"; fi
}

awk 'BEGIN { for (i = 0; i < 40; i++) printf "%g,%g\n", i / 20 - 1, 3 * (i / 20 - 1) + 0.5 }' >line.csv
cat >line.nn <<'END'
net line {
    input(1)
    dense(1) as fc
}
train line {
    loss mse
    optimizer sgd(lr=0.1)
    batch 8
    epochs 4
}
END
line="train line.nn --data line.csv --jit tcc"

# ---- what is no regular file is written through ---------------------------------------

runs 0 report line.nn -o report.txt
if mknod null c 1 3 2>/dev/null && : >null; then
    runs 0 report line.nn -o null; is -c null
    ln -s null device.c; runs 0 line.nn -o device.c; is -c null; is -L device.c
    runs 0 $line -o null; is -c null
fi
mkfifo fifo
cat fifo >got &
runs 0 report line.nn -o fifo; wait; is -p fifo; same got report.txt
cat fifo >got &
runs 0 $line -o fifo; wait; is -p fifo
runs 0 $line -o plain; same got plain
what='nnc report -o /dev/stdout'
"$NNC" report line.nn -o /dev/stdout >got 2>err; same got report.txt
is -e /dev/stdout
"$NNC" report line.nn -o /dev/stdout 2>err | cat >got; same got report.txt

# Links stay, what they point to is replaced.
mkdir d
echo old >d/target
ln -s d/target link
runs 0 report line.nn -o link; is -L link; same d/target report.txt
runs 0 $line -o link; is -L link; same d/target plain
ln -s d/new.c new.c
runs 0 line.nn -o new.c; is -L new.c; is -s d/new.c; is -s new.h
printf 'net n{input(1)\ndense(1)}' >d/n.nn
ln -s d/n.nn n.nn
runs 0 fmt n.nn; is -L n.nn; says d/n.nn '^    input(1)'

# ---- found before the training ------------------------------------------------------------

before() { # STATUS WORDS OUTPUT
    runs "$1" $line --log before.csv -o "$3"; says err "$2"; lacks err '^epoch'; absent before.csv
}
long=$(printf '%0300d' 0)
before 1 'd: Is a directory' d
before 1 'none/w: No such file' none/w
before 3 'File name too long' "$long"
before 1 'line.nn/w: Not a directory' line.nn/w
runs 0 $line -o "$(printf '%0250d' 0)"
if [ "$(id -u)" != 0 ]; then
    mkdir closed; chmod a-w closed
    before 3 'closed/w: Permission denied' closed/w
    : >closed.file; chmod a-w closed.file
    before 3 'closed.file: Permission denied' closed.file
fi
what='a limit on file sizes'
(
    ulimit -f 1
    "$NNC" $line -o limited >out 2>err
    echo $? >status
)
status=$(cat status)
status_is 3
says err 'limited: File too large'; lacks err '^epoch'; absent limited

runs 3 line.nn -o none/x.c; says err 'none/x.c'

# ---- what fails late ------------------------------------------------------------------------

endless="train line.nn --data line.csv --epochs 100000000"
late() { # runs until it is ended by SIGNAL, after ACTION
    what="nnc $endless -o $2, then '$3'"
    : >err # the shell in the background empties it later, and it has epochs of the run before
    "$NNC" $endless -o "$2" >out 2>err </dev/null &
    pid=$!
    until_says err '^epoch'
    eval "$3"
    kill "-$1" $pid
    ended $pid
}
late INT hung 'kill -HUP $pid; sleep 0.3; kill -0 $pid || echo gone >>err'
status_is 0
says err 'saved in hung'; is -s hung
lacks err gone # what writes to a file does not end with its terminal
# With the default action, which a test that was begun by nohup has not.
what='a hangup of what writes to a pipe'
: >err
{ env --default-signal=HUP "$NNC" $endless -o hung.up 2>err & echo $! >pid; wait $!; echo $? >status; } | cat >out &
until_says err '^epoch'
kill -HUP "$(cat pid)"
wait
status=$(cat status)
status_is 0
says err 'saved in hung.up'; is -s hung.up
mkdir gone
late INT gone/w 'rmdir gone'
status_is 1
says err 'cannot write gone/w'; says err 'weights are in \./rescued-[0-9]*-w instead'; says out '^weights in ./rescued-[0-9]*-w'
runs 0 eval line.nn --data line.csv --weights rescued-*-w
mkdir gone closed.here
what='the current folder is gone, too'
: >err
(
    cd closed.here || exit
    TMPDIR=$tmp/d "$NNC" train ../line.nn --data ../line.csv --epochs 100000000 -o ../gone/v >../out 2>../err </dev/null &
    echo $! >../pid
    wait
)&
until_says err '^epoch'
rmdir gone closed.here
kill -INT "$(cat pid)"
wait
says err "weights are in $tmp/d/rescued-[0-9]*-v instead"
is -s "$(echo d/rescued-*-v)"

what='a reader that goes away'
"$NNC" train line.nn --data line.csv --epochs 3000 -o piped 2>err </dev/null | head -n 1 >out
is -s piped

# The log is not worth a training.
if [ -w /dev/full ]; then
    ln -s /dev/full full.csv
    runs 3 $line --log full.csv -o logged; says err 'cannot write full.csv: No space'; same logged plain; says out '^weights in logged'
    runs 3 $line --epochs 400 --log full.csv -o logged; says err 'log ends before step'; says out '^weights in logged'
fi
runs 1 $line --log none/log.csv -o unlogged; says err 'cannot write none/log.csv'; absent unlogged

# A small disk: full before, full while it runs.
mkdir small
if mount -t tmpfs -o size=64k tmpfs small 2>/dev/null; then
    dd if=/dev/zero of=small/fill bs=4k count=16 2>dd.said
    before 3 'small/w: No space left' small/w
    rm small/fill
    runs 0 $line -o small/w; same small/w plain
    late INT small/w 'dd if=/dev/zero of=small/fill bs=4k count=16 2>dd.said'
    status_is 3
    says err 'cannot write small/w: No space'; same small/w plain
    runs 0 eval line.nn --data line.csv --weights "$(sed -n 's/^weights in //p' out)"
    rm -f small/fill
    what='the log on a small disk'
    runs 3 $line --epochs 1000 --log small/log.csv -o logged
    says err 'cannot write small/log.csv: No space left'; is -s logged
    rm -f small/log.csv
    runs 3 report "$examples/lenet.nn" --format html -o small/page.html; says err 'small/page.html: No space'; absent small/page.html
    what='a disk of files'
    if [ -z "$(find small -name '.nnc-*')" ]; then ok; else bad 'temporary files are left'; fi
    umount small
fi

# Two at once: the file is one of theirs.
what='two at once'
"$NNC" $line --seed 1 -o both >out 2>err &
"$NNC" $line --seed 2 -o both >out.2 2>err.2 &
wait
runs 0 eval line.nn --data line.csv --weights both
temporaries

# ---- a run that diverges keeps its last finite weights ------------------------------------

runs 1 $line --epochs 40 --lr 30 -o diverged
says err 'at step [0-9]* (epoch'; says err 'the last finite weights, from step [0-9]*, are in diverged'
kept=$(sed -n 's/.*from step \([0-9]*\),.*/\1/p' err)
runs 0 $line --steps "${kept:-0}" --epochs 40 --lr 30 -o steps
tail -c 8 diverged >a; tail -c 8 steps >b; same a b # the two numbers; the metadata differ
runs 1 $line --lr 1e30 -o nothing; says err 'nothing is not written\|are in nothing'

# ---- what is no file, or not the one that it should be ------------------------------------

LIMIT=20
runs 1 $line --init /dev/zero -o no; says err '/dev/zero: it is a device, not a file'
runs 1 eval line.nn --data line.csv --weights /dev/zero
runs 1 train line.nn --data /dev/zero -o no; absent no
mkfifo silent.nn silent.csv
printf 'import "silent.nn"\nnet n { input(1) dense(1) }\n' >imports.nn
runs 1 check imports.nn; says err 'imports.nn:1.*silent.nn: it is a pipe or a device'
printf 'import "/dev/zero"\nnet n { input(1) dense(1) }\n' >imports.nn
runs 1 check imports.nn; says err 'a pipe or a device'
mkdir -p idx pictures/train/cat
mkfifo idx/train-images-idx3-ubyte idx/train-labels-idx1-ubyte pictures/train/cat/tom.jpg
runs 1 train line.nn --data idx -o no; says err 'idx/train-images-idx3-ubyte: it is a pipe'
runs 1 train line.nn --data pictures -o no; says err 'cat/tom.jpg: it is a pipe'
what='a net and weights from pipes'
cat line.nn | "$NNC" check /dev/stdin >out 2>err; says out '^ok'
cat line.nn | "$NNC" report /dev/stdin >out 2>err; says out '^line: '
cat plain | "$NNC" eval line.nn --data line.csv --weights /dev/stdin >out 2>err; says out '^loss'
(
    XDG_CACHE_HOME=$tmp/cache
    export XDG_CACHE_HOME
    unset NNC_CACHE
    "$NNC" check "$check.nn" --reference "$check.safetensors" --jit cc >out 2>err
)
entry=$(find cache -name '*.so')
rm "$entry"
mkfifo "$entry"
LIMIT=60 XDG_CACHE_HOME=$tmp/cache NNC_CACHE=on runs 0 check "$check.nn" --reference "$check.safetensors" --jit cc; is -f "$entry"

like() { # WORDS: of FILE `w`
    runs 1 eval line.nn --data line.csv --weights w
    says err "w is not a safetensors file: it looks like $1"
}
gzip -c plain >w; like 'a gzip file'
printf '\200\002}q\000X\003 and more' >w; like 'a Python pickle'
cp line.csv w; like text
printf '\211HDF\r\n\032\n' >w; printf 'more than that' >>w; like 'an HDF5 file'
head -c 40 plain >w
runs 1 eval line.nn --data line.csv --weights w; says err 'w is truncated: its header has [0-9]* bytes, of which 32 are there'

# Weights that tell where they are from: other data, another net, what is overwritten.
cp line.csv other.csv
runs 0 $line -o told; lacks err overwriting
runs 0 $line -o told; says err 'note: overwriting told: weights of line, trained on line.csv, test loss [0-9]'
runs 0 eval line.nn --data line.csv --weights told; lacks err warning
runs 0 eval line.nn --data other.csv --weights told; says err 'warning: told was trained on line.csv, the data is other.csv'
sed 's/as fc$/as fc tanh/' line.nn >tanh.nn
runs 0 eval tanh.nn --data line.csv --weights told; says err 'warning: told was trained with a net line whose layers are not'
runs 0 train tanh.nn --data line.csv --init told -o no; says err 'warning: told was trained with a net line'; rm no
sed 's/batch 8/batch 4/; s/dense/# a comment\n  dense/' line.nn >same.nn
runs 0 eval same.nn --data line.csv --weights told; lacks err warning
echo text >told
runs 0 $line -o told; says err 'overwriting told: which is no weights file'
runs 0 train "$examples/xor.nn" --data "$examples/xor.csv" --jit tcc -o told
runs 0 $line -o told; says err 'weights of xor, trained on xor.csv, test accuracy 100.00 %'

# Which sample it is that has a class beyond the net's.
mkdir labels
for part in train t10k; do
    { printf '\000\000\010\003\000\000\000\003\000\000\000\001\000\000\000\001'; printf '\001\002\003'; } >labels/$part-images-idx3-ubyte
    { printf '\000\000\010\001\000\000\000\003'; printf '\001\312\003'; } >labels/$part-labels-idx1-ubyte
done
printf 'net n { input(1x1x1) flatten dense(10) }\ntrain n { loss cross_entropy }\n' >ten.nn
runs 1 train ten.nn --data labels -o no
says err 'the data has 203 classes, the net has 10 outputs: sample 1 of labels/train-labels-idx1-ubyte has class 202'
unset LIMIT

# ---- compilers that do not end ------------------------------------------------------------

TMPDIR=$tmp/private
mkdir "$TMPDIR"
cat >stubborn <<END
#!/bin/sh
trap '' TERM INT HUP
echo \$\$ >>"$tmp/started"
while :; do sleep 1; done
END
printf '#!/bin/sh\nexec %s "$@"\n' "$real" >compiler
chmod +x stubborn compiler
CC=$tmp/stubborn
NNC_CACHE=off
export CC TMPDIR NNC_CACHE
: >started
empty() { # DIRECTORY
    left=$(find "$TMPDIR" -mindepth 1 | head -3)
    if [ -z "$left" ]; then ok; else bad "left: $left"; fi
}
LIMIT=20 runs 0 train line.nn --data line.csv --epochs 4000 -o stubborn.w; is -s stubborn.w; is -s started; empty
for signal in INT TERM HUP; do
    what="SIG$signal while a stubborn compiler runs"
    : >started
    env --default-signal=INT,HUP "$NNC" check "$check.nn" --reference "$check.safetensors" --jit cc >out 2>err </dev/null &
    pid=$!
    until_says started .
    kill -$signal $pid
    ended $pid
    if [ "$status" -gt 128 ] && [ "$status" -ne 137 ]; then ok; else bad "status $status"; fi
    if kill -0 "$(cat started)" 2>/dev/null; then bad 'the compiler still runs'; else ok; fi
    empty
done

# Building, too: what is there stays as it was.
mkdir built
echo before >built/line.so
for signal in INT TERM HUP; do
    what="SIG$signal while a stubborn compiler builds"
    : >started
    env --default-signal=INT,HUP "$NNC" build line.nn --plain -o built/line.so >out 2>err </dev/null &
    pid=$!
    until_says started .
    kill -$signal $pid
    ended $pid
    if [ "$status" -gt 128 ] && [ "$status" -ne 137 ]; then ok; else bad "status $status"; fi
    if kill -0 "$(cat started)" 2>/dev/null; then bad 'the compiler still runs'; else ok; fi
    silent err
    is "$(cat built/line.so)" = before
    is "$(ls -A built)" = line.so
    empty
done

# eval is interrupted while the compiler of --jit tiered runs
awk 'BEGIN { for (i = 0; i < 300000; i++) printf "%g,%g\n", i / 20 - 1, 3 * (i / 20 - 1) + 0.5 }' >many.csv
what='SIGINT of eval'
: >started
env --default-signal=INT "$NNC" eval line.nn --data many.csv --batch 1 --weights plain >out 2>err </dev/null &
pid=$!
until_says started .
kill -INT $pid
ended $pid
if [ "$status" -eq 130 ] || [ "$status" -eq 0 ]; then ok; else bad "status $status"; fi
empty

# Killed, it leaves its directory to the next one; one that still runs keeps its own.
: >started
"$NNC" check "$check.nn" --reference "$check.safetensors" --jit cc >out.1 2>err.1 </dev/null &
alive=$!
until_says started .
: >started
"$NNC" check "$check.nn" --reference "$check.safetensors" --jit cc >out.2 2>err.2 </dev/null &
pid=$!
until_says started .
kill -9 $pid "$(cat started)"
wait $pid 2>/dev/null
what='directories of killed compilations'
if [ "$(find "$TMPDIR" -mindepth 1 -maxdepth 1 | wc -l)" -eq 2 ]; then ok; else bad "$(ls "$TMPDIR")"; fi
mkdir "$TMPDIR/nnc-jit-of-somebody" "$TMPDIR/nnc-other"
CC=$tmp/compiler runs 0 check "$check.nn" --reference "$check.safetensors" --jit cc
if [ "$(find "$TMPDIR" -mindepth 1 -maxdepth 1 | wc -l)" -eq 2 ]; then ok; else bad "$(ls "$TMPDIR")"; fi
is -d "$TMPDIR/nnc-other"
kill -TERM $alive
ended $alive
rmdir "$TMPDIR/nnc-other"
empty

conclude
