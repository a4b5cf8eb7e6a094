/*
 * report: what there is to know of a net before it runs.
 *
 * Enters: an elaborated net, its train section, a batch.  Leaves: an Analysis,
 * everything computed once and nothing printed; then the formatters, each of
 * which turns analyses into one kind of text.  Numbers are per sample where
 * nothing else is said.
 */
#ifndef NNC_REPORT_H
#define NNC_REPORT_H

#include "graph/graph.h"
#include "plan/plan.h"

/* Where a layer stands: on the way to the output, or only to a training head. */
typedef enum LayerPart { LAYER_MAIN, LAYER_HEAD, LAYER_UNUSED } LayerPart;

typedef struct LayerReport {
    const Node *node;
    const char *name;
    const char *kind;
    const char *arguments; /* as attrs_text gives them; "" for none */
    LayerPart part;
    const Head *head;                 /* of LAYER_HEAD: the first one that it leads to */
    Shape shape;                      /* of its result */
    int64_t trained, frozen, buffers; /* elements */
    int64_t macs, flops;
    int64_t activation; /* bytes of its results for the whole batch; views have none */
    Field field[2];     /* height, width */
    int depth;          /* most weighted layers on a path from the input to here, itself included */
} LayerReport;

typedef struct ReportTotals {
    int layers;
    int64_t trained, frozen, buffers;
    int64_t macs, flops;
    int64_t activation;
} ReportTotals;

/* A program as the plan lays it out; `planned` is false where there is none. */
typedef struct ReportMemory {
    bool planned;
    int64_t arena;       /* bytes that the caller gives as scratch */
    int64_t lower_bound; /* most bytes live at once: no plan needs less */
} ReportMemory;

typedef struct Analysis {
    const Graph *net;
    int64_t batch;
    LayerReport *layers; /* in execution order */
    int layer_count;
    ReportTotals total;          /* what inference keeps */
    ReportTotals heads;          /* what only training has */
    int depth;                   /* most weighted layers on a path to the output */
    const LayerReport *last_map; /* before global pooling or the classifier; NULL where there is no image */
    ReportMemory infer, step;
    int64_t train_arena; /* bytes that serve step, gradients and evaluation alike; 0 without a train section */
    int64_t parameter_bytes, buffer_bytes, optimizer_bytes; /* of the model's block */
} Analysis;

/* `spec` may be NULL: then nothing is said of training.  Builds and plans the
 * programs for float.  NULL after an error. */
Analysis *analysis_build(Graph *net, const TrainSpec *spec, int64_t batch);

/* ---- formatters ------------------------------------------------------- */

typedef struct ReportFormat {
    const char *name;
    /* The report on one net.  `width` is how many columns there are to fill. */
    void (*print)(const Analysis *, int width, FILE *);
} ReportFormat;

extern const ReportFormat report_text;

const ReportFormat *report_format(const char *name); /* NULL for an unknown one */

#endif
