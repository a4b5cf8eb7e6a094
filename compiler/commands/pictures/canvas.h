/*
 * canvas: pictures of pixels, with text, as PNG files.
 */
#ifndef NNC_CANVAS_H
#define NNC_CANVAS_H

#include "base/base.h"

typedef struct Color {
    uint8_t r, g, b;
} Color;

typedef struct Canvas {
    int width, height;
    Color *pixels; /* [height][width] */
} Canvas;

/* Characters are GLYPH_WIDTH × GLYPH_HEIGHT pixels, the space between them included, times the scale. */
enum { GLYPH_WIDTH = 6, GLYPH_HEIGHT = 9 };

Canvas *canvas_new(Arena *, int width, int height, Color background);
/* What is outside the canvas is cut off. */
void canvas_fill(Canvas *, int x, int y, int width, int height, Color);
/* Of squares of `width` pixels around each point of it. */
void canvas_line(Canvas *, int x0, int y0, int x1, int y1, int width, Color);
void canvas_draw(Canvas *, int x, int y, const Canvas *picture);
/* ASCII; each character of another script is a box. */
void canvas_text(Canvas *, int x, int y, int scale, Color, const char *utf8);
/* How many characters that draws, and the bytes of the first `characters` of them. */
int text_characters(const char *utf8);
int text_bytes(const char *utf8, int characters);

/* Larger or smaller by a whole factor, so that the longer side is near `side`: pixels become
 * squares, or squares are averaged. */
Canvas *canvas_scaled(Arena *, const Canvas *, int side);

/* Writes the file; returns a Status, the message printed. */
int canvas_write(const Canvas *, const char *path);

#endif
