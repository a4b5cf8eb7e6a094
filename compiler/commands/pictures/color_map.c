/*
 * Colour maps: linear between a few anchors.
 */
#include "commands/pictures/color_map.h"

#include <math.h>

Color color_mix(Color a, Color b, double share)
{
    return (Color){(uint8_t)lround(b.r + (a.r - b.r) * share), (uint8_t)lround(b.g + (a.g - b.g) * share),
                   (uint8_t)lround(b.b + (a.b - b.b) * share)};
}

Color color_sequential(double v)
{
    enum { LAST = 8 };
    static const Color anchor[LAST + 1] = {{68, 1, 84},    {71, 44, 122},  {59, 81, 139},
                                           {44, 113, 142}, {33, 144, 141}, {39, 173, 129},
                                           {92, 200, 99},  {170, 220, 50}, {253, 231, 37}};
    const double at = LAST * fmin(fmax(v, 0), 1); /* fmax takes 0 for NaN */
    const int i = at < LAST ? (int)at : LAST - 1;
    return color_mix(anchor[i + 1], anchor[i], at - i);
}

Color color_diverging(double v)
{
    static const Color white = {255, 255, 255}, blue = {33, 102, 172}, red = {178, 24, 43};
    const double strength = fmin(fabs(v), 1);
    return color_mix(v < 0 ? blue : red, white, isnan(v) ? 0 : strength);
}

Color color_of_class(int index)
{
    enum { COLORS = 7 };
    static const Color color[COLORS] = {{0, 114, 178}, {230, 159, 0},  {0, 158, 115}, {204, 121, 167},
                                        {213, 94, 0},  {86, 180, 233}, {240, 228, 66}};
    return color[index % COLORS];
}
