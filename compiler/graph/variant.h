/*
 * Variants: how an operator is computed.
 *
 * An Op says what its nodes mean; the rows of its table `variants` say by which kernels
 * they can be computed, in which layouts, and at what cost.  passes/select.c chooses a row
 * for every node.  A node without one has the operator's plain form: NCHW, in C99.
 *
 * A further convolution, number format or instruction set is a row and a kernel.
 */
#ifndef NNC_GRAPH_VARIANT_H
#define NNC_GRAPH_VARIANT_H

#include "base/base.h"
#include "graph/dtype.h"
#include "graph/target.h"
#include "runtime/kernels/limits.h"

typedef struct Op Op;
typedef struct Node Node;
typedef struct Graph Graph;
typedef struct GraphRewriter GraphRewriter;

/*
 * The order of a tensor's elements in memory.
 *
 *   LAYOUT_NCHW      [N][C][H][W] or [N][F]
 *   LAYOUT_NHWC      [N][H][W][C]
 *   LAYOUT_NCHW16N   batch-blocked: [N / 16][C][H][W][16] or [N / 16][F][16]
 *
 * Only NCHW exists outside of a program: the caller's arrays and the plain form have it.
 */
typedef enum Layout { LAYOUT_NCHW, LAYOUT_NHWC, LAYOUT_NCHW16N, LAYOUT_COUNT } Layout;

const char *layout_name(Layout); /* "nhwc" */

/* Samples side by side in LAYOUT_NCHW16N: a cache line of floats. */
enum { BATCH_BLOCK = NN_BATCH_BLOCK };

enum { /* Variant.layouts */
       IN_NCHW = 1u << LAYOUT_NCHW,
       IN_NHWC = 1u << LAYOUT_NHWC,
       IN_NCHW16N = 1u << LAYOUT_NCHW16N,
       IN_ANY_LAYOUT = IN_NCHW | IN_NHWC | IN_NCHW16N
};

/* y = relu(scale[c] · value + shift[c] + residual), or relu6 of that, each part present or not.  Of a
 * gradient: relu's gradient before all else, and the residual after it. */
typedef enum EpilogueKind { EPILOGUE_NONE, EPILOGUE_AFFINE, EPILOGUE_ADD, EPILOGUE_RELU, EPILOGUE_RELU6 } EpilogueKind;

typedef struct Epilogue {
    bool affine, add;
    int relu;        /* of nn_epilogue: 0, 1 or NN_RELU6 */
    const Node *sum; /* of `add`: the node that it was, whose in[term] was the result so far */
    int term;
} Epilogue;

const char *epilogue_text(const Epilogue *); /* " + affine + relu"; "" of NULL */

enum { /* Variant.epilogues */
       WITH_AFFINE = 1u << EPILOGUE_AFFINE,
       WITH_ADD = 1u << EPILOGUE_ADD,
       WITH_RELU = 1u << EPILOGUE_RELU,
       WITH_RELU6 = 1u << EPILOGUE_RELU6,
       WITH_ALL = WITH_AFFINE | WITH_ADD | WITH_RELU | WITH_RELU6
};

enum { /* Variant.dtypes */
       OF_F32 = 1u << DTYPE_F32,
       OF_BF16 = 1u << DTYPE_BF16,
       OF_I8 = 1u << DTYPE_I8,
       OF_U8 = 1u << DTYPE_U8
};

#define ON_TARGET(ID, ...) ON_##ID = 1u << TARGET_##ID,
enum { /* Variant.targets */ TARGET_TABLE(ON_TARGET) };
#undef ON_TARGET

enum { /* Variant.traits */
       /* It also serves some of the samples: $N need not be a literal. */
       VARIANT_ANY_BATCH = 1u << 0,
       /* It serves images whose channels are some of a larger one's: from pixel to pixel of
        * them it is tensor_pixel_stride elements. */
       VARIANT_STRIDED_CHANNELS = 1u << 1,
       /* It multiplies in a transform domain (Winograd): fewer multiplications, more rounding. */
       VARIANT_TRANSFORM_DOMAIN = 1u << 2,
       /* In NHWC it serves sequences CxL as well, as images of one row. */
       VARIANT_SEQUENCES = 1u << 3,
       /* Each of its arrays of samples may be in any of its `dtypes`; else all are in one. */
       VARIANT_ANY_FORMATS = 1u << 4,
       /* It multiplies bf16 by an instruction that has subnormal numbers for zeros and an order of its
        * own, so results are not those of other machines of the kind. */
       VARIANT_BF16_PRODUCTS = 1u << 5,
       /* Its `weights` are those that the model stores in their format, which are packed once; not weights
        * that each call rounds. */
       VARIANT_STORED_WEIGHTS = 1u << 6
};

