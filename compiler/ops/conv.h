/*
 * What the files of conv share: its correlation with the images' steps, for the fast
 * form, and what each of its nodes needs to be written.
 */
#ifndef NNC_OPS_CONV_H
#define NNC_OPS_CONV_H

#include "ops/correlate.h"

Correlation conv_of_forward(const Node *);
Correlation conv_of_dx(const Node *);
Correlation conv_of_dweight(const Node *);
Correlation conv_of_origin(const Node *); /* of a packing node: of what wants the weights packed */

int64_t conv_macs(const Node *);

/* Op.last of the layer and of its gradients. */
bool conv_last(const Node *);
bool conv_dx_last(const Node *);
bool conv_dweight_last(const Node *);

/* Declares `tail`, of a fused node, and binds $bias. */
void conv_bind_tail(Writer *, const Node *);

/* Op.winograd, conv_winograd.c */
const Op *conv_winograd(const Node *, int64_t batch, bool constant_weights);
const Op *conv_winograd_dx(const Node *, int64_t batch, bool constant_weights);
const Op *conv_winograd_dweight(const Node *, int64_t batch, bool constant_weights);

#endif
