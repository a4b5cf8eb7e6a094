/*
 * statistics.h: column statistics of a matrix [rows][c], and maps over its elements; NHWC images,
 * [N · H · W][C], and vectors, [N][F], are such matrices.
 *
 * Columns are processed in groups of NN_COLUMNS, of which NN_SIDE vectors at a time stay in
 * registers while iterating over the rows.  The terms of a run of NN_RUN rows are added one after
 * another and the runs pairwise, so rounding errors grow with the logarithm of the number of rows.
 * A column's sum does not depend on other columns: threads may divide the columns anywhere.
 */
#ifndef NN_STATISTICS_H
#define NN_STATISTICS_H

#include "runtime/kernels/simd/lanes.h"

enum {
    NN_COLUMNS = 128, /* of a group */
    NN_SIDE = 4,      /* vectors that are summed at a time */
    NN_RUN = 64       /* rows */
};

/* Two numbers of each column of a group. */
typedef struct nn_totals {
    float a[NN_COLUMNS], b[NN_COLUMNS];
} __attribute__((aligned(64))) nn_totals;

/* A group of columns, and what is summed. */
typedef struct nn_band nn_band;
struct nn_band {
    const float *a, *b;           /* at the group's first column, as are the others that `run` reads */
    long a_step, b_step;          /* from row to row */
    const float *mean;            /* of b */
    const float *factor, *offset; /* relu's input is (b − mean) · factor + offset */
    long columns;
    void (*run)(const nn_band *, long first, long count, nn_totals *);
    void (*join)(nn_totals *, long count, const nn_totals *rest, long rest_count, long columns);
};

/* ---- columns ------------------------------------------------------------------ */

/* Where part t of T begins: whole cache lines while there are enough of them. */
NN_INLINE long nn_columns_partition(long c, int t, int T)
{
    const long unit = c < (long)NN_LINE * T ? NN_LINE / 2 : NN_LINE, at = (c + unit - 1) / unit * t / T * unit;
    return at < c ? at : c;
}

NN_INLINE long nn_columns_count(long first, long last) { return last - first < NN_COLUMNS ? last - first : NN_COLUMNS; }

/* Vector v of V, with `columns` left; the last one is partly filled unless `whole`. */
NN_INLINE nn_vec nn_columns_load(const int V, const int whole, const float *p, int v, long columns)
{
    return whole || v < V - 1 ? nn_load(p + v * NN_W) : nn_load_some(p + v * NN_W, columns - v * NN_W);
}

/* The values of `left` columns from k on; `value` if there are none. */
NN_INLINE nn_vec nn_column_values(const float *from, float value, long k, long left)
{
    return from ? nn_load_part(from + k, left) : nn_broadcast(value);
}

/* ---- runs: V vectors of some rows, from column k on ------------------------------ */

/* Rows first … first + count − 1. */
typedef struct nn_run {
    long first, count;
} nn_run;

typedef void nn_columns_run(const int V, const int whole, const nn_band *r, long k, nn_run rows, nn_totals *s);

/* a = Σ a, b = 0 */
NN_INLINE void nn_columns_sum(const int V, const int whole, const nn_band *r, long k, nn_run rows, nn_totals *s)
{
    const float *a = r->a + rows.first * r->a_step + k;
    nn_vec sum[NN_SIDE];
    NN_UNROLL
    for (int v = 0; v < V; v++) sum[v] = nn_zero();
    for (long i = 0; i < rows.count; i++, a += r->a_step) {
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
NN_INLINE void nn_columns_variance(const int V, const int whole, const nn_band *r, long k, nn_run rows, nn_totals *s)
{
    const float *a = r->a + rows.first * r->a_step + k;
    nn_vec mean[NN_SIDE], squares[NN_SIDE];
    nn_columns_sum(V, whole, r, k, rows, s);
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        mean[v] = nn_load(s->a + k + v * NN_W) / (float)rows.count;
        squares[v] = nn_zero();
    }
    for (long i = 0; i < rows.count; i++, a += r->a_step) {
        NN_UNROLL
        for (int v = 0; v < V; v++) {
            nn_vec difference = nn_columns_load(V, whole, a, v, r->columns - k) - mean[v];
            squares[v] += difference * difference;
        }
    }
    NN_UNROLL
    for (int v = 0; v < V; v++) nn_store(s->b + k + v * NN_W, squares[v]);
}

/* a = Σ a · (b − mean), b = Σ a; `relu_masked`: without the a where relu gave 0 */
NN_INLINE void nn_columns_products(const int V, const int whole, const int relu_masked, const nn_band *r, long k,
                                   nn_run rows, nn_totals *s)
{
    const float *a = r->a + rows.first * r->a_step + k, *b = r->b + rows.first * r->b_step + k;
    const long left = r->columns - k;
    nn_vec covariance[NN_SIDE], sum[NN_SIDE], mean[NN_SIDE];
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        mean[v] = nn_columns_load(V, whole, r->mean + k, v, left);
        covariance[v] = sum[v] = nn_zero();
    }
    for (long i = 0; i < rows.count; i++, a += r->a_step, b += r->b_step) {
        NN_UNROLL
        for (int v = 0; v < V; v++) {
            nn_vec value = nn_columns_load(V, whole, a, v, left);
            nn_vec difference = nn_columns_load(V, whole, b, v, left) - mean[v];
            if (relu_masked) {
                nn_vec y = difference * nn_load(r->factor + k + v * NN_W) + nn_load(r->offset + k + v * NN_W);
                value = nn_select(y <= 0, nn_zero(), value);
            }
            covariance[v] += value * difference;
            sum[v] += value;
        }
    }
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        nn_store(s->a + k + v * NN_W, covariance[v]);
        nn_store(s->b + k + v * NN_W, sum[v]);
    }
}

