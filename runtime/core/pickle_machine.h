/*
 * pickle_machine: the state in which opcodes work; for pickle.c and pickle_opcodes.c.
 */
#ifndef NN_PICKLE_MACHINE_H
#define NN_PICKLE_MACHINE_H

#include "runtime/core/pickle.h"

struct Pickle {
    const PickleHost *host;
    const char *path;
    NnError *error;
    struct PickleBlock *blocks; /* the memory of all values */
    PickleItems persistents;
    /* Of the pickle that is being read. */
    const unsigned char *start, *at, *end;
    PickleItems stack, memo;
    size_t *marks; /* heights of the stack */
    size_t mark_count, mark_capacity;
    bool stopped;
};

/* Carries one opcode out; −1: failed. */
typedef int (*PickleOpcode)(Pickle *);
extern const PickleOpcode pickle_opcodes[256];

/* The next bytes of the pickle; NULL: it ends before. */
const unsigned char *pickle_take(Pickle *, uint64_t bytes);

int pickle_push(Pickle *, PickleValue *); /* NULL: failed before */
PickleValue *pickle_pop(Pickle *);        /* NULL: nothing above the last mark */
PickleValue *pickle_top(Pickle *);
int pickle_mark(Pickle *);
/* What is above the last mark, which goes with it, as items of the pickle's memory. */
int pickle_pop_mark(Pickle *, PickleItems *);

int pickle_memo_put(Pickle *, uint64_t index);
int pickle_memo_get(Pickle *, uint64_t index);

#endif
