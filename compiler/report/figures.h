/*
 * The figures of a net: every number that is told of it as a whole, once, for
 * the summary, the comparison and the difference alike.
 */
#ifndef NNC_REPORT_FIGURES_H
#define NNC_REPORT_FIGURES_H

#include "report/report.h"

typedef enum FigureKind {
    FIGURE_COUNT,
    FIGURE_BYTES,
    FIGURE_PIXELS,
    FIGURE_REAL,
    FIGURE_SHARE,
    FIGURE_SECONDS,
    FIGURE_DIGITS
} FigureKind;

/* Where a figure is told; JSON and CSV have all of them. */
typedef enum FigureUse {
    USE_ALWAYS,
    USE_WHERE_THERE, /* where it is neither 0 nor n/a */
    USE_COMPARED,    /* beside another net only: the summary tells it in another form */
    USE_NEVER
} FigureUse;

typedef struct Figure {
    const char *key;   /* for programs: macs */
    const char *label; /* for people; begins with spaces where it is part of the one before */
    FigureKind kind;
    Known value;
    const char *text; /* exact, for people; "n/a" where there is none */
    const char *note; /* what it is measured in or where; "" for none */
    FigureUse use;
} Figure;

List figures(const Analysis *, Arena *); /* of Figure, always the same ones in the same order */

bool figure_told(const Figure *, bool compared);   /* is it shown to people? */
const char *figure_short(Arena *, const Figure *); /* with units, for narrow tables */

#endif
