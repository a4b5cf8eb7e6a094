/*
 * simulated_weights.h: weights rounded to what their int8 form stands for, with a scale for each row, and the
 * batchnorm that is folded into them; while training.
 *
 *   nn_simulate_weight          y = scale · q,  q = min(max(round(weight / scale), −127), 127)
 *   nn_simulate_weight_dweight  dweight = dy where round(weight / scale) is within the bounds, else 0
 *   nn_simulate_weight_dscale   dscale = Σ dy · (q − weight / scale within the bounds, q beyond them)
 *   nn_scale_rows               y = scale · weight + shift; shift NULL: none
 *   nn_rows_dscale              dscale = Σ dy · weight
 *
 *   weight, dy, y, dweight: [rows][columns]   scale, shift, dscale: [rows]
 *
 * Thread t of T computes part t of the rows.  But for the sums, and the one with a shift, all is bitwise what
 * the plain form computes.
 */
#ifndef NN_SIMULATED_WEIGHTS_H
#define NN_SIMULATED_WEIGHTS_H

#include "runtime/kernels/quantized/simulated_types.h"

#ifdef NN_LINKED

void nn_simulate_weight(const nn_weight_rows *, const float *weight, const float *scale, float *y, int t, int T);
void nn_simulate_weight_dweight(const nn_weight_rows *, const float *dy, const float *weight, const float *scale,
                                float *dweight, int t, int T);
void nn_simulate_weight_dscale(const nn_weight_rows *, const float *dy, const float *weight, const float *scale,
                               float *dscale, int t, int T);
void nn_scale_rows(const nn_weight_rows *, const float *weight, const float *scale, const float *shift, float *y, int t,
                   int T);
void nn_rows_dscale(const nn_weight_rows *, const float *dy, const float *weight, float *dscale, int t, int T);

#else

#include "runtime/kernels/quantized/simulated_grid.h"
#include "runtime/kernels/reduction/sums.h"

NN_INLINE nn_grid nn_row_grid(nn_vec scale)
{
    return (nn_grid){.step = scale, .low = nn_broadcast(-127), .high = nn_broadcast(127)};
}

/* The rows of part t. */
NN_INLINE nn_range nn_rows_range(const nn_weight_rows *d, int t, int T)
{
    return (nn_range){d->rows * t / T, d->rows * (t + 1) / T};
}

NN_KERNEL void nn_simulate_weight(const nn_weight_rows *d, const float *weight, const float *scale, float *y, int t,
                                  int T)
{
    const nn_range part = nn_rows_range(d, t, T);
    for (long r = part.first; r < part.end; r++) {
        const nn_grid g = nn_row_grid(nn_broadcast(scale[r]));
        const long at = r * d->columns;
        nn_grid_run(nn_grid_number, NN_GRID_VALUES, &g, (nn_simulated_at){weight + at, weight + at, y + at},
                    d->columns);
    }
}

NN_KERNEL void nn_simulate_weight_dweight(const nn_weight_rows *d, const float *dy, const float *weight,
                                          const float *scale, float *dweight, int t, int T)
{
    const nn_range part = nn_rows_range(d, t, T);
    for (long r = part.first; r < part.end; r++) {
        const nn_grid g = nn_row_grid(nn_broadcast(scale[r]));
        const long at = r * d->columns;
        nn_grid_run(nn_grid_passes, NN_GRID_VALUES, &g, (nn_simulated_at){weight + at, dy + at, dweight + at},
                    d->columns);
    }
}

/* dy · error of weights with the scale p */
NN_INLINE nn_vec nn_term_weight_error(nn_vec dy, nn_vec weight, nn_vec p)
{
    const nn_grid g = nn_row_grid(p);
    return nn_grid_term(NN_GRID_VALUES, &g, dy, weight);
}

NN_KERNEL void nn_simulate_weight_dscale(const nn_weight_rows *d, const float *dy, const float *weight,
                                         const float *scale, float *dscale, int t, int T)
{
    const nn_range part = nn_rows_range(d, t, T);
    for (long r = part.first; r < part.end; r++) {
        const long at = r * d->columns;
        dscale[r] =
            nn_lanes_sum(nn_sums(nn_term_weight_error, nn_broadcast(scale[r]), dy + at, weight + at, d->columns));
    }
}

NN_KERNEL void nn_scale_rows(const nn_weight_rows *d, const float *weight, const float *scale, const float *shift,
                             float *y, int t, int T)
{
    const nn_range part = nn_rows_range(d, t, T);
    for (long r = part.first; r < part.end; r++) {
        const long at = r * d->columns;
        for (long i = 0; i < d->columns; i += NN_W) {
            nn_vec v = scale[r] * nn_load_some(weight + at + i, d->columns - i);
            if (shift) v += shift[r];
            nn_store_some(y + at + i, d->columns - i, v);
        }
    }
}

NN_KERNEL void nn_rows_dscale(const nn_weight_rows *d, const float *dy, const float *weight, float *dscale, int t,
                              int T)
{
    const nn_range part = nn_rows_range(d, t, T);
    for (long r = part.first; r < part.end; r++) {
        const long at = r * d->columns;
        dscale[r] = nn_lanes_sum(nn_sums(nn_term_product, nn_zero(), dy + at, weight + at, d->columns));
    }
}

#endif /* NN_LINKED */

#endif
