/*
 * import_graph: an imported network between its file and its source.
 *
 * Enters: what the converters (interop/convert_*.c) make of the operators of an ONNX model.
 * Leaves: the text of a .nn file (interop/write_source.h) and its weights.
 * Holds then: a directed acyclic graph, its nodes in topological order.  Each node is one
 * layer, combinator or source of the language and has one value; every node but the outputs
 * is used by a later one.  Shapes are per sample: the batch is gone.
 */
#ifndef NNC_INTEROP_IMPORT_GRAPH_H
#define NNC_INTEROP_IMPORT_GRAPH_H

#include "base/base.h"
#include "graph/shape.h"
#include "interop/file_float.h"

/* ---- arguments ------------------------------------------------------------ */

typedef enum ImportValueKind {
    IMPORT_INT,    /* integer */
    IMPORT_REAL,   /* real; to be written with as many digits as read back as the same float */
    IMPORT_BOOL,   /* integer: 0 or 1, written no or yes */
    IMPORT_SYMBOL, /* text: a bare word such as same, bilinear, none */
    IMPORT_STRING, /* text, written in quotes */
    IMPORT_DIMS,   /* items, all IMPORT_INT: 3x3 (or [3] where there is one, or one is negative) */
    IMPORT_LIST    /* items of any kind: [1, 0.5]; of lists: a constant's nesting */
} ImportValueKind;

typedef struct ImportValue ImportValue;
struct ImportValue {
    ImportValueKind kind;
    int64_t integer;
    double real;
    const char *text;
    List items; /* of ImportValue */
};

typedef struct ImportArg {
    const char *name; /* as in the operator's table of attributes, in its order */
    ImportValue *value;
} ImportArg;

/* ---- parameters ------------------------------------------------------------ */

typedef struct ImportParam {
    const char *name; /* weight, bias, running_mean, running_var; "" of `param`, whose label is the whole name */
    int rank;
    int64_t dims[MAX_RANK]; /* as nnc has it: conv [out, in/groups, kh, kw], dense [out, in], … */
    size_t count;
    const FileFloat *data; /* in the arena or in the file's memory, as long as the ImportGraph is used */
    const double *steps;   /* of a weight that stood in the model as integers: their scales, */
    int64_t step_count;    /* one, or one for each row; NULL: it did not */
    const double *exact;   /* the numbers as doubles, or NULL */
} ImportParam;

/* ---- nodes ------------------------------------------------------------------ */

typedef struct ImportNode ImportNode;
struct ImportNode {
    int index;      /* its place in ImportGraph.nodes */
    const char *op; /* the word of the language: conv, relu, add, …; "input"; the sources "param" and "constant" */

    /* Layers have one, combinators two or more in the order of their branches (the same node
     * may be there twice), inputs and sources none. */
    List inputs; /* of ImportNode, all with a smaller index */

    List args;   /* of ImportArg, in the order of the operator's attributes; `input`: one, its shape */
    List params; /* of ImportParam; empty where the layer has none */
    Shape shape; /* of its value, per sample */

    /* Proposed: an identifier with dots ("layer1.0.conv1"), made of the names of ONNX's
     * initialisers or of the node; unique among the labels of the graph.  NULL: none was
     * worth keeping.  Those of inputs and of `param` must be written: they are names that
     * the user sees and names of weights. */
    const char *label;

    /* For comments and messages: "Conv 'features.0'"; NULL: the importer made it. */
    const char *origin;

    /* Set by write_source: the layer's name in the net; of nodes with parameters what names them in
     * the weights file, "layer1.0.conv1" for "layer1.0.conv1.weight". */
    const char *path;

    int uses; /* how many inputs of nodes and outputs of the graph it is */
};

/* ---- the graph ---------------------------------------------------------------- */

typedef struct ImportOutput {
    const char *name; /* an identifier made of ONNX's name, unique among the outputs */
    ImportNode *node; /* two outputs may be one node; an output may be an input */
} ImportOutput;

typedef struct ImportGraph {
    Arena *arena;        /* everything here is in it, data of parameters apart */
    const char *name;    /* of the net: an identifier made of the name of the file */
    const char *source;  /* what the comment on top names: "resnet50.onnx (pytorch 1.13.1, opset 13)" */
    List nodes;          /* of ImportNode, topologically sorted */
    List outputs;        /* of ImportOutput, in ONNX's order: the first one is the net's */
    int64_t param_count; /* numbers in all weights and biases, without running statistics: `expect params == …` */
} ImportGraph;

ImportArg *import_arg(const ImportNode *, const char *name); /* NULL: it says nothing of it */

/* The full name of a parameter in the weights file, once the source has been written. */
const char *import_param_name(const ImportGraph *, const ImportNode *, const ImportParam *);

#endif
