/*
 * The layered-volume figure of a net: boxes in oblique projection, as papers draw them.
 *
 * In: an analysis.  Out: geometry in pixels, y growing downwards; report_svg.c and
 * report_tikz.c write it.  Sides grow with the square root of what they show, so that maps
 * of 224 and of 7 pixels are both visible, and areas with the number of elements.
 */
#ifndef NNC_REPORT_FIGURE_H
#define NNC_REPORT_FIGURE_H

#include "report/analysis.h"

/* The legend's entries, each with a colour. */
typedef enum FigureKind {
    FIGURE_INPUT,
    FIGURE_CONV,
    FIGURE_POOL,
    FIGURE_DENSE,
    FIGURE_COMBINE,
    FIGURE_NORM,
    FIGURE_ACTIVATION,
    FIGURE_OTHER,
    FIGURE_KINDS
} FigureKind;

typedef struct FigureColour {
    const char *name;         /* in the legend */
    const char *light, *dark; /* RRGGBB on a light and on a dark page */
} FigureColour;

extern const FigureColour figure_colours[FIGURE_KINDS];

/* Part of a box along its depth: the layer itself, then what is merged into it. */
typedef struct FigureSlab {
    FigureKind kind;
    double depth;
} FigureSlab;

/* The front is depth × height at (x, y), its top left corner; the top and the right side recede
 * by (oblique, −oblique). */
typedef struct FigureBox {
    int id;                   /* position in the order of execution */
    struct FigureBox *shown;  /* itself; of a repeated one that is folded: what is before the repetition */
    const LayerReport *layer; /* NULL of an input */
    const char *kind, *shape; /* the two lines below it */
    const char *about;        /* name and arguments of all its layers */
    List slabs;               /* of FigureSlab, from left to right */
    List from;                /* of FigureBox: what it reads */
    double depth, height, oblique;
    double x, y;
} FigureBox;

/* A polyline from the first to the last point; an arrowhead at its end. */
typedef struct FigureArrow {
    int points;
    double at[6][2];
} FigureArrow;

/* A bracket: what stands above it is there `count` times, one after the other. */
typedef struct FigureRepeat {
    double x, width, y;
    int count;
} FigureRepeat;

enum { FIGURE_LINE = 13, FIGURE_FONT = 10, FIGURE_ARROW = 5 }; /* text and arrowheads, pixels */

typedef struct Figure {
    const char *title;
    List boxes;   /* of FigureBox, in the order in which they are drawn */
    List arrows;  /* of FigureArrow */
    List repeats; /* of FigureRepeat */
    bool used[FIGURE_KINDS];
    double width, height; /* without title and legend */
} Figure;

Figure *figure_of(const Analysis *, const char *title, Arena *);

/* figure_arrows.c: arrows between the placed boxes. */
void figure_arrows(Figure *, Arena *);
double figure_axis(const FigureBox *);
FigureArrow figure_flow_arrow(const FigureBox *from, const FigureBox *to);
FigureArrow figure_arc_arrow(const FigureBox *from, const FigureBox *to); /* its level is at[1][1] and at[2][1] */

/* figure_rows.c: a figure that is wider than FIGURE_WIDE goes on in further rows; each may end at a cut, from left to
 * right. */
enum { FIGURE_WIDE = 1280 };
void figure_wrap(Figure *, const double *cut, int cuts, Arena *);

/* figure_u.c: false where it is narrow enough, or no U-Net. */
bool figure_fold_u(Figure *, Arena *);

/* figure_boxes.c: the layers as boxes with their sizes, in execution order. */
void figure_boxes(Figure *, const Analysis *, Arena *);
double figure_label_width(const FigureBox *); /* of the text below a box, approximately: sans serif */

#endif
