/*
 * Operators: the record that holds all the compiler knows of one.
 */
#ifndef NNC_GRAPH_OP_H
#define NNC_GRAPH_OP_H

#include "graph/attribute.h"
#include "graph/variant.h"

typedef struct Backward Backward;   /* autodiff/backward.h */
typedef struct Quantizer Quantizer; /* quantize/quantizer.h */

typedef enum OpClass {
    OP_LAYER,     /* a word of the language */
    OP_COMBINE,   /* add, mul, maximum, concat */
    OP_LOSS,      /* in a train section: in scores, target; out loss (one number) */
    OP_OPTIMIZER, /* in a train section: in gradient, parameter, then its states */
    OP_INTERNAL   /* made by other operators: gradients, training forms */
} OpClass;

enum {                                     /* traits */
       OP_VIEW = 1u << 0,                  /* the output is the input's memory under another shape: no code */
       OP_INPLACE = 1u << 1,               /* out[0] may be written over in[0] */
       OP_WEIGHTED = 1u << 2,              /* counts as a weighted layer for depth and gradient flow */
       OP_VARIADIC = 1u << 3,              /* any number of inputs, called x0, x1, … */
       OP_OUTPUTS_PROBABILITIES = 1u << 5, /* its inference output is probabilities or their logarithm (softmax) */
       OP_ZERO_GRADIENT = 1u << 6,         /* blocks training of what is before it; warned about */
       OP_BATCH_COUPLED =
           1u << 7,              /* mixes the samples of a batch, and so do its gradients (batchnorm while training) */
       OP_CONCAT = 1u << 8,      /* the output is the inputs, one after the other along channels */
       OP_SLICE = 1u << 9,       /* the output is some channels of the input, from Op.channel on */
       OP_SPLITTABLE = 1u << 10, /* element-wise over arrays of one size, and single numbers: computed of a slice
                                  * of each array, it computes that slice of the result */
       OP_OWN_GRADIENT = 1u << 11, /* its gradient is not its derivative: `grad`, or none; also of a view */
       OP_SOURCE = 1u << 12,       /* a layer without data inputs: its output is the same for all inputs of the net */
       OP_RECTIFIES = 1u << 13,    /* y = 0 and dy/dx = 0 for all x below some bound: a unit that is 0 for every sample
                                    * learns nothing */
       OP_SHRINKS_INPLACE = 1u << 14, /* with OP_INPLACE: also where it has fewer elements; they begin where the
                                       * input's do */
       OP_SELECTS = 1u << 15          /* its output is some of its input's numbers, which its gradient finds there */
};

enum {                          /* scalars that the emitted function takes after its tensors */
       USES_LR = 1u << 0,       /* $lr: real, the step's learning rate */
       USES_STEP = 1u << 1,     /* $step: int64_t, steps done before this one */
       USES_SEED = 1u << 2,     /* $seed: uint64_t, differs from node to node and step to step */
       USES_COUNT = 1u << 3,    /* $count: int, samples that count (losses), and $all, those of all micro-batches; for
                              * other operators $N and $N times the number of micro-batches */
       USES_MOMENTUM = 1u << 4, /* $momentum: real, that of the model now */
       USES_FIRST = 1u << 5     /* $first: int, 1 in the first chunk of a batch that a process computes (GRAD_CHUNK) */
};

/* What the caller of a program for a chunk makes of the values of all chunks; see ops/internal/allreduce.c. */
typedef enum Collective { COLLECTIVE_NONE, COLLECTIVE_MEAN, COLLECTIVE_MOMENTS } Collective;

/* What a loss is given besides the scores. */
typedef struct LossTarget {
    bool classes;    /* an int32 class for each place of the scores; else values */
    Shape shape;     /* per sample */
    int64_t ignored; /* the class of places that are left out, as those are whose class has no score */
    bool domains;    /* values that are 0 or 1; a sample with another one is left out */
} LossTarget;

