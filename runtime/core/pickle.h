/*
 * pickle: a closed interpreter of Python's pickles.
 *
 * It builds numbers, texts, tuples, lists, dictionaries, and what the host makes of the
 * globals that it knows.  Nothing is imported or executed: a global that the host does not know is
 * an error that names it.  All memory is in proportion to the pickle's size.
 */
#ifndef NN_PICKLE_H
#define NN_PICKLE_H

#include "runtime/core/core.h"

typedef enum PickleKind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_FLOAT,
    PICKLE_OPAQUE, /* integers of more than 64 bits, bytes, sets: their values are not kept */
    PICKLE_TEXT,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT, /* items: key, value, key, value … */
    PICKLE_GLOBAL,
    PICKLE_STORAGE,
    PICKLE_TENSOR
} PickleKind;

typedef struct PickleValue PickleValue;
typedef struct PickleGlobal PickleGlobal;
typedef struct Pickle Pickle;

typedef struct PickleText { /* in the pickle; no zero after it */
    const char *at;
    size_t length;
} PickleText;

typedef struct PickleItems {
    PickleValue **at;
    size_t count, capacity;
} PickleItems;

struct PickleValue {
    PickleKind kind;
    union {
        int64_t integer; /* PICKLE_BOOL, too */
        PickleText text;
        PickleItems items;
        const PickleGlobal *global;
        const struct TorchStorage *storage;
        const struct TorchTensor *tensor;
    };
};

struct PickleGlobal {
    const char *module, *name;
    /* The value of a call; NULL after pickle_fail.  A NULL function: it cannot be called. */
    PickleValue *(*call)(Pickle *, const PickleItems *args);
    NnType type; /* of a storage */
};

typedef struct PickleHost {
    const PickleGlobal *globals; /* up to a NULL name */
    /* The value of a persistent id; NULL after pickle_fail. */
    PickleValue *(*persistent)(Pickle *, const PickleValue *id);
} PickleHost;

Pickle *pickle_new(const PickleHost *, const char *path, NnError *);
void pickle_free(Pickle *); /* and all its values; NULL does nothing */

/* The value of the pickle that starts at bytes[*at], which moves behind it.  NULL: failed. */
PickleValue *pickle_read(Pickle *, const unsigned char *bytes, size_t size, size_t *at);

/* The values of all persistent ids so far. */
const PickleItems *pickle_persistents(const Pickle *);

/* For the host's functions; they return NULL, and −1. */
void *pickle_alloc(Pickle *, size_t bytes); /* zeroed, of the pickle */
PickleValue *pickle_value(Pickle *, PickleKind);
int pickle_fail(Pickle *, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool pickle_append(Pickle *, PickleItems *, PickleValue *);

bool pickle_text_is(const PickleValue *, const char *);
/* The value of the last entry of this key; NULL: none, or no dictionary. */
PickleValue *pickle_find(const PickleValue *dict, const char *key);

#endif
