/*
 * The rows of dense's tables that dense_bf16.c has.
 */
#ifndef NNC_OPS_LAYERS_DENSE_H
#define NNC_OPS_LAYERS_DENSE_H

#include "graph/op.h"
#include "ops/shared/correlate.h"

const char *dense_bf16_refusal(const Node *);
double dense_bf16_cost(const Node *, const CostModel *);
void dense_bf16_emit(Writer *, const Node *);
void dense_bf16_dx_emit(Writer *, const Node *);
const char *dense_bf16_dw_refusal(const Node *);
double dense_bf16_dw_cost(const Node *, const CostModel *);
const char *dense_pairs_refusal(const Node *);
double dense_pairs_cost(const Node *, const CostModel *);
void dense_pairs_emit(Writer *, const Node *);
void dense_pairs_dx_emit(Writer *, const Node *);
extern const Op dense_bf16_panels, dense_bf16_panels_back;

#define DENSE_BF16(PREPACK, EMIT)                                                                  \
    {                                                                                              \
        .name = "direct_bf16", .layouts = IN_NCHW, .dtypes = OF_F32 | OF_BF16, .weights = OF_BF16, \
        .targets = ON_AVX512BF16, .traits = VARIANT_ANY_FORMATS | VARIANT_BF16_PRODUCTS,           \
        .refuses = dense_bf16_refusal, .cost = dense_bf16_cost, .prepack = &PREPACK,               \
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
