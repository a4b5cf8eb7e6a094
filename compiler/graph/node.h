/*
 * Nodes: applications of an operator to tensors.
 */
#ifndef NNC_GRAPH_NODE_H
#define NNC_GRAPH_NODE_H

#include "graph/op.h"
#include "graph/tensor.h"

/* When a node of a program in micro-batches is run: before, for each of them, after. */
typedef enum Phase { PHASE_BEFORE = -1, PHASE_EACH, PHASE_AFTER } Phase;

struct Node {
    int id;     /* position in its graph's `nodes` */
    int stream; /* of random numbers: the first id, so that a pass changes no number */
    const Op *op;
    void *attrs; /* the operator's struct; shared with the nodes of its gradient */
    Tensor **in;
    int in_count;
    int data_count; /* in[0 … data_count) are data, the rest parameters */
    Tensor **out;
    int out_count;
    const char *name; /* layer1.0.conv1: names of parameters are this + ".weight" */
    Span span;
    const Node *origin; /* of gradients and updates: the forward node; else itself */
    bool frozen;        /* its parameters are not trained */
    Phase phase;
    const Variant *variant;      /* how it is computed; NULL: by the plain form */
    Layout layout;               /* of its images; of all batched tensors with LAYOUT_NCHW16N */
    double lr_scale;             /* of an update: factor of the learning rate; else 1 */
    double scale;                /* of a loss and its gradient: its weight in the total; else 1 */
    int64_t chunk;               /* samples that it takes at a time, converted: see emit/staging.c; 0: all */
    const Epilogue *epilogue;    /* what it does with its result, or NULL: see passes/fuse.c */
    const char *const *in_names; /* where it has inputs for that: instead of op->in */
};

/* A node at the end of the order.  Inputs first, then outputs. */
Node *graph_node(Graph *, const Op *, void *attrs, const char *name, Span);
void node_in(Graph *, Node *, Tensor *);
void node_in_named(Graph *, Node *, Tensor *, const char *name); /* where op->in has no name for it */
Tensor *node_out(Graph *, Node *, Shape);                        /* real, batched */
Tensor *node_out_as(Graph *, Node *, DType, bool batched, Shape);
const char *node_out_name(const Node *, int i); /* op->out; `work` for the memory that a variant works in */
void node_set_layout(Node *, Layout);           /* with the first variant that serves it there, if any */

/* In an operator's `params`: PATH.suffix of the given shape; PATH itself where suffix is NULL. */
Tensor *node_param(Graph *, Node *, const char *suffix, Shape, Init);
Tensor *node_buffer(Graph *, Node *, const char *suffix, Shape, Init);
/* In an optimizer's `states`: shaped like the parameter, starting at `initial`. */
Tensor *node_state(Graph *, Node *, const char *suffix, double initial);
Tensor *node_state_number(Graph *, Node *, const char *suffix, double initial); /* one number */

/* Constant initial value; and the attribute's with the fans filled in. */
static inline Init init_constant(double value) { return (Init){.kind = INIT_CONSTANT, .a = value}; }
Init init_with_fans(Init, int64_t fan_in, int64_t fan_out);
/* Of a bias, from its own initialisation and its weight's, whose fans are set. */
Init init_of_bias(Init bias, Init weight);

/* in[0]'s shape, out[0]'s shape: what most rules begin with. */
static inline Shape node_shape_in(const Node *n) { return n->in[0]->shape; }
static inline Shape node_shape_out(const Node *n) { return n->out[0]->shape; }
static inline bool node_has(const Node *n, int index) { return index < n->in_count; }

/* Is in[index] written?  A node may have more inputs than Op.mutates has bits. */
static inline bool node_mutates(const Node *n, int index) { return index < 32 && n->op->mutates >> index & 1; }

/* Its outputs are made when parameters are set, not in a pass. */
static inline bool node_is_prepacked(const Node *n) { return n->out_count > 0 && n->out[0]->kind == TENSOR_PREPACKED; }

/* The image whose memory it lies in; from pixel to pixel of it, elements. */
static inline const Tensor *tensor_storage(const Tensor *t) { return t->parent ? t->parent : t; }
static inline int64_t tensor_pixel_stride(const Tensor *t) { return tensor_storage(t)->shape.dim[0]; }

/* It moves nothing: what it joins, or is a part of, lies where it has to already. */
static inline bool node_is_in_place(const Node *n)
{
    if (n->op->traits & OP_CONCAT) return n->in[0]->parent && n->in[0]->parent == tensor_storage(n->out[0]);
    return n->op->traits & OP_SLICE && n->out[0]->parent;
}

/* A pass calls a function for it. */
static inline bool node_is_called(const Node *n)
{
    return !(n->op->traits & OP_VIEW || n->op->collective) && !node_is_prepacked(n) && !node_is_in_place(n);
}

/* [batch][C][H][W], of any element type. */
static inline bool tensor_is_image(const Tensor *t) { return t->batched && t->shape.rank == 3; }

/* [batch][C][H][W], or a sequence [batch][C][L], which is an image of one row: it may be NHWC. */
static inline bool tensor_has_channels(const Tensor *t)
{
    return tensor_is_image(t) || (t->batched && t->shape.rank == 2);
}

/* An image of one channel or one pixel is the same bytes in NCHW and NHWC. */
static inline bool tensor_has_one_layout(const Tensor *t)
{
    return t->shape.dim[0] == 1 || field_extent(t->shape, 0) * field_extent(t->shape, 1) == 1;
}

/* A layout is one of batched tensors, NHWC one of images and sequences; all others are NCHW. */
static inline bool tensor_takes_layout(const Tensor *t, Layout layout)
{
    return layout == LAYOUT_NHWC ? tensor_has_channels(t) : t->batched;
}

/* Its elements are not the same bytes in both. */
static inline bool tensor_layouts_differ(const Tensor *t, Layout a, Layout b)
{
    if (a == b || !t->batched) return false;
    if (a == LAYOUT_NCHW16N || b == LAYOUT_NCHW16N) return true;
    return tensor_has_channels(t) && !tensor_has_one_layout(t);
}

/* May be run for some samples of the batch alone, since each one's results depend on nothing but itself
 * and the model.  Memory that a variant works in does not count. */
bool node_is_per_sample(const Node *);

/* Of samples, and stored in bf16. */
static inline bool tensor_is_bf16_value(const Tensor *t) { return t->batched && t->dtype == DTYPE_BF16; }

/* Of a node that takes some samples at a time, converted (Node.chunk): the floats that so many samples of a tensor
 * take, 0 where it is not converted; and the threads that have memory for a chunk. */
int64_t staging_floats(const Tensor *, int64_t chunk);
int64_t staging_threads(const Graph *, int64_t chunk);

int64_t node_macs(const Node *);
int64_t node_macs_of_origin(const Node *); /* Op.macs of gradients that cost as much as their layer */
int64_t node_flops(const Node *);
int64_t node_params(const Node *, bool trainable); /* elements of its parameters of that sort */

#endif
