#!/bin/sh
# nnc verify: checkpoints of one run are the same as far as they go, whatever the threads and the tier, and
# interrupted or not; of two runs that part, the first step that differs is named.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
cd "$tmp" || exit 1
cat >net.nn <<'END'
net small {
    input(1x8x8)
    flatten
    dense(12) as d1  tanh
    dense(10) as d2  softmax
}
train small {
    loss cross_entropy
    optimizer sgd(lr=0.05, momentum=0.9)
    batch 20
}
END

# run NAME ARGUMENTS…: NAME is its checkpoint
run() {
    name=$1
    shift
    runs 0 train net.nn --limit 200 --jit tcc --checkpoint "$name" -o weights.safetensors "$@"
    exists "$name"
}

run long --steps 25 --threads 1
run again --steps 25 --threads 3
runs 0 verify long again
says out '^long: step 25, history [0-9a-f]\{16\}, tensors [0-9a-f]\{16\}$'
says out '^again is the same as long$'
run short --steps 7
runs 0 verify long short
says out '^short is the same run as long, earlier$'
cp short resumed
run resumed --steps 25 --resume
runs 0 verify long resumed short
says out '^resumed is the same as long$'

# The same samples and one weight that differs a little, from step 8 on: so does the loss of step 8.
"$NNC" show net.nn --weights short >/dev/null || bad 'no weights to show'
python=
for p in python3 /usr/bin/python3; do
    [ -n "$python" ] || ! "$p" -c '' 2>/dev/null || python=$p
done
if [ -n "$python" ]; then
    "$python" - short other d1.weight <<'END'
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size = struct.unpack("<Q", data[:8])[0]
begin = 8 + size + json.loads(data[8:8 + size])[sys.argv[3]]["data_offsets"][0]
data[begin + 4 * 300 + 2] ^= 1
open(sys.argv[2], "wb").write(data)
END
    runs 1 verify short other
    says out '^other differs from short in the tensor d1.weight, after the same steps$'
    run other --steps 25 --resume
    runs 1 verify long other
    says out '^other parts from long at step 8$'
else skip 'no python3: no weight was changed'; fi

# So many steps that not all are kept.
run many --epochs 300
run more --epochs 310 --steps 3000
runs 0 verify many more
says out '^more is the same as many$'

# Other runs, and what is no checkpoint.
run rate --steps 25 --lr 0.04
runs 1 verify long rate
says out '^rate is another run than long: the learning rate is 0.04, not 0.05$'
runs 1 verify weights.safetensors
says err 'is not a checkpoint'
runs 2 verify
conclude
