/* One argument on its way into an attribute struct: what attributes.c and init.c share. */
#ifndef NNC_ELAB_ATTRIBUTE_SLOT_H
#define NNC_ELAB_ATTRIBUTE_SLOT_H

#include "elab/value.h"
#include "graph/attribute.h"

typedef struct AttrSlot {
    Compilation *c;
    const char *what; /* "conv" */
    const Attr *attr;
    const Const *value;
    Span span;
    char *to;
} AttrSlot;

/* Report, and return false. */
bool attr_wrong_type(const AttrSlot *);
bool attr_in_range(const AttrSlot *, double x); /* true where it is */

/* The bare name that the value is, or NULL. */
const char *attr_symbol_text(const Const *);

/* ATTR_INIT: init.c */
bool attr_take_init(const AttrSlot *);

/* ATTR_LOSS: heads.c */
bool attr_take_loss(const AttrSlot *);

/* The values of init->name in the file init->path, which is written `at` that place; false after an
 * error: init_file.c */
bool init_read_file(const AttrSlot *, Init *, Span at);

#endif
