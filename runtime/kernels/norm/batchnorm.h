/*
 * batchnorm.h: batch normalization of channels, forward and backward.
 *
 *   x, y, dy, dx: [n][c][p], p elements per channel   all others: [c]
 *
 *   infer      y = x · scale + shift, scale = weight / √(running_var + eps),
 *              shift = bias − running_mean · scale
 *   train      the same with the batch's mean and biased variance; the running ones become
 *              (1 − momentum) · running + momentum · batch, with the variance multiplied by
 *              M / (M − 1), M = n · p
 *   moments    mean, deviations = Σ (x − mean)² and count = M, a single number
 *   recompute  the y of train, from the mean and inv that it stored
 *   sums       dbias = Σ dy;   dweight = Σ dy · (x − mean) · inv
 *   dx         weight · inv · (dy − dbias / M − (x − mean) · inv · dweight / M)
 *
 * With p = 1 (NHWC images, with n · h · w for n) there is an epilogue: y = relu(… + residual).
 * Then dy is the gradient of relu's result, and where relu gave 0 it counts as 0; a batchnorm with
 * relu whose gradient is computed this way has no residual, so relu passed what x makes positive.
 * dx may have a residual too: another gradient of the same values.  Rows are x_step apart in x,
 * y_step in y and dy, dx_step in dx; a residual is laid out as the result is.
 *
 * weight, bias and residual may be NULL; with p = 1 the y of train, too: then a recompute follows, which threads
 * share by rows.  The variance is that of the differences from the mean:
 * of the channel, in a second pass over it, or with p = 1 of runs of rows that are merged
 * (statistics.h).  Thread t of T computes part t of the channels.
 */
#ifndef NN_BATCHNORM_H
#define NN_BATCHNORM_H

typedef struct nn_batchnorm {
    int c;
    long p;
    float eps, momentum;
    int relu; /* p = 1 */
    long x_step, y_step, dx_step;
} nn_batchnorm;

/* The arrays of each kernel.  What is of samples is floats, or bf16 of the kernels that are named so,
 * which take p = 1. */
typedef struct nn_batchnorm_infer_args {
    const void *x;
    const float *weight, *bias, *running_mean, *running_var;
    void *y;
} nn_batchnorm_infer_args;

typedef struct nn_batchnorm_train_args {
    const void *x;
    const float *weight, *bias;
    const void *residual;
    float *running_mean, *running_var;
    void *y;
    float *mean, *inv;
} nn_batchnorm_train_args;

typedef struct nn_batchnorm_moments_args {
    const void *x;
    float *mean, *deviations, *count;
} nn_batchnorm_moments_args;

typedef struct nn_batchnorm_recompute_args {
    const void *x;
    const float *weight, *bias;
    const void *residual;
    const float *mean, *inv;
    void *y;
} nn_batchnorm_recompute_args;

typedef struct nn_batchnorm_sums_args {
    const void *dy, *x;
    const float *mean, *inv, *weight, *bias;
    float *dweight, *dbias;
} nn_batchnorm_sums_args;

typedef struct nn_batchnorm_dx_args {
    const void *dy, *x;
    const float *mean, *inv, *dweight, *dbias, *weight, *bias;
    const void *residual;
    void *dx;
} nn_batchnorm_dx_args;

#ifdef NN_LINKED

void nn_batchnorm_infer(const nn_batchnorm *, long n, const nn_batchnorm_infer_args *, int t, int T);
void nn_batchnorm_infer_bf16(const nn_batchnorm *, long n, const nn_batchnorm_infer_args *, int t, int T);
void nn_batchnorm_train(const nn_batchnorm *, long n, const nn_batchnorm_train_args *, int t, int T);
void nn_batchnorm_train_bf16(const nn_batchnorm *, long n, const nn_batchnorm_train_args *, int t, int T);
void nn_batchnorm_moments(const nn_batchnorm *, long n, const nn_batchnorm_moments_args *, int t, int T);
void nn_batchnorm_moments_bf16(const nn_batchnorm *, long n, const nn_batchnorm_moments_args *, int t, int T);
void nn_batchnorm_recompute(const nn_batchnorm *, long n, const nn_batchnorm_recompute_args *, int t, int T);
void nn_batchnorm_recompute_bf16(const nn_batchnorm *, long n, const nn_batchnorm_recompute_args *, int t, int T);
void nn_batchnorm_sums(const nn_batchnorm *, long n, const nn_batchnorm_sums_args *, int t, int T);
void nn_batchnorm_sums_bf16(const nn_batchnorm *, long n, const nn_batchnorm_sums_args *, int t, int T);
void nn_batchnorm_dx(const nn_batchnorm *, long n, const nn_batchnorm_dx_args *, int t, int T);
void nn_batchnorm_dx_bf16(const nn_batchnorm *, long n, const nn_batchnorm_dx_args *, int t, int T);

