/*
 * The drawing of a net, block by block.
 */
#ifndef NNC_REPORT_DIAGRAM_H
#define NNC_REPORT_DIAGRAM_H

#include <jansson.h>

#include "report/analysis.h"

/* An object with a drawing for every block by its path, "" for the net: boxes
 * (layers, blocks, ends) and lines.  The page replaces a block's box by its
 * drawing when it is opened.  graphviz: laid out by it, where it is installed. */
json_t *diagram_value(const Analysis *, Arena *, bool graphviz);

#endif
