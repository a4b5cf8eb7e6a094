/*
 * color_map: numbers as colours.
 */
#ifndef NNC_COLOR_MAP_H
#define NNC_COLOR_MAP_H

#include "commands/pictures/canvas.h"

/* 0 … 1: from dark violet through green to yellow, lighter all the way (matplotlib's viridis). */
Color color_sequential(double);
/* −1 … 1: blue, white at 0, red. */
Color color_diverging(double);
/* Of class `index`, told apart without red against green (Okabe and Ito, 2008), repeated after seven. */
Color color_of_class(int index);
/* `share` of a, the rest of b. */
Color color_mix(Color a, Color b, double share);

#endif
