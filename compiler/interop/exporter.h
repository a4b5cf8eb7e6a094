/*
 * exporter: what the exporters of the language's operators share; private to interop.
 *
 * A net is walked node by node.  An operator's exporter, a row in a table of its family, adds
 * nodes to the ONNX graph and returns the name of the value that is the layer's result: of its
 * last node, or of a value that was there already.  The last node gets the layer's name; nodes
 * before it are called LAYER/Pad and so on.
 *
 * All values have the batch as axis 0: axis a of a sample is axis a + 1.  What does not depend on
 * the input (param, constant) has 1 there, and is stretched by the operators that take it.
 *
 * Initialisers are the net's parameters and nothing else; all other numbers are Constant nodes.
 */
#ifndef NNC_INTEROP_EXPORTER_H
#define NNC_INTEROP_EXPORTER_H

#include "graph/graph.h"
#include "interop/export_onnx.h"

enum { EXPORT_MAX_RANK = MAX_RANK + 2 }; /* of a value: the batch, and an axis that a layer splits */

typedef struct ExportValue {
    const char *name;
    bool single; /* the same for all samples: axis 0 is 1 */
} ExportValue;

/* An operator that cannot be expressed, and the layers that are refused for one reason. */
typedef struct ExportRefusal {
    const char *op, *reason;
    List nodes; /* of Node */
} ExportRefusal;

typedef struct Exporter {
    Arena *arena;
    const OnnxExportRequest *request;
    List nodes;         /* of Onnx__NodeProto */
    List initialisers;  /* of Onnx__TensorProto */
    List infos;         /* of Onnx__ValueInfoProto: of results of layers */
    Map *names;         /* of values, each once */
    ExportValue *value; /* of each tensor of the net, by its id */
    const char **int8;  /* by its id: the value as integers stand for it, or NULL */
    const char *input;  /* the first one's name */
    List refused;       /* of ExportRefusal */
} Exporter;

/* One layer of the net, being exported. */
typedef struct Export {
    Exporter *ex;
    const Node *node;
    const char *base;            /* what names of its nodes begin with */
    bool int8;                   /* it is in integers: so are its inputs */
    const QuantizedLayer *layer; /* whose weights are its own, or NULL */
} Export;

/* Returns the name of the layer's value, or NULL after export_refuse. */
typedef const char *ExportCall(Export *);

typedef struct ExportRow {
    const char *op; /* of the language */
    ExportCall *call;
} ExportRow;

/* Tables of the families; an op of NULL at the end. */
extern const ExportRow export_conv_rows[], export_pool_rows[], export_region_rows[], export_norm_rows[],
    export_activation_rows[], export_elementwise_rows[], export_shape_rows[], export_resize_rows[],
    export_reduction_rows[], export_matrix_rows[], export_quantized_rows[];

