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

/* Of the layer, dx, dweight and dbias. */
extern const Variant deconv_variants[], deconv_dx_variants[], deconv_dweight_variants[], deconv_dbias_variants[];

#endif
