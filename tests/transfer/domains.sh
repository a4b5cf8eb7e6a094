# Read by run.sh.  Losses that compare two domains: which samples of a batch count, that a batch is
# compared whole, by any number of threads, and the worked example in all its forms.
# (Numbers are in tests/refs/domains.py, gradients in tests/gradients.)
# shellcheck shell=dash disable=SC2034,SC2154 # read and set by run.sh

# Twenty rows: three values, a domain of 0, 1, or 7, which is neither, and a class.
awk 'BEGIN { print "a,b,c,domain,kind"; for (i = 0; i < 20; i++)
    printf "%.3f,%.3f,%.3f,%d,%d\n", sin(3 * i), cos(5 * i) + i % 2, sin(i * i), i % 5 == 4 ? 7 : i % 2, i % 3 }' >rows.csv
rows() { awk -F, "NR == 1 || ($1)" rows.csv >some.csv; } # CONDITION: those in some.csv
matched() { # LOSS LR
    cat >matched.nn <<NET
net matched {
    input(3)
    dense(4) as hidden  tanh
    head side (loss=$1, target=domain, weight=2) { identity }
    dense(3) as fc
}
train matched {
    loss cross_entropy
    optimizer sgd(lr=$2)
    order sequential
    normalize none
    batch 12
    epochs 3
}
NET
}
# compare DATA OPTIONS…: the head's loss in each step of an epoch, in `compared`
compare() {
    data=$1
    shift
    runs 0 train matched.nn --data "$data" --epochs 1 --log log.csv -o compared.safetensors "$@"
    compared=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /side/) at = i }
                        $1 == "train" { printf "%s%s", sep, $at; sep = " " }' log.csv)
}

for loss in coral mmd; do
    # Nothing is learnt.  A last batch of 8 is compared as those 8 alone are, and samples of neither
    # domain make no difference.
    matched $loss 1e-30
    compare rows.csv
    all=$compared
    what="$loss: two different losses ($all)"
    if echo "$all" | awk '{ exit !(NF == 2 && $1 > 0 && $2 > 0 && $1 != $2) }'; then ok; else bad 'not so'; fi
    rows 'NR > 13'
    compare some.csv --batch 8
    what="$loss: the last batch by itself"
    is "$compared" = "${all#* }"
    rows 'NR <= 13 && $4 != 7'
    compare some.csv --batch 10
    what="$loss: without samples of neither domain"
    is "$compared" = "${all% *}"

    # Too few of a domain.
    rows '$4 == 1 || NR == 2'
    compare some.csv
    what="$loss: one sample of domain 0 ($compared)"
    if echo "$loss ${compared%% *}" | awk '{ exit !($1 == "coral" ? $2 == 0 : $2 > 0) }'; then ok; else bad 'not so'; fi
    rows '$4 == 1'
    compare some.csv
    what="$loss: one domain alone"
    is "${compared%% *}" = 0

    # A loss of a whole batch is not computed of micro-batches.
    sed "s/^ *flatten/    head side (loss=$loss, target=domain) { identity }\n&/" "$root/tests/passes/micro_batches.nn" >whole.nn
    runs 0 "$root/tests/passes/micro_batches.nn" --dump program
    says out accumulate
    runs 0 whole.nn --dump program
    says out "$loss("
    lacks out accumulate

    matched $loss 0.05
    for threads in 1 2 3; do
        runs 0 train matched.nn --data rows.csv --threads $threads -o threads$threads.safetensors
        same threads$threads.safetensors threads1.safetensors
    done
done

# ---- the worked example -------------------------------------------------------------------

# array TYPE SHAPE: an .npy array of the bytes that follow
array() { printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|$1', 'fortran_order': False, 'shape': ($2)}"; }
mkdir domains
gzip -dc "$root/dsl_examples/data/digits/t10k-images-idx3-ubyte.gz" | tail -c +17 | head -c 18816 >pixels
for half in train test; do
    { array u1 '8, 3, 28, 28' && cat pixels; } >domains/x_$half.npy
    { array i1 8, && printf '\003\001\234\234\005\234\011\234'; } >domains/y_$half.npy
    { array u1 8, && printf '\000\000\001\001\000\001\000\001'; } >domains/domain_$half.npy
done
for adapt in none reversal coral mmd; do
    runs 0 train "$root/dsl_examples/domain_adaptation.nn" -D adapt=$adapt -D width=4 --data domains \
        --steps 2 --batch 8 --jit tcc --log log.csv -o adapted.safetensors
    says out 'test loss [0-9.]*, .*after 2 steps'
    what="adapt=$adapt: the log"
    if [ $adapt = none ]; then lacks log.csv domain; else says log.csv domain; fi
done

# ---- errors and C ---------------------------------------------------------------------------

matched 'mmd(bandwidths=[])' 0.1
runs 1 check matched.nn
says err 'mmd: there are no `bandwidths`'
matched 'mmd(bandwidths=[1, -2])' 0.1
runs 1 check matched.nn
says err 'mmd: a bandwidth is -2; it must be above 0'
matched coral 0.1
runs 0 matched.nn --train -o matched.c
for name in MATCHED_TARGET_DOMAIN_OFFSET MATCHED_LOSS_SIDE; do says matched.h $name; done
