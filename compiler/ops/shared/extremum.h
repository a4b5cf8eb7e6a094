/*
 * maxpool and minpool: the extremum of a sliding window.  They differ in one
 * comparison, and share the rest here.
 */
#ifndef NNC_OPS_SHARED_EXTREMUM_H
#define NNC_OPS_SHARED_EXTREMUM_H

#include "ops/shared/window.h"

typedef struct ExtremumAttrs {
    Pair k, stride;
    Pad pad;
    Pair dilation;
    bool ceil;
} ExtremumAttrs;

extern const Attr extremum_attrs[];
extern const char *const extremum_in[];           /* x */
extern const char *const extremum_out[];          /* y */
extern const char *const extremum_training_out[]; /* y, place */

bool extremum_shape(Graph *, Node *);
bool extremum_training_shape(Graph *, Node *);
void extremum_window(const Node *, int axis, Window *);
int64_t extremum_flops(const Node *);

/* `better` is > or <; `worst` loses against everything. */
void extremum_plain(Writer *, const Node *, const char *better, double worst);
void extremum_training_plain(Writer *, const Node *, const char *better);

/* Either by the kernel "pool"; `least`: the smallest wins. */
void extremum_emit(Writer *, const Node *, bool least);
const char *extremum_refusal(const Node *); /* Variant.refuses of both */

/* Op.grad of the training forms. */
void extremum_grad(Backward *, const Node *);

#endif
