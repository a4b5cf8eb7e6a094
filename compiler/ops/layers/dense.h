/*
 * What the files of dense share, and the rows of its tables that dense_panels.c has.
 */
#ifndef NNC_OPS_LAYERS_DENSE_H
#define NNC_OPS_LAYERS_DENSE_H

#include "graph/op.h"
#include "ops/shared/correlate.h"

/* The features of a vector or of each row of a sequence; the rows, 1 of a vector. */
static inline int64_t features_of(Shape s) { return s.dim[s.rank - 1]; }
static inline int64_t rows_of(Shape s) { return shape_count(s) / features_of(s); }

double dense_macs_of(const Node *, const CostModel *); /* of the batch */

double dense_direct_cost(const Node *, const CostModel *);
double dense_w16_cost(const Node *, const CostModel *);
void dense_direct_emit(Writer *, const Node *);
void dense_direct_dx_emit(Writer *, const Node *);
void dense_w16_emit(Writer *, const Node *);
double dense_bf16_cost(const Node *, const CostModel *);
void dense_bf16_emit(Writer *, const Node *);
void dense_bf16_dx_emit(Writer *, const Node *);
const char *dense_bf16_dw_refusal(const Node *);
double dense_bf16_dw_cost(const Node *, const CostModel *);
const char *dense_pairs_refusal(const Node *);
double dense_pairs_cost(const Node *, const CostModel *);
void dense_pairs_emit(Writer *, const Node *);
void dense_pairs_dx_emit(Writer *, const Node *);
extern const Op dense_panels, dense_panels_back, dense_w16_panels, dense_bf16_panels, dense_bf16_panels_back;

/* Of floats. */
#define DENSE_DIRECT(PREPACK, EMIT)                                                                              \
    {                                                                                                            \
        .name = "direct", .layouts = IN_NCHW, .weights = OF_F32, .cost = dense_direct_cost, .prepack = &PREPACK, \
        .emit = EMIT, .kernel = "conv"                                                                           \
    }
#define DENSE_DIRECT_ROW    DENSE_DIRECT(dense_panels, dense_direct_emit)
#define DENSE_DX_DIRECT_ROW DENSE_DIRECT(dense_panels_back, dense_direct_dx_emit)

/* Of floats, for weights that the model stores in bf16. */
#define DENSE_W16_ROW                                                                                   \
    {                                                                                                   \
        .name = "direct_w16", .layouts = IN_NCHW, .weights = OF_BF16, .traits = VARIANT_STORED_WEIGHTS, \
        .cost = dense_w16_cost, .prepack = &dense_w16_panels, .emit = dense_w16_emit, .kernel = "conv"  \
    }

#define DENSE_BF16(PREPACK, EMIT)                                                                  \
    {                                                                                              \
        .name = "direct_bf16", .layouts = IN_NCHW, .dtypes = OF_F32 | OF_BF16, .weights = OF_BF16, \
        .targets = ON_AVX512BF16, .traits = VARIANT_ANY_FORMATS | VARIANT_BF16_PRODUCTS,           \
        .refuses = variant_input_in_f32, .cost = dense_bf16_cost, .prepack = &PREPACK,             \
        .rounds_weights = correlate_rounds_weights, .emit = EMIT, .kernel = "conv"                 \
    }
#define DENSE_BF16_ROW    DENSE_BF16(dense_bf16_panels, dense_bf16_emit)
#define DENSE_DX_BF16_ROW DENSE_BF16(dense_bf16_panels_back, dense_bf16_dx_emit)

/* For few rows: each weight is rounded when it is used, no panels are stored. */
#define DENSE_PAIRS(EMIT)                                                                                     \
    {                                                                                                         \
        .name = "rounded_pairs", .layouts = IN_NCHW, .dtypes = OF_F32 | OF_BF16, .weights = OF_BF16,          \
        .targets = ON_AVX512BF16, .traits = VARIANT_ANY_FORMATS | VARIANT_BF16_PRODUCTS,                      \
        .refuses = dense_pairs_refusal, .cost = dense_pairs_cost, .rounds_weights = correlate_rounds_weights, \
        .emit = EMIT, .kernel = "dense_pairs"                                                                 \
    }
#define DENSE_PAIRS_ROW    DENSE_PAIRS(dense_pairs_emit)
#define DENSE_DX_PAIRS_ROW DENSE_PAIRS(dense_pairs_dx_emit)

#endif
