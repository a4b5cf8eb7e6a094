/*
 * Sizes of transposed convolutions: windows that make the large side from the small one, along
 * each axis large = (small − 1)·stride − pads + dilation·(k − 1) + output_pad + 1.
 */
#ifndef NNC_OPS_SHARED_TRANSPOSED_H
#define NNC_OPS_SHARED_TRANSPOSED_H

#include "ops/shared/window.h"

/* Fills in the padding, where it is same, valid or full, and the large side; a user's error below
 * 1, for an output_pad that is not below the stride or the dilation, or where pad=same has too
 * few elements. */
bool transposed_size(Graph *, Node *, int axis, Slide *, PadKind, int64_t output_pad);

/* For Op.window. */
void transposed_field(const Slide *, Window *);

#endif
