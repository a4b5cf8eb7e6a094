/*
 * simulated_grid.h: rounding to whole multiples of a step, vector by vector, as training with simulated int8
 * does it; bitwise what the plain form computes (compiler/ops/internal/simulate.c).
 */
#ifndef NN_SIMULATED_GRID_H
#define NN_SIMULATED_GRID_H

#include "runtime/kernels/simd/lanes.h"

/* What is rounded: values; sums of integers, first to multiples of 1 / fine; averages of integers. */
enum { NN_GRID_VALUES, NN_GRID_SUMS, NN_GRID_AVERAGES };

typedef struct nn_grid {
    nn_vec step, low, high; /* between `low` and `high` steps */
    nn_vec fine, inverse;   /* of sums: a power of 2, and 1 / fine */
    nn_vec from;            /* of averages: halves are rounded away from −from */
} nn_grid;

/* The largest whole number that is no larger; floats from 2^23 on are whole, and NaN stays. */
NN_INLINE nn_vec nn_floor(nn_vec x)
{
    const nn_ints small = nn_abs(x) < 8388608.0f;
    const nn_ints cut = __builtin_convertvector(nn_select(small, x, nn_zero()), nn_ints);
    nn_vec whole = __builtin_convertvector(cut, nn_vec);
    whole -= nn_select(whole > x, nn_broadcast(1), nn_zero());
    return nn_select(small, whole, x);
}

/* To nearest, ties away from zero. */
NN_INLINE nn_vec nn_round_away(nn_vec x)
{
    const nn_vec size = nn_floor(nn_select(x < 0, 0.5f - x, x + 0.5f));
    return nn_select(x < 0, -size, size);
}

/* The multiple of the step that x / step is rounded to. */
NN_INLINE nn_vec nn_grid_whole(const int kind, const nn_grid *g, nn_vec ratio)
{
    if (kind == NN_GRID_SUMS) return nn_round_away(nn_floor(ratio * g->fine + 0.5f) * g->inverse);
    if (kind == NN_GRID_AVERAGES)
        return nn_round_away(nn_floor((ratio + g->from) * 2048 + 0.5f) * (1 / 2048.0f)) - g->from;
    return nn_round_away(ratio);
}

NN_INLINE nn_vec nn_grid_bounded(const nn_grid *g, nn_vec whole)
{
    return nn_select(whole < g->low, g->low, nn_select(whole > g->high, g->high, whole));
}

/* What dy adds to the gradient of the step. */
NN_INLINE nn_vec nn_grid_term(const int kind, const nn_grid *g, nn_vec dy, nn_vec x)
{
    const nn_vec ratio = x / g->step, whole = nn_grid_whole(kind, g, ratio);
    return dy * nn_select(whole < g->low, g->low, nn_select(whole > g->high, g->high, whole - ratio));
}

/* The power of 2 that brings unit / step to between 1/2 and 1, at most 2^14. */
NN_INLINE nn_vec nn_grid_fine(nn_vec unit, nn_vec step)
{
    const nn_vec ratio = unit / step;
    nn_vec fine = nn_broadcast(1);
    for (int i = 0; i < 14; i++) fine = nn_select(ratio * fine < 0.5f, fine * 2, fine);
    return fine;
}

/* ---- maps ------------------------------------------------------------------------------------ */

typedef nn_vec nn_grid_map(const int kind, const nn_grid *g, nn_vec x, nn_vec dy);

NN_INLINE nn_vec nn_grid_number(const int kind, const nn_grid *g, nn_vec x, nn_vec dy)
{
    (void)dy;
    return g->step * nn_grid_bounded(g, nn_grid_whole(kind, g, x / g->step));
}

NN_INLINE nn_vec nn_grid_passes(const int kind, const nn_grid *g, nn_vec x, nn_vec dy)
{
    const nn_vec whole = nn_grid_whole(kind, g, x / g->step);
    return nn_select((whole >= g->low) & (whole <= g->high), dy, nn_zero());
}

/* The arrays from an element on; dy is x where there is none. */
typedef struct nn_simulated_at {
    const float *x, *dy;
    float *y;
} nn_simulated_at;

NN_INLINE void nn_grid_run(nn_grid_map *f, const int kind, const nn_grid *grid, nn_simulated_at at, long count)
{
    const nn_grid g = *grid;
    const long whole = count / NN_W * NN_W, rest = count - whole;
    for (long i = 0; i < whole; i += NN_W) nn_store(at.y + i, f(kind, &g, nn_load(at.x + i), nn_load(at.dy + i)));
    if (rest)
        nn_store_some(at.y + whole, rest,
                      f(kind, &g, nn_load_some(at.x + whole, rest), nn_load_some(at.dy + whole, rest)));
}

#endif
