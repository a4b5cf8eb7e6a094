/*
 * terminal_picture: small pictures in a terminal.
 */
#ifndef NNC_TERMINAL_PICTURE_H
#define NNC_TERMINAL_PICTURE_H

#include <stdio.h>

#include "commands/canvas.h"

typedef enum TerminalColors { TERMINAL_PLAIN, TERMINAL_256, TERMINAL_24_BIT } TerminalColors;

/* What the environment says: COLORTERM, TERM, NO_COLOR. */
TerminalColors terminal_colors(void);
int terminal_columns(void); /* of standard output; 80 where it does not say */

/* Half blocks, two pixels in a character; plain: characters from dark to light, one for two rows. Wider pictures are
 * reduced to `columns`. */
void terminal_draw(Arena *, const Canvas *, int columns, TerminalColors, FILE *);

#endif
