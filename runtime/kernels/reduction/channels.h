/*
 * channels.h: per-channel sums and maps of [n][c][p], p elements per channel.
 *
 * Thread t of T computes part t of the channels; with p = 1 channels are contiguous, as in NHWC
 * images.
 */
#ifndef NN_CHANNELS_H
#define NN_CHANNELS_H

#include "runtime/kernels/reduction/shape.h"

#ifdef NN_LINKED

void nn_normalize(const nn_shape *, const float *x, const float *mean, const float *std, float *y, int t, int T);
void nn_channel_scaled(const nn_shape *, const float *x, const float *scale, const float *shift, float *y, int t,
                       int T);
void nn_channel_products(const nn_shape *, const float *a, const float *b, float *sum, int t, int T);
void nn_channel_sums(const nn_shape *, long step, const float *dy, float *sum, int t, int T);
void nn_channel_sums_bf16(const nn_shape *, long step, const uint16_t *dy, float *sum, int t, int T);

#else

#include "runtime/kernels/reduction/statistics.h"
#include "runtime/kernels/reduction/sums.h"

/* A thread's channels of arrays of a shape: single ones, or vectors of them if they are contiguous. */
typedef struct nn_channels {
    nn_shape shape;
    long first, last;
    int step;
} nn_channels;

NN_INLINE nn_channels nn_channels_of(nn_shape s, int t, int T)
{
    if (s.p == 1) return (nn_channels){s, nn_partition(s.c, t, T), nn_partition(s.c, t + 1, T), NN_W};
    return (nn_channels){s, s.c * t / T, s.c * (t + 1) / T, 1};
}

/* The parameters of channel k, or of NN_W channels from k on; `value` if there are none. */
NN_INLINE nn_vec nn_channel_value(const float *from, float value, long k, nn_channels s)
{
    if (!from) return nn_broadcast(value);
    return s.step == 1 ? nn_broadcast(from[k]) : nn_load_part(from + k, s.last - k);
}

NN_INLINE void nn_channel_store(float *to, long k, nn_channels s, nn_vec v)
{
    nn_store_part(to + k, s.step == 1 ? 1 : s.last - k, v);
}

/* Σ f(a, b, q) of channel k, in every lane; or of NN_W channels, each in its lane,
 * with a q for each. */
NN_INLINE nn_vec nn_channel_sum(nn_channels s, long k, nn_term *f, nn_vec q, const float *a, const float *b)
{
    nn_vec sum = nn_zero();
    for (long i = 0; i < s.shape.n; i++) {
        long at = (i * s.shape.c + k) * s.shape.p;
        if (s.step == 1)
            sum += nn_sums(f, q, a + at, b + at, s.shape.p);
        else
            sum += f(nn_load_part(a + at, s.last - k), nn_load_part(b + at, s.last - k), q);
    }
    if (s.step == 1) sum = nn_broadcast(nn_lanes_sum(sum));
    return sum;
}

/* sum[c] = Σ over n and p of dy, p = 1 */
NN_INLINE void nn_channel_sums_nhwc(const int half, const nn_shape *shape, long step, const void *dy, float *sum, int t,
                                    int T)
{
    const long last = nn_columns_partition(shape->c, t + 1, T);
    nn_totals s;
    for (long k = nn_columns_partition(shape->c, t, T); k < last; k += NN_COLUMNS) {
        const long count = nn_columns_count(k, last);
        const nn_band rows = {.a = nn_at(half, dy, k),
                              .a_step = step,
                              .columns = count,
                              .run = half ? nn_rows_sum_bf16 : nn_rows_sum,
                              .join = nn_join_sums};
        nn_rows_total(half, &rows, shape->n, &s);
        for (long j = 0; j < count; j += NN_W) nn_store_some(sum + k + j, count - j, nn_load(s.a + j));
    }
}

/* sum[c] = Σ over n and p of dy; with p = 1 rows are `step` apart */
NN_KERNEL void nn_channel_sums(const nn_shape *shape, long step, const float *dy, float *sum, int t, int T)
{
    if (shape->p == 1) {
        nn_channel_sums_nhwc(0, shape, step, dy, sum, t, T);
        return;
    }
    nn_channels s = nn_channels_of(*shape, t, T);
    for (long k = s.first; k < s.last; k++)
        nn_channel_store(sum, k, s, nn_channel_sum(s, k, nn_term_a, nn_zero(), dy, dy));
}

