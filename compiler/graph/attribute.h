/*
 * Attributes: the arguments of an operator, as a table from which elab/attributes.c binds
 * them, checks them and prints them back.
 */
#ifndef NNC_GRAPH_ATTRIBUTE_H
#define NNC_GRAPH_ATTRIBUTE_H

#include <stddef.h>

#include "graph/shape.h"
#include "graph/tensor.h"

typedef struct Pair {
    int64_t h, w;
} Pair;

typedef enum PadKind { PAD_EXPLICIT, PAD_SAME, PAD_VALID, PAD_FULL } PadKind;

typedef struct Pad {
    PadKind kind;
    int64_t top, left, bottom, right; /* resolved by the operator's shape rule where kind is not explicit */
} Pad;

typedef struct Reals {
    int count;
    double *at;
} Reals;

typedef enum AttrType {
    ATTR_INT,    /* int64_t */
    ATTR_REAL,   /* double */
    ATTR_BOOL,   /* bool */
    ATTR_PAIR,   /* Pair: 3, 3x1 or [h, w] */
    ATTR_PAD,    /* Pad: number, [h, w], [top, left, bottom, right], same, valid, full */
    ATTR_SYMBOL, /* int: index into `symbols` */
    ATTR_SHAPE,  /* Shape: 6x5x5, or one integer */
    ATTR_BOX,    /* Pad with kind PAD_EXPLICIT: exactly four integers */
    ATTR_REALS,  /* Reals: a list of numbers, or one number */
    ATTR_INIT,   /* Init */
    ATTR_NAME,   /* const char *: a bare name, or a string */
    ATTR_LOSS,   /* OpCall: a loss with its arguments */
    ATTR_TEXT    /* const char *: a string */
} AttrType;

/* What an argument of type ATTR_INT is that is given as `none`.  An ATTR_REAL is then NAN, a pair
 * 0, 0, a list has no elements, a name or a text is NULL, and a loss has no operator. */
#define ATTR_NONE INT64_MIN

/* One argument of an operator.  `initial` is the default as the language would
 * write it; the name of an attribute before it means the same value as that one
 * (pools: stride=k); NULL: the argument must be given. */
typedef struct Attr {
    const char *name;
    AttrType type;
    size_t offset; /* in the operator's attribute struct */
    const char *initial;
    double min, max;            /* of numbers, inclusive; 0, 0 means unbounded */
    const char *const *symbols; /* of ATTR_SYMBOL, NULL at the end; attr_or_none: of a number, it may be `none` */
} Attr;

/* The largest decay rate of a running mean, which is below 1. */
#define ATTR_DECAY_MAX 0.999999999

extern const char *const attr_or_none[];
bool attr_may_be_none(const Attr *);

#endif
