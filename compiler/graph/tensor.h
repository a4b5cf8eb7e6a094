/*
 * Tensors: what nodes read and write, with shape, number format, layout and owner.
 */
#ifndef NNC_GRAPH_TENSOR_H
#define NNC_GRAPH_TENSOR_H

#include "graph/dtype.h"
#include "graph/shape.h"
#include "graph/variant.h"

typedef struct Tensor Tensor;

typedef enum TensorKind {
    TENSOR_INPUT,           /* the caller's x, read only */
    TENSOR_TARGET,          /* the caller's labels or values */
    TENSOR_OUTPUT_GRADIENT, /* the caller's dL/dy */
    TENSOR_GRADIENT_SUM,    /* the caller's sum of a parameter's gradients, which `model` is; or their number */
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
    INIT_TORCH,          /* PyTorch's default of the layer: ± 1 / sqrt(fan_in) */
    INIT_IDENTITY,       /* of [O][I][kh][kw] or [O][I]: 1 at the centre of [i][i], else 0; nn.init.dirac_, eye_ */
    INIT_ORTHOGONAL,     /* of a matrix [O][…]: orthonormal rows, or columns where there are more rows, times a */
    INIT_GABOR,          /* of [O][I][kh][kw]: waves of wavelength b under a Gaussian of deviation a; see node_param */
    INIT_VALUES,         /* `values`, of `shape` */
    INIT_DEFAULT         /* of a weight: he_normal; of a bias: zeros, or as torch where the weight is */
} InitKind;

typedef struct Init {
    InitKind kind;
    double a, b;
    int64_t fan_in, fan_out;
    const double *values; /* of INIT_VALUES, row by row */
    Shape shape;
    const char *path, *name; /* of the file that they are from, and in it, as the source has them; or NULL */
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
    bool constant;  /* made of parameters and constants alone, of no input; set with the fields */

    /* of parameters, buffers and states */
    bool trainable;
    bool fixed;       /* of a buffer: training leaves it as it is */
    bool updated;     /* of a net's: steps write it, as plan/model_block.c has found */
    bool regularized; /* a weight: not a bias, not of a norm */
    bool undecayed;   /* a learned scale, which an optimizer's weight_decay would only move */
    Init init;
    Tensor *slice_of;       /* of what is a part of a parameter or state: all of it; else NULL */
    int64_t slice_offset;   /* the part's first element there */
    Tensor *parent;         /* an NHWC image that this one is some channels of: see passes/concat_elimination.c */
    int64_t channel_offset; /* the first of them there */
    Tensor *model;          /* in a program: the net's tensor that this one stands for; else itself or NULL */
    Tensor *gradient;       /* in a program: dL/dt as autodiff made it, or NULL; passes do not keep it */
    const double *values;   /* literal initial elements (then `init` is not used), else NULL */
};

/* Elements, and bytes. */
int64_t tensor_count(const Tensor *, int64_t batch);
int64_t tensor_bytes(const Tensor *, int64_t batch);

/* The axis of a value that its field's axis 0 (height) or 1 (width) is along: of an image CxHxW, or of
 * a sequence CxL, an image of one row; −1: there is none. */
static inline int field_axis(Shape s, int axis) { return s.rank == 3 ? axis + 1 : s.rank == 2 && axis == 1 ? 1 : -1; }

/* Elements along it. */
static inline int64_t field_extent(Shape s, int axis)
{
    return field_axis(s, axis) < 0 ? 1 : s.dim[field_axis(s, axis)];
}

/* It is an image or a sequence, whose elements have places. */
static inline bool field_exists(Shape s) { return s.rank == 2 || s.rank == 3; }

static inline double field_size(Field f) { return f.last - f.first + 1; }

#endif
