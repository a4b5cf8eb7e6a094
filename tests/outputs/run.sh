#!/bin/sh
# Several outputs and targets: the C interface, and data in which targets have names.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
gradients=$root/tests/gradients
cd "$tmp" || exit 1

# ---- C ------------------------------------------------------------------------------------

# The first outputs are those of a net without the others, whose part of a row is where the header
# says; the losses that are left in the scratch add up to what is returned.
cat >drive.c <<'END'
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "one.h"
#include "several.h"

#define CHECK(what) \
    if (!(what)) printf("line %d: %s\n", __LINE__, #what), failed = 1

static float x[SEVERAL_BATCH * SEVERAL_INPUTS], y[SEVERAL_BATCH * SEVERAL_OUTPUTS], y_one[ONE_BATCH * ONE_OUTPUTS];
static float target[SEVERAL_BATCH * SEVERAL_TARGETS];

static void *block(size_t size) { return aligned_alloc(64, (size + 63) / 64 * 64); }

static int same_weights(const several *s, one *o)
{
    float values[200];
    return several_get(s, "c.weight", values, 54) || one_set(o, "c.weight", values, 54) ||
           several_get(s, "d.weight", values, 54) || one_set(o, "d.weight", values, 54);
}

static int tables_are_right(void)
{
    const nn_model_info *info = several_info(), *single = one_info();
    int failed = 0;
    CHECK(info->abi == NN_ABI && info->outputs == SEVERAL_OUTPUTS && info->target_count == SEVERAL_TARGETS);
    CHECK(info->output_part_count == 3 && strcmp(info->output_parts[1].name, "features") == 0);
    CHECK(info->output_parts[1].offset == SEVERAL_OUTPUT_FEATURES_OFFSET);
    CHECK(info->target_part_count == 4 && strcmp(info->target_parts[1].name, "map") == 0);
    CHECK(info->target_kind == NN_VALUES && info->target_parts[3].kind == NN_CLASSES);
    CHECK(info->loss_count == SEVERAL_LOSSES && info->loss_list[SEVERAL_LOSS_FEATURES].evaluated);
    CHECK(!info->loss_list[SEVERAL_LOSS_KIND].evaluated && info->loss_list[SEVERAL_LOSS_FEATURES].weight == 0.5);
    CHECK(single->output_part_count == 0 && single->target_part_count == 0 && single->loss_count == 0);
    return failed;
}

static int losses_add_up(several *s, void *scratch)
{
    int failed = 0;
    float step = several_step(s, x, target, 0, scratch);
    const float *l = several_losses(scratch);
    float sum = l[0] + 0.5f * l[SEVERAL_LOSS_FEATURES] + 0.3f * l[SEVERAL_LOSS_SIDE] + 0.7f * l[SEVERAL_LOSS_SHARED] +
                l[SEVERAL_LOSS_KIND];
    CHECK(fabsf(step - sum) < 1e-5f * step && l[SEVERAL_LOSS_KIND] > 0 && l[SEVERAL_LOSS_SIDE] > 0);
    float eval = several_eval(s, x, target, SEVERAL_BATCH, y, scratch);
    CHECK(fabsf(eval - (l[0] + 0.5f * l[SEVERAL_LOSS_FEATURES])) < 1e-5f * eval && l[SEVERAL_LOSS_SHARED] > 0);
    return failed;
}

int main(void)
{
    int failed = tables_are_right();
    void *scratch = block(SEVERAL_TRAIN_SCRATCH + SEVERAL_INFER_SCRATCH + ONE_INFER_SCRATCH);
    several *s = several_init(block(SEVERAL_TRAIN_BYTES), 1, 3);
    one *o = one_init(block(ONE_MODEL_BYTES), 0, 4);
    for (int i = 0; i < SEVERAL_BATCH * SEVERAL_INPUTS; i++) x[i] = (float)(i % 7) - 3;
    for (int i = 0; i < SEVERAL_BATCH * SEVERAL_TARGETS; i++) target[i] = (float)(i % 3);
    CHECK(same_weights(s, o) == 0);
    several_infer(s, x, y, scratch);
    one_infer(o, x, y_one, scratch);
    for (int n = 0; n < ONE_BATCH; n++) {
        const float *row = y + n * SEVERAL_OUTPUTS, *scores = row + SEVERAL_OUTPUT_SCORES_OFFSET;
        CHECK(SEVERAL_OUTPUT_COUNT == 3 && memcmp(row, y_one + n * ONE_OUTPUTS, 3 * sizeof *row) == 0);
        CHECK(fabsf(row[0] / row[1] - expf(scores[0] - scores[1])) < 1e-3f * row[0] / row[1]);
        CHECK(fabsf(row[SEVERAL_OUTPUT_FEATURES_OFFSET + SEVERAL_OUTPUT_FEATURES_COUNT - 1]) <= 1);
    }
    return losses_add_up(s, scratch) || failed;
}
END
sed 's/net targets/net several/; s/train targets/train several/' "$gradients/targets.nn" >several.nn
sed '/output\|head/d; s/several/one/' several.nn >one.nn
for form in '' --plain; do
    what="C interface $form"
    # shellcheck disable=SC2086  # an option or none
    for net in several one; do runs 0 $net.nn -o $net.c $form; done
    for program in several one; do
        if "$CC" -O0 -std=gnu99 -Wall -Wextra -Werror -c $program.c -o $program.o 2>err; then ok; else bad "it does not compile"; fi
    done
    if "$CC" -O1 -std=gnu11 -Wall -Wextra drive.c several.o one.o -o drive -lm -lpthread 2>err && ./drive >out 2>&1; then
        ok
    else
        bad 'the interface is wrong'
    fi
done

# ---- data: columns ------------------------------------------------------------------------------

# y = 3x + 0.5; the class is x > 0, and `size` is 0, 1 or 2 by |x|; the columns in any order.
awk 'BEGIN { print "size,x,above,y"; for (i = 0; i < 120; i++) { x = (i * 37 % 120) / 60 - 1
    printf "%d,%g,%d,%g\n", (x < -0.5 ? 0 : x < 0.5 ? 1 : 2), x, (x > 0), 3 * x + 0.5 } }' >line.csv
