#!/bin/sh
# The standard blocks, each in a small net of its own, BLOCK.nn: its gradients
# against finite differences in double precision, and the parameters that its line
# `# names:` lists.  A difference may go across kinks of several relus in a row:
# right to five digits, not to six.  NNC: the program.
cd "$(dirname "$0")/../.." || exit 1
NNC=${NNC:-./nnc}
passed=0
failed=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

ok() { passed=$((passed + 1)); }
bad() { # WHAT [FILE TO SHOW]
    echo "FAIL: $1"
    [ -z "$2" ] || head -20 "$2" | sed 's/^/    /'
    failed=$((failed + 1))
}

for block in $("$NNC" help blocks | sed -n '3,$s/^  \([a-z0-9_]*\).*/\1/p'); do
    net=tests/std/$block.nn
    if [ ! -e "$net" ]; then
        bad "$block has no net in tests/std"
        continue
    fi
    if "$NNC" check --gradients --samples 8 --batch 3 --tolerance 1e-5 "$net" >"$tmp/said" 2>&1; then
        ok
    else
        bad "$net: gradients" "$tmp/said"
    fi
    "$NNC" "$net" --dump graph >"$tmp/graph" 2>&1
    for name in $(sed -n 's/^# names: //p' "$net"); do
        if grep -qF " ${name}[" "$tmp/graph"; then ok; else bad "$net: no parameter $name"; fi
    done
done
echo "std: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
