/*
 * What the files of elab/train*.c share: the entries of a train section.
 */
#ifndef NNC_ELAB_TRAIN_ENTRIES_H
#define NNC_ELAB_TRAIN_ENTRIES_H

#include "elab/attributes.h"
#include "elab/scope.h"
#include "elab/train_spec.h"

typedef enum Key {
    KEY_LOSS,
    KEY_OPTIMIZER,
    KEY_SCHEDULE,
    KEY_REGULARIZE,
    KEY_CLIP,
    KEY_BATCH,
    KEY_EPOCHS,
    KEY_SEED,
    KEY_NORMALIZE,
    KEY_FIT,
    KEY_AUGMENT,
    KEY_STOP,
    KEY_ORDER,
    KEY_VALID,
    KEY_KEEP,
    KEY_UPDATE,
    KEY_EMA, /* written as calls, as the four below: ema(0.999) */
    KEY_LOOKAHEAD,
    KEY_MIXUP,
    KEY_CUTMIX,
    KEY_TEACHER,
    KEY_GROUP, /* several: Training.groups */
    KEY_COUNT
} Key;

/* A key and what stands after it. */
typedef struct TrainEntry {
    Key key;
    Span span;   /* of the key */
    List values; /* of ConstArg; a value of NULL was in error */
} TrainEntry;

typedef struct Training {
    Compilation *c;
    Eval eval;
    const Names *names;
    const Graph *net;
    TrainEntry *entry[KEY_COUNT]; /* NULL: the default holds */
    List groups;                  /* of TrainEntry: group "PATTERN" (…) */
    List overrides;               /* of ConstArg: arguments of the optimizer or the loss */
    TrainSpec *spec;
    bool good;
} Training;

static inline void wrong(Training *t) { t->good = false; }

/* Reads the entries of Training.groups into the specification: train_groups.c. */
void train_read_groups(Training *);

/* Keys that are written as calls: train_calls.c. */
void train_read_call(Training *, const TrainEntry *);
void train_check_calls(Training *); /* whether the loss suits them, once it was read */

/* The key schedule: train_schedule.c. */
enum { SCHEDULE_KINDS = SCHEDULE_BOLD_DRIVER + 1 };
extern const char *const train_schedule_names[]; /* as ScheduleKind */
extern const Attr *const train_schedule_attrs[];
void train_read_schedule(Training *, const TrainEntry *);

/* A table's minimum for numbers above 0, and a maximum that is none. */
#define POSITIVE 1e-300, INFINITY

/* The only value of an entry, or NULL after an error. */
const ConstArg *train_single(Training *, const TrainEntry *);
/* The index of a symbol among the names, or −1 after an error; and its arguments. */
int train_choose(Training *, Key, const ConstArg *, const char *const *names, int count);
const List *train_symbol_args(const Const *symbol);
const char *train_names_text(const Training *, const char *const *names, int count); /* "a, b or c" */

static inline bool train_is_call(int key) { return key >= KEY_EMA && key <= KEY_TEACHER; }

/* Adds the items of a section, or of --set, to the entries; `set`: these replace earlier ones. */
void train_read_items(Training *, const List *items /* of Arg */, bool set);

#endif
