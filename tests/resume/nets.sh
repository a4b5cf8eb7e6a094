# What tests/resume and tests/killed train: `few`, a folder of the first shipped digits, and three
# nets, in the current directory.
# shellcheck shell=dash
# shellcheck disable=SC2154 # root is that of tests/lib.sh
digits=$root/dsl_examples/data/digits

# part NAME COUNT: the first so many of the shipped digits
part() {
    for kind in images:16:784:3 labels:8:1:1; do
        IFS=: read -r what head size rank <<END
$kind
END
        gzip -dc "$digits/$1-$what-idx$rank-ubyte.gz" 2>/dev/null >all || cat "$digits/$1-$what-idx$rank-ubyte" >all
        {
            head -c 4 all
            # shellcheck disable=SC2059
            printf "$(printf '\\000\\000\\%03o\\%03o' $(($2 / 256)) $(($2 % 256)))"
            head -c $((head + $2 * size)) all | tail -c +9
        } >"few/$1-$what-idx$rank-ubyte"
    done
}
mkdir few
part train 600
part t10k 100

# Short last batches (600 = 37 * 16 + 8), and all that a run has to remember.
sed 's/batch     64/batch     16/; s/epochs    8/epochs    50/' "$root/dsl_examples/lenet.nn" >lenet.nn
cat >small.nn <<'END'
net small {
    input(1x28x28)
    conv(4, 5, stride=2) as c1
    batchnorm as bn
    relu
    maxpool(2)
    dropout(0.3)
    flatten
    dense(10) as fc
}
train small {
    optimizer adam(lr=0.003)
    schedule  onecycle(0.005, cycle_momentum=yes)
    ema(0.99)
    valid     0.1
    keep      best
    augment   crop(28, pad=2) flip
    batch     25
    epochs    50
}
END
sed 's/net small/net slow/; s/train small/train slow/; s/schedule.*/schedule plateau(patience=1, gamma=0.7)/
    s/ema.*/lookahead(k=5, alpha=0.5) mixup(0.2) stop patience(100)/; s/valid.*/valid 35/; s/keep.*//' small.nn >slow.nn

# numbers LOG: all but the time
numbers() { sed 's/,[0-9.]*$//; s/, "seconds".*//' "$1"; }
