/* What the files of stats/ share. */
#ifndef NNC_STATS_PARTS_H
#define NNC_STATS_PARTS_H

#include "stats/stats.h"

/* ---- values.c: sums over values as they are in memory ------------------------------------- */

/* Element k of unit u of row a is at [a · row + u · run + k]. */
typedef struct UnitLayout {
    int64_t rows, units, run;
    int64_t row; /* elements from row to row: more than units · run where others lie between */
} UnitLayout;

UnitLayout unit_layout(const Tensor *, int64_t batch);
void values_add_moments(const float *x, const UnitLayout *, double *sum, double *squares);
int64_t values_near(const float *x, const UnitLayout *, const double bounds[2]);
void values_mark_active(const float *x, const UnitLayout *, bool *active);
double values_squares(const float *x, int64_t count);
double values_distance(const float *x, const float *y, int64_t count); /* Σ (x − y)² */

/* ---- rows.c: which layers there are, and which value of a program belongs to which ---------- */

typedef enum ValueRole { ROLE_NONE, ROLE_RESULT, ROLE_GRADIENT, ROLE_WEIGHT, ROLE_UPDATED } ValueRole;

typedef struct ValueUse {
    ValueRole role;
    int layer;
    int64_t count;     /* elements; of a result those of all rows */
    UnitLayout layout; /* of a result, or of the gradient of one */
    List flow;         /* of Node, of the net: the value is the gradient of their results */
} ValueUse;

typedef struct LayerTable {
    LayerStats *layer;
    int count;
    Map *by_name; /* of LayerStats: the layer's name, and those of its parameters */
} LayerTable;

LayerTable layer_table(Graph *net);
/* By position in watch_values. */
ValueUse *value_uses(Arena *, const LayerTable *, const Graph *program);

/* ---- flow.c: the gradients of the layers' results ------------------------------------------- */

typedef struct FlowSum {
    double squares;
    int64_t count;
} FlowSum;

/* Adds to the uses of a program's values of which layers of the net they are the gradients. */
void flow_uses(Arena *, const Graph *net, const Graph *program, ValueUse *);
void flow_add(FlowSum * /* by Node.id */, const ValueUse *, const float *value);

/* ---- stats.c: code whose values are seen ------------------------------------------------------------ */

typedef float (*WatchedStep)(void *, const float *, const void *, float, void *, const StepWatch *);

typedef struct WatchedCode {
    StatsCode code;
    const char *symbol; /* PREFIX_step_watched */
    const ValueUse *uses;
} WatchedCode;

const WatchedCode *stats_code(const Stats *, const nn_model_info *); /* NULL: it is not known */
float run_watched_step(const WatchedCode *, const NnStep *, StepWatch);
Arena *stats_arena(const Stats *);

/* ---- sampling.c: which steps are watched ----------------------------------------------------- */

typedef struct Sampling {
    int64_t every; /* 0: by time */
    int64_t first; /* so many steps are watched whatever it costs; two at least */
    int64_t next;  /* the first step from here on that is */
    double step;   /* seconds: of a step that is not watched, on average; 0: not known */
    double extra;  /* seconds: that watching takes, on average */
} Sampling;

bool sampling_is_due(const Sampling *, int64_t step);
/* After each step: the seconds it took, and those of them that watching did. */
void sampling_add(Sampling *, int64_t step, bool watched, double seconds, double watching);

/* ---- running_loss.c ------------------------------------------------------------------------------ */

typedef struct RunningLoss {
    double mean, squares; /* before they are divided */
    double rest;          /* dᵗ */
    int64_t steps;
} RunningLoss;

void running_loss_add(RunningLoss *, double loss);
double running_loss_mean(const RunningLoss *); /* NaN before the first step */
double running_loss_deviation(const RunningLoss *);

/* ---- columns.c: numbers of a layer as the log and the table have them -------------------------- */

typedef struct LayerColumn {
    const char *name, *head;
    double (*value)(const LayerStats *, int64_t steps);
    bool (*applies)(const LayerStats *);
} LayerColumn;

enum { LAYER_COLUMNS = 6 };
extern const LayerColumn layer_columns[LAYER_COLUMNS];

#endif
