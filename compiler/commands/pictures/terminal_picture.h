/*
 * terminal_picture: small pictures in a terminal.
 */
#ifndef NNC_TERMINAL_PICTURE_H
#define NNC_TERMINAL_PICTURE_H

#include <stdio.h>

#include "commands/pictures/canvas.h"

typedef enum TerminalColors { TERMINAL_PLAIN, TERMINAL_256, TERMINAL_24_BIT } TerminalColors;

/* How a picture is drawn between lines of text: --inline, or NNC_INLINE. */
typedef enum InlineForm { INLINE_AUTO, INLINE_SIXEL, INLINE_BLOCKS, INLINE_TEXT, INLINE_NONE } InlineForm;

/* False where there is no form of this name. */
bool inline_form_named(const char *name, InlineForm *);
/* INLINE_AUTO: sixels where there is libsixel and the terminal says that it draws them; else half blocks where the
 * environment says that there are colours, else text. */
InlineForm inline_form_found(InlineForm);

/* What the environment says: COLORTERM, TERM, NO_COLOR. */
TerminalColors terminal_colors(void);
int terminal_columns(void); /* of standard output; 80 where it does not say */
int terminal_pixels(void);  /* the width of all columns; of 8 pixels each where it does not say */

/* Half blocks, two pixels in a character; plain: characters from dark to light, one for two rows. Wider pictures are
 * reduced to `columns`. */
void terminal_draw(Arena *, const Canvas *, int columns, TerminalColors, FILE *);

/* In a form that was found. */
void terminal_draw_inline(Arena *, const Canvas *, InlineForm, FILE *);

#endif
