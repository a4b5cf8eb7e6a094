#!/bin/sh
# The standard blocks, each in a small net of its own, BLOCK.nn: its gradients
# against finite differences in double precision, and the parameters that its line
# `# names:` lists.  A difference may go across kinks of several relus in a row:
# right to five digits, not to six.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

for block in $("$NNC" help blocks | sed -n '3,$s/^  \([a-z0-9_]*\).*/\1/p'); do
    net=tests/std/$block.nn
    what=$block
    if [ ! -e "$net" ]; then
        bad 'it has no net in tests/std'
        continue
    fi
    try "$net: gradients" "$NNC" check --gradients --samples 8 --batch 3 --tolerance 1e-5 "$net"
    what=$net
    "$NNC" "$net" --dump graph >"$tmp/graph" 2>&1
    for name in $(sed -n 's/^# names: //p' "$net"); do
        if grep -qF " ${name}[" "$tmp/graph"; then ok; else bad "no parameter $name" "$tmp/graph"; fi
    done
done
conclude
