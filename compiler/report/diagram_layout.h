/*
 * Layout of a diagram.
 *
 * In: boxes with their sizes, and the edges between them.  Out: the centres of
 * the boxes, and the edges as Bézier curves, in pixels, y growing downwards.
 */
#ifndef NNC_REPORT_DIAGRAM_LAYOUT_H
#define NNC_REPORT_DIAGRAM_LAYOUT_H

#include "base/base.h"

typedef struct LayoutBox {
    double width, height; /* given */
    double x, y;          /* found: the centre */
} LayoutBox;

typedef struct LayoutEdge {
    int from, to;
    int points; /* 1 + 3 for each piece of the curve */
    double (*at)[2];
} LayoutEdge;

typedef struct DiagramLayout {
    List boxes; /* of LayoutBox */
    List edges; /* of LayoutEdge */
    double width, height;
} DiagramLayout;

/* Lays out all of them with Graphviz's dot, run once.  False where it is not
 * installed or fails; then layout_layered serves. */
bool layout_graphviz(Arena *, const List *layouts);

/* Without it: boxes in layers, straight curves between them. */
void layout_layered(Arena *, DiagramLayout *);

#endif
