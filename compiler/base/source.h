/* What the files of base share about sources; other modules use base.h. */
#ifndef NNC_BASE_SOURCE_H
#define NNC_BASE_SOURCE_H

#include "base/base.h"

/* NULL where the span is nowhere. */
const Source *source_of(const Compilation *, Span);

/* The bytes begin..end of the line in which the span begins, without its end of line. */
void source_line_bounds(const Compilation *, Span, int *begin, int *end);

#endif
