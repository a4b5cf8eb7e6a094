/*
 * graph: the network as a graph of tensors and nodes.
 *
 * Enters: the syntax tree.  `elaborate` runs it — blocks, loops and branches
 * become nodes, every size becomes a number — and leaves a net: forward nodes
 * in execution order, per-sample shapes, named parameters.  `program_build`
 * makes from a net what is to be run: inference, a training step, and so on,
 * with the backward pass as further nodes of the same graph.
 *
 * Holds then (graph_verify): nodes stand in execution order, every tensor has
 * one producer, shapes agree with the operators' rules.
 */
#ifndef NNC_GRAPH_H
#define NNC_GRAPH_H

#include "base/base.h"
#include "front/front.h"
#include "graph/dtype.h"
#include "graph/variant.h"

typedef struct Tensor Tensor;
typedef struct Backward Backward;

/* ---- tensors ---------------------------------------------------------- */

enum { MAX_RANK = 4 };

/* [C][H][W] of an image or [F] of a vector; [O][I][kh][kw] of a weight. */
typedef struct Shape {
    int rank;
    int64_t dim[MAX_RANK];
} Shape;

bool shape_equal(Shape, Shape);
int64_t shape_count(Shape);             /* product; 1 for rank 0 */
const char *shape_text(Arena *, Shape); /* 6x28x28 */
static inline Shape shape_vector(int64_t features) { return (Shape){1, {features}}; }
static inline Shape shape_image(int64_t channels, int64_t height, int64_t width)
{
    return (Shape){3, {channels, height, width}};
}

typedef enum TensorKind {
    TENSOR_INPUT,           /* the caller's x, read only */
    TENSOR_TARGET,          /* the caller's labels or values */
    TENSOR_OUTPUT_GRADIENT, /* the caller's dL/dy */
    TENSOR_LOCAL,           /* in the arena, or the caller's output */
    TENSOR_PREPACKED,       /* made of parameters when these are set, in the model block: see passes/prepack.c */
    TENSOR_PARAM,           /* weights, in the model block */
    TENSOR_BUFFER,          /* running statistics and constants, in the model block */
    TENSOR_STATE            /* the optimizer's, in the model block */
} TensorKind;

static inline bool tensor_in_model(TensorKind kind) { return kind >= TENSOR_PARAM; }

/* How a parameter starts; fans are those of PyTorch's _calculate_fan_in_and_fan_out. */
typedef enum InitKind {
    INIT_CONSTANT,       /* a */
    INIT_NORMAL,         /* standard deviation a */
    INIT_UNIFORM,        /* a .. b */
    INIT_HE_NORMAL,      /* sqrt(2 / fan_in) */
    INIT_HE_UNIFORM,     /* ± sqrt(6 / fan_in) */
    INIT_XAVIER_NORMAL,  /* sqrt(2 / (fan_in + fan_out)) */
    INIT_XAVIER_UNIFORM, /* ± sqrt(6 / (fan_in + fan_out)) */
    INIT_LECUN_NORMAL,   /* sqrt(1 / fan_in) */
    INIT_TORCH           /* PyTorch's default of the layer: ± 1 / sqrt(fan_in) */
} InitKind;

typedef struct Init {
    InitKind kind;
    double a, b;
    int64_t fan_in, fan_out;
} Init;

/* The receptive field of element u along one axis: input rows
 * first + u·stride … last + u·stride, the union over all paths. */
typedef struct Field {
    double stride, first, last;
    bool whole;      /* depends on all of the input, wherever it is (dense, vectors) */
    bool misaligned; /* paths with different strides or centres meet here or before */
} Field;

struct Tensor {
    int id; /* position in its graph's `tensors` */
    TensorKind kind;
    DType dtype;
    double scale; /* of an integer format: a number is scale · (element − zero_point); else 0 */
    int zero_point;
    bool batched; /* a dimension [batch] stands before `shape` */
    Shape shape;  /* per sample */
    Layout layout;
    const char *name; /* PATH.weight of a parameter; else for dumps */
    Span span;
    Node *producer; /* NULL for what comes from outside and for the model's */
    Field field[2]; /* height, width */

