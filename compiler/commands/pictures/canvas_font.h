/*
 * The font of canvas.c.
 */
#ifndef NNC_CANVAS_FONT_H
#define NNC_CANVAS_FONT_H

#include <stdint.h>

enum { GLYPH_FIRST = ' ', GLYPHS = 95, GLYPH_COLUMNS = 5, GLYPH_ROWS = 8 };

extern const uint8_t canvas_glyphs[GLYPHS][GLYPH_COLUMNS];

#endif
