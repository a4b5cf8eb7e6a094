/*
 * simulated_values.h: values rounded to what their int8 form stands for, while training.
 *
 *   q = min(max(round(x / scale), −128 − zero), 127 − zero), ties away from zero
 *
 *   nn_simulate          y = scale · q
 *   nn_simulate_dx       dx = dy where round(x / scale) is within the bounds, else 0
 *   nn_simulate_errors   of each sample: Σ dy · (q − x / scale within the bounds, q beyond them)
 *
 * How sums and averages are rounded is described in compiler/ops/internal/simulate.c; y and dx are bitwise
 * those of the plain form.  y may be x, dx may be dy.
 */
#ifndef NN_SIMULATED_VALUES_H
#define NN_SIMULATED_VALUES_H

#include "runtime/kernels/quantized/simulated_types.h"

#ifdef NN_LINKED

void nn_simulate(const nn_simulated *, long n, const nn_simulated_args *, int t, int T);
void nn_simulate_dx(const nn_simulated *, long n, const nn_simulated_args *, int t, int T);
void nn_simulate_errors(const nn_simulated *, long n, const nn_simulated_args *, int t, int T);

#else

#include "runtime/kernels/quantized/simulated_grid.h"
#include "runtime/kernels/simd/lanes.h"

enum {
    NN_SIMULATED_COLUMNS = 128, /* rows with units that are side by side, of a group */
    NN_SIMULATED_BLOCK = 256    /* terms that are added in single precision */
};

/* ---- grids -------------------------------------------------------------------------------- */

/* The grid of a value; of sums, without `fine`. */
NN_INLINE nn_grid nn_grid_of(const nn_simulated *d, const nn_simulated_args *a)
{
    const float zero = *a->zero;
    return (nn_grid){.step = nn_broadcast(*a->scale),
                     .low = nn_broadcast(-128 - zero),
                     .high = nn_broadcast(127 - zero),
                     .from = nn_broadcast(d->averages == 2 ? zero : 0)};
}

NN_INLINE void nn_grid_set_fine(nn_grid *g, nn_vec fine)
{
    g->fine = fine;
    g->inverse = 1 / fine;
}

/* The grids of a group of rows that are side by side. */
typedef struct nn_grids {
    nn_grid all;
    float fine[NN_SIMULATED_COLUMNS] __attribute__((aligned(64)));
} nn_grids;

NN_INLINE void nn_grids_set(nn_grids *g, const float *unit, long count)
{
    for (long k = 0; k < count; k += NN_W)
        nn_store(g->fine + k, nn_grid_fine(nn_load_part(unit + k, count - k), g->all.step));
}

NN_INLINE nn_grid nn_grids_at(const nn_grids *g, long k)
{
    nn_grid own = g->all;
    nn_grid_set_fine(&own, nn_load(g->fine + k));
    return own;
}

/* ---- maps ------------------------------------------------------------------------------------ */

NN_INLINE nn_simulated_at nn_simulated_from(const nn_simulated_args *a, long at)
{
    return (nn_simulated_at){a->x + at, (a->dy ? a->dy : a->x) + at, a->y + at};
}

/* Sums of rows that are side by side: a part of the places of all samples. */
NN_INLINE void nn_simulated_columns(nn_grid_map *f, const nn_simulated *d, long n, const nn_simulated_args *a, int t,
                                    int T)
{
    const long c = d->c, first = n * d->p * t / T, last = n * d->p * (t + 1) / T;
    nn_grids g = {.all = nn_grid_of(d, a)};
    for (long k = 0; k < c; k += NN_SIMULATED_COLUMNS) {
        const long count = c - k < NN_SIMULATED_COLUMNS ? c - k : NN_SIMULATED_COLUMNS;
        nn_grids_set(&g, a->unit + k, count);
        for (long i = first; i < last; i++) {
            const nn_simulated_at at = nn_simulated_from(a, i * c + k);
            for (long j = 0; j < count; j += NN_W) {
                const nn_grid own = nn_grids_at(&g, j);
                const long left = count - j;
                nn_store_some(at.y + j, left,
                              f(NN_GRID_SUMS, &own, nn_load_some(at.x + j, left), nn_load_some(at.dy + j, left)));
            }
        }
    }
}

/* Sums of rows one after the other: a part of the rows. */
NN_INLINE void nn_simulated_runs(nn_grid_map *f, const nn_simulated *d, long n, const nn_simulated_args *a, int t,
                                 int T)
{
    const long runs = n / d->lanes * d->c, count = d->p * d->lanes;
    nn_grid g = nn_grid_of(d, a);
    for (long i = runs * t / T; i < runs * (t + 1) / T; i++) {
        nn_grid_set_fine(&g, nn_grid_fine(nn_broadcast(a->unit[i % d->c]), g.step));
        nn_grid_run(f, NN_GRID_SUMS, &g, nn_simulated_from(a, i * count), count);
    }
}

NN_INLINE void nn_simulated_map(nn_grid_map *f, const nn_simulated *d, long n, const nn_simulated_args *a, int t, int T)
{
    if (a->unit && d->last) {
        nn_simulated_columns(f, d, n, a, t, T);
    } else if (a->unit) {
        nn_simulated_runs(f, d, n, a, t, T);
    } else {
        const nn_range part = nn_range_of(n * d->p, t, T);
        const nn_grid g = nn_grid_of(d, a);
        const nn_simulated_at at = nn_simulated_from(a, part.first);
        if (d->averages)
            nn_grid_run(f, NN_GRID_AVERAGES, &g, at, part.end - part.first);
        else
            nn_grid_run(f, NN_GRID_VALUES, &g, at, part.end - part.first);
    }
}

