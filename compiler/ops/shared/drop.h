/*
 * What dropout2d and drop_path share: while training, whole parts of a sample become 0
 * with probability p, and the others are divided by 1 − p; at inference y = x, a view.
 *
 *   x, y: [N][parts][each]   mask: [N][parts], a byte that says whether the part survived
 *   y = mask ? x / (1 − p) : 0;   dx = mask ? dy / (1 − p) : 0
 *
 * A dropped element is 0 whatever it was (PyTorch multiplies by 0, and keeps a NaN or
 * an infinity as NaN).  With p = 1 all are dropped.
 */
#ifndef NNC_OPS_SHARED_DROP_H
#define NNC_OPS_SHARED_DROP_H

#include "graph/graph.h"

typedef struct DropAttrs {
    double p;
} DropAttrs;

extern const Attr drop_attrs[];               /* p, without a default */
extern const char *const drop_training_out[]; /* y, mask */

/* Op.shape of the training form: parts per sample, the channels or one. */
bool drop_channels_shape(Graph *, Node *);
bool drop_samples_shape(Graph *, Node *);

void drop_training_plain(Writer *, const Node *);
void drop_grad(Backward *, const Node *);

#endif