    /* of parameters, buffers and states */
    bool trainable;
    bool regularized; /* a weight: not a bias, not of a norm */
    Init init;
    Tensor *slice_of;       /* of what is a part of a parameter or state: all of it; else NULL */
    int64_t slice_offset;   /* the part's first element there */
    Tensor *parent;         /* an NHWC image that this one is some channels of: see passes/concat_elimination.c */
    int64_t channel_offset; /* the first of them there */
    Tensor *model;          /* in a program: the net's tensor that this one stands for; else itself or NULL */
    const double *values;   /* of a constant buffer: its elements (then `init` is not used), else NULL */
};

/* Elements, and bytes. */
int64_t tensor_count(const Tensor *, int64_t batch);
int64_t tensor_bytes(const Tensor *, int64_t batch);

/* ---- attributes ------------------------------------------------------- */

typedef struct Pair {
    int64_t h, w;
} Pair;

typedef enum PadKind { PAD_EXPLICIT, PAD_SAME, PAD_VALID, PAD_FULL } PadKind;

typedef struct Pad {
    PadKind kind;
    int64_t top, left, bottom, right; /* resolved by the operator's shape rule where kind is not explicit */
} Pad;

typedef struct Reals {
    int count;
    double *at;
} Reals;

typedef enum AttrType {
    ATTR_INT,    /* int64_t */
    ATTR_REAL,   /* double */
    ATTR_BOOL,   /* bool */
    ATTR_PAIR,   /* Pair: 3, 3x1 or [h, w] */
    ATTR_PAD,    /* Pad: number, [h, w], [top, left, bottom, right], same, valid, full */
    ATTR_SYMBOL, /* int: index into `symbols` */
    ATTR_SHAPE,  /* Shape: 6x5x5, or one integer */
    ATTR_BOX,    /* Pad with kind PAD_EXPLICIT: exactly four integers */
    ATTR_REALS,  /* Reals: a list of numbers, or one number */
    ATTR_INIT    /* Init */
} AttrType;

/* One argument of an operator.  `initial` is the default as the language would
 * write it; the name of an attribute before it means the same value as that one
 * (pools: stride=k); NULL: the argument must be given. */
typedef struct Attr {
    const char *name;
    AttrType type;
    size_t offset; /* in the operator's attribute struct */
    const char *initial;
    double min, max;            /* of numbers, inclusive; 0, 0 means unbounded */
    const char *const *symbols; /* of ATTR_SYMBOL, NULL at the end */
} Attr;

/* ---- operators -------------------------------------------------------- */

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
       OP_CLASSES = 1u << 4,               /* a loss whose target is one int32 class per sample; else values */
       OP_OUTPUTS_PROBABILITIES = 1u << 5, /* its inference output is probabilities or their logarithm (softmax) */
       OP_ZERO_GRADIENT = 1u << 6,         /* blocks training of what is before it; warned about */
       OP_BATCH_COUPLED =
           1u << 7,             /* mixes the samples of a batch, and so do its gradients (batchnorm while training) */
       OP_CONCAT = 1u << 8,     /* the output is the inputs, one after the other along channels */
       OP_SLICE = 1u << 9,      /* the output is some channels of the input, from Op.channel on */
       OP_SPLITTABLE = 1u << 10 /* element-wise over arrays of one size: computed of a slice of each of them, it
                                 * computes that slice of the result */
};