#else

#include "runtime/kernels/reduction/channels.h"
#include "runtime/kernels/reduction/statistics.h"

/* ---- NHWC ------------------------------------------------------------------------- */

/* a · p + q */
NN_INLINE nn_vec nn_column_affine(nn_vec a, nn_vec b, const nn_columns *d, long k)
{
    (void)b;
    return a * nn_load(d->p + k) + nn_load(d->q + k);
}

/* (a − r) · p + q */
NN_INLINE nn_vec nn_column_normal(nn_vec a, nn_vec b, const nn_columns *d, long k)
{
    (void)b;
    return (a - nn_load(d->r + k)) * nn_load(d->p + k) + nn_load(d->q + k);
}

/* p · (a − q − (b − r) · s) */
NN_INLINE nn_vec nn_column_dx(nn_vec a, nn_vec b, const nn_columns *d, long k)
{
    return nn_load(d->p + k) * (a - nn_load(d->q + k) - (b - nn_load(d->r + k)) * nn_load(d->s + k));
}

/* The same, with 0 for a where (b − r) · p + u ≤ 0 */
NN_INLINE nn_vec nn_column_dx_masked(nn_vec a, nn_vec b, const nn_columns *d, long k)
{
    nn_vec y = (b - nn_load(d->r + k)) * nn_load(d->p + k) + nn_load(d->u + k);
    return nn_column_dx(nn_select(y <= 0, nn_zero(), a), b, d, k);
}

NN_INLINE void nn_batchnorm_infer_rows(const int half, const nn_batchnorm *d, long n,
                                       const nn_batchnorm_infer_args *args, int t, int T)
{
    const nn_batchnorm_infer_args io = *args;
    const nn_rows_part part = nn_rows_part_of(n, d->c, t, T);
    nn_columns f;
    for (long k = part.first; k < part.last; k += NN_COLUMNS) {
        const long count = nn_columns_count(k, part.last);
        for (long j = 0; j < count; j += NN_W) {
            nn_vec variance = nn_column_values(io.running_var, 1, k + j, count - j);
            nn_vec scale = nn_column_values(io.weight, 1, k + j, count - j) / nn_sqrt(variance + d->eps);
            nn_store(f.p + j, scale);
            nn_store(f.q + j, nn_column_values(io.bias, 0, k + j, count - j) -
                                  nn_column_values(io.running_mean, 0, k + j, count - j) * scale);
        }
        if (half) nn_pair_parameters(&f, count);
        nn_rows_map_of(half, nn_column_affine, &f, part.rows, count,
                       (nn_row_map){.a = nn_at(half, io.x, part.row * d->x_step + k),
                                    .a_step = d->x_step,
                                    .y = nn_place(half, io.y, part.row * d->y_step + k),
                                    .y_step = d->y_step,
                                    .relu = d->relu});
    }
}

NN_KERNEL void nn_batchnorm_infer_nhwc(const nn_batchnorm *d, long n, const nn_batchnorm_infer_args *args, int t, int T)
{
    nn_batchnorm_infer_rows(0, d, n, args, t, T);
}

NN_KERNEL void nn_batchnorm_infer_bf16(const nn_batchnorm *d, long n, const nn_batchnorm_infer_args *args, int t, int T)
{
    nn_batchnorm_infer_rows(1, d, n, args, t, T);
}

/* The statistics of `count` channels from k on from their sums and squared differences. */
NN_INLINE void nn_batchnorm_statistics(const nn_batchnorm *d, float n, const nn_totals *s, long k, long count,
                                       nn_batchnorm_train_args io)
{
    const float keep = 1 - d->momentum, others = n > 1 ? n - 1 : 1;
    for (long j = 0; j < count; j += NN_W) {
        const long at = k + j, left = count - j;
        nn_vec m = nn_load(s->a + j) / n, squares = nn_load(s->b + j);
        nn_store_some(io.mean + at, left, m);
        nn_store_some(io.inv + at, left, 1 / nn_sqrt(squares / n + d->eps));
        nn_vec past = nn_load_some(io.running_mean + at, left), past_var = nn_load_some(io.running_var + at, left);
        nn_store_some(io.running_mean + at, left, keep * past + d->momentum * m);
        nn_store_some(io.running_var + at, left, keep * past_var + d->momentum * (squares / others));
    }
}

