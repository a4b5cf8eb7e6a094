/*
 * data: samples with their targets, fitted to a net and batched ahead of it.
 *
 * Enters: a path and what the net takes.  `dataset_open` finds the reader that
 * knows the files and leaves a Dataset as the files have it: whole in memory, or,
 * where images take more than they may, streamed (source.h).  A Fitting makes of one of its samples the net's input (size, channels,
 * normalisation); a Feed adds the target in the loss's form; a Batcher gives
 * batches in an order that depends on seed and epoch alone.
 */
#ifndef NN_DATASET_H
#define NN_DATASET_H

#include "runtime/core/core.h"
#include "runtime/data/team.h"

/* ---- data sets ---------------------------------------------------------- */

typedef enum DataPart {
    DATA_TRAIN,
    DATA_TEST,
    DATA_VALID, /* for decisions while training; may have no samples */
    DATA_PARTS
} DataPart;

typedef struct SampleSource SampleSource;

typedef struct Samples {
    int count;
    uint8_t *pixels; /* [count][C][H][W], 0…255; or NULL, and then */
    float *values;   /* [count][elements]; or NULL, and then they are read when they are needed: */
    const SampleSource *source;
    int32_t *numbers;  /* [count]: of images, in their source; else NULL */
    int32_t *labels;   /* [count] classes or NO_CLASS, or [count][map] class maps; or NULL, and then */
    float *targets;    /* [count][target_count] */
    char *labels_path; /* the file that they are from, where it is one; for messages */
} Samples;

/* One of them, as the files have it: bytes, or values. */
typedef struct RawSample {
    const uint8_t *pixels;
    const float *values;
} RawSample;

enum { NO_CLASS = -100 }; /* of a sample or a pixel: it is left out of the loss and of the accuracy */

enum { DATASET_NOTES = 4, DATASET_NOTE_BYTES = 256 };

/* Named targets: of heads and outputs that have their own. */
enum { NAMED_TARGETS = 32 };

/* What a loss takes of a named target. */
typedef struct NamedTarget {
    const char *name;
    bool classes;  /* class numbers, else values */
    size_t scores; /* classes that there may be */
    size_t count;  /* elements of a sample */
    bool taught;   /* not of the data: Feed.teach writes them */
} NamedTarget;

/* What the data have of it: numbers, of classes whole ones. */
typedef struct NamedValues {
    size_t count;          /* of a sample */
    float *at[DATA_PARTS]; /* [samples][count] */
} NamedValues;

/* How the parts were made of what the files have: parts.h. */
typedef struct Division {
    double valid; /* of the training part, as dataset_cut_valid has it; 0: nothing was cut off */
    int limit;    /* samples of each part; 0: all */
    uint64_t seed;
    char *classes; /* the list that dataset_choose was given; NULL: all classes are there */
} Division;

typedef struct Dataset {
    char *path;         /* where it was found */
    const char *format; /* the reader's word for it */
    int rank;           /* 3: C, H, W; 1: columns */
    int dims[3];        /* of a survey: H, W of 0 where images have several sizes */
    size_t elements;
    Samples part[DATA_PARTS];
    Division division;
    bool shared;        /* the test part is the training part, the same memory */
    int class_count;    /* 0: targets are values */
    int map[2];         /* H, W of a class map, with a class of each pixel (or NO_CLASS); 0, 0: a class per sample */
    char **class_names; /* NULL: the numbers */
    int target_count;
    NamedValues named[NAMED_TARGETS];              /* as DatasetOptions.named */
    SampleSource *source;                          /* of all parts, where samples are streamed; else NULL */
    uint64_t identity;                             /* of images: a hash of all of them, streamed or not; else 0 */
    char notes[DATASET_NOTES][DATASET_NOTE_BYTES]; /* what the user should know; "" at the end */
} Dataset;

/* How an image of another size becomes the net's input. */
typedef enum NnFit {
    NN_FIT_RESIZE, /* bilinear until the image covers the input, then its centre */
    NN_FIT_PAD,    /* zeros around it */
    NN_FIT_CROP    /* its centre */
} NnFit;

typedef struct DatasetOptions {
    const NamedTarget *named; /* found by their names: arrays, or columns of CSV files */
    int named_count;
    const char *target; /* CSV: name or number (from 1) of the target's column; NULL: the last */
    bool values;        /* the loss takes values: columns of numbers are not classes */
    bool soft;          /* the loss takes probabilities, which one class per sample is, too */
    int64_t ignored;    /* a class that stands for none: any in class maps, a negative one of samples */
    int net[3];         /* C, H, W of the net's input, where it is an image; else 0 */
    int keep;           /* images of many sizes are kept as squares of this side at least; 0: as the net has it */
    NnFit fit;          /* what brings them there */
    size_t cache;       /* bytes that decoded images may take, a set that takes more is streamed;
                         * 0: a quarter of this machine's memory */
    const char *index;  /* folder that what is read of all images is kept in (image_index.h); NULL: none */
    TeamWatch watch;    /* of the reading of images */
    bool survey;        /* what is there is asked for, not the samples: images may have several sizes */
} DatasetOptions;