enum {                      /* scalars that the emitted function takes after its tensors */
       USES_LR = 1u << 0,   /* $lr: real, the step's learning rate */
       USES_STEP = 1u << 1, /* $step: int64_t, steps done before this one */
       USES_SEED = 1u << 2, /* $seed: uint64_t, differs from node to node and step to step */
       USES_COUNT = 1u << 3 /* $count: int, samples that count (losses), and $all, those of all micro-batches; for other
                       * operators $N and $N times the number of micro-batches */
};

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

    /* Per sample.  NULL: macs 0, flops one per output element. */
    int64_t (*macs)(const Node *);
    int64_t (*flops)(const Node *);

    /* Adds the nodes that compute the gradients of the inputs that are wanted,
     * from the gradient of the outputs.  NULL: the gradient is zero. */
    void (*grad)(Backward *, const Node *);

    /* The form used while training, when it is another one (batchnorm, dropout).
     * It has the same attributes, inputs and first output. */
    const Op *training;

    /* Of a loss: the final layers it takes the scores before (fused): names, NULL at the end. */
    const char *const *absorbs;

    /* Of an optimizer: adds its state tensors for node->in[1] with node_state. */
    void (*states)(Graph *, Node *);

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

    /* What passes/rematerialize.c puts in a later place to have the first output again, to the
     * bit: adds a node of the inputs and outputs of this one that writes nothing else.  NULL:
     * another node of the same operator, unless it mutates something. */
    Node *(*rematerialize)(Graph *, const Node *);

    /* Which part of an epilogue it is, so that passes/fuse.c may let the operator before it do
     * it.  `fold`, of an affine one: the operator that turns its parameters into scale and
     * shift, one of each per channel. */
    EpilogueKind epilogue;
    const Op *fold;
};

extern const Op *const op_table[]; /* made from the files of ops/; NULL at the end */
extern const int op_table_count;

const Op *op_find(const char *name, OpClass);
const char *op_nearest(Compilation *, const char *name, OpClass); /* for suggestions, or NULL */

/* ---- nodes ------------------------------------------------------------ */

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
    double scale;                /* of a loss and its gradient: its weight in the total; else 1 */
    const Epilogue *epilogue;    /* what it does with its result, or NULL: see passes/fuse.c */
    const char *const *in_names; /* where it has inputs for that: instead of op->in */
};

/* A side output with its own weight in the loss. */
typedef struct Head {
    const char *name;
    Tensor *output;
    double weight;
    Span span;
} Head;

typedef enum ProgramKind {
    PROGRAM_NET,   /* not to be run: what elaboration leaves */
    PROGRAM_INFER, /* x → y */
    PROGRAM_EVAL,  /* x, target → y, loss; inference mode */
    PROGRAM_STEP,  /* x, target → loss, and the update */
    PROGRAM_GRAD,  /* x, target → loss, gradients of all trained parameters */
    PROGRAM_VJP    /* x, dL/dy → y, dL/dx, gradients; training mode */
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
    int64_t batch_multiple; /* threads divide the batch in multiples of this: 1, or a block of samples */
    List nodes;             /* of Node, in execution order */
    List tensors;           /* of Tensor */
    List inputs;            /* of Tensor */
    List model;             /* of Tensor: parameters and buffers, then states, in order of creation */
    List heads;             /* of Head */
    Tensor *output;         /* of the last layer */
    Tensor *target, *targets, *loss, *output_gradient,
        *input_gradient; /* where the kind of program has them; of several inputs one after the other */
    List gradients;      /* of ParamGrad: GRAD and VJP */
};

Graph *graph_new(Compilation *, const char *name, ProgramKind);
void graph_set_real(Graph *, DType); /* of the graph and of all its tensors of real numbers */
Tensor *graph_tensor(Graph *, TensorKind, DType, bool batched, Shape, const char *name, Span);

/* Elements begin … begin + count of a parameter or state, as a vector. */
Tensor *graph_slice(Graph *, Tensor *whole, int64_t offset, int64_t count);

/* A node at the end of the order.  Inputs first, then outputs. */
Node *graph_node(Graph *, const Op *, void *attrs, const char *name, Span);
void node_in(Graph *, Node *, Tensor *);
void node_in_named(Graph *, Node *, Tensor *, const char *name); /* where op->in has no name for it */
Tensor *node_out(Graph *, Node *, Shape);                        /* real, batched */
Tensor *node_out_as(Graph *, Node *, DType, bool batched, Shape);
const char *node_out_name(const Node *, int i); /* op->out; `work` for the memory that a variant works in */
void node_set_layout(Node *, Layout);           /* with the first variant that serves it there, if any */

