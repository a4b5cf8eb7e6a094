#!/bin/sh
# Runs that are killed at any moment and resumed end with the weights and the log of a run that
# was not, bit for bit.  A moment is a random time after the start, at which the process gets
# SIGKILL; from one to the next the number of threads, the back end and the interval of the
# checkpoints change.
# There are 30 moments, or 1,000 with ALL=1, in rounds of 100 with a seed each, of which each
# ends in a line of progress.  FROM=N begins with round N, where a run of all of them was broken
# off; MOMENTS and ROUNDS give other numbers.  Nothing is waited for longer than PATIENCE seconds.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
moments=${MOMENTS:-$([ -n "$ALL" ] && echo 100 || echo 30)}
rounds=${ROUNDS:-$([ -n "$ALL" ] && echo 10 || echo 1)}
patience=${PATIENCE:-300}
cd "$tmp" || exit 1
XDG_CACHE_HOME=$tmp/cache # cc compiles a net once
export XDG_CACHE_HOME
unset NNC_CACHE
. "$root/tests/resume/nets.sh"

nnc() { timeout -k 5 "$patience" "$NNC" "$@"; }

# agrees NET LOG: the run has ended as the one without a break
agrees() {
    what="$1.nn, killed and resumed"
    same "$1.part" "$1.whole"
    numbers "$1.part.$2" >numbers.part
    numbers "$1.whole.$2" >numbers.whole
    if diff numbers.part numbers.whole >numbers.differ; then ok; else bad 'the logs differ' numbers.differ; fi
    rm -f "$1.checkpoint" "$1.part.$2"
}

# begun NET: training has begun, or nothing is to come
begun() {
    local tries=$((patience * 20))
    until [ -s out ] || ! kill -0 $pid 2>/dev/null; do
        tries=$((tries - 1))
        if [ $tries -eq 0 ]; then
            bad "$1.nn: training does not begin"
            return
        fi
        sleep 0.05
    done
}

# session DELAY THREADS JIT EVERY NET LOG: goes on from the last checkpoint, if there is one, until
# so many seconds after the start of training, or, if they are negative, of the program
session() {
    resume=
    [ ! -e "$5.checkpoint" ] || resume=--resume
    rm -f out
    # shellcheck disable=SC2086 # an option, or none
    "$NNC" train "$5.nn" --data few --threads "$2" --jit "$3" --checkpoint "$5.checkpoint" \
        --checkpoint-every "$4" $resume --log "$5.part.$6" -o "$5.part" >out 2>err &
    pid=$!
    case $1 in -*) ;; *) begun "$5" ;; esac
    sleep "${1#-}"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    status=$?
    sed -n 's/^resumed .*, step //p' err >>steps
    case $status in
    137) echo >>kills && ok ;;
    0) agrees "$5" "$6" ;;
    *) bad "$5.nn: status $status" ;;
    esac
}

# whole NET LOG: the run without a break
whole() { runs 0 train "$1.nn" --data few --jit tcc --checkpoint-every 0 --log "$1.whole.$2" -o "$1.whole"; }

# survives NET LOG MOMENTS SEED
survives() {
    awk -v n="$3" -v seed="$4" 'BEGIN {
        srand(seed)
        split("tcc tcc cc tiered", jit, " ")
        for (i = 0; i < n; i++)
            print (rand() < 0.2 ? "-" : "") rand() * 0.6, 1 + int(rand() * 2), jit[1 + int(rand() * 4)], 1 + int(rand() * 20)
    }' >moments
    while read -r delay threads jit every; do
        session "$delay" "$threads" "$jit" "$every" "$1" "$2" </dev/null
    done <moments
    resume=
    [ ! -e "$1.checkpoint" ] || resume=--resume
    # shellcheck disable=SC2086
    runs 0 train "$1.nn" --data few --checkpoint "$1.checkpoint" $resume --log "$1.part.$2" -o "$1.part"
    agrees "$1" "$2"
}

: >steps
: >kills
begin=$(date +%s)
whole lenet csv
whole small jsonl
whole slow csv
for round in $(seq "${FROM:-1}" "$rounds"); do
    survives lenet csv $((moments * 2 / 5)) $((3 * round - 2))
    survives small jsonl $((moments * 2 / 5)) $((3 * round - 1))
    survives slow csv $((moments / 5)) $((3 * round))
    echo "killed: round $round of $rounds: $(wc -l <kills) kills, $(wc -l <steps) resumed, from $(sort -u steps | wc -l)" \
        "different steps, $(awk '{ n += $2 } END { print n + 0 }' .results) failures, $(($(date +%s) - begin)) s"
done
what='moments'
is "$(wc -l <kills)" -gt $(((rounds - ${FROM:-1} + 1) * moments / 2))           # most ended a run
is "$(sort -u steps | wc -l)" -gt $(((rounds - ${FROM:-1} + 1) * moments / 4)) # many were resumed, and not from one place
what='what is left of processes that were killed'
is "$(find . -name '.nnc-*' | wc -l)" -le $((rounds * moments / 10 + 1)) # between getting a name and the right one

conclude
