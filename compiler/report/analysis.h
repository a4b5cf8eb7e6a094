/*
 * The static analysis of a net.
 *
 * In: an elaborated net, its train section, assumptions.  Out: an Analysis, with
 * everything computed once and nothing printed; report_formats.h prints it.
 * docs/report.md defines every number.  Numbers are per sample unless stated otherwise.
 */
#ifndef NNC_REPORT_ANALYSIS_H
#define NNC_REPORT_ANALYSIS_H

#include "elab/objectives.h"
#include "graph/graph.h"
#include "plan/plan.h"

/* A quantity that may not exist: then `why` is the reason. */
typedef struct Known {
    double value;
    const char *why; /* NULL: `value` holds */
} Known;

static inline Known known(double value) { return (Known){value, NULL}; }
static inline Known unknown(const char *why) { return (Known){0, why}; }

/* Where the roofline's peak and bandwidth come from. */
typedef enum MachineSource { MACHINE_ASSUMED, MACHINE_MEASURED, MACHINE_GIVEN } MachineSource;

/* What the numbers assume. */
typedef struct ReportOptions {
    int64_t batch;
    double gain;      /* most that a layer with weights scales a gradient by */
    double kill;      /* probability that it makes the gradient zero */
    double peak;      /* FLOP/s of the roofline */
    double bandwidth; /* bytes/s of the roofline */
    MachineSource peak_source, bandwidth_source;
    bool growth;          /* plan for other batches too */
    int64_t memory_limit; /* bytes; 0: none asked for */
    bool bf16_values;     /* LowerOptions.bf16_values */
    int device;           /* 1 + the Target of a machine without kernels that inference is for; 0: none */
    Graph *device_net;    /* what that machine computes, where it is another net: of int8; else NULL */
} ReportOptions;

ReportOptions report_options(void);                    /* the defaults */
const char *machine_source_name(MachineSource source); /* "assumed", "measured", "given" */

/* ---- one layer ---------------------------------------------------------- */

/* What depends on a layer: the output, only a training head, or nothing. */
typedef enum LayerPart { LAYER_MAIN, LAYER_HEAD, LAYER_UNUSED, LAYER_ANY } LayerPart;

typedef struct LayerReport {
    const Node *node;
    const char *name;
    const char *kind;
    const char *arguments; /* as attrs_text gives them; "" for none */
    int line;              /* in the source */
    LayerPart part;
    const Head *head;                 /* of LAYER_HEAD: the first one that it leads to */
    Shape shape;                      /* of its result */
    int64_t trained, frozen, buffers; /* elements */
    int64_t macs, flops;
    int64_t activation;    /* bytes of its results for the whole batch; views have none */
    Field field[2];        /* height, width */
    double smallest[2];    /* field of any element: below that of `field` where elements differ */
    const char *field_why; /* why there is no receptive field, or NULL */
    Known covered;         /* share of the input's area in the field of the middle element */
    bool misaligned;       /* paths that disagree meet in this very layer */
    int depth;             /* most weighted layers on a path from the input to here, itself included */
    int64_t traffic;       /* bytes read and written for the whole batch */
    Known intensity;       /* FLOPs per byte of traffic */
    double seconds;        /* the roofline's least time for the batch */
    bool memory_bound;     /* which of the two limits it is */
    Known bound;           /* on |dL/dy| of its result y, relative to the net's output */
    Known dead;            /* probability that dL/dy is exactly zero */
    int64_t jacobian[2];   /* elements of its results, and of all that it reads but parameters */
    Known slope;           /* of an activation: the least upper bound of |dy/dx| */
} LayerReport;

/* A figure of the layer's receptive field along an axis, 0 (height) or 1 (width): `value`, where there
 * is one. */
static inline Known layer_axis(const LayerReport *l, int axis, double value)
{
    if (l->field_why) return unknown(l->field_why);
    return l->field[axis].whole ? unknown("it sees the whole input") : known(value);
}

/* Where two paths with different strides or centres meet. */
typedef struct Misalignment {
    const LayerReport *layer;
    int axis;            /* 0 height, 1 width */
    int a, b;            /* numbers of the two inputs */
    Field first, second; /* what they bring */
} Misalignment;

/* Two layers with weights with nothing but views between them. */
typedef struct LinearPair {
    const LayerReport *first, *second;
} LinearPair;

