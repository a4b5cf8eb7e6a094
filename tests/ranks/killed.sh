# Ranks that are killed at any moment, which tests/ranks/run.sh reads: the job ends within seconds and
# names the rank, and what goes on from the last checkpoint, with another number of ranks, ends with the weights
# and the log of a run that was not killed.
# There are 4 moments, or 100 with ALL=1; MOMENTS=N gives another number.  KILLED=large: of the net whose weights the
# ranks have in the same memory.
# shellcheck shell=dash
# shellcheck disable=SC2034,SC2154 # what, root and tmp are those of tests/lib.sh
kill_moments=${MOMENTS:-$([ -n "$ALL" ] && echo 100 || echo 4)}
kill_net="train ${KILLED:-net}.nn --limit 280 --jit tcc --epochs 120"
kill_limit=15 # seconds from a kill to the end of the job

# kill_wait COMMAND…: until it succeeds, 10 seconds at most
kill_wait() {
    tries=200
    until "$@" || [ $tries -eq 0 ]; do
        tries=$((tries - 1))
        sleep 0.05
    done
}
kill_started() { [ "$(cat pid.* 2>/dev/null | wc -l)" -eq "$n" ]; }
kill_begun() { [ -s out ] || ! kill -0 $run 2>/dev/null; }
kill_gone() { case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in '' | Z* | X*) ;; *) false ;; esac; } # a zombie is

# kill_watch DELAY: waits for the end of the job.  Open MPI's own end sometimes deadlocks, in the server that ranks
# talk to while they start, when one of them is killed then: with its message printed and all ranks gone.  Such a
# launcher is ended here and counted; one that hangs after training has begun is not excused.
kill_watch() {
    tries=$((kill_limit * 10))
    while kill -0 $run 2>/dev/null && [ $tries -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.1
    done
    [ $tries -eq 0 ] || return
    case $1 in
    -*) if grep -q 'exited on signal 9' err; then echo >>kill_launchers; else bad 'the job does not end'; fi ;;
    *) bad 'the job does not end' ;;
    esac
    pkill -9 -P $run mpirun
}

# kill_session DELAY RANKS RANK EVERY THREADS: goes on from the last checkpoint, if there is one, until RANK of
# RANKS is killed so many seconds after the start of training, or, if they are negative, of all ranks
kill_session() {
    resume=
    [ ! -e killed.checkpoint ] || resume=--resume
    what="rank $3 of $2 is killed after $1 s"
    rm -f out err pid.*
    # shellcheck disable=SC2086,SC2016
    timeout -k 5 60 mpirun -n "$2" sh -c 'echo $$ >pid.$OMPI_COMM_WORLD_RANK; exec "$@"' sh \
        "$NNC" $kill_net --checkpoint killed.checkpoint --checkpoint-every "$4" --threads "$5" $resume \
        --log killed.csv -o killed.safetensors >out 2>err &
    run=$!
    kill_wait kill_started
    case $1 in -*) ;; *) kill_wait kill_begun ;; esac
    sleep "${1#-}"
    if kill -9 "$(cat "pid.$3")" 2>/dev/null; then
        begin=$(date +%s)
        kill_watch "$1"
        wait $run
        status=$?
        took=$(($(date +%s) - begin))
        [ $status -ne 0 ] || { kill_ended && return; } # it came too late
        echo "$took" >>kill_seconds
        is $took -le $((kill_limit + 2))
        says err "rank $3 .*exited on signal 9"
        for pid in pid.*; do
            kill_wait kill_gone "$(cat "$pid")" # the launcher ends first
            if kill_gone "$(cat "$pid")"; then ok; else bad "rank ${pid#pid.} is left"; fi
        done
    else
        wait $run
        status=$?
        status_is 0
        kill_ended
    fi
    sed -n 's/^resumed .*, step //p' err >>kill_steps
}

# The run has ended as the one without a break.
kill_ended() {
    same killed.safetensors unbroken.safetensors
    numbers killed
    same killed.numbers unbroken.numbers
    rm -f killed.checkpoint killed.csv
    echo >>kill_ends
}

: >kill_seconds
: >kill_steps
: >kill_ends
: >kill_launchers
# shellcheck disable=SC2086
runs 0 $kill_net --reproducible --checkpoint-every 0 -o unbroken.safetensors --log unbroken.csv
numbers unbroken
awk -v n="$kill_moments" -v seed="${SEED:-1}" 'BEGIN {
    srand(seed)
    for (i = 0; i < n; i++) {
        ranks = 2 + int(rand() * 3)
        print (rand() < 0.25 ? "-" : "") rand() * 1.2, ranks, int(rand() * ranks), 1 + int(rand() * 9), 1 + int(rand() * 2)
    }
}' >kill_plan
while read -r delay n rank every threads; do
    kill_session "$delay" "$n" "$rank" "$every" "$threads" </dev/null
done <kill_plan
what='after the last kill'
resume=
[ ! -e killed.checkpoint ] || resume=--resume
# shellcheck disable=SC2086
ranks 0 3 $kill_net --checkpoint killed.checkpoint $resume --log killed.csv -o killed.safetensors
kill_ended
echo "ranks: $kill_moments moments, $(wc -l <kill_seconds) kills, $(wc -l <kill_steps) resumed, from $(sort -u kill_steps | wc -l)" \
    "different steps; $(wc -l <kill_ends) runs ended; $(sort -n kill_seconds | tail -n 1) s at most from a kill to the end of the job;" \
    "$(wc -l <kill_launchers) launchers that did not end after their ranks had"
what='moments'
is "$(wc -l <kill_seconds)" -ge $((kill_moments / 2)) # most ended a run
is "$(wc -l <kill_launchers)" -le $((kill_moments / 10 + 1))
if [ "$kill_moments" -ge 20 ]; then is "$(sort -u kill_steps | wc -l)" -gt $((kill_moments / 4)); fi