/* y = (x − mean) · p + q */
NN_INLINE void nn_batchnorm_factors(nn_columns *f, const float *mean, const float *inv, const float *weight,
                                    const float *bias, long k, long count)
{
    for (long j = 0; j < count; j += NN_W) {
        nn_store(f->p + j, nn_column_values(inv, 0, k + j, count - j) * nn_column_values(weight, 1, k + j, count - j));
        nn_store(f->q + j, nn_column_values(bias, 0, k + j, count - j));
        nn_store(f->r + j, nn_column_values(mean, 0, k + j, count - j));
    }
}

/* Rows from `row` on, columns from k on. */
NN_INLINE void nn_batchnorm_normal(const int half, const nn_batchnorm *d, const nn_columns *f, nn_rows_part part,
                                   long k, long count, const nn_batchnorm_recompute_args *io)
{
    nn_rows_map_of(half, nn_column_normal, f, part.rows, count,
                   (nn_row_map){.a = nn_at(half, io->x, part.row * d->x_step + k),
                                .a_step = d->x_step,
                                .z = io->residual ? nn_at(half, io->residual, part.row * d->y_step + k) : 0,
                                .z_step = d->y_step,
                                .y = nn_place(half, io->y, part.row * d->y_step + k),
                                .y_step = d->y_step,
                                .relu = d->relu});
}

NN_INLINE void nn_batchnorm_train_rows(const int half, const nn_batchnorm *d, long n,
                                       const nn_batchnorm_train_args *args, int t, int T)
{
    const nn_batchnorm_train_args io = *args;
    const long last = nn_columns_partition(d->c, t + 1, T);
    const nn_batchnorm_recompute_args normal = {.x = io.x, .residual = io.residual, .y = io.y};
    nn_columns f;
    nn_totals s;
    for (long k = nn_columns_partition(d->c, t, T); k < last; k += NN_COLUMNS) {
        const long count = nn_columns_count(k, last);
        const nn_band rows = {.a = nn_at(half, io.x, k),
                              .a_step = d->x_step,
                              .columns = count,
                              .run = half ? nn_rows_variance_bf16 : nn_rows_variance,
                              .join = nn_join_variance};
        nn_rows_total(half, &rows, n, &s);
        nn_batchnorm_statistics(d, (float)n, &s, k, count, io);
        if (!io.y) continue;
        nn_batchnorm_factors(&f, io.mean, io.inv, io.weight, io.bias, k, count);
        if (half) nn_pair_parameters(&f, count);
        nn_batchnorm_normal(half, d, &f, (nn_rows_part){0, n, k, k + count}, k, count, &normal);
    }
}

NN_KERNEL void nn_batchnorm_train_nhwc(const nn_batchnorm *d, long n, const nn_batchnorm_train_args *args, int t, int T)
{
    nn_batchnorm_train_rows(0, d, n, args, t, T);
}

NN_KERNEL void nn_batchnorm_train_bf16(const nn_batchnorm *d, long n, const nn_batchnorm_train_args *args, int t, int T)
{
    nn_batchnorm_train_rows(1, d, n, args, t, T);
}

NN_INLINE void nn_batchnorm_moments_rows(const int half, const nn_batchnorm *d, long n,
                                         const nn_batchnorm_moments_args *args, int t, int T)
{
    const nn_batchnorm_moments_args io = *args;
    const long last = nn_columns_partition(d->c, t + 1, T);
    nn_totals s;
    for (long k = nn_columns_partition(d->c, t, T); k < last; k += NN_COLUMNS) {
        const long count = nn_columns_count(k, last);
        const nn_band rows = {.a = nn_at(half, io.x, k),
                              .a_step = d->x_step,
                              .columns = count,
                              .run = half ? nn_rows_variance_bf16 : nn_rows_variance,
                              .join = nn_join_variance};
        nn_rows_total(half, &rows, n, &s);
        for (long j = 0; j < count; j += NN_W) {
            nn_store_some(io.mean + k + j, count - j, nn_load(s.a + j) / (float)n);
            nn_store_some(io.deviations + k + j, count - j, nn_load(s.b + j));
        }
    }
}

NN_KERNEL void nn_batchnorm_moments_nhwc(const nn_batchnorm *d, long n, const nn_batchnorm_moments_args *args, int t,
                                         int T)
{
    nn_batchnorm_moments_rows(0, d, n, args, t, T);
}

