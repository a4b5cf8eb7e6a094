/*
 * Train sections → what they say, with the defaults filled in.
 */
#ifndef NNC_ELAB_TRAIN_SPEC_H
#define NNC_ELAB_TRAIN_SPEC_H

#include "front/front.h"
#include "graph/graph.h"

typedef enum FitKind { FIT_RESIZE, FIT_PAD, FIT_CROP } FitKind;
typedef enum NormalizeKind { NORMALIZE_DATASET, NORMALIZE_GIVEN, NORMALIZE_NONE } NormalizeKind;
typedef enum ScheduleKind {
    SCHEDULE_CONSTANT,
    SCHEDULE_STEP,
    SCHEDULE_MULTISTEP,
    SCHEDULE_COSINE,
    SCHEDULE_ONECYCLE,
    SCHEDULE_EXPONENTIAL,
    SCHEDULE_PLATEAU,
    SCHEDULE_BOLD_DRIVER
} ScheduleKind;
typedef enum AugmentKind {
    AUGMENT_CROP,
    AUGMENT_FLIP,
    AUGMENT_RESIZE,
    AUGMENT_ROTATE,
    AUGMENT_CUTOUT,
    AUGMENT_JITTER,
    AUGMENT_TRANSLATE
} AugmentKind;

typedef struct Schedule {
    ScheduleKind kind;
    double every, gamma, warmup, floor, peak, patience, grow, cut;
    Reals at;
    bool cycle_momentum; /* onecycle: the momentum falls while the rate rises, and rises again */
    double base_momentum, max_momentum;
} Schedule;

typedef struct Augment {
    AugmentKind kind;
    int64_t size, pad;
    double amount;  /* degrees, or a share */
    bool alternate; /* flip: every other epoch, rather than by chance */
} Augment;

/* group "PATTERN" (…): factors of the optimizer's lr and weight_decay for the parameters whose names
 * match (fnmatch), and whether they are trained. */
typedef struct ParamGroup {
    const char *pattern;
    double lr, weight_decay;
    bool train;
    Span span;
} ParamGroup;

/* Which weights are saved: the last ones, or those with the best validation loss. */
typedef enum KeepKind {
    KEEP_DEFAULT, /* the best with `stop patience`, else the last */
    KEEP_BEST,
    KEEP_LAST
} KeepKind;

/* teacher("NET.nn", "WEIGHTS"): another net whose scores the net's own are drawn to. */
typedef struct TeacherSpec {
    const char *path;    /* as written: relative to the source's folder; NULL: there is no teacher */
    const char *weights; /* likewise */
    double temperature, weight;
    const char *net; /* of those in the file; NULL: the only one */
    Span span;
} TeacherSpec;

/* What a train section says, defaults filled in. */
typedef struct TrainSpec {
    Span span;
    OpCall loss;      /* default cross_entropy */
    OpCall optimizer; /* default sgd(lr=0.01, momentum=0.9) */
    double lr;        /* the optimizer's */
    Schedule schedule;
    double l1, l2;                /* regularize */
    double clip_norm, clip_value; /* 0: none */
    int64_t batch, epochs, seed;  /* defaults 64, 10, 1 */
    bool batch_given;
    NormalizeKind normalize; /* default dataset */
    Reals mean, std;
    FitKind fit;
    bool no_dropout;       /* random layers take their inference form: comparisons with references */
    List groups;           /* of ParamGroup, in order */
    List augment;          /* of Augment */
    int64_t stop_patience; /* 0: never */
    double valid;          /* of the training part, for validation: a share below 1, or samples; 0: none */
    KeepKind keep;
    bool update_auto;  /* C that trains on within a limit of memory trains what is chosen for that: update_auto.h */
    bool sequential;   /* samples are taken in the order of the data */
    double ema;        /* decay of the weights' average; 0: none */
    int64_t lookahead; /* every so many steps, 0: never, */
    double lookahead_alpha;
    double mixup, cutmix; /* alpha; 0: none */
    TeacherSpec teacher;
} TrainSpec;

/* The train section of the net, with the items of --set on top; defaults where
 * the file has none.  NULL after an error. */
TrainSpec *train_spec(Compilation *, const File *, const Graph *net, const List *sets /* of Train */);
/* Whether training looks at a validation part: the patience, the plateau or the best weights do. */
bool train_needs_valid(const TrainSpec *);
bool train_keeps_best(const TrainSpec *);
bool train_section_exists(const File *, const Graph *net);
/* What the groups make of the optimizer's arguments for the parameter of that name. */
typedef struct ParamFactors {
    double lr, weight_decay;
} ParamFactors;
ParamFactors train_factors(const TrainSpec *, const char *name);

LossTarget train_target(const TrainSpec *, const Graph *net); /* NULL: a class */
const char *const *train_keys(void);                          /* loss, optimizer, …; NULL at the end */
/* Of the keys schedule, augment, regularize, clip and stop: the index-th name that
 * may be their value, and its arguments; NULL beyond the last. */
const char *train_choice(const char *key, int index, const Attr **attrs);
void train_sections_check(Compilation *, const File *); /* every section trains a net of the file; elaborate calls it */

#endif
