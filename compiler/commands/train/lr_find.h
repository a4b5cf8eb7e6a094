/*
 * lr_find: what `nnc train --lr-find` prints of a range test.
 */
#ifndef NNC_LR_FIND_H
#define NNC_LR_FIND_H

#include <stdio.h>

#include "runtime/train/range_test.h"

/* A table with a bar for each loss, and the proposal. */
void lr_find_print(const NnRangeTest *, FILE *);

#endif