/* A kind of files.  `recognises` looks at names alone; `read` fills the
 * dataset, which is freed by the caller whatever comes of it. */
typedef struct Reader {
    const char *what; /* for messages: "MNIST-style IDX files" */
    bool (*recognises)(const char *path, bool is_folder);
    int (*read)(const char *path, const DatasetOptions *, Dataset *, NnError *);
} Reader;

extern const Reader reader_idx, reader_cifar, reader_arrays, reader_csv, reader_mat, reader_images, reader_shards;

/* NAME-{000000..000009}.tar: several files, none of which has this name. */
bool shards_are_named(const char *path);

/* `path`: a file, a folder, or the name of a known set, which is looked for in
 * $NNC_DATA, ~/.cache/nnc, /usr/share/datasets and ./data.  NULL: the sample
 * shipped with the project. */
Dataset *dataset_open(const char *path, const DatasetOptions *, NnError *);
void dataset_free(Dataset *);
void dataset_note(Dataset *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The shipped sample's folder: beside the program, or where it is installed. */
int dataset_sample_path(char *out, size_t size, NnError *);

/* ": sample 17 of FILE has class 202", the first whose class is not below `classes`; "" for
 * none.  Classes that have names are not looked for: there are as many as names. */
enum { DATASET_LABEL_TEXT = 512 };
const char *dataset_label_beyond(const Dataset *, int classes, char out[DATASET_LABEL_TEXT]);

/* "7", or "cat" where the set has names; `buffer` takes 16 bytes. */
const char *dataset_class_name(const Dataset *, int label, char buffer[16]);

/* A hash of all samples and targets of all parts, by which a set is known again. */
uint64_t dataset_fingerprint(const Dataset *);

/* Checks that the values of a named target are what its loss takes. */
int named_check(const Dataset *, const NamedTarget *, const NamedValues *, NnError *);

/* Values that are all 0 or 1 (or, as signs, −1 or 1), one per sample, become two classes;
 * others stay.  For losses over one probability or one score. */
int dataset_binary(Dataset *, bool signs, NnError *);

const char *dataset_part_name(DataPart); /* "training", "test", "validation" */

/* Samples of the class `ignored` have none from now on; class maps stay. */
void dataset_ignore(Dataset *, int64_t ignored);
/* The first sample without a class in a part that has one class per sample, or −1. */
int dataset_unlabelled(const Dataset *, DataPart);

/* Classes of a sample: 1, or the pixels of its class map. */
size_t dataset_label_count(const Dataset *);

/* ---- fitting ------------------------------------------------------------ */

typedef struct Fitting {
    NnFit fit;
    int rank, dims[3]; /* the net's input, per sample */
    size_t elements;
    int from[3], to[3]; /* C, H, W before and after; sequences are C×L×1, columns F×1×1 */
    bool pixels;        /* bytes, to be scaled to 0…1 */
    bool rows;          /* columns or sequences, no images */
    bool alone;         /* without a data set */
    size_t scratch;     /* floats that fitting_sample needs besides */
    int channels;       /* of the normalisation: parts of equal size, of which each has its numbers */
    float *mean, *std;  /* x ← (x − mean)/std; NULL: as it is */
} Fitting;

/* Checks that the set's samples can become the input; adds notes to the set. */
int fitting_init(Fitting *, Dataset *, int rank, const int *dims, NnFit, NnError *);
/* Mean and deviation of the training part, before the fit (0…1 for pixels). */
int fitting_measure(Fitting *, const Dataset *, NnError *);
/* Memory for them. */
int fitting_reserve(Fitting *, NnError *);
/* Given ones: `count` is the channels of the data or of the net, or 1 for all alike. */
int fitting_set(Fitting *, int count, const double *mean, const double *std, NnError *);
/* The channel whose mean and deviation are those of an element of the net's input. */
int fitting_channel(const Fitting *, size_t element);
/* A sample → out[elements]. */
void fitting_sample(const Fitting *, RawSample, float *out, float *scratch);
void fitting_free(Fitting *);

/* The two halves of fitting_sample.  load: the sample in the net's channels,
 * planes[to[0]][from[1]][from[2]].  place: planes of any size H×W → out, fitted
 * and normalised; scratch: H·to[2] floats. */
void fitting_load(const Fitting *, RawSample, float *planes);
void fitting_place(const Fitting *, const float *planes, int height, int width, float *out, float *scratch);
/* Where the pixels of the net's input are from, along an axis of an image that was fitted: its
 * `side` is scaled to `whole`, of which the input begins at `first`. */
typedef struct FitSource {
    int side, whole, first;
} FitSource;

/* Of images of size H, W. */
void fitting_sources(const Fitting *, const int size[2], FitSource source[2]);
/* The nearest one to pixel `at` of the input, or −1 beside the image. */
int fitting_source(const FitSource *, int at);
/* Whether images of H×W can be fitted. */
int fitting_check_size(const Fitting *, int height, int width, NnError *);

/* The bilinear resize: in[H][W] → out[h][w], the centre of H×W scaled until it
 * covers h×w.  Shrinking averages (a triangle as wide as the scale).  scratch: [H][w]. */
void fit_resize(const float *in, int height, int width, float *out, int out_height, int out_width, float *scratch);

/* One image of bytes, without a net: in[C][H][W] → out[C][h][w]; scratch: H·W + H·w + h·w floats. */
void fit_bytes(NnFit, int channels, const uint8_t *in, int height, int width, uint8_t *out, int out_height,
               int out_width, float *scratch);

/* ---- augmentation --------------------------------------------------------- */

/*
 * Changes to a training image, each by chance, in the order written.  They see
 * the image as the files have it (0…1, in the net's channels) before it is
 * fitted and normalised; what is new in it is black, except for a cutout, which
 * is the mean that the normalisation takes off.  Chance is a function of the
 * seed, the epoch and the sample's number alone.
 */
typedef enum NnAugmentKind {
    NN_AUGMENT_CROP,     /* size×size from anywhere in the image with `pad` zeros around it */
    NN_AUGMENT_FLIP,     /* left and right change places, every other time */
    NN_AUGMENT_RESIZE,   /* the shorter side becomes `size`, the other keeps the proportion; always */
    NN_AUGMENT_ROTATE,   /* about the centre by −amount … amount degrees, bilinear */
    NN_AUGMENT_CUTOUT,   /* a square of `size` about any pixel, as far as it is in the image */
    NN_AUGMENT_JITTER,   /* brightness, contrast, saturation, each times 1−amount … 1+amount */
    NN_AUGMENT_TRANSLATE /* moved by up to `size` pixels along both axes; what is new is reflected */
} NnAugmentKind;

enum { NN_AUGMENT_LIMIT = 32 };

typedef struct NnAugmentStep {
    NnAugmentKind kind;
    int size, pad;
    double amount;
    bool alternate; /* flip: in every other epoch, first by chance, instead of always by chance */
} NnAugmentStep;

typedef struct Augmenter {
    const Fitting *fitting;
    NnAugmentStep step[NN_AUGMENT_LIMIT];
    int count;
    int height, width; /* of what it makes */
    size_t planes;     /* floats of the largest image on the way */
    size_t scratch;    /* floats that augment_sample needs */
} Augmenter;

/* Checks that every step finds an image large enough and that the result can be
 * fitted; the fitting must outlive it. */
int augment_init(Augmenter *, const Fitting *, const NnAugmentStep *, int count, NnError *);
/* Sample `index` as `epoch` has it → out[elements], fitted and normalised. */
void augment_sample(const Augmenter *, RawSample, int index, uint64_t seed, uint64_t epoch, float *out, float *scratch);

/* A class map of the size of the images, with sample `index`'s pixels moved as augment_sample
 * moves them, before they are fitted: the nearest pixel, and NO_CLASS where there is none.
 * map and other: a->planes floats each; the result, a->height × a->width, is in one of them. */
float *augment_map(const Augmenter *, int index, uint64_t seed, uint64_t epoch, float *map, float *other);

/* The steps by themselves, on planes[C][H][W]; out and in are different memory. */
void augment_crop(const float *in, int channels, int height, int width, int top, int left, int pad, int size,
                  float *out);
void augment_translate(const float *in, int channels, int height, int width, int down, int right, float *out);
void augment_flip(float *planes, int channels, int height, int width);
void augment_rotate(const float *in, int channels, int height, int width, double degrees, float *out);
/* fill: [C], or NULL for zeros */
void augment_cutout(float *planes, int channels, int height, int width, int row, int column, int size,
                    const float *fill);
/* clamp: results stay in 0…1 */
void augment_jitter(float *planes, int channels, size_t area, double brightness, double contrast, double saturation,
                    bool clamp);

/* ---- feeding a loss ------------------------------------------------------ */

typedef enum FeedKind {
    FEED_LABELS,  /* int32_t[batch] */
    FEED_VALUES,  /* the set's own values */
    FEED_ONE_HOT, /* classes, for a loss over values: 1 at the class */
    FEED_MAP,     /* int32_t[batch][height][width]: class maps, the centre of them */
    FEED_BINARY,  /* two classes, one value: 0 or 1 */
    FEED_SIGN,    /* two classes, one value: −1 or 1 */
    FEED_INPUT    /* the input itself: autoencoders */
} FeedKind;

/* One thread where samples are only copied, else one for every two processors. */
enum { FEED_USUAL_WORKERS = -1, FEED_MOST_WORKERS = 64 };

typedef struct Feed {
    FeedKind kind;
    const Dataset *data;
    const Fitting *fitting;
    const Augmenter *augment; /* of training batches; NULL: none */
    size_t target_count;      /* values per sample of the net's own target; 1 for labels */
    const NamedTarget *named; /* stand after it in a sample's row of targets, */
    int named_count;
    bool reals;        /* which is of floats even where the net's own target is classes */
    int height, width; /* of a class map, as the loss takes it, */
    int top, left;     /* and where it begins in the net's input */
    bool map_moves;    /* the data's goes with its image, pixel by pixel; else it is as the loss takes it */
    bool sequential;   /* training batches take the samples in their order */
    bool last;         /* the last, shorter batch of a training epoch is there, else left out */
    /* The samples of training batches that are made, of others the number alone; 0, 0: all. */
    int share_begin, share_end;
    double mixup, cutmix; /* alpha, of training batches; 0: none */
    /* Where the last named target is taught: x [size][elements] of a whole batch → its values
     * [size][count].  Called by the thread that takes the batches. */
    void (*teach)(void *teacher, const float *x, float *values);
    void *teacher;
    int workers; /* threads that make batches; 0: the one that takes them; FEED_USUAL_WORKERS */
} Feed;

/* What the loss takes of a sample. */
typedef struct TargetSpec {
    bool classes;      /* a class of each place; else values */
    bool signs;        /* one value, −1 or 1 */
    size_t scores;     /* classes that there may be */
    size_t count;      /* classes or values */
    int height, width; /* places; 0, 0: a class per sample */
    bool aligned;      /* an output's pixel belongs to an input's pixel */
    const NamedTarget *named;
    int named_count;
    bool reals; /* some of all targets are values */
} TargetSpec;

int feed_init(Feed *, const Dataset *, const Fitting *, const TargetSpec *, NnError *);
size_t feed_row(const Feed *);                                   /* elements of a row of targets */
size_t feed_taught(const Feed *);                                /* those at its end that a teacher writes */
int32_t feed_class(const Feed *, const void *row, size_t place); /* of the net's own target */

/* ---- batches ------------------------------------------------------------- */

typedef struct Batch {
    float *x;     /* [size][elements] */
    void *target; /* [size] rows of int32_t or float: feed_row */
    int32_t *row; /* [size]: the samples' numbers in their part */
    int count;    /* samples that count; the rest of a short batch repeats others */
} Batch;

/* mixup and cutmix, as the feed says: of the batch of that number in the epoch. */
void mix_batch(const Feed *, Batch *, uint64_t seed, uint64_t epoch, uint64_t number);
/* The λ of that batch. */
double mix_beta(uint64_t seed, uint64_t epoch, uint64_t number, double alpha);

typedef struct Batcher Batcher;

/* For training: shuffled, unless the feed is sequential, in whole batches; with Feed.last the
 * last one may count less, without it such a one is left out, and a part smaller than one
 * batch fills it by repetition.  For tests: in order, the last batch may count less. */
Batcher *batcher_new(const Feed *, DataPart, int size, bool training, uint64_t seed, NnError *);
/* For tests, of at most `count` samples, evenly spaced. */
Batcher *batcher_new_some(const Feed *, DataPart, int size, int count, NnError *);
int batcher_batches(const Batcher *); /* per epoch */
void batcher_begin(Batcher *, uint64_t epoch);
void batcher_begin_at(Batcher *, uint64_t epoch, int number); /* the epoch without the batches before that one */
/* Valid until the next call; NULL at the epoch's end, or where a sample could not be read. */
const Batch *batcher_next(Batcher *);
/* −1 and the error where batcher_next has found a sample that could not be read. */
int batcher_failed(Batcher *, NnError *);
double batcher_waited(const Batcher *); /* seconds in batcher_next, in all */
void batcher_free(Batcher *);

#endif