/* How a sample's vector of results is read: of a layer's, and of the scores that a loss takes. */
typedef enum OutputMeaning {
    OUTPUT_VALUES,        /* values; of a layer: what the loss says */
    OUTPUT_PROBABILITIES, /* one per class, which add up to 1 */
    OUTPUT_LOGARITHMS,    /* of such probabilities */
    OUTPUT_LOGITS,        /* softmax makes such probabilities of them */
    OUTPUT_SCORES,        /* one per class, the largest is the class; no probabilities */
    OUTPUT_EACH,          /* a probability for each class by itself; a single one is that of class 1 of two */
    OUTPUT_EACH_LOGIT     /* the same before the sigmoid */
} OutputMeaning;

/* The field of an operator along an axis: out[u] reads in[u·stride − pad] and
 * the size − 1 elements after it (dilation included in size). */
typedef struct Window {
    double size, stride, pad;
    bool whole;
    /* Where elements differ in what they read (a stride that is a fraction), exactly:
     * the whole numbers from u·stride − before to u·stride + after. */
    bool uneven;
    double before, after;
} Window;

/* A product in the sum that an element of a result is: in[input[0]][at[0]] · in[input[1]][at[1]]. */
typedef struct Term {
    int input[2]; /* input[1] < 0: the first factor alone */
    int64_t at[2];
} Term;

/*
 * All that the compiler knows of an operator.  A file of ops/ ends in one
 * `const Op op_NAME`; the internal operators it is made of (its gradients, its
 * training form) are static records above it.
 */
struct Op {
    const char *name;    /* as in the language */
    const char *summary; /* one line for the help */
    const char *formula; /* y = … */
    OpClass class;
    unsigned traits;
    unsigned uses;

    const Attr *attrs; /* ends with a name of NULL; NULL for none */
    size_t attrs_size;

    /* Names of the emitted function's arrays, NULL at the end.  Inputs that a
     * node does not have (a bias that is off) are left out at the end.  Buffers
     * and states are called by the suffix of their own name, wherever they stand
     * (running_mean, exp_avg), so that optional ones may be left out anywhere. */
    const char *const *in;
    const char *const *out;
    unsigned mutates; /* bit i: in[i] is written (running statistics, parameters) */

    /* Checks the inputs against the attributes, resolves the attributes that
     * depend on shapes, and adds the outputs with node_out.  On a user's error:
     * diag_error at node->span and false. */
    bool (*shape)(Graph *, Node *);

    /* Adds the parameters with node_param.  NULL: none. */
    void (*params)(Graph *, Node *);

    /* Along axis 0 (height) or 1 (width), for input number `in`.  NULL: point by point. */
    void (*window)(const Node *, int axis, Window *);

    /* Of an element-wise function y = f(x): the least upper bound of |dy/dx| over all x,
     * INFINITY where there is none.  NULL: it is no such function. */
    double (*slope)(const Node *);

    /* Of an element-wise function: {lowest, highest}, which y comes close to where dy/dx vanishes
     * (tanh: −1 and 1).  NULL: it does not saturate. */
    const double *saturation;

    /* For people who follow a computation (`nnc trace`): dy/dx of an element-wise function, in
     * x, y and its arguments, "y * (1 - y)"; and of a sum of products, element k of out[0], for
     * that batch, the first `most` of its terms; returns how many there are.  NULL: neither. */
    const char *derivative;
    int64_t (*terms)(const Node *, int64_t batch, int64_t k, Term *, int64_t most);

    /* Per sample.  NULL: macs 0, flops one per output element. */
    int64_t (*macs)(const Node *);
    int64_t (*flops)(const Node *);

    /* Adds the nodes that compute the gradients of the inputs that are wanted,
     * from the gradient of the outputs.  NULL: the gradient is zero. */
    void (*grad)(Backward *, const Node *);

    /* The form used while training, when it is another one (batchnorm, dropout).
     * It has the same attributes, inputs and first output. */
    const Op *training;

    /* Of a loss: its target, for scores of that shape.  NULL: values in the shape of the scores. */
    LossTarget (*target)(const void *attrs, Shape scores);

    /* For machines of little memory (passes/in_place.c): the form that writes its output over its
     * input, for that batch.  It has the same attributes, inputs and first output, bit for bit; a
     * second output is memory that it works in.  NULL: none, or none for this node. */
    const Op *(*in_place)(const Node *, int64_t batch);

