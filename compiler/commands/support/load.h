/*
 * load: a net from the command line to code that runs, and the options for that.
 */
#ifndef NNC_LOAD_H
#define NNC_LOAD_H

#include "backend/backend.h"
#include "base/base.h"
#include "commands/support/command.h"
#include "elab/objectives.h"
#include "emit/emit.h"
#include "front/front.h"
#include "graph/graph.h"
#include "plan/plan.h"
#include "quantize/quantizer.h"
#include "runtime/nn.h"

/* ", generic", ", neon", … */
#define AND_TARGET(ID, NAME, TITLE, LACKING, FEATURES, TEST, CALLED, ...) ", " CALLED

/* What a net is loaded with.  The compilation is owned by it. */
typedef struct LoadOptions {
    Compilation *compilation;
    const char *path;        /* "-" is standard input */
    const char *text;        /* what is in it; NULL: it is read */
    const char *net;         /* NULL: the only one of the file */
    List defines;            /* of const char *: "name=value", from -D */
    List sets;               /* of const char *: items of --set */
    List maps;               /* of const char *: OLD=NEW of --map */
    List freeze, train_only; /* of const char *: patterns over parameters' names (fnmatch) */
    int64_t batch;           /* 0: the train section's, else default_batch */
    int64_t default_batch;   /* 1 to begin with */
    JitKind jit;
    bool steps;         /* --jit tiered is meant for it: it asks model_poll between calls, and no --jit
                         * changes its results */
    int64_t threads;    /* of a pass; 0: one for each processor */
    const char *prefix; /* of the symbols; NULL: the net's name */
    bool train;         /* with the training programs; else inference only */
    bool vjp;           /* with PREFIX_vjp */
    bool chunks;        /* with steps in chunks */
    bool use_double;
    bool plain;
    unsigned disabled_passes; /* LowerOptions.disabled */
    int64_t memory_limit;     /* LowerOptions.memory_limit */
    bool bf16_weights;        /* LowerOptions.bf16_weights */
    bool bf16_values;         /* LowerOptions.bf16_values */
    bool poison;
    bool profile;        /* EmitOptions.profile */
    bool trace;          /* EmitOptions.trace */
    bool watch;          /* EmitOptions.watch */
    List inputs;         /* of InputSize, from --input */
    int device;          /* ReportOptions.device: of --target */
    bool own_weights;    /* those inside a MODEL.onnx are wanted */
    bool writes_c;       /* --train is for what the C has: the patterns are those of --train-only */
    bool learns;         /* beside int8 weights, what stays in f32 is trained */
    bool simulates;      /* weights that were trained with simulated int8 are computed with so */
    const char *weights; /* of a command that takes int8 weights: their file; NULL: it does not, or has none */
} LoadOptions;

/* --target: 1 + the target where it is a machine without kernels, else 0; false after a message. */
bool option_target(const Command *, const char *text, int *device);

void load_options_init(LoadOptions *);
LoadOptions load_options_of(Compilation *); /* the defaults, for a compilation that is there */
void load_options_free(LoadOptions *);      /* and all that was loaded with it */

/* Options that commands share: put their rows into the table, and give what is
 * read to load_option.  It takes: -D, --input, --net, --set, --freeze, --train, --batch, --jit, --threads,
 * --memory-limit, and --no-NAME of every pass. */
enum {
    OPTION_NET = 256,
    OPTION_SET,
    OPTION_MAP,
    OPTION_FREEZE,
    OPTION_TRAIN,
    OPTION_BATCH,
    OPTION_JIT,
    OPTION_THREADS,
    OPTION_MEMORY_LIMIT,
    OPTION_COLUMN,
    OPTION_CLASSES,
    OPTION_SAMPLES_LIMIT,
    OPTION_VALID,
    OPTION_WORKERS,
    OPTION_DATA_CACHE,
    OPTION_EXPLAIN,
    OPTION_INPUT,
    OPTION_WEIGHTS_FORMAT,
    OPTION_COMPUTE,
    OPTION_NO_PASS, /* + PassId */
    OPTION_FIRST_OWN = OPTION_NO_PASS + PASS_COUNT
};

/* clang-format off */
#define OPTION_ROW_DEFINE {'D', "define", "NAME=VALUE", "set a parameter of the net"}
#define OPTION_ROW_INPUT {OPTION_INPUT, "input", "SIZE", "replace the input's shape: CxHxW, LxD, F or LABEL=SHAPE"}
#define OPTION_ROW_NET {OPTION_NET, "net", "NAME", "the net to use, where the file has several"}
#define OPTION_ROW_MAP {OPTION_MAP, "map", "OLD=NEW", "rename the tensors of the weights file, each side with one * or none: 'features.*=conv.*'"}
#define OPTION_ROW_SET {OPTION_SET, "set", "KEY=VALUE", "override a key of the train section"}
#define OPTION_ROWS_FREEZE \
    {OPTION_FREEZE, "freeze", "PATTERN", "do not train the parameters whose names match"}, \
    {OPTION_TRAIN, "train", "PATTERN", "train only the parameters whose names match"}
#define OPTION_ROW_BATCH {OPTION_BATCH, "batch", "N", "samples per batch"}
#define OPTION_ROW_JIT {OPTION_JIT, "jit", "tcc|cc", "compile in memory (tcc), or with the system compiler (cc)"}
#define OPTION_ROW_JIT_TIERED {OPTION_JIT, "jit", "tcc|cc|tiered", "compile in memory (tcc), with the system compiler (cc), or start with tcc and switch to cc (tiered)"}
#define OPTION_ROW_THREADS {OPTION_THREADS, "threads", "N", "threads to run a pass with, 1024 at most (default: one for each processor that the process is bound to)"}
#define OPTION_ROWS_COLUMN \
    {OPTION_COLUMN, "column", "COLUMN", "of CSV data: the name or number of the column to learn (default: the last)"}, \
    {OPTION_COLUMN, "target", "COLUMN", "another name for --column"}
