/*
 * statistics.h: sums down the columns of [rows][c], and maps of its elements: images whose
 * channels come last, [N · H · W][C], and vectors, [N][F].
 *
 * Columns are taken in groups, and of these NN_SIDE vectors at a time stay in
 * registers while the rows go by.  The terms of NN_RUN rows are added one after the
 * other, what comes of these runs pairwise, so that rounding grows with the logarithm
 * of the rows.  A column's sum does not depend on the columns beside it: threads may
 * divide them anyhow.
 */
#ifndef NN_STATISTICS_H
#define NN_STATISTICS_H

#include "runtime/kernels/simd/lanes.h"

enum {
    NN_COLUMNS = 128, /* of a group */
    NN_SIDE = 4,      /* vectors that are summed side by side */
    NN_RUN = 64       /* rows */
};

/* Two numbers of each column of a group. */
typedef struct nn_totals {
    float a[NN_COLUMNS], b[NN_COLUMNS];
} __attribute__((aligned(64))) nn_totals;

/* A band: a group of columns, and what is summed there. */
typedef struct nn_band nn_band;
struct nn_band {
    const float *a, *b;           /* at the group's first column, as are what `run` reads of the others */
    long a_step, b_step;          /* from row to row */
    const float *mean;            /* of b */
    const float *factor, *offset; /* what makes of b − mean the value that relu was given */
    long columns;
    void (*run)(const nn_band *, long first, long count, nn_totals *);
    void (*join)(nn_totals *, long count, const nn_totals *rest, long rest_count, long columns);
};

/* ---- columns ------------------------------------------------------------------ */

/* Where part t of T begins: whole cache lines while there are enough of them. */
NN_INLINE long nn_columns_share(long c, int t, int T)
{
    const long unit = c < (long)NN_LINE * T ? NN_LINE / 2 : NN_LINE, at = (c + unit - 1) / unit * t / T * unit;
    return at < c ? at : c;
}

NN_INLINE long nn_columns_count(long first, long last) { return last - first < NN_COLUMNS ? last - first : NN_COLUMNS; }

/* Vector v of V, where `columns` are left; the last one is cut off unless they are whole. */
NN_INLINE nn_vec nn_columns_load(const int V, const int whole, const float *p, int v, long columns)
{
    return whole || v < V - 1 ? nn_load(p + v * NN_W) : nn_load_some(p + v * NN_W, columns - v * NN_W);
}

/* What `left` columns from k on have there; `value` where there is nothing. */
NN_INLINE nn_vec nn_column_values(const float *from, float value, long k, long left)
{
    return from ? nn_load_part(from + k, left) : nn_spread(value);
}

/* ---- runs: rows first … first + count, V vectors from column k on ---------------- */

typedef void nn_columns_run(const int V, const int whole, const nn_band *r, long k, long first, long count,
                            nn_totals *s);

/* a = Σ a, b = 0 */
NN_INLINE void nn_columns_sum(const int V, const int whole, const nn_band *r, long k, long first, long count,
                              nn_totals *s)
{
    const float *a = r->a + first * r->a_step + k;
    nn_vec sum[NN_SIDE];
    NN_UNROLL
    for (int v = 0; v < V; v++) sum[v] = nn_zero();
    for (long i = 0; i < count; i++, a += r->a_step) {
        NN_UNROLL
        for (int v = 0; v < V; v++) sum[v] += nn_columns_load(V, whole, a, v, r->columns - k);
    }
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        nn_store(s->a + k + v * NN_W, sum[v]);
        nn_store(s->b + k + v * NN_W, nn_zero());
    }
}

/* a = Σ a, b = Σ (a − the run's mean)² */
NN_INLINE void nn_columns_moments(const int V, const int whole, const nn_band *r, long k, long first, long count,
                                  nn_totals *s)
{
    const float *a = r->a + first * r->a_step + k;
    nn_vec mean[NN_SIDE], squares[NN_SIDE];
    nn_columns_sum(V, whole, r, k, first, count, s);
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        mean[v] = nn_load(s->a + k + v * NN_W) / (float)count;
        squares[v] = nn_zero();
    }
    for (long i = 0; i < count; i++, a += r->a_step) {
        NN_UNROLL
        for (int v = 0; v < V; v++) {
            nn_vec difference = nn_columns_load(V, whole, a, v, r->columns - k) - mean[v];
            squares[v] += difference * difference;
        }
    }
    NN_UNROLL
    for (int v = 0; v < V; v++) nn_store(s->b + k + v * NN_W, squares[v]);
}

