/*
 * quantizer: a net in real numbers → the same net in int8.
 *
 * Enters: a net, and where its numbers are (QuantizeSource): the scale of each value, those of the
 * weights of each layer.  Leaves: a net whose nodes are those of ops/quantized, with dequantised
 * outputs.  What an operator becomes is its Op.quantize; what has none, or cannot be in integers,
 * stays in f32 between a `dequantize` and a `quantize`.
 *
 * Which values there are, and which layers, depends on the net alone.
 */
#ifndef NNC_QUANTIZE_QUANTIZER_H
#define NNC_QUANTIZE_QUANTIZER_H

#include "graph/graph.h"
#include "quantize/multiplier.h"

typedef struct Quantizer Quantizer;

/* A layer's weight. */
typedef struct WeightRequest {
    const Node *of;          /* of the net */
    const Tensor *from;      /* its weight, or NULL: ones */
    const Tensor *from_bias; /* or NULL */
    const Node *affine;      /* or NULL */
    Shape shape;             /* of the weight; rows first */
    const Tensor *x, *y;     /* of the integer net */
    const Tensor *value;     /* of the net: y */
} WeightRequest;

typedef struct QuantizeSource {
    void *user;
    /* Of a value of the net; false after an error. */
    bool (*scale)(void *user, const Tensor *value, Affine *);
    /* Of the rows of a layer's weight; floats.  NULL after an error. */
    const double *(*weight_scales)(void *user, const WeightRequest *);
    /* Whether a layer with weights stays in f32; NULL: none does. */
    bool (*in_f32)(void *user, const Node *layer);
    bool learns; /* what stays in f32 is trained as in the net; else nothing is */
} QuantizeSource;

/* A value of the net that has a scale of its own. */
typedef struct QuantizedValue {
    const Tensor *value; /* of the net */
    Tensor *made;        /* of the integer net */
} QuantizedValue;

/* A layer with weights; those of the batchnorm after it are in them. */
typedef struct QuantizedLayer {
    const char *name;
    const Tensor *from, *from_bias; /* parameters of the net, or NULL: ones, none */
    const Node *affine;             /* of the net, or NULL */
    Tensor *weight, *bias;          /* of the integer net: int8 by rows, and int32 */
    const Tensor *x;                /* of the integer net: the input, which has a scale */
    const Tensor *value;            /* of the net: what it makes, with all that is part of it */
    const double *scales;           /* of the rows of the weight */
} QuantizedLayer;

/* What becomes of a node of the net. */
typedef enum QuantizedFate {
    QUANTIZED_REAL,      /* it is in f32, or a view of what is */
    QUANTIZED_INTEGERS,  /* it is a node of the integer net */
    QUANTIZED_IN_WEIGHTS /* it is in the weights of the layer before it */
} QuantizedFate;

typedef struct QuantizedNet QuantizedNet;
struct QuantizedNet {
    Graph *graph;
    List values;          /* of QuantizedValue */
    List layers;          /* of QuantizedLayer */
    List reals;           /* of Node: those of the net that stay in f32, but for what comes after the last integers */
    QuantizedFate *fates; /* by the id of the net's node; what is in the bounds of a layer is QUANTIZED_REAL */
    Tensor **int8;        /* by the id of the net's tensor: its int8 form, or NULL */
    bool *averages_integers; /* by the id of the net's tensor: see quantizer_averages_integers */
    const Tensor **joins;    /* by the id of the net's tensor: what the only concat that reads it makes, or NULL */
    int64_t *averaged;       /* by the id of the net's tensor: integers in a sum that it is the mean of, or 0 */
};

/* Of a value with an int8 form: whether a layer in f32, or the caller, makes it. */
bool quantized_of_real(const QuantizedNet *, const Tensor *value);
/* The layer of a node that has weights, or NULL. */
const QuantizedLayer *quantized_layer_of(const QuantizedNet *, const Node *);

/* NULL after an error of the source. */
QuantizedNet *quantize_net(Graph *net, const QuantizeSource *);

/* ---- for Op.quantize --------------------------------------------------------------------- */

Graph *quantizer_graph(Quantizer *);

/* A node of the integer net under the name of a node of the net. */
Node *quantizer_node(Quantizer *, const Op *, void *attrs, const Node *of);

/* The int8 form of a value of the net; it is made where there is none. */
Tensor *quantizer_int8(Quantizer *, const Tensor *value);

/* The output of a node: the int8 form of a value of the net, at a scale of its own, or at that of
 * another tensor. */
Tensor *quantizer_result(Quantizer *, Node *, const Tensor *value);
Tensor *quantizer_result_like(Quantizer *, Node *, const Tensor *value, const Tensor *like);

/* The value is the mean of integers, halfway cases away from the 0 of these, not from the number 0. */
void quantizer_averages_integers(Quantizer *, const Tensor *value);
/* Of so many, at a scale of its own. */
void quantizer_averages(Quantizer *, const Tensor *value, int64_t count);

/* What follows a node and can be part of it: a batchnorm, if it is asked for, and what cuts its
 * values off (Op.clamp).  They are done with this. */
typedef struct Followers {
    const Node *affine;  /* or NULL */
    const Tensor *value; /* of the net: what the last of them makes */
    double bounds[2];    /* of what it can be; infinite: none */
} Followers;

Followers quantizer_followers(Quantizer *, const Node *, bool affine);

/* The bounds as integers of the result. */
void quantizer_levels(const Followers *, const Tensor *result, int *low, int *high);

/* Adds weight and bias of the node's layer as inputs, and returns the factors by which the rows'
 * sums become numbers of the result. */
const Multiplier *quantizer_weights(Quantizer *, Node *, const WeightRequest *);

/* Products that a sum of 32 bits holds, whatever the numbers, with a bias of QUANTIZED_BIAS_MAX. */
enum { QUANTIZED_PRODUCTS = 65536, QUANTIZED_BIAS_MAX = 1 << 24 };

static inline Affine tensor_affine(const Tensor *t) { return (Affine){t->scale, t->zero_point}; }

#endif
