/*
 * sixel: pictures for terminals that draw pixels, by libsixel, which nnc can be built without.
 */
#ifndef NNC_SIXEL_H
#define NNC_SIXEL_H

#include <stdio.h>

#include "commands/pictures/canvas.h"

/* The library's name; NULL where there is none. */
const char *sixel_library(void);

/* False where there is no library, or no memory; then nothing has been written. */
bool sixel_draw(Arena *, const Canvas *, FILE *);

#endif
