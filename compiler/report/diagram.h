/*
 * The drawing of a net, block by block.
 */
#ifndef NNC_REPORT_DIAGRAM_H
#define NNC_REPORT_DIAGRAM_H

#include <jansson.h>

#include "report/report.h"

/* An object with a drawing for every block by its path, "" for the net: boxes
 * (layers, blocks, ends) and lines.  The page puts the drawing of a block where
 * its box was when it is opened. */
json_t *diagram_value(const Analysis *, Arena *);

#endif
