/*
 * kernel_slice: of the kernels' text, what the layers of a net reach.
 */
#ifndef NNC_EMIT_KERNEL_SLICE_H
#define NNC_EMIT_KERNEL_SLICE_H

#include "base/base.h"

/* Texts of C; "" where there is nothing. */
typedef struct KernelSlice {
    Map *includes;           /* keys: #include lines for the top of the file */
    const char *types;       /* descriptors, and what else the layers name that is no function */
    const char *prototypes;  /* of the kernels that the layers call */
    const char *definitions; /* the rest */
} KernelSlice;

/* What of the text defines the names used, and what that names. */
KernelSlice kernel_slice(Arena *, const char *text, const Map *used);

bool starts_directive(const char *line, const char *name); /* "#ifdef NN_LINKED" */

#endif
