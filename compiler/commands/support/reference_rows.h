/*
 * Rows of outputs and targets in a reference file: PREFIX is the first part, PREFIX.NAME another.
 */
#ifndef NNC_REFERENCE_ROWS_H
#define NNC_REFERENCE_ROWS_H

#include "commands/support/load.h"
#include "runtime/core/core.h"

/* One output or target. */
typedef struct RowPart {
    const char *name; /* NULL: the first */
    Shape shape;      /* in the file, per sample */
    size_t offset, count;
    int64_t classes, ignored; /* of targets that are classes; 0: values */
} RowPart;

typedef struct RowParts {
    int count;
    RowPart *at;
    size_t row; /* elements */
} RowParts;

RowParts rows_of_outputs(const Model *);
RowParts rows_of_targets(const Model *);

/* y, y.features */
const char *row_part_name(Arena *, const char *prefix, const RowPart *);
bool row_part_is(const RowParts *, const char *prefix, const char *name);

/* Between `samples` rows and one part of each, an array of its own. */
void row_part_take(const RowParts *, int part, size_t samples, const float *rows, float *out);
void row_part_put(const RowParts *, int part, size_t samples, const float *values, float *rows);

#endif