cat >line.nn <<'END'
net line {
    input(1)
    dense(8) tanh as hidden
    head above (loss=bce_logits, target=above, weight=0.5) { dense(1) as fc }
    output size (loss=cross_entropy, target=size) 
    dense(1) as fc
}
train line {
    loss mse
    optimizer adam(lr=0.05)
    batch 16
    epochs 30
}
END
sed -i 's/    output size.*/    dense(3) as kinds  output size (loss=cross_entropy, target=size)  from hidden/' line.nn
runs 0 train line.nn --data line.csv --log log.csv
says out '^epoch .* test loss       size      above samples/s'
says err '^data .* of 1 column$'
awk '$1 == 30 && $6 < 0.3 && $7 < 0.3 { found = 1 } END { exit !found }' out && ok || bad 'the named targets are not learnt'
runs 0 eval line.nn --data line.csv --weights line.safetensors
says out '^loss       [0-9.e-]* (all outputs, 24 samples)$'
says out '^  output   [0-9.e-]* (mse, weight 1)$'
says out '^  size     0\.[0-2][0-9]* (cross_entropy, weight 1)$'
says out '^  above    0\.[0-2][0-9]* (bce_logits, weight 0.5 in training)$'
if head -n 1 log.csv | grep -q 'seconds,loss.output,loss.size,loss.above$'; then ok; else bad 'the log has no losses'; fi
runs 0 train line.nn --data line.csv --log log.jsonl --steps 2
tail -n 1 log.jsonl >out
says out '"loss.output": [0-9.e-]*, "loss.size": [0-9.e-]*, "loss.above": [0-9.e-]*}$'
# Batches of 16 of 96 and of 7, whose last is shorter: rows are rows of either.
runs 0 train line.nn --data line.csv --batch 7 --epochs 30
awk '$1 == 30 && $6 < 0.3 && $7 < 0.3 { found = 1 } END { exit !found }' out && ok || bad 'not learnt in batches of 7'
# The net's own target may be any column, and is the last that no other is.
runs 0 train line.nn --data line.csv --column y --steps 1
runs 1 train line.nn --data line.csv --column size --steps 1
says err 'the column size is the target size already'
awk -F, '{ print $2 "," $4 "," $1 "," $3 }' line.csv >turned.csv
runs 0 train line.nn --data turned.csv --log turned.jsonl --steps 2
if cmp -s log.jsonl turned.jsonl; then ok; else cut -d, -f1-5,9- log.jsonl >a; cut -d, -f1-5,9- turned.jsonl >b; same a b; fi

