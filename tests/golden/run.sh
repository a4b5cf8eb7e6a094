#!/bin/sh
# The dumps of every stage, against those kept here: NAME.nn, and beside it
# NAME.ast, NAME.graph, NAME.program, NAME.plan and, of the plain form,
# NAME.plain.program and NAME.plain.plan, as many as are of interest.
# UPDATE=1 writes them anew; read the difference before it is committed.
# NNC: the program.
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
passed=0
failed=0
tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

for net in tests/golden/*.nn; do
    for stage in ast graph program plan plain.program plain.plan; do
        golden=${net%.nn}.$stage
        [ -e "$golden" ] || continue
        form=
        [ "$stage" = "${stage#plain.}" ] || form=--plain
        if ! "$NNC" "$net" --dump "${stage#plain.}" $form >"$tmp" 2>&1; then
            echo "FAIL: $net --dump $stage"
            sed 's/^/    /' "$tmp" | head -20
            failed=$((failed + 1))
        elif [ -n "$UPDATE" ]; then
            cp "$tmp" "$golden"
            passed=$((passed + 1))
        elif diff -u "$golden" "$tmp" >"$tmp.diff"; then
            passed=$((passed + 1))
        else
            echo "FAIL: $golden is not what --dump $stage prints now"
            head -20 "$tmp.diff" | sed 's/^/    /'
            failed=$((failed + 1))
        fi
        rm -f "$tmp.diff"
    done
done
echo "golden: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
