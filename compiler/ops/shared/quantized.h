/*
 * What the operators over int8 numbers share: their attributes and the rules by which layers become
 * them (Op.quantize).  The arithmetic is that of runtime/kernels/system/fixed_point.h.
 */
#ifndef NNC_OPS_SHARED_QUANTIZED_H
#define NNC_OPS_SHARED_QUANTIZED_H

#include "ops/shared/correlate.h"
#include "ops/shared/pool_regions.h"
#include "quantize/quantizer.h"

/* A sum of products, brought to the scale of the result and cut off. */
typedef struct QuantizedSums {
    Correlation c;            /* of convolutions */
    const Multiplier *factor; /* by row of the weight */
    int low, high;
} QuantizedSums;

/* One factor for all. */
typedef struct QuantizedScale {
    PoolRegions regions[2]; /* of averages */
    Multiplier factor;
    bool divides; /* an average at the scale of its input, by a division */
} QuantizedScale;

/* Terms of an addition have 28 bits at most, and half of them after their factors. */
enum { QUANTIZED_HEADROOM = 20, QUANTIZED_BRANCHES = 15 };

typedef struct QuantizedAdd {
    Multiplier branch[QUANTIZED_BRANCHES], sum;
    int low, high;
} QuantizedAdd;

/* ---- text ---------------------------------------------------------------------------------- */

/* Declares the tables `multiplier` and `shift`, or of one factor for all binds $multiplier and $shift
 * to it: $multiplier is that of $row. */
void quantized_put_factors(Writer *, const Multiplier *, int64_t count, const char *row);
void quantized_put_factor_tables(Writer *, const Multiplier *, int64_t count);
void quantized_bind_factor(Writer *, Multiplier);

/* Binds $name to " + 3", " - 3" or "". */
void quantized_bind_offset(Writer *, const char *name, int offset);

/* static const TYPE NAME[] = {…}; */
void quantized_put_table(Writer *, const char *type, const char *name, const int32_t *values, int64_t count);

/* ---- fast form: runtime/kernels/quantized/quantized_conv.h --------------------------------- */

/* Packs in[1] for it; an operator of one input. */
extern const Op quantized_panels, quantized_depthwise_panels, quantized_grouped_panels;

/* Products of floats give the results of these factors, bit for bit (int8_floats.h). */
bool quantized_floats_serve(const Multiplier *, int64_t count, int zero, int low, int high);

/* Calls it, of a node of QuantizedSums. */
void quantized_call(Writer *, const Node *, const Correlation *);
void quantized_depthwise_call(Writer *, const Node *, const Correlation *);
void quantized_grouped_call(Writer *, const Node *, const Correlation *);

/* Declares `add` and `branch` of a node of QuantizedAdd, the factor of in[first] before the others'. */
void quantized_put_add(Writer *, const Node *sum, int first);

/* In multiply-adds of floats. */
double quantized_cost(const Node *, const CostModel *);
double quantized_depthwise_cost(const Node *, const CostModel *);
double quantized_grouped_cost(const Node *, const CostModel *);

/* ---- rules ------------------------------------------------------------------------------------ */

/* An element-wise function (Op.value or Op.clamp) as a table. */
bool quantized_function(Quantizer *, const Node *);

/* A convolution or a batchnorm; what is asked for is completed.  `c` is from x to y. */
bool quantized_correlation(Quantizer *, const Node *, const Correlation *c, WeightRequest);

/* Branches: their sum (quantized_add.c), and one after the other (quantized_concat.c). */
bool quantized_add_branches(Quantizer *, const Node *);
bool quantized_join(Quantizer *, const Node *);

/* Averages: at a scale of their own, of regions of one size, or at that of the input. */
bool quantized_average(Quantizer *, const Node *, const PoolRegions regions[2], bool own_scale);

/* The operator itself, whose text serves any number format, over int8 numbers at one scale. */
bool quantized_movement(Quantizer *, const Node *);

#endif
