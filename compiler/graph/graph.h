/*
 * graph: a network, or a program made from it, as a graph of tensors and nodes.
 *
 * A net has the forward nodes in execution order, per-sample shapes and named parameters.
 * A program is what is executed: inference, a training step and so on, with the backward
 * pass as further nodes.
 *
 * Invariants (graph_verify): nodes are in execution order, every tensor has one producer,
 * shapes agree with the operators' rules.
 */
#ifndef NNC_GRAPH_GRAPH_H
#define NNC_GRAPH_GRAPH_H

#include "graph/node.h"

/* What a net computes besides its last value: a head, which only training has, or a further
 * output. */
typedef struct Head {
    const char *name;
    Tensor *output;
    double weight;      /* of its loss in the total */
    bool trained;       /* it has a loss: every head; an output with one of the three arguments */
    OpCall loss;        /* op NULL: the net's */
    const char *target; /* NULL: the net's */
    Span span;
} Head;

typedef enum ProgramKind {
    PROGRAM_NET,        /* not to be run: what elaboration leaves */
    PROGRAM_INFER,      /* x → y */
    PROGRAM_EVAL,       /* x, target → y, loss; inference mode */
    PROGRAM_STEP,       /* x, target → loss, and the update */
    PROGRAM_GRAD,       /* x, target → loss, gradients of all trained parameters */
    PROGRAM_VJP,        /* x, dL/dy → y, dL/dx, gradients; training mode */
    PROGRAM_GRAD_ADD,   /* x, target → loss; gradients are added to the caller's sums */
    PROGRAM_GRAD_CHUNK, /* the same for a chunk of a batch, in segments between which the caller mixes chunks */
    PROGRAM_UPDATE      /* these sums → the update */
} ProgramKind;

typedef struct ParamGrad {
    Tensor *param;
    Tensor *gradient;
} ParamGrad;

struct Graph {
    Compilation *compilation;
    const char *name;
    Span span; /* of the net's name */
    ProgramKind kind;
    DType real;             /* what it computes with: DTYPE_F32 or DTYPE_F64 */
    int64_t batch;          /* samples that the nodes see: of a micro-batch, if there are several */
    int64_t micro_batches;  /* micro-batches, one after the other */
    bool input_in_arena;    /* the input has a place there, where the caller may put it: see plan/plan.h */
    int64_t batch_multiple; /* threads divide the batch in multiples of this: 1, or a block of samples */
    List nodes;             /* of Node, in execution order */
    List tensors;           /* of Tensor */
    List inputs;            /* of Tensor */
    List model;             /* of Tensor: parameters and buffers, then states, in order of creation */
    List heads;             /* of Head: those of training alone */
    List outputs;           /* of Head: further outputs of a net, after the first */
    Tensor *output;         /* of the last layer; of a program, of all outputs one after the other */
    const Node *joined;     /* of a program: the node that puts several outputs so; else NULL */
    Tensor *target, *targets, *loss, *output_gradient,
        *input_gradient; /* where the kind of program has them; of several inputs one after the other */
    List gradients;      /* of ParamGrad: GRAD and VJP */
    List losses;         /* of Tensor: where there are several, each times its weight; the net's own first */
    List budgets;        /* of a net: the expectations that elab/expect.c left for the measured net */
};

Graph *graph_new(Compilation *, const char *name, ProgramKind);
const char *program_kind_name(ProgramKind); /* "infer": of its function and in dumps */
void graph_set_real(Graph *, DType);        /* of the graph and of all its tensors of real numbers */
/* Of the weights of OP_WEIGHTED layers that nothing else reads (weights_format.c). */
void graph_set_weights(Graph *, DType);
/* One more output of the net, under a name. */
void graph_add_output(Graph *, Tensor *, const char *name);
Tensor *graph_tensor(Graph *, TensorKind, DType, bool batched, Shape, const char *name, Span);

/* Elements begin … begin + count of a parameter or state, as a vector. */
Tensor *graph_slice(Graph *, Tensor *whole, int64_t offset, int64_t count);

/* ---- properties ------------------------------------------------------- */

void field_compute(Node *); /* sets the fields of the node's outputs from its inputs' */

/* Of a sample as the caller gives it: several inputs are one vector. */
Shape net_input_shape(const Graph *net);

/* The caller of the program gives the tensor or gets it. */
bool graph_is_io(const Graph *, const Tensor *);

/* How many parameters and buffers have names that match the pattern (fnmatch); marks them, by
 * their position in Graph.model. */
int graph_match_params(const Graph *, const char *pattern, bool *matched);

int64_t graph_param_count(const Graph *, bool trainable);
int64_t graph_macs(const Graph *);

/* A broken invariant is a bug: prints it and aborts. */
void graph_verify(const Graph *);

#endif