/* In an operator's `params`: PATH.suffix of the given shape. */
Tensor *node_param(Graph *, Node *, const char *suffix, Shape, Init);
Tensor *node_buffer(Graph *, Node *, const char *suffix, Shape, Init);
/* In an optimizer's `states`: shaped like the parameter, starting at `initial`. */
Tensor *node_state(Graph *, Node *, const char *suffix, double initial);

/* Constant initial value; and the attribute's with the fans filled in. */
static inline Init init_constant(double value) { return (Init){.kind = INIT_CONSTANT, .a = value}; }
Init init_with_fans(Init, int64_t fan_in, int64_t fan_out);

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
    return !(n->op->traits & OP_VIEW) && !node_is_prepacked(n) && !node_is_in_place(n);
}

/* [batch][C][H][W], of any element type. */
static inline bool tensor_is_image(const Tensor *t) { return t->batched && t->shape.rank == 3; }

/* An image of one channel or one pixel is the same bytes in NCHW and NHWC. */
static inline bool tensor_has_one_layout(const Tensor *t)
{
    return t->shape.dim[0] == 1 || t->shape.dim[1] * t->shape.dim[2] == 1;
}

/* A layout is one of batched tensors, NHWC one of images; all others are NCHW. */
static inline bool tensor_takes_layout(const Tensor *t, Layout layout)
{
    return layout == LAYOUT_NHWC ? tensor_is_image(t) : t->batched;
}

/* Its elements are not the same bytes in both. */
static inline bool tensor_layouts_differ(const Tensor *t, Layout a, Layout b)
{
    if (a == b || !t->batched) return false;
    if (a == LAYOUT_NCHW16N || b == LAYOUT_NCHW16N) return true;
    return tensor_is_image(t) && !tensor_has_one_layout(t);
}

int64_t node_macs(const Node *);
int64_t node_macs_of_origin(const Node *); /* Op.macs of gradients that cost as much as their layer */
int64_t node_flops(const Node *);
int64_t node_params(const Node *, bool trainable); /* elements of its parameters of that sort */

/* ---- front → graph ---------------------------------------------------- */

typedef struct Define { /* -D name=value */
    const char *name;
    Expr *value;
} Define;

/* The net `name` (NULL: the only one of the file), or NULL after an error. */
Graph *elaborate(Compilation *, const File *, const char *name, const List *defines /* of Define */);

/* An operator with bound attributes, as a train section names it. */
typedef struct OpCall {
    const Op *op;
    void *attrs;
    Span span;
} OpCall;

typedef enum FitKind { FIT_RESIZE, FIT_PAD, FIT_CROP } FitKind;
typedef enum NormalizeKind { NORMALIZE_DATASET, NORMALIZE_GIVEN, NORMALIZE_NONE } NormalizeKind;
typedef enum ScheduleKind {
    SCHEDULE_CONSTANT,
    SCHEDULE_STEP,
    SCHEDULE_MULTISTEP,
    SCHEDULE_COSINE,
    SCHEDULE_ONECYCLE,
    SCHEDULE_EXPONENTIAL,
    SCHEDULE_PLATEAU
} ScheduleKind;
typedef enum AugmentKind {
    AUGMENT_CROP,
    AUGMENT_FLIP,
    AUGMENT_RESIZE,
    AUGMENT_ROTATE,
    AUGMENT_CUTOUT,
    AUGMENT_JITTER
} AugmentKind;

typedef struct Schedule {
    ScheduleKind kind;
    double every, gamma, warmup, floor, peak, patience;
    Reals at;
} Schedule;

typedef struct Augment {
    AugmentKind kind;
    int64_t size, pad;
    double amount; /* degrees, or a share */
} Augment;

