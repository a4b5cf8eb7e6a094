/*
 * What deconv and deconv1d share: the arguments, the correlation and the tables.
 */
#ifndef NNC_OPS_LAYERS_DECONV_H
#define NNC_OPS_LAYERS_DECONV_H

#include "ops/shared/correlate.h"

typedef struct DeconvAttrs {
    int64_t out;
    Pair k, stride; /* of a sequence, h is 1 */
    Pad pad;
    Pair output_pad, dilation;
    int64_t groups;
    bool bias;
    Init init, bias_init;
} DeconvAttrs;

/* Of the layer and of its gradients alike: `large` has the shape of y, `small` of x. */
Correlation deconv_correlation(const Node *, Shape large, Shape small);

int64_t deconv_macs(const Node *);
int64_t deconv_flops(const Node *);
void deconv_window(const Node *, int axis, Window *);

/* With the images' pixel strides. */
Correlation deconv_of_forward(const Node *);
Correlation deconv_of_dx(const Node *);
Correlation deconv_of_dweight(const Node *);
Correlation deconv_of_origin(const Node *); /* of a packing node: of what wants the weights packed */

/* Of the layer, dx, dweight and dbias. */
extern const Variant deconv_variants[], deconv_dx_variants[], deconv_dweight_variants[], deconv_dbias_variants[];

/* ---- images in bf16: deconv_bf16.c, as conv_bf16.c has them ---- */

const char *deconv_bf16_refusal(const Node *);
const char *deconv_bf16_grouped_refusal(const Node *);
const char *deconv_bf16_dx_refusal(const Node *);
const char *deconv_bf16_grouped_dx_refusal(const Node *);
const char *deconv_bf16_dweight_refusal(const Node *);
const char *deconv_bf16_grouped_dweight_refusal(const Node *);
double deconv_bf16_cost(const Node *, const CostModel *); /* of the layer and of dx */
void deconv_bf16_emit(Writer *, const Node *);
void deconv_bf16_dx_emit(Writer *, const Node *);
void deconv_bf16_dweight_emit(Writer *, const Node *);
extern const Op deconv_bf16_panels, deconv_bf16_dx_panels;

/* Products and sums of floats. */
const char *deconv_frames_refusal(const Node *);
const char *deconv_frames_dx_refusal(const Node *);
int64_t deconv_frames_workspace(const Node *);
int64_t deconv_frames_dx_workspace(const Node *);
void deconv_frames_emit(Writer *, const Node *);
void deconv_frames_dx_emit(Writer *, const Node *);

#define DECONV_BF16_ROW(NAME, REFUSES, PREPACK, EMIT)                                                    \
    {                                                                                                    \
        PAIRS_ROW(NAME), .refuses = REFUSES, .cost = deconv_bf16_cost, .prepack = &PREPACK, .emit = EMIT \
    }

#endif
