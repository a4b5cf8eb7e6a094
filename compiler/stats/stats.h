/*
 * stats: what the layers of a net do while it trains.
 *
 * Enters: a net, its training code with EmitOptions.watch, and the steps of a run, as their
 * observer (NnObserver).  Leaves: numbers of each layer, as a table and as columns of the log.
 * Some of the steps are watched, as many as take a given share of the time; the numbers are those
 * of the step itself, in the layout in which it has them, and nothing is computed twice.
 */
#ifndef NNC_STATS_H
#define NNC_STATS_H

#include "backend/backend.h"
#include "emit/emit.h"
#include "runtime/train/train.h"

/* A layer with parameters, or an element-wise function: what was seen of it since the last
 * stats_begin.  Sums are over all steps that were watched. */
typedef struct LayerStats {
    const Node *node; /* of the net */
    int64_t units;    /* channels of an image or a sequence, elements of a vector */
    int64_t count;    /* values of its result; 0: it has no memory of its own (part of a fused kernel) */
    double sum, squares;
    int64_t saturated; /* values near a bound of Op.saturation */
    bool *active;      /* [units] of OP_RECTIFIES: some value was not 0 */
    bool judged;       /* `active` is of enough samples to say which units are dead */

    int64_t updates;                       /* of parameters: those with a gradient that were seen */
    double gradient_squares;               /* of all gradients, as the optimizer takes them */
    double weight_squares, weight_changes; /* Σ w² before an update, Σ (Δw)² */
} LayerStats;

typedef struct Stats Stats;

/* Code of the net: one for whole batches, one for the last batch of an epoch. */
typedef struct StatsCode {
    const nn_model_info *info; /* as NnStep.code has it */
    const Jit *jit;            /* where its symbols are now */
    const EmitResult *emitted;
} StatsCode;

enum { STATS_CODES = 2 };

/* every: steps between two that are watched; 0: as many as take at most stats_share of the time.
 * flow: also the gradients of the layers' results. */
Stats *stats_new(Graph *net, int64_t every, int64_t samples /* of the training part */, bool flow);
void stats_add_code(Stats *, StatsCode);
const NnObserver *stats_observer(const Stats *);

extern const double stats_share;

/* ---- what was seen ------------------------------------------------------ */

int stats_layers(const Stats *);
const LayerStats *stats_layer(const Stats *, int i);
int64_t stats_watched_steps(const Stats *);     /* that the newest numbers are of, */
int64_t stats_watched_samples(const Stats *);   /* and their samples */
double stats_flow(const Stats *, const Node *); /* root mean square of dL/dy of its result; NaN: not seen */
int64_t stats_activity_samples(const Stats *);  /* that dead units were 0 in */

/* NaN where there is no such number. */
double layer_mean(const LayerStats *);
double layer_deviation(const LayerStats *);
double layer_dead(const LayerStats *);                    /* share of the units that were 0 in all samples seen */
double layer_saturated(const LayerStats *);               /* share of the values */
double layer_gradient(const LayerStats *, int64_t steps); /* root mean square of the gradient's norm over the steps */
double layer_update(const LayerStats *);                  /* norm of the updates / norm of the weights */

void stats_print_table(const Stats *, FILE *);

#endif