/* The same of bf16, p = 1 */
NN_KERNEL void nn_channel_sums_bf16(const nn_shape *shape, long step, const uint16_t *dy, float *sum, int t, int T)
{
    nn_channel_sums_nhwc(1, shape, step, dy, sum, t, T);
}

/* Of a channel p and q; NULL: the number that stands for all. */
typedef struct nn_channel_numbers {
    const float *p, *q;
    float every_p, every_q;
} nn_channel_numbers;

/* y = f(x) with the numbers of the channel, p = 1; y may be x */
NN_INLINE void nn_channels_map_nhwc(nn_column_map *f, nn_shape shape, const float *x, const nn_channel_numbers *of,
                                    float *y, int t, int T)
{
    const long c = shape.c;
    const nn_rows_part part = nn_rows_part_of(shape.n, c, t, T);
    const long at = part.row * c;
    nn_columns columns;
    for (long k = part.first; k < part.last; k += NN_COLUMNS) {
        const long count = nn_columns_count(k, part.last);
        for (long j = 0; j < count; j += NN_W) {
            nn_store(columns.p + j, nn_column_values(of->p, of->every_p, k + j, count - j));
            nn_store(columns.q + j, nn_column_values(of->q, of->every_q, k + j, count - j));
        }
        nn_rows_map(f, &columns, part.rows, count,
                    (nn_row_map){.a = x + at + k, .a_step = c, .y = y + at + k, .y_step = c});
    }
}

/* (a − p) / q */
NN_INLINE nn_vec nn_column_divided(nn_vec a, nn_vec b, const nn_columns *d, long k)
{
    (void)b;
    return (a - nn_load(d->p + k)) / nn_load(d->q + k);
}

/* y = (x − mean) / std, mean NULL: 0; y may be x */
NN_KERNEL void nn_normalize(const nn_shape *shape, const float *x, const float *mean, const float *std, float *y, int t,
                            int T)
{
    if (shape->p == 1) {
        nn_channels_map_nhwc(nn_column_divided, *shape, x, &(nn_channel_numbers){mean, std, 0, 1}, y, t, T);
        return;
    }
    const long n = shape->n, c = shape->c, p = shape->p;
    nn_channels s = nn_channels_of(*shape, t, T);
    for (long k = s.first; k < s.last; k++) {
        nn_vec m = nn_channel_value(mean, 0, k, s), d = nn_channel_value(std, 1, k, s);
        for (long i = 0; i < n; i++) {
            long at = (i * c + k) * p;
            for (long j = 0; j < p; j += NN_W)
                nn_store_part(y + at + j, p - j, (nn_load_part(x + at + j, p - j) - m) / d);
        }
    }
}

/* a · p + q */
NN_INLINE nn_vec nn_column_scaled(nn_vec a, nn_vec b, const nn_columns *d, long k)
{
    (void)b;
    return nn_load(d->p + k) * a + nn_load(d->q + k);
}

/* y = scale · x + shift, shift NULL: 0; y may be x */
NN_KERNEL void nn_channel_scaled(const nn_shape *shape, const float *x, const float *scale, const float *shift,
                                 float *y, int t, int T)
{
    const long c = shape->c, p = shape->p, runs = shape->n * c;
    if (p == 1) {
        nn_channels_map_nhwc(nn_column_scaled, *shape, x, &(nn_channel_numbers){scale, shift, 1, 0}, y, t, T);
        return;
    }
    for (long i = runs * t / T; i < runs * (t + 1) / T; i++) {
        const nn_vec factor = nn_broadcast(scale[i % c]), offset = nn_broadcast(shift ? shift[i % c] : 0);
        for (long j = i * p; j < (i + 1) * p; j += NN_W)
            nn_store_some(y + j, (i + 1) * p - j, factor * nn_load_some(x + j, (i + 1) * p - j) + offset);
    }
}

/* sum[c] = Σ over n and p of a · b */
NN_KERNEL void nn_channel_products(const nn_shape *shape, const float *a, const float *b, float *sum, int t, int T)
{
    const nn_channels s = nn_channels_of(*shape, t, T);
    for (long k = s.first; k < s.last; k += s.step)
        nn_channel_store(sum, k, s, nn_channel_sum(s, k, nn_term_product, nn_zero(), a, b));
}

#endif /* NN_LINKED */

#endif
