/*
 * data: samples with their targets, fitted to a net and batched ahead of it.
 *
 * Enters: a path and what the net takes.  `dataset_open` finds the reader that
 * knows the files and leaves a Dataset, whole in memory and as the files have
 * it.  A Fitting makes of one of its samples the net's input (size, channels,
 * normalisation); a Feed adds the target in the loss's form; a Batcher gives
 * batches in an order that depends on seed and epoch alone.
 */
#ifndef NN_DATASET_H
#define NN_DATASET_H

#include "runtime/core/core.h"

/* ---- data sets ---------------------------------------------------------- */

typedef enum DataPart { DATA_TRAIN, DATA_TEST, DATA_PARTS } DataPart;

typedef struct Samples {
    int count;
    uint8_t *pixels; /* [count][C][H][W], 0…255; or NULL, and then */
    float *values;   /* [count][elements] */
    int32_t *labels; /* [count] classes; or NULL, and then */
    float *targets;  /* [count][target_count] */
} Samples;

enum { DATASET_NOTES = 4, DATASET_NOTE_BYTES = 256 };

typedef struct Dataset {
    char *path;         /* where it was found */
    const char *format; /* the reader's word for it */
    int rank;           /* 3: C, H, W; 1: columns */
    int dims[3];
    size_t elements;
    Samples part[DATA_PARTS];
    bool shared;        /* the test part is the training part, the same memory */
    int class_count;    /* 0: targets are values */
    char **class_names; /* NULL: the numbers */
    int target_count;
    char notes[DATASET_NOTES][DATASET_NOTE_BYTES]; /* what the user should know; "" at the end */
} Dataset;

typedef struct DatasetOptions {
    const char *target; /* CSV: name or number (from 1) of the target's column; NULL: the last */
    bool values;        /* the loss takes values: columns of numbers are not classes */
} DatasetOptions;

/* A kind of files.  `recognises` looks at names alone; `read` fills the
 * dataset, which is freed by the caller whatever comes of it. */
typedef struct Reader {
    const char *name; /* "idx" */
    const char *what; /* for messages: "MNIST-style IDX files" */
    bool (*recognises)(const char *path, bool is_folder);
    int (*read)(const char *path, const DatasetOptions *, Dataset *, NnError *);
} Reader;

extern const Reader reader_idx, reader_csv;
extern const Reader *const data_readers[]; /* NULL at the end */

/* `path`: a file, a folder, or the name of a known set, which is looked for in
 * $NNC_DATA, ~/.cache/nnc, /usr/share/datasets and ./data.  NULL: the sample
 * shipped with the project. */
Dataset *dataset_open(const char *path, const DatasetOptions *, NnError *);
void dataset_free(Dataset *);
void dataset_note(Dataset *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The shipped sample's folder: beside the program, or where it is installed. */
int dataset_sample_path(char *out, size_t size, NnError *);

/* "7", or "cat" where the set has names; `buffer` takes 16 bytes. */
const char *dataset_class_name(const Dataset *, int label, char buffer[16]);

/* A test part for a set that has none: rows 4, 9, 14 … of 50 or more, else the
 * training rows themselves; a note says which. */
int dataset_split(Dataset *, NnError *);

/* Values that are all 0 or 1, one per sample, become two classes; others stay.
 * For losses over one probability. */
int dataset_binary(Dataset *, NnError *);

/* ---- fitting ------------------------------------------------------------ */

typedef enum NnFit {
    NN_FIT_RESIZE, /* bilinear until the image covers the input, then its centre */
    NN_FIT_PAD,    /* zeros around it */
    NN_FIT_CROP    /* its centre */
} NnFit;

typedef struct Fitting {
    NnFit fit;
    int rank, dims[3]; /* the net's input, per sample */
    size_t elements;
    int from[3], to[3]; /* C, H, W before and after; columns are F×1×1 */
    bool pixels;        /* bytes, to be scaled to 0…1 */
    size_t scratch;     /* floats that fitting_sample needs besides */
    int channels;       /* of the normalisation: to[0], or the columns */
    float *mean, *std;  /* x ← (x − mean)/std; NULL: as it is */
} Fitting;

/* Checks that the set's samples can become the input; adds notes to the set. */
int fitting_init(Fitting *, Dataset *, int rank, const int *dims, NnFit, NnError *);
/* Mean and deviation of the training part, before the fit (0…1 for pixels). */
int fitting_measure(Fitting *, const Dataset *, NnError *);
/* Given ones: `count` is the channels, or 1 for all alike. */
int fitting_set(Fitting *, int count, const double *mean, const double *std, NnError *);
/* Sample `index` → out[elements]. */
void fitting_sample(const Fitting *, const Samples *, int index, float *out, float *scratch);
void fitting_free(Fitting *);

/* The bilinear resize: in[H][W] → out[h][w], the centre of H×W scaled until it
 * covers h×w.  Shrinking averages (a triangle as wide as the scale).  scratch: [H][w]. */
void fit_resize(const float *in, int height, int width, float *out, int out_height, int out_width, float *scratch);

/* ---- feeding a loss ------------------------------------------------------ */

typedef enum FeedKind {
    FEED_LABELS,  /* int32_t[batch] */
    FEED_VALUES,  /* the set's own values */
    FEED_ONE_HOT, /* classes, for a loss over values: 1 at the class */
    FEED_BINARY,  /* two classes, one value: 0 or 1 */
    FEED_INPUT    /* the input itself: autoencoders */
} FeedKind;

typedef struct Feed {
    FeedKind kind;
    const Dataset *data;
    const Fitting *fitting;
    size_t target_count; /* values per sample; 1 for labels */
} Feed;

/* What the loss takes: classes among `outputs`, or `target_count` values. */
int feed_init(Feed *, const Dataset *, const Fitting *, bool classes, size_t outputs, size_t target_count, NnError *);

/* ---- batches ------------------------------------------------------------- */

typedef struct Batch {
    float *x;     /* [size][elements] */
    void *target; /* int32_t[size] or float[size][target_count] */
    int32_t *row; /* [size]: the samples' numbers in their part */
    int count;    /* samples that count; the rest of a short batch repeats others */
} Batch;

typedef struct Batcher Batcher;

/* For training: shuffled, whole batches only — a last, smaller one is left out;
 * a part smaller than one batch fills it by repetition.  For tests: in order,
 * the last batch may count less. */
Batcher *batcher_new(const Feed *, DataPart, int size, bool training, uint64_t seed, NnError *);
int batcher_batches(const Batcher *); /* per epoch */
void batcher_begin(Batcher *, uint64_t epoch);
const Batch *batcher_next(Batcher *); /* valid until the next call; NULL at the epoch's end */
void batcher_free(Batcher *);

#endif