    OutputMeaning meaning; /* of its results, or of the scores that a loss takes */

    /* Of a loss: the final layers it takes the scores before (fused): names, NULL at the end. */
    const char *const *absorbs;

    /* Of an optimizer: adds its state tensors for node->in[1] with node_state. */
    void (*states)(Graph *, Node *);

    /* Of an optimizer: the form whose momentum (of Adam: beta1) is a number of the model that
     * changes from step to step, instead of an argument.  The other arguments are the same. */
    const Op *cycled;

    /* Writes the body of the function in strict C99 with literal bounds.  Bound:
     * the arrays under their names, with [N] first where they are batched; $N;
     * $int, the type of an index; $scale; the scalars in `uses`; $uniform(seed, k),
     * a number in [0, 1) that depends on its two arguments only.  NULL only for
     * views, and for what the passes of the fast form make. */
    void (*plain)(Writer *, const Node *);

    /* How it can be computed in the fast form: rows, a name of NULL at the end.  NULL: by
     * the plain form alone. */
    const Variant *variants;

    /* With OP_SLICE: the first channel, of an NHWC image. */
    int64_t (*channel)(const Node *);

    /* Of a gradient [rows][…] of a parameter: adds a node that computes some of its rows
     * alone, of the same inputs; see passes/gradient_splitting.c.  NULL: it is computed whole. */
    Node *(*rows)(Graph *, const Node *, int64_t first, int64_t count);

    /* Of a gradient [rows][columns] that is a sum of outer products, of a vector of in[1], rows, and one of in[0],
     * columns, for each sample (or row of a sequence), and of its rows alone: writes a call that computes rows
     * first … first + count − 1 from `left`, `right`, to `rows`, all variables, with $t and $T; every element is
     * the same, to the bit, as in the gradient computed whole.  See emit/factors.c.  NULL: it is not such. */
    void (*outer_rows)(Writer *, const Node *);

    /* What passes/rematerialize.c puts in a later place to have the first output again, to the
     * bit: adds a node of the inputs and outputs of this one that writes nothing else.  NULL:
     * another node of the same operator, unless it mutates something. */
    Node *(*rematerialize)(Graph *, const Node *);

    /* Of what mixes the samples of a batch, in a program for a chunk of it: takes the node apart, so that
     * they are mixed by allreduce nodes; see passes/synchronize.c.  NULL: it is not for chunks. */
    void (*in_chunks)(GraphRewriter *, Node *);
    Collective collective; /* of an allreduce: the program ends a segment there, and has no code for it */

    /* Adds the nodes that compute it in int8, of int8 inputs; false: it cannot be in integers.  NULL: it
     * stays in f32. */
    bool (*quantize)(Quantizer *, const Node *);

    /* Of an element-wise function: y at x, for tables.  Of one that cuts values off, y = min(max(x,
     * bounds[0]), bounds[1]): these.  Of one that is scale[c] · x + shift[c] by its channels, at
     * inference: scale and shift, of the values of its parameters, in the order of its inputs. */
    double (*value)(const Node *, double x);
    void (*clamp)(const Node *, double bounds[2]);
    void (*affine)(const Node *, const float *const *params, double *scale, double *shift);

    /* Which part of an epilogue it is, so that passes/fuse.c may let the operator before it do
     * it.  `fold`, of an affine one: the operator that turns its parameters into scale and
     * shift, one of each per channel. */
    EpilogueKind epilogue;
    const Op *fold;
};

/* An operator with bound attributes, as a train section or a head names it. */
typedef struct OpCall {
    const Op *op;
    void *attrs;
    Span span;
} OpCall;

extern const Op *const op_table[]; /* made from the files of ops/; NULL at the end */
extern const int op_table_count;

const Op *op_find(const char *name, OpClass);
LossTarget op_loss_target(const Op *, const void *attrs, Shape scores);
const char *op_nearest(Compilation *, const char *name, OpClass); /* for suggestions, or NULL */

#endif
