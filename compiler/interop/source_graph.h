/*
 * source_graph: a graph of layers → the source of a net as a person would write it.
 *
 * Enters: layers with their arguments as text, each after those that it takes.
 * Leaves: text in the layout of `nnc fmt`, with branches, blocks and loops, and which of the
 * layers each layer of the elaborated text is.
 */
#ifndef NNC_INTEROP_SOURCE_GRAPH_H
#define NNC_INTEROP_SOURCE_GRAPH_H

#include "graph/op.h"

typedef struct SourceLayer {
    const Op *op;            /* a layer or a combinator; NULL: an input of the net */
    const char *const *args; /* the text of each attribute of `op`; NULL: its default; NULL for none at all */
    const int *in;           /* the layers that it takes the values of */
    int in_count;
    Shape shape;      /* of its value */
    const char *name; /* what its parameters are to be called, `layer1.0.conv1`, or NULL; of an input: its label */
} SourceLayer;

typedef struct SourceGraph {
    const char *name;    /* of the net: a name of the language */
    const char *comment; /* lines without #, or NULL */
    SourceLayer *layers;
    int count;
    const int *outputs;              /* layers; the first is the net's own output */
    const char *const *output_names; /* of the others: labels */
    int output_count;
    int64_t params; /* trainable, for `expect`; −1: unknown */
} SourceGraph;

typedef struct WrittenSource {
    const char *text;
    const int *
        order; /* by layer that the text elaborates to: its place in `layers`; −1: added, an `identity` for a label or an inner concat */
    int count;
} WrittenSource;

WrittenSource source_of_graph(Compilation *, const SourceGraph *);

#endif