NN_INLINE void nn_columns_covariance(const int V, const int whole, const nn_band *r, long k, nn_run rows, nn_totals *s)
{
    nn_columns_products(V, whole, 0, r, k, rows, s);
}

NN_INLINE void nn_columns_covariance_relu(const int V, const int whole, const nn_band *r, long k, nn_run rows,
                                          nn_totals *s)
{
    nn_columns_products(V, whole, 1, r, k, rows, s);
}

/* All columns of the group, a few vectors at a time, while the rows stay in cache. */
NN_INLINE void nn_columns_all(nn_columns_run *run, const nn_band *r, long first, long count, nn_totals *s)
{
    const nn_run rows = {first, count};
    long k = 0;
    for (; r->columns - k >= NN_SIDE * NN_W; k += NN_SIDE * NN_W) run(NN_SIDE, 1, r, k, rows, s);
    for (; r->columns - k >= 2 * NN_W; k += 2 * NN_W) run(2, 1, r, k, rows, s);
    if (r->columns - k >= NN_W) {
        run(1, 1, r, k, rows, s);
        k += NN_W;
    }
    if (k < r->columns) run(1, 0, r, k, rows, s);
}

NN_KERNEL void nn_rows_sum(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(nn_columns_sum, r, first, count, s);
}

NN_KERNEL void nn_rows_variance(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(nn_columns_variance, r, first, count, s);
}

NN_KERNEL void nn_rows_covariance(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(nn_columns_covariance, r, first, count, s);
}

NN_KERNEL void nn_rows_covariance_relu(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(nn_columns_covariance_relu, r, first, count, s);
}

/* ---- merging of runs ------------------------------------------------------------------ */

NN_KERNEL void nn_join_sums(nn_totals *s, long count, const nn_totals *rest, long rest_count, long columns)
{
    (void)count, (void)rest_count;
    for (long k = 0; k < columns; k += NN_W) {
        nn_store(s->a + k, nn_load(s->a + k) + nn_load(rest->a + k));
        nn_store(s->b + k, nn_load(s->b + k) + nn_load(rest->b + k));
    }
}

/* Σ (x − mean)² of both = Σ of each about its own mean + m · n / (m + n) · (mean of m − mean of n)² */
NN_KERNEL void nn_join_variance(nn_totals *s, long count, const nn_totals *rest, long rest_count, long columns)
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

/* Parameters of each column of a group, and a map of an element with those of its column. */
typedef struct nn_columns {
    float p[NN_COLUMNS], q[NN_COLUMNS], r[NN_COLUMNS], s[NN_COLUMNS], u[NN_COLUMNS];
} __attribute__((aligned(64))) nn_columns;
typedef nn_vec nn_column_map(nn_vec a, nn_vec b, const nn_columns *d, long k);

/* The arrays of a map and their row strides: y = f(a, b) + z, then relu.  b NULL: a; z NULL: no
 * sum. y may be a, b or z. */
typedef struct nn_row_map {
    const float *a, *b, *z;
    float *y;
    long a_step, b_step, z_step, y_step;
    int relu;
} nn_row_map;

/* relu(value + z), as far as there are a sum and a relu. */
NN_INLINE nn_vec nn_row_epilogue(const int sum, const int relu, nn_vec value, nn_vec z)
{
    if (sum) value += z;
    return relu ? nn_relu_of(value) : value;
}

NN_INLINE void nn_rows_map_as(nn_column_map *f, const nn_columns *d, const int sum, const int relu, long rows,
                              long count, nn_row_map r)
{
    const long whole = count / NN_W * NN_W, rest = count - whole;
    for (long i = 0; i < rows; i++, r.a += r.a_step, r.b += r.b_step, r.y += r.y_step) {
        for (long k = 0; k < whole; k += NN_W) {
            nn_vec z = sum ? nn_load(r.z + k) : nn_zero();
            nn_store(r.y + k, nn_row_epilogue(sum, relu, f(nn_load(r.a + k), nn_load(r.b + k), d, k), z));
        }
        if (rest) {
            nn_vec a = nn_load_some(r.a + whole, rest), b = nn_load_some(r.b + whole, rest);
            nn_vec z = sum ? nn_load_some(r.z + whole, rest) : nn_zero();
            nn_store_some(r.y + whole, rest, nn_row_epilogue(sum, relu, f(a, b, d, whole), z));
        }
        if (sum) r.z += r.z_step;
    }
}

/* `count` columns of some rows. */
NN_INLINE void nn_rows_map(nn_column_map *f, const nn_columns *d, long rows, long count, nn_row_map r)
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

/* A thread's part of a map: of the rows, or of the columns if there are few rows. */
typedef struct nn_rows_part {
    long row, rows, first, last; /* columns first … last */
} nn_rows_part;

NN_INLINE nn_rows_part nn_rows_part_of(long rows, long c, int t, int T)
{
    if (rows < 8L * T) return (nn_rows_part){0, rows, nn_columns_partition(c, t, T), nn_columns_partition(c, t + 1, T)};
    return (nn_rows_part){rows * t / T, rows * (t + 1) / T - rows * t / T, 0, c};
}

#endif
