#!/bin/sh
# The program of docs/bring_a_model.md that finds faces, once with the C that nnc writes and once with
# the outputs of onnxruntime for the same input: the same faces, and outputs to 1e-4.
#
#     MODELS       a folder of published models, with face-rfb-320.onnx
#     ONNXRUNTIME  the folder of onnxruntime-node, where node does not find it
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
NODE=${NODE:-node}
model=${MODELS:-/nonexistent}/face-rfb-320.onnx

runtime() { "$NODE" tests/onnx/onnxruntime.js "$@"; }
missing() {
    skip "$1"
    echo "$test_part: 0 passed, 0 failed"
    exit 0
}
[ -f "$model" ] || missing "no face-rfb-320.onnx (MODELS=FOLDER)"
runtime version >/dev/null 2>&1 || missing "onnxruntime is not there (npm install onnxruntime-node, ONNXRUNTIME=its folder)"

mkdir "$tmp/data" && cd "$tmp" || exit 1
awk '/^```c$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/docs/bring_a_model.md" >use.c
cat >replayed.c <<'END'
/* onnxruntime's outputs in the place of the model. */
#include <stdio.h>
#include "face.h"
const face_rfb_320 *face_rfb_320_trained(void) { return NULL; }
void face_rfb_320_infer(const face_rfb_320 *model, const float *x, float *y, void *scratch)
{
    FILE *file = fopen("outputs", "rb");
    if (!file || fread(y, sizeof *y, FACE_RFB_320_OUTPUTS, file) != FACE_RFB_320_OUTPUTS) puts("no outputs");
    if (file) fclose(file);
    (void)model, (void)x, (void)scratch;
}
END
runs 0 import "$model" -o face.nn
runs 0 face.nn --weights face.safetensors --plain -o face.c
try 'the program' "$CC" -O2 use.c face.c -o faces -ljpeg -lm
try 'the program with the outputs of onnxruntime' "$CC" -O2 use.c replayed.c -o replayed -ljpeg -lm

values() { tail -c "$2" "data/output_$1.pb"; } # OUTPUT BYTES: the raw data is the last field
for photo in "$MODELS"/faces-*.jpg; do
    try "$photo" ./faces "$photo" input
    cp out found
    cd "$root" || exit 1
    try 'onnxruntime' runtime run "$model" "$tmp/data" "$tmp/input"
    cd "$tmp" || exit 1
    { values 0 $((4420 * 2 * 4)) && values 1 $((4420 * 4 * 4)); } >outputs
    try 'the outputs of onnxruntime' ./replayed "$photo"
    same out found
    what="faces of $photo"
    is "$(wc -l <found)" -ge 1
    runs 0 check "$model" --reference data --rtol 0 --atol 1e-4
    runs 0 check "$model" --reference data --rtol 0 --atol 1e-4 --plain
done
conclude
