/* avgpool and avgpool1d: the average of a sliding window of an image, or of a sequence. */
#ifndef NNC_OPS_SHARED_AVGPOOL_H
#define NNC_OPS_SHARED_AVGPOOL_H

#include "ops/shared/pool_regions.h"
#include "quantize/quantizer.h"

typedef struct AvgpoolAttrs {
    Pair k, stride;
    Pad pad;
    bool ceil, count_pad;
    int64_t divisor_override; /* or ATTR_NONE */
} AvgpoolAttrs;

extern const Attr avgpool_attrs[];
extern const Attr avgpool1d_attrs[];

bool avgpool_shape(Graph *, Node *);
bool avgpool1d_shape(Graph *, Node *);
void avgpool_window(const Node *, int axis, Window *);
int64_t avgpool_flops(const Node *);
void avgpool_plain(Writer *, const Node *);
void avgpool_emit(Writer *, const Node *); /* kernel "pool" */
void avgpool_grad(Backward *, const Node *);
bool avgpool_quantize(Quantizer *, const Node *);

#endif
