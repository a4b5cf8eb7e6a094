/*
 * importer: what the converters of ONNX's operators share; private to interop.
 *
 * An ONNX model is walked node by node.  A value of it is a constant, whose numbers are known,
 * or a node of the ImportGraph.  Axis 0 of a value may be the batch: the language does not
 * write it, so `batched` says whether it is left out of the node's shape.  A graph is converted
 * with axis 0 of its inputs as the batch, and where that cannot be, with each input as one
 * whole sample.
 */
#ifndef NNC_INTEROP_IMPORTER_H
#define NNC_INTEROP_IMPORTER_H

#include "graph/op.h"
#include "interop/import_graph.h"
#include "interop/import_onnx.h"
#include "interop/onnx_tensor.h"

/* Numbers that are known while the model is read. */
typedef struct OnnxConstant {
    const char *name; /* of an initialiser; else of the value */
    int type, rank;
    int64_t dims[ONNX_MAX_RANK];
    int64_t count;
    bool literal;             /* of a Constant node: exporters write parameters as initialisers */
    const OnnxTensor *tensor; /* where the file has them; NULL: `values` */
    double *values;           /* made when they are computed with */
    const FileFloat *floats;  /* made when they become a parameter */
    const double *steps;      /* of what stood there as integers: the scales, */
    int64_t step_count;       /* one, or one for each element */
    int step_axis;            /* along this axis; NULL: it did not */
} OnnxConstant;

/* Integers, by the numbers that they stand for. */
typedef struct OnnxCodes {
    double scale, zero;
    int type;
} OnnxCodes;

typedef struct OnnxValue {
    const char *name;
    OnnxConstant *constant; /* or NULL */
    ImportNode *node;       /* or NULL; both NULL: made by an operator that was refused */
    OnnxConstant *given;    /* numbers for an input of the graph, for where these must be known */
    const OnnxCodes *codes; /* the value is integers, and the node what they stand for; NULL: it is what it is */
    int type, rank;
    int64_t dims[ONNX_MAX_RANK];
    bool batched;  /* axis 0 is the batch, and not in node->shape */
    bool is_input; /* of the graph */
} OnnxValue;

typedef struct ImportScope ImportScope; /* of names: the graph's, or a function's */
struct ImportScope {
    Map *values; /* of OnnxValue */
    const Onnx__NodeProto *call;
    const Onnx__FunctionProto *function;
    const ImportScope *outer;
    int opset, depth;
};

typedef struct Importer {
    Arena *arena;
    ImportGraph *graph;
    const Onnx__ModelProto *model;
    const OnnxImportOptions *options;
    Map *labels;  /* taken ones */
    Map *names;   /* of values: how often the graph takes each */
    List refused; /* of ImportRefusal */
    int64_t batch;
    bool whole;       /* inputs are whole samples */
    int walked;       /* nodes */
    int64_t computed; /* bytes of constants that are not in the file */
} Importer;

/* One node of the model, being converted. */
typedef struct Conversion {
    Importer *imp;
    const ImportScope *scope;
    const Onnx__NodeProto *onnx;
    int opset;
    int in_count;
    OnnxValue **in; /* NULL: left out */
    int out_count;
    OnnxValue **out;
} Conversion;

/* Gives c->out[…] their node or constant; false after `refuse`. */
typedef bool ConvertCall(Conversion *);

enum { EACH_INPUT = -1 };

/* A row for each ONNX operator and range of opsets. */
typedef struct OnnxOperator {
    const char *name;
    int since, until; /* opsets; 0: no end */
    int needs;        /* so many inputs, the first ones, are there when it is converted; or EACH_INPUT, one at least */
    ConvertCall *convert;
} OnnxOperator;

/* Tables of the families; a name of NULL at the end. */
extern const OnnxOperator onnx_conv_operators[], onnx_pool_operators[], onnx_norm_operators[],
    onnx_activation_operators[], onnx_elementwise_operators[], onnx_shape_operators[], onnx_resize_operators[],
    onnx_reduction_operators[], onnx_loss_operators[], onnx_logic_operators[], onnx_matrix_operators[],
    onnx_training_operators[], onnx_einsum_operators[], onnx_index_operators[], onnx_rounding_operators[],
    onnx_quantized_operators[];

