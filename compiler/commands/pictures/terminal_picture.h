/*
 * terminal_picture: small pictures in a terminal.
 */
#ifndef NNC_TERMINAL_PICTURE_H
#define NNC_TERMINAL_PICTURE_H

#include <stdio.h>

#include "commands/pictures/canvas.h"

/* How a picture is drawn between lines of text: --inline, or NNC_INLINE. */
typedef enum InlineForm { INLINE_AUTO, INLINE_SIXEL, INLINE_BLOCKS, INLINE_TEXT, INLINE_NONE } InlineForm;

/* False where there is no form of this name. */
bool inline_form_named(const char *name, InlineForm *);
/* INLINE_AUTO: sixels where there is libsixel and the terminal says that it draws them; else half blocks where the
 * environment says that there are colours, else text. */
InlineForm inline_form_found(InlineForm);

/* In a form that was found.  Half blocks: two pixels in a character; text: characters from dark to light, one for
 * two rows.  Wider pictures than the terminal are reduced. */
void terminal_draw_inline(Arena *, const Canvas *, InlineForm, FILE *);

#endif
