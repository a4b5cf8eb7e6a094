/*
 * Number formats of tensors.
 *
 * f32 and f64 are computed with, i32 and u8 are indices and masks.  Weights (--weights-format) and
 * what layers hand to each other (--compute) may be stored in bf16; sums are in f32 all the same.  i8
 * is that of quantised tensors, whose numbers Tensor.scale and Tensor.zero_point tell; i16 of packed
 * weights in fixed point (runtime/kernels/conv/panel_formats.h).
 */
#ifndef NNC_GRAPH_DTYPE_H
#define NNC_GRAPH_DTYPE_H

#include <stdbool.h>

typedef enum DType { DTYPE_F32, DTYPE_F64, DTYPE_BF16, DTYPE_I8, DTYPE_I16, DTYPE_U8, DTYPE_I32, DTYPE_COUNT } DType;

int dtype_size(DType);           /* bytes of an element */
const char *dtype_name(DType);   /* "f32" */
const char *dtype_c_type(DType); /* "float"; of bf16 its bits, "uint16_t" */

/* A real number; and what a program computes with, rather than index by: those, int8 and fixed point. */
static inline bool dtype_is_real(DType t) { return t == DTYPE_F32 || t == DTYPE_F64 || t == DTYPE_BF16; }
static inline bool dtype_is_computed(DType t) { return dtype_is_real(t) || t == DTYPE_I8 || t == DTYPE_I16; }

#endif
