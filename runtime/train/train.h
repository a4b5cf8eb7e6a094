/*
 * train: the loop around the generated step.
 *
 * Enters: a model's description and its memory, data that feeds it, and what
 * the user wants.  Leaves: a trained model, a table of epochs on the results
 * stream, a log.  The model is seen through nn_model_info alone, so the same
 * loop serves code compiled in this process and code linked into a program.
 */
#ifndef NN_TRAIN_H
#define NN_TRAIN_H

#include "runtime/data/dataset.h"
#include "runtime/nn.h"
#include "runtime/train/ranks.h"

#include <signal.h>
#include <stdio.h>

/* ---- learning rate -------------------------------------------------------- */

typedef enum NnScheduleKind {
    NN_CONSTANT,    /* lr */
    NN_STEP,        /* lr · gamma^⌊epoch / every⌋                       (StepLR) */
    NN_MULTISTEP,   /* lr · gamma^(epochs of `at` that are past)        (MultiStepLR) */
    NN_COSINE,      /* floor + (lr − floor) · (1 + cos(π t/T)) / 2      (CosineAnnealingLR), by step */
    NN_ONECYCLE,    /* from peak/25 to peak to peak/25e4, cosines; of the momentum from max to base
                     * to max, where it is cycled                       (OneCycleLR), by step */
    NN_EXPONENTIAL, /* lr · gamma^epoch                                 (ExponentialLR) */
    NN_BOLD_DRIVER, /* · grow after an epoch whose training loss fell, · cut after one whose rose
                     *                                                (Battiti 1989) */
    NN_PLATEAU      /* · gamma when the validation loss has not fallen by 1e-4 of itself for more
                     * than `patience` epochs                           (ReduceLROnPlateau) */
} NnScheduleKind;

typedef struct NnSchedule {
    NnScheduleKind kind;
    double lr;           /* the optimizer's */
    double every, gamma; /* epochs; factor */
    double warmup;       /* cosine: epochs of linear rise, before; onecycle: share of the steps that rise */
    double floor, peak;
    double patience;
    double grow, cut;
    bool cycle_momentum; /* onecycle */
    double base_momentum, max_momentum;
    const double *at; /* multistep: epochs, from 0 */
    int at_count;
} NnSchedule;

/* What a schedule that looks at losses remembers. */
typedef struct NnScheduleState {
    double best;     /* plateau: validation loss */
    int bad;         /* epochs since */
    double previous; /* bold_driver: training loss of the epoch before */
    double factor;   /* of the rate */
} NnScheduleState;

void nn_schedule_init(NnScheduleState *);
void nn_schedule_valid(NnScheduleState *, const NnSchedule *, double validation_loss);
void nn_schedule_epoch(NnScheduleState *, const NnSchedule *, double training_loss);

/* The rate of step `step` (from 0) of `steps`, in epochs of `per_epoch`. */
double nn_schedule_lr(const NnSchedule *, const NnScheduleState *, int64_t step, int64_t steps, int64_t per_epoch);

/* The momentum of a step, likewise, of a schedule that cycles it. */
double nn_schedule_momentum(const NnSchedule *, int64_t step, int64_t steps);

/* ---- evaluation ------------------------------------------------------------- */

typedef enum NnScoreKind {
    NN_SCORE_LOSS,   /* of values: there is nothing to be right about */
    NN_SCORE_CLASS,  /* a class of each sample */
    NN_SCORE_PIXELS, /* a class of each pixel */
    NN_SCORE_LABELS  /* several labels of each sample, which hold or do not */
} NnScoreKind;

enum { NN_LOSSES_SHOWN = 32 };

typedef struct NnScore {
    NnScoreKind kind;
    double loss;           /* mean over the samples */
    int64_t count;         /* samples */
    int64_t right, judged; /* classes, pixels or labels: right, of all that have one */
    int64_t top5;          /* samples whose class is among the five largest outputs */
    int64_t whole;         /* samples all labels of which are right */

    /* of a net with several losses: each without its weight */
    int loss_count;
    const nn_loss_info *loss_list;
    double losses[NN_LOSSES_SHOWN];
} NnScore;

/* −1 where a net has more losses than there is room for. */
int nn_check_losses(const nn_model_info *, NnError *);
/* Of a score that nothing was added to yet. */
NnScore nn_score_of(const nn_model_info *, const Feed *, DataPart);

NnScoreKind nn_score_kind(const nn_model_info *, const Feed *, DataPart);
double nn_accuracy(const NnScore *); /* 0 … 1 */

