#!/bin/sh
# What `nnc train --stats --page` costs: the same training with and without it, in turns, so that
# whatever else the machine does meets both alike.  Prints, for each net, the median seconds of the
# steps, and the median over the turns of the ratio of the two; --stats promises 3 % at most, and
# with the page 5 %.  Exit status 1 where a net is above LIMIT.
#
#     bench/watching.sh [NET…]
#
# NNC ./nnc   TURNS 9   EPOCHS 3   LIMIT 5 (percent)   JIT tcc   DATA: --data of the nets, else the digits
cd "$(dirname "$0")/.." || exit 1
NNC=${NNC:-./nnc}
TURNS=${TURNS:-9}
EPOCHS=${EPOCHS:-3}
LIMIT=${LIMIT:-5}
JIT=${JIT:-tcc}
LC_ALL=C
export LC_ALL
[ $# -gt 0 ] || set -- dsl_examples/mlp.nn dsl_examples/lenet.nn
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# The seconds that the run says of itself at its end: of steps, evaluations and what observes them.
seconds_of() { # NET OPTIONS…
    "$NNC" train "$@" ${DATA:+--data "$DATA"} --epochs "$EPOCHS" --jit "$JIT" --seed 1 -o "$tmp/w" \
        --log "$tmp/log.csv" >"$tmp/said" 2>&1 || { cat "$tmp/said" >&2 && exit 1; }
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "seconds") at = i } $at != "" { last = $at } END { print last }' "$tmp/log.csv"
}

median() { sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

status=0
echo '| net | without, s | with, s | more |'
echo '|---|---|---|---|'
for net; do
    : >"$tmp/turns"
    turn=0
    while [ $turn -lt "$TURNS" ]; do
        if [ $((turn % 2)) -eq 0 ]; then # which is first changes
            without=$(seconds_of "$net") || exit 1
            with=$(seconds_of "$net" --stats --page "$tmp/page.html") || exit 1
        else
            with=$(seconds_of "$net" --stats --page "$tmp/page.html") || exit 1
            without=$(seconds_of "$net") || exit 1
        fi
        echo "$without $with" >>"$tmp/turns"
        turn=$((turn + 1))
    done
    more=$(awk '{ print 100 * ($2 / $1 - 1) }' "$tmp/turns" | median)
    printf '| %s | %.3f | %.3f | %.1f %% |\n' "$(basename "$net" .nn)" "$(cut -d' ' -f1 "$tmp/turns" | median)" \
        "$(cut -d' ' -f2 "$tmp/turns" | median)" "$more"
    awk -v more="$more" -v limit="$LIMIT" 'BEGIN { exit more > limit }' || status=1
done
exit $status