# What does not fit.
sed '1s/size/sizes/' line.csv >missing.csv
runs 1 train line.nn --data missing.csv
says err 'missing.csv has no column named size, the net.s target'
sed '5s/^./3/' line.csv >beyond.csv
runs 1 train line.nn --data beyond.csv
says err 'target size: sample 3 has class 3; classes are 0 to 2'
sed '5s/^./1.5/' line.csv >between.csv
runs 1 train line.nn --data between.csv
says err 'target size: sample 3 has class 1.5'
sed '5s/^./many/' line.csv >words.csv
runs 1 train line.nn --data words.csv
says err 'words.csv:5:1: expected a number'
printf 'size,above,y\n0,1,2\n' >few.csv
runs 1 train line.nn --data few.csv
says err 'few.csv:1: too few columns; a sample needs a value and several targets'
printf 'net digits { input(1x28x28) flatten head odd (target=size, loss=mse) { dense(1) } dense(10) }' >digits.nn
runs 1 train digits.nn
says err 'the net has a target size, and .* has nothing of that name'
printf 'net many { input(1x28x28) flatten for i in 0..32 { head "h{i}" { dense(10) } } dense(10) }' >many.nn
runs 1 train many.nn --steps 1
says err 'the net has 33 losses; up to 32 can be trained and evaluated'
# Every target is mixed with its sample, of a loss over classes as probabilities.
runs 0 train line.nn --data line.csv --set 'mixup(0.2)' --steps 20
sed 's/loss=cross_entropy/loss=focal/' line.nn >focal.nn
runs 1 train focal.nn --data line.csv --set 'mixup(0.2)'
says err 'mixup mixes the targets of two samples, but those of focal are classes, of target size; use cross_entropy'

# ---- data: arrays ---------------------------------------------------------------------------------

array() { # TYPE SHAPE: the header of an .npy file
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
}
bytes() { awk -v n="$1" -v f="$2" 'BEGIN { for (i = 0; i < n; i++) printf "\\%03o", (f == "above" ? (i % 3 > 1) : f == "x" ? i % 3 * 40 : i % 3) }'; }
mkdir set
for part in train test; do
    [ $part = train ] && n=60 || n=9
    for name in x y size above; do
        shape="$n,"
        [ $name = x ] && shape="$n, 1"
        { array '|u1' "$shape"; printf "$(bytes $n $name)"; } >set/${name}_$part.npy
    done
done
sed 's/loss mse/loss mse normalize none/' line.nn >bytes.nn
runs 0 train bytes.nn --data set --epochs 200
says err ': 60 train, 9 test of 1 column'
awk '$1 == 200 && $6 < 0.2 && $7 < 0.2 { found = 1 } END { exit !found }' out && ok || bad 'the named arrays are not learnt'
mv set/size_test.npy set/size_val.npy
runs 0 train bytes.nn --data set --steps 1
{ array '|u1' '8,'; printf "$(bytes 8 size)"; } >set/size_val.npy
runs 1 train bytes.nn --data set --steps 1
says err 'array is 8, for 9 samples'
rm set/size_val.npy
runs 1 train bytes.nn --data set --steps 1
says err 'set has no size_test, the net.s target size'

# ---- predictions ------------------------------------------------------------------------------------

# Of several outputs the first.
runs 0 predict line.nn --weights line.safetensors --data line.csv --format csv -o y.npy
if head -n 1 y.npy | grep -q "'shape': (24, 1)"; then ok; else bad 'y.npy is no array of 24x1'; fi
says out '^file,y1'
# So does a program with the weights in it.
runs 0 line.nn --weights line.safetensors --main --plain -o main.c
printf '\0\0\0\0\0\0\0\0' >two.raw
if "$CC" -O1 -std=c99 main.c -o main -lm 2>err && ./main two.raw >out 2>err; then ok; else bad 'the program fails'; fi
runs 0 predict line.nn --weights line.safetensors two.raw
awk '{ print NF, sprintf("%.4f", $NF) }' out >wanted
./main two.raw | awk '{ print NF, sprintf("%.4f", $NF) }' >found
same wanted found
conclude