#define OPTION_ROWS_SAMPLES \
    {OPTION_CLASSES, "classes", "LIST", "only samples of these classes, numbers or names such as 3,5,8; they become 0, 1, 2"}, \
    {OPTION_SAMPLES_LIMIT, "limit", "N", "at most N samples of each part, drawn by class"}, \
    {OPTION_VALID, "valid", "SHARE|N", "cut a validation part off the training part: 0.1, or 5000 samples; 0: none"}
#define OPTION_ROWS_LOADING \
    {OPTION_WORKERS, "workers", "N", "threads that decode, augment and batch samples; 0: none beside the step (default: 1, for work on images half the processors)"}, \
    {OPTION_DATA_CACHE, "data-cache", "BYTES", "memory for decoded images; a set that takes more is streamed (default: a quarter of this machine's)"}
#define OPTION_ROW_LIMIT {OPTION_MEMORY_LIMIT, "memory-limit", "BYTES", "memory for training: model, optimizer state and scratch; met by smaller micro-batches and rematerialization"}
#define OPTION_ROW_WEIGHTS_FORMAT {OPTION_WEIGHTS_FORMAT, "weights-format", "f32|bf16", "at inference: weights of convolutions and dense layers in 4 bytes (f32) or rounded to 2 (bf16)"}
#define OPTION_ROW_COMPUTE {OPTION_COMPUTE, "compute", "f32|bf16", "weights, values and gradients of values in 4 bytes (f32) or rounded to 2 (bf16); sums are in f32"}
#define OPTION_ROW_EXPLAIN {OPTION_EXPLAIN, "explain", NULL, "print the variants that each layer can be computed by, their costs and the choice"}
#define OPTION_ROW_PASS(id, name, applies, run, requires, effect, help) {OPTION_NO_PASS + PASS_##id, "no-" name, NULL, help},
#define OPTION_ROWS_PASSES PASS_TABLE(OPTION_ROW_PASS)
/* clang-format on */

typedef enum Taken { TAKEN_NO, TAKEN_YES, TAKEN_BAD } Taken;
Taken load_option(LoadOptions *, const Command *, int id, const char *value);
/* For the plain form, which no pass changes: false and a message where one was named. */
bool plain_form_allows(const LoadOptions *, const Command *);

/* A limit of memory is for training: false and a message where there is one and none of that. */
bool limit_has_training(const LoadOptions *, const Command *, bool training);
bool format_has_inference(const LoadOptions *, const Command *, bool training); /* --weights-format is for it alone */
/* --map renames what is in a file, which is named by `option`: false and a message where there is none. */
bool map_has_weights(const LoadOptions *, const Command *, const char *weights, const char *option);

/* A net as far as it was loaded. */
typedef struct Model {
    Compilation *c;
    const File *file;
    Graph *net;
    TrainSpec *spec;               /* NULL when neither training was asked for nor a section exists */
    bool train_section;            /* the file has one for this net */
    int64_t batch;                 /* decided */
    List maps;                     /* of const char *: the rules of --map */
    Graph *original;               /* that which a net in integers, or that simulates them, was made of; else NULL */
    const QuantizedNet *quantized; /* and how it was made; else NULL */
    const char *certificate;       /* of int8 weights: its hash, or NULL */
    const char *simulated;         /* where the net simulates int8 (simulated.h), the note of that; else NULL */
    const char *weights;           /* where those inside a MODEL.onnx are, when they are wanted; else NULL */
    EmitResult *emitted;           /* from load_code on */
    Jit *jit;
    const nn_model_info *info; /* NULL with use_double; its functions change in model_poll */
    nn_model_info *functions;  /* what info points to */
} Model;

/* Parses and elaborates, reads the train section, freezes.  Diagnostics,
 * warnings too, are printed.  STATUS_OK, or what to exit with. */
int load_net(const LoadOptions *, Model *);
/* The same without printing anything, where there are no int8 weights: for programs that do so
 * themselves (library). */
int build_net(const LoadOptions *, Model *);
Graph *model_described(const Model *); /* the net of the source: `original`, or where there is none, `net` */
int build_code(const LoadOptions *, Model *, const char **error); /* *error: NULL where diagnostics say it */
/* A loaded net, emitted and compiled in this process; l->batch and l->spec may
 * have been changed in between. */
int load_code(const LoadOptions *, Model *);
/* load_net, then load_code. */
int load_model(const LoadOptions *, Model *);
/* With --jit tiered, between two calls: puts the faster code's functions into
 * l->info once they are there.  True when it just did, or when there will be none
 * and *why says why; at other times it costs nothing. */
bool model_poll(Model *, const char **why);
void model_free(Model *); /* the running code; the rest belongs to the options */

/* What a memory limit has led to: "664 MiB instead of 1.21 GiB: …".  NULL: there was no limit, or no training. */
const char *model_memory_text(const Model *);

/* Prints the diagnostics that have not been printed; STATUS_INPUT when there
 * was an error in the compilation, else STATUS_OK. */
int load_status(const LoadOptions *);

/* PREFIX_NAME in the running code, or NULL. */
void *model_symbol(const Model *, const char *name);

/* 64-byte aligned, zeroed; ends the process with status 3 when there is none. */
void *block_alloc(size_t bytes);
void *block_for_model(const nn_model_info *);   /* for its inference and its training */
void *block_for_scratch(const nn_model_info *); /* likewise */

#endif
