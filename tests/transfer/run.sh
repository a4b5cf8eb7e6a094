#!/bin/sh
# Training that follows a teacher: its scores are what the loss is given, whatever the number of
# threads, over a stop as well; and what is said where teacher and net do not go together.
# Then domains (domains.sh).
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
cd "$tmp" || exit 1

# Three columns of which one is 1; the class is another one in every fourth row.  `soft` is the
# column: as a target of scores it is a row with a 1 in its place, which is the row of inputs.
awk 'BEGIN { print "a,b,c,kind"; for (i = 0; i < 60; i++) { k = i % 3
    printf "%d,%d,%d,%d\n", k == 0, k == 1, k == 2, i % 4 ? k : (k + 1) % 3 } }' >kinds.csv
awk -F, 'NR == 1 { print "soft," $0; next } { print ($2 ? 1 : $3 ? 2 : 0) "," $0 }' kinds.csv >named.csv

# Its scores are its inputs.
cat >copy.nn <<'END'
net copy {
    input(3)
    dense(3, bias=no, init=identity)
}
train copy {
    normalize none
}
END
student() { # NAME LAYERS KEYS
    cat >"$1.nn" <<END
net $1 {
    input(3)
    dense(5) as hidden  tanh
    dense(3) as fc
    $2
}
train $1 {
    loss cross_entropy
    $3
    optimizer adam(lr=0.05)
    normalize none
    batch 16
    epochs 3
}
END
}
runs 0 train copy.nn --data kinds.csv --steps 1 --lr 1e-30 -o copy.safetensors

# ---- the scores are those of the teacher -------------------------------------------------

# The same loss, of scores that are in the data, makes the same steps.
student follows '' 'teacher("copy.nn", "copy.safetensors", temperature=3, weight=0.7)'
student given 'head soft (loss=distill(temperature=3), target=soft, weight=0.7) { identity }' ''
runs 0 train follows.nn --data kinds.csv --log follows.csv -o follows.safetensors
runs 0 train given.nn --data named.csv --log given.csv -o given.safetensors
for log in follows given; do awk -F, '$1 == "train" { print $3, $5, $(NF - 1), $NF }' $log.csv >$log.steps; done
what='losses of every step'
if [ "$(wc -l <follows.steps)" -eq 9 ]; then ok; else bad 'not 9 steps' follows.steps; fi
same follows.steps given.steps
if awk '!($4 > 0) { exit 1 }' follows.steps; then ok; else bad 'a divergence of 0' follows.steps; fi

# Of a teacher that ends in softmax, the logarithms are its scores, up to a constant.
cat copy.nn >soft.nn
sed 's/init=identity)/&  softmax/; s/copy/soft/' copy.nn >>soft.nn
student softly '' 'teacher("soft.nn", "copy.safetensors", temperature=3, weight=0.7, name=soft)'
runs 0 train softly.nn --data kinds.csv --log softly.csv -o softly.safetensors
awk -F, '$1 == "train" { print $3, $5, $(NF - 1), $NF }' softly.csv | paste -d' ' - follows.steps >both
what='a teacher of probabilities'
if awk '{ d = $2 - $6; if (d < 0) d = -d; if (d > 1e-4 * $6) exit 1 }' both; then ok; else bad 'other losses' both; fi

# ---- threads, and a stop -------------------------------------------------------------------

for threads in 1 2 3; do
    runs 0 train follows.nn --data kinds.csv --threads $threads -o threads.safetensors
    same threads.safetensors follows.safetensors
done
runs 0 train follows.nn --data kinds.csv --steps 5 --epochs 3 --checkpoint f.checkpoint -o stopped.safetensors
runs 0 train follows.nn --data kinds.csv --epochs 3 --resume f.checkpoint --threads 1 -o resumed.safetensors
same resumed.safetensors follows.safetensors
runs 1 train follows.nn --data kinds.csv --resume f.checkpoint --set 'teacher("copy.nn", "copy.safetensors", temperature=2)'
says err 'cannot resume from f.checkpoint: the loss was cross_entropy(.*), teacher of copy.nn with '

# Evaluation leaves it out, and needs no file of it; mixed samples go through it as they are.
mv copy.safetensors away.safetensors
runs 0 eval follows.nn --data kinds.csv --weights follows.safetensors
mv away.safetensors copy.safetensors
runs 0 train follows.nn --data kinds.csv --set 'mixup(0.4)' -o mixed.safetensors

# ---- in C the scores are the caller's --------------------------------------------------------

runs 0 follows.nn --train -o follows.c
for name in FOLLOWS_TARGET_TEACHER_OFFSET FOLLOWS_TARGET_TEACHER_COUNT FOLLOWS_LOSS_TEACHER; do
    says follows.h "$name"
done

# ---- errors -----------------------------------------------------------------------------------

wrong() { # KEYS MESSAGE
    student wrong '' "$1"
    runs 1 train wrong.nn --data kinds.csv --steps 1
    says err "$2"
    says err '^wrong.nn:9:'
}
sed 's/input(3)/input(4)/' copy.nn >input.nn
sed 's/dense(3, bias=no, init=identity)/dense(4)/' copy.nn >classes.nn
sed 's/bias=no/bias=yes/' copy.nn >biased.nn
sed 's/normalize none/normalize mean=[1] std=[2]/' copy.nn >scaled.nn
echo 'net copy { input(3) dense(3) as }' >broken.nn
runs 0 train scaled.nn --data kinds.csv --steps 1 -o scaled.safetensors
wrong 'teacher("none.nn", "copy.safetensors")' 'teacher: cannot read none.nn: No such file or directory'
wrong 'teacher("copy.nn", "none.safetensors")' 'teacher: cannot open none.safetensors'
wrong 'teacher("broken.nn", "copy.safetensors")' 'teacher: broken.nn has errors'
wrong 'teacher("input.nn", "copy.safetensors")' 'teacher: copy takes 4, the net 3'
wrong 'teacher("classes.nn", "copy.safetensors")' 'teacher: the results of copy are 4, those of the net 3'
wrong 'teacher("biased.nn", "copy.safetensors")' 'teacher: .*copy.safetensors.*bias'
wrong 'teacher("copy.nn", "scaled.safetensors")' 'teacher: scaled.safetensors was trained on inputs that were normalised in'
wrong 'teacher("copy.nn", "copy.safetensors", name=other)' 'teacher: copy.nn has errors'

. "$root/tests/transfer/domains.sh"
conclude
