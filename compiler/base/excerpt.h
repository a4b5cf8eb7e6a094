/* The drawing of a source line for a diagnostic; private to base. */
#ifndef NNC_BASE_EXCERPT_H
#define NNC_BASE_EXCERPT_H

#include "base/base.h"

/* The line in which the span begins, and carets under the span; nothing where
 * the span is nowhere. */
void excerpt_print(const Compilation *, Span, FILE *, bool color);

/* Text of unknown origin, with '?' for whatever a terminal might obey. */
void excerpt_print_safe(const char *text, FILE *);

#endif
