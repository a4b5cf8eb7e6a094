/*
 * The cells of a layer or a block, formatted for people.
 */
#ifndef NNC_REPORT_COLUMNS_H
#define NNC_REPORT_COLUMNS_H

#include "report/analysis.h"

typedef enum Column {
    COLUMN_NAME,
    COLUMN_LAYER,
    COLUMN_OUTPUT,
    COLUMN_PARAMS,
    COLUMN_MACS,
    COLUMN_FLOPS,
    COLUMN_FIELD,
    COLUMN_STRIDE,
    COLUMN_PAD,
    COLUMN_CENTRE,
    COLUMN_COVERED,
    COLUMN_BYTES,
    COLUMN_INTENSITY,
    COLUMN_TIME,
    COLUMN_BOUND,
    COLUMN_DEAD,
    COLUMN_SLOPE,
    COLUMNS
} Column;

extern const char *const column_titles[COLUMNS];

typedef struct CellContext {
    Arena *arena;
    const Analysis *a;
    bool units; /* 1.81G for 1,814,073,344 */
    List notes; /* of const char *: the reasons for n/a cells, each once */
} CellContext;

const char *column_cell(CellContext *, const Block *, Column); /* "" where there is nothing to show */

/* The field of a layer as text: "16", "7x5", "all". */
const char *field_text(Arena *, const LayerReport *);
const char *stride_text(Arena *, const LayerReport *);
const char *padding_text(Arena *, const LayerReport *);
const char *centre_text(Arena *, const LayerReport *);
bool field_is_whole(const LayerReport *); /* it depends on the whole input */

#endif