/* Says why the layer cannot be expressed; NULL. */
const char *export_refuse(Export *, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- arguments of the layer ------------------------------------------------------- */

bool argument_given(const Node *, const char *name); /* whether the operator has it */
int64_t argument_int(const Node *, const char *name);
double argument_real(const Node *, const char *name);
bool argument_flag(const Node *, const char *name);
Pair argument_pair(const Node *, const char *name); /* of an integer, which is about sequences: 1 and it */
Pad argument_sides(const Node *, const char *name);
Shape argument_shape(const Node *, const char *name);
const Reals *argument_reals(const Node *, const char *name);
const Init *argument_init(const Node *, const char *name);
const char *argument_symbol(const Node *, const char *name);

/* ---- values ------------------------------------------------------------------------- */

int export_rank(const Export *); /* of the first input, with the batch */
/* The tensor of the layer's parameter PATH.suffix, or NULL. */
const Tensor *export_param_tensor(const Export *, const char *suffix);
/* The tensor as an initialiser with these dimensions and elements. */
const char *export_floats(Export *, const Tensor *, int rank, const int64_t *dims, const float *values);

/* Constant nodes. */
const char *export_real(Export *, double);
const char *export_reals(Export *, const char *what, int rank, const int64_t *dims, const double *values);
const char *export_same(Export *, const char *what, int64_t count, double value); /* that often, a vector */
const char *export_ints(Export *, const char *what, int count, const int64_t *values);

/* ---- nodes ---------------------------------------------------------------------------- */

Onnx__NodeProto *export_node(Export *, const char *op, int inputs, const char *const *in);
const char *export_unary(Export *, const char *op, const char *x);
const char *export_binary(Export *, const char *op, const char *a, const char *b);
static inline const char *export_result(const Onnx__NodeProto *n) { return n->output[0]; }

void export_attr_int(Export *, Onnx__NodeProto *, const char *name, int64_t);
void export_attr_ints(Export *, Onnx__NodeProto *, const char *name, int count, const int64_t *);
void export_attr_real(Export *, Onnx__NodeProto *, const char *name, double);
void export_attr_text(Export *, Onnx__NodeProto *, const char *name, const char *);

/* ---- inputs and parameters: export_operands.c ------------------------------------------------ */

const char *export_in(Export *, int input); /* the name of a data input's value */

/* The layer's parameter PATH.suffix as an initialiser, in these dimensions: its own where rank is
 * 0.  NULL: it has none. */
const char *export_param(Export *, const char *suffix, int rank, const int64_t *dims);
/* The same with other elements, as many. */
const char *export_param_values(Export *, const char *suffix, const float *values);
/* One number per channel, dims [C][1][1] that stretch over an image; [C] over a vector. */
const char *export_channel_param(Export *, const char *suffix);
/* Constants: one number per channel, or one for all. */
const char *export_channel_reals(Export *, const char *what, const Reals *);

/* ---- integers: export_quantized.c ---------------------------------------------------------- */

typedef struct ExportArray {
    int rank;
    int64_t dims[EXPORT_MAX_RANK];
    const float *values; /* whole numbers */
} ExportArray;

/* The elements of the parameter; of a layer in integers those of its weight. */
const float *export_values(const Export *, const Tensor *);
/* The input as the integers stand for it. */
const char *export_quantized_in(Export *, int input);
/* What x is once it has been integers of that scale; initialisers are called PREFIXscale and PREFIXzero_point. */
const char *export_integers(Export *, const char *x, const char *prefix, double scale, int64_t zero);
/* The same of a value of the net. */
const char *export_quantized_value(Export *, const char *x, const Tensor *value);
/* The weight of the layer in these dimensions, which are those of its transpose where the axis of its
 * rows is 1; and its bias. */
const char *export_quantized_weight(Export *, ExportArray, int axis);
const char *export_quantized_bias(Export *);
const char *export_quantized_channels(Export *); /* export_quantized_layers.c: a batchnorm by itself */

/* An initialiser with these bytes, under that name or one like it. */
const char *export_initialiser(Export *, const char *name, int type, const ExportArray *shape, void *bytes,
                               size_t size);

/* ---- what several families make ---------------------------------------------------------- */

const char *export_cast(Export *, const char *x, int type);
const char *export_reshaped(Export *, const char *x, Shape sample); /* the batch stays */
const char *export_transposed(Export *, const char *x, int rank, const int64_t *perm);
/* begin, begin + step, … before end, along an axis of the value; with step −1 end may be −1. */
const char *export_slice(Export *, const char *x, int axis, int64_t begin, int64_t end, int64_t step);
const char *export_concat(Export *, int count, const char *const *in, int axis);
/* A value that is the same for all samples, repeated for each. */
const char *export_stretched(Export *, const char *x, int rank);

/* Elements beyond the borders of all axes of the first input, of a mode of `pad`. */
typedef struct ExportBorders {
    int rank; /* with the batch */
    int64_t size[EXPORT_MAX_RANK], before[EXPORT_MAX_RANK], after[EXPORT_MAX_RANK];
} ExportBorders;
const char *export_padded(Export *, const char *x, const ExportBorders *, const char *mode, double value);

/* ---- sliding windows ----------------------------------------------------------------------- */

/* Along the one axis of a sequence, or the two of an image. */
typedef struct ExportWindow {
    int axes;
    int64_t in[2], out[2], size[2], stride[2], dilation[2], before[2], after[2];
} ExportWindow;

ExportWindow export_window(const Node *);
/* kernel_shape, strides, pads and, where the operator has them, dilations. */
void export_window_attrs(Export *, Onnx__NodeProto *, const ExportWindow *);
/* The input with the window's padding around it, which the window then has no more. */
const char *export_window_padded(Export *, const char *x, ExportWindow *, const char *mode);

#endif
