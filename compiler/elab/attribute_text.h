/* Attributes as text: what elab/attributes.c and elab/attribute_text.c share. */
#ifndef NNC_ELAB_ATTRIBUTE_TEXT_H
#define NNC_ELAB_ATTRIBUTE_TEXT_H

#include "graph/graph.h"

extern const char *const attr_pad_names[]; /* from PAD_SAME on; NULL at the end */
const char *init_kind_name(InitKind);
const char *attr_text(Arena *, const Attr *, const char *attrs);

#endif
