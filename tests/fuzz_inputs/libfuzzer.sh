#!/bin/sh
# libfuzzer.sh TARGET…: FUZZ_TIME seconds of libFuzzer for each target, or FUZZ_RUNS executions, from its
# seeds on.  New inputs are kept in build/libfuzzer/corpus, those that fail in build/libfuzzer.
cd "$(dirname "$0")/../.." || exit 1
status=0
for target; do
    corpus=build/libfuzzer/corpus/$target
    mkdir -p "$corpus"
    nice "build/libfuzzer/fuzz_inputs/$target" -max_total_time="${FUZZ_TIME:-60}" -runs="${FUZZ_RUNS:--1}" \
        -max_len=8192 -entropic_scale_per_exec_time=1 -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="build/libfuzzer/$target-" \
        "$corpus" "tests/fuzz_inputs/seeds/$target" >"build/libfuzzer/$target.log" 2>&1 || status=1
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/libfuzzer/$target.log")
    found=$(sed -n 's/.*Test unit written to //p' "build/libfuzzer/$target.log")
    echo "$target: ${executions:-0} executions${found:+, found $found}"
done
exit $status