/* A program and the machine that it is to run on. */
typedef struct CostModel {
    Target target;
    const MachineCosts *machine; /* of the target */
    int64_t batch;
    bool constant_weights; /* what depends on parameters alone is made once, when they are set */
} CostModel;

/* A row of Op.variants, which ends with a name of NULL. */
typedef struct Variant {
    const char *name;   /* "direct_nhwc": in dumps and --explain */
    unsigned layouts;   /* IN_*: those that it serves, one for all images of a node */
    unsigned dtypes;    /* OF_*: the formats of the real numbers that it serves; 0: f32 alone */
    unsigned weights;   /* OF_*: it is for weights, in[1], in these formats; 0: in f32, or widened to it */
    unsigned targets;   /* ON_*: those that its kernel is there for; 0: all */
    unsigned traits;    /* VARIANT_* */
    unsigned epilogues; /* WITH_*: what it can do with its result while that is in registers or cache */
    bool inference;     /* it has its epilogues at inference alone, since a gradient needs what is between */
    int form;           /* of rows that share functions: which of them it is, as their file has it */

    /* Why the kernel does not serve this node ("the padding is not zeros"), or NULL where it does.  NULL:
     * it always does. */
    const char *(*refuses)(const Node *);

    /* Of the batch, in multiply-adds.  NULL: the memory that it reads and writes. */
    double (*cost)(const Node *, const CostModel *);

    /* An operator of one input, which makes of in[1], the weights, what the kernel gets in
     * their place.  NULL: it takes them as they are. */
    const Op *prepack;

    /* Of a row for weights in bf16: it reads them in f32 as well, rounds them on the way, and that takes less
     * time than a rounded copy.  NULL: it does not. */
    bool (*rounds_weights)(const Node *, int64_t batch);

    /* Elements that it works in: one more output, `work`.  NULL: none. */
    int64_t (*workspace)(const Node *);

    /* Puts what all threads have to have done before the rest into a node of its own before this one, which
     * then is the rest.  NULL: the node stays as it is. */
    void (*split)(GraphRewriter *, Node *);

    /* Adds the inputs that an epilogue of a gradient needs besides the residual, to have the
     * argument of relu again.  NULL: none. */
    void (*mask)(GraphRewriter *, Node *);

    /* Writes the body as calls of the kernels of runtime/kernels/`kernel`.h.  Bound besides what
     * Op.plain has: $t and $T, the share of the work: part $t of $T.  Results must not
     * depend on the share.  $N is a literal, unless VARIANT_ANY_BATCH says that it need not be
     * one. */
    void (*emit)(Writer *, const Node *);
    const char *kernel;
} Variant;

extern const char variant_other_weights[]; /* a refusal: the row is one of several for different formats */

/* A refusal of rows whose kernels read bf16 alone: the first input is in f32; NULL where it is not. */
const char *variant_input_in_f32(const Node *);

/* Why the row cannot compute the node in that layout on the target, or NULL where it can. */
const char *variant_refusal(const Variant *, const Node *, Layout, Target);

/* The node's variant reads and writes what is stored: it is for bf16, and its arrays of samples are in
 * formats that it has.  Other nodes with such arrays compute with floats. */
bool variant_takes_bf16(const Node *);

/* Of a variant that has kernels of floats and of bf16: the latter is called. */
bool variant_is_of_bf16(const Node *);

/* The row of the operator that serves the node in that layout and has none of the traits
 * `without`; the cheapest, or NULL. */
const Variant *variant_find(const Node *, Layout, unsigned without, const CostModel *);

/* Of the batch, in multiply-adds; of the plain form (NULL): of the memory that it reads and writes. */
double variant_cost(const Variant *, const Node *, const CostModel *);

#endif