/* Elements of the first output, with which a sample's row of outputs begins. */
size_t nn_own_outputs(const nn_model_info *);
/* Where one output (a score, or a probability) turns from no to yes. */
float nn_middle(const nn_model_info *);
/* The class of place `at` of y [classes][places]: its largest score, the first of equal ones. */
int nn_largest(const float *y, size_t classes, size_t places, size_t at);

/* Called for every sample; y: [outputs], target as the feed has it.  predicted: the class, of
 * NN_SCORE_CLASS; else −1. */
typedef void (*NnSampleVisitor)(void *user, int row, const float *y, const void *target, int predicted);

/* Runs the whole part through info->eval.  `visit` may be NULL. */
int nn_evaluate(const nn_model_info *, const void *model, const Feed *, DataPart, NnSampleVisitor visit, void *user,
                const volatile sig_atomic_t *stop, NnScore *, NnError *);
/* The same of at most `count` samples, evenly spaced in the part. */
int nn_evaluate_some(const nn_model_info *, const void *model, const Feed *, DataPart, int count,
                     const volatile sig_atomic_t *stop, NnScore *, NnError *);

/* ---- weights ---------------------------------------------------------------- */

/* More metadata of a weights file; a list of it ends with a key of NULL. */
typedef struct NnWeightsNote {
    const char *key, *value;
} NnWeightsNote;

/* Parameters and buffers, in the model's order, with what inference needs
 * besides: normalize.mean, normalize.std (one number per channel), fit, classes
 * (JSON), net; and the notes, where they are not NULL. */
int nn_weights_save(const nn_model_info *, const void *model, const Feed *, const NnWeightsNote *notes,
                    const char *path, NnError *);

typedef enum NnLoad {
    NN_LOAD_ALL,     /* every tensor must be there with its shape, and nothing else */
    NN_LOAD_MATCHING /* what matches by name and shape; `report` gets the rest, a line each */
} NnLoad;

/*
 * A checkpoint is taken as well: the average of the weights where the run keeps one (ema/NAME),
 * which is what it evaluates and saves, else the weights as they were; the optimizer's state
 * is not looked at.
 */
int nn_weights_load(const nn_model_info *, void *model, NnTensors *, const char *path, NnLoad, FILE *report, NnError *);

/* What NN_LOAD_ALL checks, alone; and whether it is a checkpoint. */
int nn_weights_check(const nn_model_info *, const NnTensors *, const char *path, NnError *);
bool nn_weights_is_checkpoint(const NnTensors *);

/* The file has the model's tensor under its name and in its shape. */
bool nn_weights_have(const NnTensors *, const nn_tensor_info *);

/* The normalisation, the fit and the names of the classes that the file gives;
 * what it does not give is left as it is.  *normalized: it gave one. */
int nn_weights_fit(const NnTensors *, NnFit *, NnError *);
int nn_weights_normalize(const NnTensors *, const char *path, Fitting *, bool *normalized, NnError *);
int nn_weights_classes(const NnTensors *, const char *path, Dataset *, NnError *);

/* ---- training --------------------------------------------------------------- */

/*
 * Checkpoints: safetensors with the model's tensors and the optimizer's, the averages as
 * ema/NAME and lookahead/NAME, the best weights so far as best/NAME, and in the metadata, besides that of a weights file, where the
 * run stands (state.*) and a hash of the data (data.hash).  A run that goes on from one does
 * so bitwise as if it had not stopped, with any number of threads.
 */
typedef struct NnCheckpointConfig {
    const char *path;           /* NULL: none is written */
    int64_t every_steps;        /* between two; 0: */
    double every_seconds;       /* by time */
    bool at_end;                /* when the run ends as planned, too: else only when it is stopped before */
    const NnWeightsNote *notes; /* more metadata, or NULL */
    const NnTensors *resume;    /* the run goes on from it; NULL: it begins */
    const char *resume_path;
    void (*failed)(void *user, const NnError *); /* one could not be written; the run goes on */
} NnCheckpointConfig;

/*
 * An observer looks on while a run trains.  It changes neither the model nor the run, and the run's
 * results do not depend on whether there is one.
 */
typedef struct NnStep {
    const nn_model_info *code;
    void *model;
    const Batch *batch;
    float lr;
    void *scratch;
    int64_t step; /* from 0 */
    int epoch;    /* from 1 */
} NnStep;

/* How an epoch has ended. */
typedef struct NnEpochEnd {
    int epoch;
    int64_t step;                    /* done, in all */
    double lr, loss;                 /* of the last step; mean of the epoch */
    double seconds, rate;            /* of the run; samples per second in this epoch */
    const NnScore *score, *training; /* of the part that is watched, and of as many training samples; NULL: none */
} NnEpochEnd;