NN_KERNEL void nn_batchnorm_moments_bf16(const nn_batchnorm *d, long n, const nn_batchnorm_moments_args *args, int t,
                                         int T)
{
    if (t == 0) args->count[0] = (float)n;
    nn_batchnorm_moments_rows(1, d, n, args, t, T);
}

NN_INLINE void nn_batchnorm_recompute_rows(const int half, const nn_batchnorm *d, long n,
                                           const nn_batchnorm_recompute_args *args, int t, int T)
{
    const nn_batchnorm_recompute_args io = *args;
    const nn_rows_part part = nn_rows_part_of(n, d->c, t, T);
    nn_columns f;
    for (long k = part.first; k < part.last; k += NN_COLUMNS) {
        const long count = nn_columns_count(k, part.last);
        nn_batchnorm_factors(&f, io.mean, io.inv, io.weight, io.bias, k, count);
        if (half) nn_pair_parameters(&f, count);
        nn_batchnorm_normal(half, d, &f, part, k, count, &io);
    }
}

NN_KERNEL void nn_batchnorm_recompute_nhwc(const nn_batchnorm *d, long n, const nn_batchnorm_recompute_args *args,
                                           int t, int T)
{
    nn_batchnorm_recompute_rows(0, d, n, args, t, T);
}

NN_KERNEL void nn_batchnorm_recompute_bf16(const nn_batchnorm *d, long n, const nn_batchnorm_recompute_args *args,
                                           int t, int T)
{
    nn_batchnorm_recompute_rows(1, d, n, args, t, T);
}

NN_INLINE void nn_batchnorm_sums_rows(const int half, const nn_batchnorm *d, long n, const nn_batchnorm_sums_args *args,
                                      int t, int T)
{
    const nn_batchnorm_sums_args io = *args;
    const long last = nn_columns_partition(d->c, t + 1, T);
    nn_columns f;
    nn_totals s;
    for (long k = nn_columns_partition(d->c, t, T); k < last; k += NN_COLUMNS) {
        const long count = nn_columns_count(k, last);
        nn_batchnorm_factors(&f, io.mean, io.inv, io.weight, io.bias, k, count);
        if (half) nn_pair_parameters(&f, count);
        nn_rows_statistic *run = half ? nn_rows_covariance_bf16 : nn_rows_covariance;
        if (d->relu) run = half ? nn_rows_covariance_relu_bf16 : nn_rows_covariance_relu;
        const nn_band rows = {.a = nn_at(half, io.dy, k),
                              .a_step = d->y_step,
                              .b = nn_at(half, io.x, k),
                              .b_step = d->x_step,
                              .of = &f,
                              .columns = count,
                              .run = run,
                              .join = nn_join_sums};
        nn_rows_total(half, &rows, n, &s);
        for (long j = 0; j < count; j += NN_W) {
            nn_vec scale = nn_load_some(io.inv + k + j, count - j);
            nn_store_some(io.dweight + k + j, count - j, nn_load(s.a + j) * scale);
            nn_store_some(io.dbias + k + j, count - j, nn_load(s.b + j));
        }
    }
}

NN_KERNEL void nn_batchnorm_sums_nhwc(const nn_batchnorm *d, long n, const nn_batchnorm_sums_args *args, int t, int T)
{
    nn_batchnorm_sums_rows(0, d, n, args, t, T);
}

NN_KERNEL void nn_batchnorm_sums_bf16(const nn_batchnorm *d, long n, const nn_batchnorm_sums_args *args, int t, int T)
{
    nn_batchnorm_sums_rows(1, d, n, args, t, T);
}

