/*
 * feeding: data for a loaded net, as train and eval both need it.
 */
#ifndef NNC_FEEDING_H
#define NNC_FEEDING_H

#include <pthread.h>
#include <stdatomic.h>

#include "commands/support/load.h"
#include "runtime/data/inputs.h"
#include "runtime/train/train.h"

/* What a net takes. */
typedef struct InputSpec {
    const char *loss;
    int rank, dims[3];
    TargetSpec target;
    NamedTarget named[NAMED_TARGETS]; /* those of `target` */
    int64_t ignored;                  /* a class that stands for none */
} InputSpec;

/* What the command line says of the data; all may be left out. */
typedef struct DataRequest {
    const char *path;    /* --data; NULL: the shipped sample */
    const char *column;  /* of CSV data */
    const char *classes; /* --classes; NULL: all */
    int64_t limit;       /* --limit; 0: none */
    double valid;        /* --valid, in place of the train section's */
    bool valid_given;
    bool divide;     /* the validation part is wanted, and the training part without it */
    int64_t workers; /* --workers, */
    bool workers_given;
    int64_t cache; /* --data-cache; 0: not given */
} DataRequest;

typedef struct Feeding {
    Dataset *data;
    Fitting fitting;
    Augmenter augmenter;
    Feed feed;

    /* while it is being opened */
    InputSpec input;
    const TrainSpec *spec;
    DataRequest request;
    const NnTensors *weights;
    const char *weights_path;
    pthread_t thread;
    bool alone;          /* there is no thread: feeding_finish does the work */
    atomic_bool watched; /* a line shows how many images were read */
    int failed;
    NnError error;
} Feeding;

/* Takes --column, --classes, --limit, --valid, --workers and --data-cache. */
Taken data_option(DataRequest *, const Command *, int id, const char *value);

/* Prints "nnc: error: text"; returns the error's status. */
int fail_error(const NnError *);

/* Opens the data for the net.  `weights` may be NULL;
 * what its metadata says of fit, normalisation and classes is applied, and what
 * it does not say is taken from the train section.  Notes are printed. */
int feeding_open(Feeding *, const Model *, const DataRequest *, const NnTensors *weights, const char *weights_path);
/* The same for training in two parts, between which other things can be done: it is read and
 * measured by a thread of its own, from when the net is known; its code need not be there.
 * After feeding_start comes feeding_finish, whatever happens. */
void feeding_start(Feeding *, const Model *, const DataRequest *);
int feeding_finish(Feeding *);
/* The fitting of the net's input without data, for single files: the weights' metadata goes
 * before the train section.  An error where the section asks for the normalisation of the
 * training data and the weights do not have it. */
int feeding_fit(Fitting *, const Model *, const NnTensors *weights, const char *weights_path, NnError *);
/* Training batches are augmented as the train section says; before the first is made. */
int feeding_augment(Feeding *, const TrainSpec *);
void feeding_close(Feeding *);

/* "mean 0.1307, std 0.3081", or "as they are" */
const char *feeding_normalize_text(const Feeding *, char *out, size_t size);
/* "digits: 10000 train, 2000 test of 1x28x28, 10 classes" */
const char *feeding_data_text(const Feeding *, Arena *);
/* "crop(32, pad=4) flip"; "" for none */
const char *feeding_augment_text(const Feeding *, char *out, size_t size);
const char *jit_name(JitKind);

#endif