NN_KERNEL void nn_simulate(const nn_simulated *d, long n, const nn_simulated_args *a, int t, int T)
{
    nn_simulated_map(nn_grid_number, d, n, a, t, T);
}

NN_KERNEL void nn_simulate_dx(const nn_simulated *d, long n, const nn_simulated_args *a, int t, int T)
{
    nn_simulated_map(nn_grid_passes, d, n, a, t, T);
}

/* ---- errors ------------------------------------------------------------------------------------ */

/* Of a sample whose rows are side by side. */
NN_INLINE double nn_errors_columns(const nn_simulated *d, nn_grids *g, const float *unit, nn_simulated_at at)
{
    double total = 0;
    for (long k = 0; k < d->c; k += NN_SIMULATED_COLUMNS) {
        const long count = d->c - k < NN_SIMULATED_COLUMNS ? d->c - k : NN_SIMULATED_COLUMNS;
        nn_grids_set(g, unit + k, count);
        for (long first = 0; first < d->p; first += NN_SIMULATED_BLOCK) {
            const long last = d->p - first < NN_SIMULATED_BLOCK ? d->p : first + NN_SIMULATED_BLOCK;
            for (long j = 0; j < count; j += NN_W) {
                const nn_grid own = nn_grids_at(g, j);
                nn_vec sum = nn_zero();
                for (long i = first; i < last; i++) {
                    const long place = i * d->c + k + j;
                    sum += nn_grid_term(NN_GRID_SUMS, &own, nn_load_some(at.dy + place, count - j),
                                        nn_load_some(at.x + place, count - j));
                }
                total += (double)nn_lanes_sum(sum);
            }
        }
    }
    return total;
}

NN_INLINE double nn_errors_run(const int kind, const nn_grid *g, nn_simulated_at at, long count)
{
    const long block = NN_SIMULATED_BLOCK * NN_W;
    double total = 0;
    for (long first = 0; first < count; first += block) {
        const long last = count - first < block ? count : first + block;
        nn_vec sum = nn_zero();
        for (long i = first; i < last; i += NN_W)
            sum += nn_grid_term(kind, g, nn_load_some(at.dy + i, last - i), nn_load_some(at.x + i, last - i));
        total += (double)nn_lanes_sum(sum);
    }
    return total;
}

/* Of a sample whose rows are one after the other. */
NN_INLINE double nn_errors_rows(const nn_simulated *d, nn_grid g, const float *unit, nn_simulated_at at)
{
    double total = 0;
    for (long r = 0; r < d->c; r++) {
        const nn_simulated_at row = {at.x + r * d->p, at.dy + r * d->p, at.y};
        if (unit) nn_grid_set_fine(&g, nn_grid_fine(nn_broadcast(unit[r]), g.step));
        total += unit          ? nn_errors_run(NN_GRID_SUMS, &g, row, d->p)
                 : d->averages ? nn_errors_run(NN_GRID_AVERAGES, &g, row, d->p)
                               : nn_errors_run(NN_GRID_VALUES, &g, row, d->p);
    }
    return total;
}

/* The terms of places that are `lanes` apart, a vector of samples at a time. */
NN_INLINE void nn_errors_lanes(const int kind, const nn_grid *g, nn_simulated_at at, long places, double *total)
{
    for (long first = 0; first < places; first += NN_SIMULATED_BLOCK) {
        const long last = places - first < NN_SIMULATED_BLOCK ? places : first + NN_SIMULATED_BLOCK;
        for (int l = 0; l < NN_BATCH_BLOCK; l += NN_W) {
            nn_lanes lane;
            nn_vec sum = nn_zero();
            for (long i = first; i < last; i++)
                sum += nn_grid_term(kind, g, nn_load(at.dy + i * NN_BATCH_BLOCK + l),
                                    nn_load(at.x + i * NN_BATCH_BLOCK + l));
            nn_store(lane, sum);
            for (int k = 0; k < NN_W; k++) total[l + k] += (double)lane[k];
        }
    }
}

/* Of a block of samples. */
NN_INLINE void nn_errors_block(const nn_simulated *d, nn_grid g, const float *unit, nn_simulated_at at, float *errors)
{
    double total[NN_BATCH_BLOCK] = {0};
    for (long r = 0; r < d->c; r++) {
        const long row = r * d->p * NN_BATCH_BLOCK;
        const nn_simulated_at from = {at.x + row, at.dy + row, at.y};
        if (unit) nn_grid_set_fine(&g, nn_grid_fine(nn_broadcast(unit[r]), g.step));
        if (unit)
            nn_errors_lanes(NN_GRID_SUMS, &g, from, d->p, total);
        else if (d->averages)
            nn_errors_lanes(NN_GRID_AVERAGES, &g, from, d->p, total);
        else
            nn_errors_lanes(NN_GRID_VALUES, &g, from, d->p, total);
    }
    for (int k = 0; k < NN_BATCH_BLOCK; k++) errors[k] = (float)total[k];
}

NN_KERNEL void nn_simulate_errors(const nn_simulated *d, long n, const nn_simulated_args *a, int t, int T)
{
    const nn_grid g = nn_grid_of(d, a);
    const long blocks = n / d->lanes, size = d->c * d->p * d->lanes;
    nn_grids columns = {.all = g};
    for (long i = blocks * t / T; i < blocks * (t + 1) / T; i++) {
        const nn_simulated_at at = {a->x + i * size, a->dy + i * size, 0};
        if (d->lanes > 1)
            nn_errors_block(d, g, a->unit, at, a->y + i * d->lanes);
        else if (a->unit && d->last)
            a->y[i] = (float)nn_errors_columns(d, &columns, a->unit, at);
        else
            a->y[i] = (float)nn_errors_rows(d, g, a->unit, at);
    }
}

#endif /* NN_LINKED */

#endif