NN_INLINE void nn_batchnorm_dx_rows(const int half, const nn_batchnorm *d, long n, const nn_batchnorm_dx_args *args,
                                    int t, int T)
{
    const nn_batchnorm_dx_args io = *args;
    const float rows = (float)n;
    const nn_rows_part part = nn_rows_part_of(n, d->c, t, T);
    nn_columns f;
    for (long k = part.first; k < part.last; k += NN_COLUMNS) {
        const long count = nn_columns_count(k, part.last);
        for (long j = 0; j < count; j += NN_W) {
            nn_vec i = nn_column_values(io.inv, 0, k + j, count - j);
            nn_store(f.p + j, nn_column_values(io.weight, 1, k + j, count - j) * i);
            nn_store(f.q + j, nn_column_values(io.dbias, 0, k + j, count - j) / rows);
            nn_store(f.r + j, nn_column_values(io.mean, 0, k + j, count - j));
            nn_store(f.u + j, nn_column_values(io.bias, 0, k + j, count - j));
            nn_store(f.s + j, nn_column_values(io.dweight, 0, k + j, count - j) * i / rows);
        }
        if (half) nn_pair_parameters(&f, count);
        const nn_row_map all = {.a = nn_at(half, io.dy, part.row * d->y_step + k),
                                .a_step = d->y_step,
                                .b = nn_at(half, io.x, part.row * d->x_step + k),
                                .b_step = d->x_step,
                                .z = io.residual ? nn_at(half, io.residual, part.row * d->dx_step + k) : 0,
                                .z_step = d->dx_step,
                                .y = nn_place(half, io.dx, part.row * d->dx_step + k),
                                .y_step = d->dx_step};
        if (d->relu)
            nn_rows_map_of(half, nn_column_dx_masked, &f, part.rows, count, all);
        else
            nn_rows_map_of(half, nn_column_dx, &f, part.rows, count, all);
    }
}

NN_KERNEL void nn_batchnorm_dx_nhwc(const nn_batchnorm *d, long n, const nn_batchnorm_dx_args *args, int t, int T)
{
    nn_batchnorm_dx_rows(0, d, n, args, t, T);
}

NN_KERNEL void nn_batchnorm_dx_bf16(const nn_batchnorm *d, long n, const nn_batchnorm_dx_args *args, int t, int T)
{
    nn_batchnorm_dx_rows(1, d, n, args, t, T);
}

/* ---- NCHW ------------------------------------------------------------------------- */

/* y = (x − mean) · scale + shift */
typedef struct nn_channel_affine {
    nn_vec mean, scale, shift;
} nn_channel_affine;

/* Channel k. */
NN_INLINE void nn_channel_map(nn_shape s, long k, nn_channel_affine f, const float *x, float *y)
{
    for (long i = 0; i < s.n; i++) {
        long at = (i * s.c + k) * s.p;
        for (long j = 0; j < s.p; j += NN_W)
            nn_store_part(y + at + j, s.p - j, (nn_load_part(x + at + j, s.p - j) - f.mean) * f.scale + f.shift);
    }
}

NN_KERNEL void nn_batchnorm_infer(const nn_batchnorm *d, long n, const nn_batchnorm_infer_args *args, int t, int T)
{
    const nn_batchnorm_infer_args io = *args;
    if (d->p == 1) {
        nn_batchnorm_infer_nhwc(d, n, args, t, T);
        return;
    }
    nn_channels s = nn_channels_of((nn_shape){n, d->c, d->p}, t, T);
    for (long k = s.first; k < s.last; k++) {
        nn_vec scale =
            nn_channel_value(io.weight, 1, k, s) / nn_sqrt(nn_channel_value(io.running_var, 1, k, s) + d->eps);
        nn_vec shift = nn_channel_value(io.bias, 0, k, s) - nn_channel_value(io.running_mean, 0, k, s) * scale;
        nn_channel_map(s.shape, k, (nn_channel_affine){nn_zero(), scale, shift}, (const float *)io.x, (float *)io.y);
    }
}

NN_KERNEL void nn_batchnorm_train(const nn_batchnorm *d, long n, const nn_batchnorm_train_args *args, int t, int T)
{
    const nn_batchnorm_train_args io = *args;
    if (d->p == 1) {
        nn_batchnorm_train_nhwc(d, n, args, t, T);
        return;
    }
    const float count = (float)(n * d->p), keep = 1 - d->momentum;
    nn_channels s = nn_channels_of((nn_shape){n, d->c, d->p}, t, T);
    for (long k = s.first; k < s.last; k++) {
        nn_vec m = nn_channel_sum(s, k, nn_term_a, nn_zero(), (const float *)io.x, (const float *)io.x) / count;
        nn_vec squares = nn_channel_sum(s, k, nn_term_variance, m, (const float *)io.x, (const float *)io.x);
        nn_vec i = 1 / nn_sqrt(squares / count + d->eps);
        nn_vec scale = i * nn_channel_value(io.weight, 1, k, s), shift = nn_channel_value(io.bias, 0, k, s);
        nn_channel_map(s.shape, k, (nn_channel_affine){m, scale, shift}, (const float *)io.x, (float *)io.y);
        nn_channel_store(io.mean, k, s, m);
        nn_channel_store(io.inv, k, s, i);
        nn_vec variance = squares / (count > 1 ? count - 1 : 1);
        nn_channel_store(io.running_mean, k, s, keep * nn_channel_value(io.running_mean, 0, k, s) + d->momentum * m);
        nn_channel_store(io.running_var, k, s,
                         keep * nn_channel_value(io.running_var, 0, k, s) + d->momentum * variance);
    }
}

