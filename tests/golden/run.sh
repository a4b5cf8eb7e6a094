#!/bin/sh
# The dumps of every stage, against those kept here: NAME.nn, and beside it
# NAME.ast, NAME.graph, NAME.program, NAME.plan and, of the plain form,
# NAME.plain.program and NAME.plain.plan, as many as are of interest.  NAME.explain is
# what --explain prints, and NAME.bf16.program and NAME.bf16.plan are with weights in bf16.
# UPDATE=1 writes them anew; read the difference before it is committed.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

for net in tests/golden/*.nn; do
    for stage in ast graph program plan plain.program plain.plan bf16.program bf16.plan explain; do
        golden=${net%.nn}.$stage
        [ -e "$golden" ] || continue
        case $stage in
        plain.*) options="--dump ${stage#plain.} --plain" ;;
        bf16.*) options="--dump ${stage#bf16.} --weights-format bf16" ;;
        explain) options='--explain --target avx2' ;;
        *) options="--dump $stage" ;;
        esac
        what="$net $options"
        # shellcheck disable=SC2086 # options are words
        if ! "$NNC" "$net" $options >"$tmp/out" 2>&1; then
            bad "status $?"
        elif [ -n "$UPDATE" ]; then
            cp "$tmp/out" "$golden"
            ok
        elif diff -u "$golden" "$tmp/out" >"$tmp/diff"; then
            ok
        else
            bad "not what is in $golden" "$tmp/diff"
        fi
    done
done
conclude
