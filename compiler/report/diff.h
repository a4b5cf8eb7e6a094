/*
 * What differs between two nets, layer by layer.
 */
#ifndef NNC_REPORT_DIFF_H
#define NNC_REPORT_DIFF_H

#include "report/analysis.h"

/* A layer of the first net, of the second, or one of each that belong together. */
typedef struct DiffStep {
    const LayerReport *first, *second; /* NULL: not in that net */
    bool alike;                        /* same kind, arguments, result and cost */
} DiffStep;

List diff_steps(Arena *, const Analysis *, const Analysis *); /* of DiffStep, in order */

#endif
