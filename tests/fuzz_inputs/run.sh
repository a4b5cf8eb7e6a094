#!/bin/sh
# The inputs that are kept of each target of fuzz_inputs.h: seeds, and what was once found.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
REPLAY=${REPLAY:-build/fuzz_inputs}

for target in tensors data_sets pictures source onnx; do
    if [ ! -x "$REPLAY/$target" ]; then
        bad "$REPLAY/$target is not built"
        continue
    fi
    for seed in tests/fuzz_inputs/seeds/"$target"/*; do
        try "$target $seed" timeout 60 "$REPLAY/$target" "$seed"
    done
done
conclude