/* What a train section says, defaults filled in. */
typedef struct TrainSpec {
    Span span;
    OpCall loss;      /* default cross_entropy */
    OpCall optimizer; /* default sgd(lr=0.01, momentum=0.9) */
    double lr;        /* the optimizer's */
    Schedule schedule;
    double l1, l2;                /* regularize */
    double clip_norm, clip_value; /* 0: none */
    int64_t batch, epochs, seed;  /* defaults 64, 10, 1 */
    bool batch_given;
    NormalizeKind normalize; /* default dataset */
    Reals mean, std;
    FitKind fit;
    bool no_dropout;       /* random layers take their inference form: comparisons with references */
    List augment;          /* of Augment */
    int64_t stop_patience; /* 0: never */
} TrainSpec;

/* The train section of the net, with the items of --set on top; defaults where
 * the file has none.  NULL after an error. */
TrainSpec *train_spec(Compilation *, const File *, const Graph *net, const List *sets /* of Train */);
bool train_section_exists(const File *, const Graph *net);
bool train_takes_classes(const TrainSpec *);                     /* else values; NULL: classes */
int64_t train_target_count(const TrainSpec *, const Graph *net); /* of a sample */
const char *const *train_keys(void);                             /* loss, optimizer, …; NULL at the end */
/* Of the keys schedule, augment, regularize, clip and stop: the index-th name that
 * may be their value, and its arguments; NULL beyond the last. */
const char *train_choice(const char *key, int index, const Attr **attrs);
void train_sections_check(Compilation *, const File *); /* every section trains a net of the file; elaborate calls it */

/* Binds arguments to an attribute table: positions, names, defaults, types,
 * ranges.  `what` is how messages call it ("conv").  Consts are already
 * evaluated; used by layers, losses, optimizers and schedules alike. */
typedef struct Const Const;
typedef struct ConstArg {
    const char *name; /* NULL: positional */
    Span name_span, span;
    const Const *value;
} ConstArg;
bool attrs_bind(Compilation *, const char *what, const Attr *, void *attrs, const List *args /* of ConstArg */, Span);
const char *attr_takes(Arena *, const Attr *);                    /* "an integer; 1 or more" */
const char *init_choice(int index, const Attr **attrs);           /* names of initialisations, as train_choice */
const char *attrs_text(Arena *, const Attr *, const void *attrs); /* "6, 5x5, stride=2": defaults left out */

/* ---- graph → programs ------------------------------------------------- */

/* What is to be run, as a graph of its own that shares the net's model tensors.
 * STEP appends the optimizer's states to the net's `model`. `spec` may be NULL
 * for INFER and VJP.  NULL after an error (a loss that does not fit the output).
 *
 * `micro_batches` micro-batches of `batch` samples each are run one after the other, and what
 * they make of the loss and the gradients is added up, so that only these live from one
 * to the next.  Not of VJP, nor where an operator mixes the samples (OP_BATCH_COUPLED). */
Graph *program_build(Graph *net, ProgramKind, const TrainSpec *spec, int64_t batch, int64_t micro_batches);

/* Inside Op.grad */
Graph *backward_graph(Backward *);
bool backward_wants(const Backward *, const Tensor *);      /* someone needs its gradient */
Tensor *backward_of(Backward *, Tensor *);                  /* dL/dt, all uses summed */
void backward_give(Backward *, Tensor *, Tensor *gradient); /* one use's share of dL/dt; same shape */
Node *backward_node(Backward *, const Op *,
                    const Node *forward); /* with the forward node's attributes, name and span */

/* ---- properties ------------------------------------------------------- */

void field_compute(Node *); /* sets the fields of the node's outputs from its inputs' */
static inline double field_size(Field f) { return f.last - f.first + 1; }

/* Of a sample as the caller gives it: several inputs are one vector. */
Shape net_input_shape(const Graph *net);

/* The caller of the program gives the tensor or gets it. */
bool graph_is_io(const Graph *, const Tensor *);

int64_t graph_param_count(const Graph *, bool trainable);
int64_t graph_macs(const Graph *);

/* A broken invariant is a bug: prints it and aborts. */
void graph_verify(const Graph *);
void graph_dump(const Graph *, FILE *);

#endif
