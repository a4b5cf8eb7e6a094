/*
 * Arguments → attributes of an operator, and back to text.
 */
#ifndef NNC_ELAB_ATTRIBUTES_H
#define NNC_ELAB_ATTRIBUTES_H

#include "graph/attribute.h"

/* Binds arguments to an attribute table: positions, names, defaults, types,
 * ranges.  `what` is how messages call it ("conv").  Consts are already
 * evaluated; used by layers, losses, optimizers and schedules alike. */
typedef struct Const Const;
typedef struct ConstArg {
    const char *name; /* NULL: positional */
    Span name_span, span;
    const Const *value;
} ConstArg;
bool attrs_bind(Compilation *, const char *what, const Attr *, void *attrs, const List *args /* of ConstArg */, Span);
const char *attr_takes(Arena *, const Attr *);                    /* "an integer; 1 or more" */
const char *init_choice(int index, const Attr **attrs);           /* names of initialisations, as train_choice */
const char *attrs_text(Arena *, const Attr *, const void *attrs); /* "6, 5x5, stride=2": defaults left out */

#endif