/* a = Σ a · (b − mean), b = Σ a; `rectified`: without those a where relu was not passed */
NN_INLINE void nn_columns_products(const int V, const int whole, const int rectified, const nn_band *r, long k,
                                   long first, long count, nn_totals *s)
{
    const float *a = r->a + first * r->a_step + k, *b = r->b + first * r->b_step + k;
    const long left = r->columns - k;
    nn_vec along[NN_SIDE], sum[NN_SIDE], mean[NN_SIDE];
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        mean[v] = nn_columns_load(V, whole, r->mean + k, v, left);
        along[v] = sum[v] = nn_zero();
    }
    for (long i = 0; i < count; i++, a += r->a_step, b += r->b_step) {
        NN_UNROLL
        for (int v = 0; v < V; v++) {
            nn_vec value = nn_columns_load(V, whole, a, v, left);
            nn_vec difference = nn_columns_load(V, whole, b, v, left) - mean[v];
            if (rectified) {
                nn_vec y = difference * nn_load(r->factor + k + v * NN_W) + nn_load(r->offset + k + v * NN_W);
                value = nn_select(y <= 0, nn_zero(), value);
            }
            along[v] += value * difference;
            sum[v] += value;
        }
    }
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        nn_store(s->a + k + v * NN_W, along[v]);
        nn_store(s->b + k + v * NN_W, sum[v]);
    }
}

NN_INLINE void nn_columns_along(const int V, const int whole, const nn_band *r, long k, long first, long count,
                                nn_totals *s)
{
    nn_columns_products(V, whole, 0, r, k, first, count, s);
}

NN_INLINE void nn_columns_passed(const int V, const int whole, const nn_band *r, long k, long first, long count,
                                 nn_totals *s)
{
    nn_columns_products(V, whole, 1, r, k, first, count, s);
}

/* All columns of the group: they are a few at a time, while the rows stay in cache. */
NN_INLINE void nn_columns_all(nn_columns_run *run, const nn_band *r, long first, long count, nn_totals *s)
{
    long k = 0;
    for (; r->columns - k >= NN_SIDE * NN_W; k += NN_SIDE * NN_W) run(NN_SIDE, 1, r, k, first, count, s);
    for (; r->columns - k >= 2 * NN_W; k += 2 * NN_W) run(2, 1, r, k, first, count, s);
    if (r->columns - k >= NN_W) {
        run(1, 1, r, k, first, count, s);
        k += NN_W;
    }
    if (k < r->columns) run(1, 0, r, k, first, count, s);
}

NN_KERNEL void nn_rows_sum(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(nn_columns_sum, r, first, count, s);
}

NN_KERNEL void nn_rows_moments(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(nn_columns_moments, r, first, count, s);
}

NN_KERNEL void nn_rows_along(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(nn_columns_along, r, first, count, s);
}

NN_KERNEL void nn_rows_passed(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(nn_columns_passed, r, first, count, s);
}

/* ---- runs joined ------------------------------------------------------------------ */

NN_KERNEL void nn_join_sums(nn_totals *s, long count, const nn_totals *rest, long rest_count, long columns)
{
    (void)count, (void)rest_count;
    for (long k = 0; k < columns; k += NN_W) {
        nn_store(s->a + k, nn_load(s->a + k) + nn_load(rest->a + k));
        nn_store(s->b + k, nn_load(s->b + k) + nn_load(rest->b + k));
    }
}

/* Σ (x − mean)² of both parts is what each has about its own mean, and what their means
 * differ: m · n / (m + n) · (mean of m − mean of n)² */