typedef struct NnObserver {
    void *user;
    /* Does the step, by code->step or by code that does the same; returns the loss. */
    float (*step)(void *user, const NnStep *);
    NnSampleVisitor sample; /* of every evaluation of the part that is shown; may be NULL */
    /* After each epoch; true: `values` are those of a line of the log. */
    bool (*epoch)(void *user, const NnEpochEnd *);
    /* After a run has diverged, for each of its last steps anew: does the step; true: it has seen
     * enough.  NULL: nothing is done again. */
    bool (*replay)(void *user, const NnStep *);
    int column_count;           /* of the log, besides the others */
    const char *const *columns; /* their names */
    const double *values;       /* by column; NaN: there is none */
} NnObserver;

/* Steps in chunks, whose results do not depend on how many ranks and threads share them (chunks.h). */
typedef struct NnChunking {
    int batch;            /* samples of a step, a multiple of the code's batch, which is a chunk; 0: no chunks */
    const NnRanks *ranks; /* that share the chunks, at most as many as there are; or NULL */
    double limit;         /* seconds after which a silent rank ends the job; 0: none */
    bool shard;           /* each rank has its own share of the whole optimizer's state alone (buckets.h, sharding.h) */
    size_t slice;         /* floats that a rank gets and updates at a time; 0: the usual number */
    bool apart;           /* ranks of one machine have memory of their own for the parameters, too */
} NnChunking;

typedef struct NnTrainConfig {
    int epochs;
    int64_t max_steps; /* 0: no limit */
    double time_limit; /* seconds from now, not from the start of a run that goes on; 0: none */
    NnSchedule schedule;
    uint64_t seed; /* of the order of the samples */
    NnChunking chunking;
    const nn_model_info *last; /* the same model for the last, shorter batch of an epoch (Feed.last), or chunk */
    double ema;                /* decay of the average of the weights; 0: none */
    int64_t lookahead;         /* every so many steps; 0: none */
    double lookahead_alpha;
    int patience;               /* epochs without a better validation loss until it stops; 0: never */
    bool keep_best;             /* the model ends with the weights of the best validation loss */
    const char *log;            /* FILE.csv or FILE.jsonl, or NULL */
    const NnObserver *observer; /* or NULL */
    NnCheckpointConfig checkpoint;
    FILE *results;                             /* the table of epochs; NULL: none */
    FILE *progress;                            /* NULL: none */
    bool terminal;                             /* `progress` is one: a line that is rewritten */
    const volatile sig_atomic_t *stop;         /* not 0: end after the current step; may be NULL */
    void (*between)(void *user, int64_t step); /* before each step, from 0: may change the functions in the model's
                                                * info for others that do the same; may be NULL */
    void *user;
} NnTrainConfig;

typedef enum NnEnd { NN_DONE, NN_STOPPED, NN_OUT_OF_TIME, NN_OUT_OF_STEPS, NN_NO_BETTER, NN_UNREADABLE } NnEnd;

typedef struct NnTrainResult {
    NnEnd end;
    int epoch;     /* the one it ended in, from 1 */
    int64_t steps; /* done, in all */
    double seconds;
    double waited;            /* seconds of them in which there was no batch for the step */
    NnScore test;             /* of the test part */
    bool tested;              /* with the weights as they are now */
    int best_epoch;           /* whose weights these are, with keep_best; 0: the last ones */
    double best_loss;         /* its validation loss */
    bool diverged;            /* the model has the last finite weights that there is a copy of: */
    int64_t restored;         /* those after so many steps */
    int64_t checkpoint_step;  /* of the newest checkpoint that was written; −1: there is none */
    NnError checkpoint_error; /* status not 0: the last one could not be */
    NnError log_error;        /* status not 0: the log could not be written to its end, which stops nothing */
} NnTrainResult;

/*
 * The validation part decides on the plateau, the patience and the best weights; none of these
 * can be had without one.  Where there is one, it is evaluated after every epoch, and the test
 * part once, at the end; else the test part is shown, and nothing depends on it.
 * 0, or −1: a loss or a weight was not finite (status 1, diverged), a sample could not be read
 * (NN_UNREADABLE; the model and the checkpoint are those of the last step), no memory, the log
 * could not be opened.
 */
int nn_train(const nn_model_info *, void *model, const Feed *, const NnTrainConfig *, NnTrainResult *, NnError *);

#endif