NN_KERNEL void nn_batchnorm_moments(const nn_batchnorm *d, long n, const nn_batchnorm_moments_args *args, int t, int T)
{
    const nn_batchnorm_moments_args io = *args;
    const float count = (float)(n * d->p);
    if (t == 0) io.count[0] = count;
    if (d->p == 1) {
        nn_batchnorm_moments_nhwc(d, n, args, t, T);
        return;
    }
    nn_channels s = nn_channels_of((nn_shape){n, d->c, d->p}, t, T);
    for (long k = s.first; k < s.last; k++) {
        nn_vec m = nn_channel_sum(s, k, nn_term_a, nn_zero(), (const float *)io.x, (const float *)io.x) / count;
        nn_channel_store(io.mean, k, s, m);
        nn_channel_store(io.deviations, k, s,
                         nn_channel_sum(s, k, nn_term_variance, m, (const float *)io.x, (const float *)io.x));
    }
}

NN_KERNEL void nn_batchnorm_recompute(const nn_batchnorm *d, long n, const nn_batchnorm_recompute_args *args, int t,
                                      int T)
{
    const nn_batchnorm_recompute_args io = *args;
    if (d->p == 1) {
        nn_batchnorm_recompute_nhwc(d, n, args, t, T);
        return;
    }
    nn_channels s = nn_channels_of((nn_shape){n, d->c, d->p}, t, T);
    for (long k = s.first; k < s.last; k++) {
        nn_vec scale = nn_channel_value(io.inv, 0, k, s) * nn_channel_value(io.weight, 1, k, s);
        nn_vec mean = nn_channel_value(io.mean, 0, k, s), shift = nn_channel_value(io.bias, 0, k, s);
        nn_channel_map(s.shape, k, (nn_channel_affine){mean, scale, shift}, (const float *)io.x, (float *)io.y);
    }
}

NN_KERNEL void nn_batchnorm_sums(const nn_batchnorm *d, long n, const nn_batchnorm_sums_args *args, int t, int T)
{
    const nn_batchnorm_sums_args io = *args;
    if (d->p == 1) {
        nn_batchnorm_sums_nhwc(d, n, args, t, T);
        return;
    }
    nn_channels s = nn_channels_of((nn_shape){n, d->c, d->p}, t, T);
    for (long k = s.first; k < s.last; k++) {
        nn_vec covariance = nn_channel_sum(s, k, nn_term_covariance, nn_channel_value(io.mean, 0, k, s),
                                           (const float *)io.dy, (const float *)io.x);
        nn_channel_store(io.dweight, k, s, covariance * nn_channel_value(io.inv, 0, k, s));
        nn_channel_store(io.dbias, k, s,
                         nn_channel_sum(s, k, nn_term_a, nn_zero(), (const float *)io.dy, (const float *)io.dy));
    }
}

NN_KERNEL void nn_batchnorm_dx(const nn_batchnorm *d, long n, const nn_batchnorm_dx_args *args, int t, int T)
{
    const nn_batchnorm_dx_args io = *args;
    if (d->p == 1) {
        nn_batchnorm_dx_nhwc(d, n, args, t, T);
        return;
    }
    const float count = (float)(n * d->p);
    nn_channels s = nn_channels_of((nn_shape){n, d->c, d->p}, t, T);
    for (long k = s.first; k < s.last; k++) {
        nn_vec i = nn_channel_value(io.inv, 0, k, s), m = nn_channel_value(io.mean, 0, k, s);
        nn_vec scale = nn_channel_value(io.weight, 1, k, s) * i, offset = nn_channel_value(io.dbias, 0, k, s) / count;
        nn_vec slope = nn_channel_value(io.dweight, 0, k, s) * i / count;
        for (long sample = 0; sample < n; sample++) {
            long at = (sample * d->c + k) * d->p;
            for (long j = 0; j < d->p; j += NN_W) {
                nn_vec u = nn_load_part((const float *)io.dy + at + j, d->p - j),
                       v = nn_load_part((const float *)io.x + at + j, d->p - j);
                nn_store_part((float *)io.dx + at + j, d->p - j, scale * (u - offset - (v - m) * slope));
            }
        }
    }
}

#endif /* NN_LINKED */

#endif