NN_KERNEL void nn_join_moments(nn_totals *s, long count, const nn_totals *rest, long rest_count, long columns)
{
    const float m = (float)count, n = (float)rest_count, weight = m / (m + n) * n;
    for (long k = 0; k < columns; k += NN_W) {
        nn_vec difference = nn_load(s->a + k) / m - nn_load(rest->a + k) / n;
        nn_store(s->a + k, nn_load(s->a + k) + nn_load(rest->a + k));
        nn_store(s->b + k, nn_load(s->b + k) + nn_load(rest->b + k) + weight * (difference * difference));
    }
}

/* Rows first … first + count: two halves, each of whole runs. */
NN_KERNEL void nn_rows_total(const nn_band *r, long first, long count, nn_totals *s)
{
    if (count <= NN_RUN) {
        r->run(r, first, count, s);
        return;
    }
    const long half = (count + NN_RUN - 1) / NN_RUN / 2 * NN_RUN;
    nn_totals rest;
    nn_rows_total(r, first, half, s);
    nn_rows_total(r, first + half, count - half, &rest);
    r->join(s, half, &rest, count - half, r->columns);
}

/* ---- maps ----------------------------------------------------------------------------- */

/* Numbers of each column of a group, and what an element becomes with those of its own. */
typedef struct nn_columns {
    float p[NN_COLUMNS], q[NN_COLUMNS], r[NN_COLUMNS], s[NN_COLUMNS], u[NN_COLUMNS];
} __attribute__((aligned(64))) nn_columns;
typedef nn_vec nn_cell(nn_vec a, nn_vec b, const nn_columns *d, long k);

/* What a map reads and writes, and how far its rows are apart: y = f(a, b) + z, and then
 * relu.  Without b it is a, without z there is no sum.  y may be a, b or z. */
typedef struct nn_row_map {
    const float *a, *b, *z;
    float *y;
    long a_step, b_step, z_step, y_step;
    int relu;
} nn_row_map;

NN_INLINE nn_vec nn_row_value(nn_cell *f, const nn_columns *d, const int sum, const int relu, nn_vec a, nn_vec b,
                              nn_vec z, long k)
{
    nn_vec value = f(a, b, d, k);
    if (sum) value += z;
    return relu ? nn_relu_of(value) : value;
}

NN_INLINE void nn_rows_map_as(nn_cell *f, const nn_columns *d, const int sum, const int relu, long rows, long count,
                              nn_row_map r)
{
    const long whole = count / NN_W * NN_W, rest = count - whole;
    for (long i = 0; i < rows; i++, r.a += r.a_step, r.b += r.b_step, r.y += r.y_step) {
        for (long k = 0; k < whole; k += NN_W) {
            nn_vec z = sum ? nn_load(r.z + k) : nn_zero();
            nn_store(r.y + k, nn_row_value(f, d, sum, relu, nn_load(r.a + k), nn_load(r.b + k), z, k));
        }
        if (rest) {
            nn_vec a = nn_load_some(r.a + whole, rest), b = nn_load_some(r.b + whole, rest);
            nn_vec z = sum ? nn_load_some(r.z + whole, rest) : nn_zero();
            nn_store_some(r.y + whole, rest, nn_row_value(f, d, sum, relu, a, b, z, whole));
        }
        if (sum) r.z += r.z_step;
    }
}

/* `count` columns of some rows. */
NN_INLINE void nn_rows_map(nn_cell *f, const nn_columns *d, long rows, long count, nn_row_map r)
{
    if (!r.b) r.b = r.a, r.b_step = r.a_step;
    if (r.z && r.relu)
        nn_rows_map_as(f, d, 1, 1, rows, count, r);
    else if (r.z)
        nn_rows_map_as(f, d, 1, 0, rows, count, r);
    else if (r.relu)
        nn_rows_map_as(f, d, 0, 1, rows, count, r);
    else
        nn_rows_map_as(f, d, 0, 0, rows, count, r);
}

/* A thread's part of a map: of the rows, or of the columns where rows are few. */
typedef struct nn_portion {
    long row, rows, first, last; /* columns first … last */
} nn_portion;

NN_INLINE nn_portion nn_portion_of(long rows, long c, int t, int T)
{
    if (rows < 8L * T) return (nn_portion){0, rows, nn_columns_share(c, t, T), nn_columns_share(c, t + 1, T)};
    return (nn_portion){rows * t / T, rows * (t + 1) / T - rows * t / T, 0, c};
}

#endif