/* ---- the net ------------------------------------------------------------- */

typedef struct ReportTotals {
    int layers;
    int64_t trained, frozen, buffers;
    int64_t macs, flops;
    int64_t activation;
    int64_t traffic;
    double seconds;
} ReportTotals;

/* A program as the plan lays it out; `plan` is NULL where there is none. */
typedef struct ReportMemory {
    const Plan *plan;
    int64_t arena;       /* bytes that the caller gives as scratch */
    int64_t lower_bound; /* most bytes live at once: no plan needs less */
} ReportMemory;

/* The same two programs for another batch. */
typedef struct MemoryAt {
    int64_t batch;
    int64_t infer, train; /* the arenas; train is 0 without a train section */
    int64_t infer_model;  /* the model's block: what is prepared for a batch differs */
    bool fits;            /* within the limit, the model's block included */
} MemoryAt;

/* All paths from the inputs to the output, measured in layers with weights. */
typedef struct PathReport {
    const char *count; /* decimal digits */
    int shortest, longest;
    Known mean;
} PathReport;

/* Inference with its weights as constants, on a machine without kernels. */
typedef struct DeviceReport {
    Target target;
    int64_t constants, code; /* bytes of flash: the model exactly, code as estimated */
    int64_t scratch;         /* bytes of RAM, with x in it */
    int64_t output, stack;
    double cycles; /* of one call */
    bool trains;   /* parts of the net, the others being constants: the next are known */
    int64_t train_constants, train_block, train_scratch, input;
} DeviceReport;

static inline int64_t device_flash(const DeviceReport *d) { return d->constants + d->code; }
static inline int64_t device_train_ram(const DeviceReport *d) { return d->train_block + d->train_scratch + d->input; }
static inline int64_t device_ram(const DeviceReport *d) { return d->scratch + d->output + d->stack; }

typedef struct Analysis {
    const Graph *net;
    ReportOptions options;
    int64_t batch;
    LayerReport *layers; /* in execution order */
    int layer_count;
    ReportTotals total; /* what inference keeps */
    ReportTotals heads; /* what only training has */
    int depth;          /* most weighted layers on a path to the output */
    PathReport paths;
    Known *input_bound, *input_dead; /* as `bound` and `dead`, of each of the net's inputs */
    Known slope_product;             /* the largest product of the activations' slopes on a path */
    List linear_pairs;               /* of LinearPair */
    const LayerReport *last_map;     /* before global pooling or the classifier; NULL where there is no image */
    List misalignments;              /* of Misalignment */
    ReportMemory infer, step;
    int64_t train_arena; /* bytes that serve step, gradients and evaluation alike; 0 without a train section */
    int64_t parameter_bytes, buffer_bytes, optimizer_bytes;
    int64_t prepared_bytes;            /* made of the parameters for inference alone; 0 with a train section */
    int64_t infer_model, train_model;  /* bytes of the model's block, alignment included */
    int64_t input_bytes, output_bytes; /* the caller's, for the batch */
    List growth;                       /* of MemoryAt */
    const DeviceReport *device;        /* NULL: none asked for */
    int64_t largest_batch;             /* within the memory limit: 0 none fits, −1 not asked for */
    bool largest_trains;               /* it is for training, not for inference alone */
} Analysis;

/* `spec` may be NULL: then nothing is said of training.  Builds and plans the
 * programs for float.  NULL after an error. */
Analysis *analysis_build(Graph *net, const TrainSpec *spec, const ReportOptions *);

/* ---- blocks of layers ---------------------------------------- */

/* A scope of names, or one layer: layer1 > layer1.0 > layer1.0.conv1. */
typedef struct Block Block;
struct Block {
    const char *name;         /* the last part: conv1 */
    const char *path;         /* layer1.0.conv1 */
    Block *parent;            /* NULL of the root */
    const LayerReport *layer; /* of a single layer; NULL for a scope */
    const LayerReport *last;  /* of a scope: its last layer */
    List children;            /* of Block, in order of their first layers */
    ReportTotals total;
};

/* The layers of one part, and of one head where that is the part; LAYER_ANY: all. */
Block *block_tree(const Analysis *, Arena *, LayerPart, const Head *);

/* The blocks at `depth` below the root and the layers above that, in order. */
void block_rows(Arena *, const Block *, int depth, List *rows /* of Block */);

#endif
