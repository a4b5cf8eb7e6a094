/*
 * maxpool and minpool: the maximum or minimum of a sliding window.  They differ in one
 * comparison, and share the rest here.
 */
#ifndef NNC_OPS_SHARED_MINMAX_POOL_H
#define NNC_OPS_SHARED_MINMAX_POOL_H

#include "ops/shared/pool_regions.h"
#include "ops/shared/window.h"

typedef struct MinMaxPoolAttrs {
    Pair k, stride;
    Pad pad;
    Pair dilation;
    bool ceil;
} MinMaxPoolAttrs;

extern const Attr minmax_pool_attrs[];
extern const Attr minmax_pool1d_attrs[];
extern const char *const minmax_pool_in[];           /* x */
extern const char *const minmax_pool_out[];          /* y */
extern const char *const minmax_pool_training_out[]; /* y, argmax */

bool minmax_pool_shape(Graph *, Node *);
bool minmax_pool1d_shape(Graph *, Node *);
bool minmax_pool_training_shape(Graph *, Node *); /* of both */
void minmax_pool_window(const Node *, int axis, Window *);
int64_t minmax_pool_flops(const Node *);

bool minmax_pool_goes_forward(const Node *); /* no element is read after one at its place is written */
/* `better` is > or <; `worst` loses against everything. */
void minmax_pool_plain(Writer *, const Node *, const char *better, double worst);
void minmax_pool_training_plain(Writer *, const Node *, const char *better);

/* Either by the kernel "pool"; `least`: the smallest wins. */
void minmax_pool_emit(Writer *, const Node *, bool least);
void minmax_pool_int8_emit(Writer *, const Node *); /* of maxpool over int8 */
const char *minmax_pool_refusal(const Node *);      /* Variant.refuses of both */

/* Op.grad of the training forms. */
void minmax_pool_grad(Backward *, const Node *);

#endif