/* Of Gradient, which is long enough for a file of its own; of Gather with indices that are not known. */
ConvertCall convert_gradient, gather_unknown;

/* ---- attributes ------------------------------------------------------------------ */

const Onnx__AttributeProto *onnx_attr(const Conversion *, const char *name);
int64_t onnx_attr_int(const Conversion *, const char *name, int64_t otherwise);
double onnx_attr_real(const Conversion *, const char *name, double otherwise);
const char *onnx_attr_string(const Conversion *, const char *name, const char *otherwise);
/* How many there are, and at most `limit` of them in `out`; −1: no such attribute. */
int onnx_attr_ints(const Conversion *, const char *name, int64_t *out, int limit);

/* ---- refusals and constants (conversion.c) ------------------------------------------- */

/* Says why the node cannot be converted; false. */
bool refuse(Conversion *, const char *format, ...) PRINTF_LIKE(2, 3);

/* NULL where it is too large for numbers that are computed. */
OnnxConstant *constant_new(Importer *, int type, int rank, const int64_t *dims);
OnnxConstant *constant_filled(Importer *, int rank, const int64_t *dims, float value);
const double *constant_values(Importer *, OnnxConstant *);
const FileFloat *constant_floats(Importer *, OnnxConstant *);
/* A number as an index or a size: within ±ONNX_AXIS_LIMIT. */
int64_t whole_number(double);

/* The input's numbers; NULL where they are not known. */
OnnxConstant *known(const Conversion *, int input);
bool output_is_used(const Conversion *, int output);
bool has_input(const Conversion *, int input);
int64_t dims_count(int rank, const int64_t *dims);
bool is_few_literals(const OnnxConstant *); /* that may be written into the source */

/* ---- values (importer.c) ------------------------------------------------------------- */

/* The input's numbers; where they are not known it refuses. */
OnnxConstant *must_know(Conversion *, int input, const char *what);
/* The input as a value that is a constant; NULL where it is not known. */
OnnxValue *known_value(const Conversion *, int input);
/* Integers of an attribute or, from an opset on, of an input; −1: neither; −2: refused. */
int known_ints(Conversion *, const char *attr, int input, int64_t *out, int limit);

int onnx_axis(int64_t axis, int rank); /* counted from the front; −1: none */
int sample_rank(const OnnxValue *);
/* Of more axes than a shape can have, the first ones are merged. */
Shape sample_shape(const OnnxValue *);

/* Integers (OnnxValue.codes): as themselves; whether the operator knows them; whether it only moves them. */
OnnxValue *codes_as_integers(Conversion *, OnnxValue *);
bool takes_codes(const Onnx__NodeProto *);
bool moves_codes(const Conversion *);

/* The node of a value; of a constant, a new `param` in the shape of one whole sample. */
ImportNode *value_node(Conversion *, OnnxValue *);
/* The value with its axis 0 as the batch, or as part of the sample: itself, or behind a
 * reshape where the batch is 1; NULL: it cannot be. */
OnnxValue *as_batched(Conversion *, OnnxValue *);
OnnxValue *as_whole(Conversion *, OnnxValue *);

/* A value of these dimensions that is made on the way. */
OnnxValue *value_new(Importer *, ImportNode *, int rank, const int64_t *dims, bool batched);
/* The first output: the node's value. */
bool put_output(Conversion *, int output, ImportNode *, int rank, const int64_t *dims, bool batched);
/* The same with the rank, dimensions and form of a value. */
bool put_like(Conversion *, ImportNode *, const OnnxValue *);
bool put_constant(Conversion *, int output, OnnxConstant *);
bool put_value(Conversion *, int output, const OnnxValue *);

/* ---- nodes ----------------------------------------------------------------------------- */

ImportNode *layer(Conversion *, const char *op, ImportNode *in, Shape);          /* in of NULL: a source */
ImportNode *layer_like(Conversion *, const char *op, ImportNode *in);            /* of the shape of its input */
ImportNode *combine(Conversion *, const char *op, ImportNode *a, ImportNode *b); /* ranks equal, 1s stretched */
ImportNode *combine_all(Conversion *, const char *op, int count, ImportNode *const *in);
ImportNode *joined(Conversion *, int axis, const List *parts);          /* a concat; of one part, itself */
ImportNode *reshaped(Conversion *, ImportNode *, Shape);                /* itself where the shape is the same */
ImportNode *param_source(Conversion *, OnnxConstant *, Shape);          /* a learned tensor */
ImportNode *constant_source(Conversion *, Shape, const double *values); /* `constant`, of few numbers */
/* Of two inputs, a value of samples, *x, and few literals, one for each of its channels: which of the
 * inputs these are; −1: it is not so. */
