/*
 * pen: diagrams of lines and texts, as pixels or as SVG, from the same calls.
 */
#ifndef NNC_PEN_H
#define NNC_PEN_H

#include "commands/pictures/canvas.h"

enum {
    PEN_TEXT_SCALE = 2,
    PEN_CHARACTER = GLYPH_WIDTH * PEN_TEXT_SCALE,
    PEN_TEXT_HEIGHT = 7 * PEN_TEXT_SCALE /* of capitals and digits */
};

typedef enum Anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END } Anchor;

/* What lines and texts go to: pixels, or else SVG. */
typedef struct Pen {
    Arena *arena;
    Canvas *canvas;
    Text svg;
    int height;
} Pen;

bool pen_is_picture(const char *path); /* FILE.png or FILE.svg */
/* On white, in the form that the file's name ends in. */
void pen_begin(Pen *, Arena *, int width, int height, const char *path);
void pen_line(Pen *, double x0, double y0, double x1, double y1, int width, Color);
/* x is the text's start, middle or end, y the middle of its height. */
void pen_text(Pen *, double x, double y, Anchor, Color, const char *text);
/* Writes the file; returns a Status, the message printed. */
int pen_end(Pen *, const char *path);

/* 1, 2 or 5 times a power of ten, four to ten of which fill the range. */
double tick_step(double range);

#endif