int channel_literals(Conversion *, OnnxValue **x, Reals *numbers);
/* Whether the input is so many literals of that value. */
bool literals_are(Conversion *, int input, int64_t count, double value);
ImportNode *scaled(Conversion *, ImportNode *, double by);
ImportNode *shifted(Conversion *, ImportNode *, double by);
ImportNode *equality(Conversion *, ImportNode *, ImportNode *);         /* 1 where they are equal, else 0 */
ImportNode *step_at(Conversion *, ImportNode *, double at);             /* 1 from there on, else 0 */
ImportNode *rounded_node(Conversion *, ImportNode *, const char *mode); /* nearest, floor, ceil */
ImportNode *clamped(Conversion *, ImportNode *, double low, double high);
/* first, first + 1, … along an axis of `rank` */
ImportNode *axis_places(Conversion *, int rank, int axis, int64_t size, int64_t first);
/* 1 where the place along an axis of `size` is the index, which has one element there, else 0; an
 * index below 0 counts from the end. */
ImportNode *place_picks(Conversion *, ImportNode *index, int axis, int64_t size);
enum { MOST_PICKED = 4096 }; /* places of an axis that an index is compared with */
/* The nodes of values, of one rank, so that a combinator stretches them as ONNX does; `out` has
 * the dimensions and form of the result.  Refuses where it cannot be. */
bool broadcast(Conversion *, OnnxValue *const *in, int count, OnnxValue *out, ImportNode **nodes);
ImportNode *reduced(Conversion *, const char *op, ImportNode *, unsigned axes, bool keep);
ImportNode *sliced(Conversion *, ImportNode *, int axis, int64_t begin, int64_t end, int64_t step);
/* Both of two axes or more; leading axes equal or 1. */
ImportNode *matrix_product(Conversion *, ImportNode *, ImportNode *);
ImportNode *permuted(Conversion *, ImportNode *, const int *axes);
/* The same of a node that has its axes in any shape, and more of them than a shape can have. */
ImportNode *permuted_in_steps(Conversion *, ImportNode *, int rank, const int64_t *dims, const int *axes);

void arg_int(Importer *, ImportNode *, const char *name, int64_t);
void arg_real(Importer *, ImportNode *, const char *name, double);
void arg_bool(Importer *, ImportNode *, const char *name, bool);
void arg_symbol(Importer *, ImportNode *, const char *name, const char *symbol);
void arg_dims(Importer *, ImportNode *, const char *name, int count, const int64_t *);
void arg_reals(Importer *, ImportNode *, const char *name, int count, const double *);
void arg_pair(Importer *, ImportNode *, const char *name, const int64_t pair[2]); /* one number where they are equal */
void arg_pad(Importer *, ImportNode *, const char *name, const int64_t sides[4]); /* top, left, bottom, right */

/* A parameter, with a name made of the constant's. */
void layer_param(Conversion *, ImportNode *, const char *name, Shape, OnnxConstant *);
void layer_param_floats(Conversion *, ImportNode *, const char *name, Shape, const FileFloat *);

/* An identifier made of a name, unique among the labels of the graph; NULL: nothing is left of it. */
const char *import_label(Importer *, const char *name);

/* ---- stages ----------------------------------------------------------------------------- */

/* Computes the outputs of a node whose inputs are all known; false where it is not one of
 * those operators, without a message. */
bool fold_constants(Conversion *);
/* NULL: there is none in the domain and opset; *known_name: there is one in another opset. */
const OnnxOperator *onnx_operator_find(const Onnx__NodeProto *, int opset, bool *known_name);
/* The first input that the row needs and that is left out; −1: none. */
int onnx_input_left_out(const Conversion *, const OnnxOperator *);
bool onnx_is_main_domain(const char *domain);
/* Whether it takes samples of more than MAX_RANK axes. */
bool onnx_takes_any_rank(const Onnx__NodeProto *);

#endif
