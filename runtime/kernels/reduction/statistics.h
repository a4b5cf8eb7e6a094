/*
 * statistics.h: column statistics of a matrix [rows][c], and maps over its elements; NHWC images,
 * [N · H · W][C], and vectors, [N][F], are such matrices.
 *
 * Columns are processed in groups of NN_COLUMNS, of which some vectors at a time stay in
 * registers while iterating over a run of rows.  A group is wide, so that most matrices are read from one
 * end to the other: parts of rows come from memory at half of the speed.  The terms of a run of NN_RUN rows are added one after
 * another and the runs pairwise, so rounding errors grow with the logarithm of the number of rows.
 * A column's sum does not depend on other columns: threads may divide the columns anywhere.
 */
#ifndef NN_STATISTICS_H
#define NN_STATISTICS_H

#include "runtime/kernels/simd/elements.h"

enum {
    NN_COLUMNS = 512,                  /* of a group */
    NN_SIDE = 4,                       /* vectors that are summed at a time */
    NN_SUMS_SIDE = NN_W == 16 ? 8 : 4, /* the same where a column has one sum at a time */
    NN_RUN = 64                        /* rows */
};

/* Two numbers of each column of a group. */
typedef struct nn_totals {
    float a[NN_COLUMNS], b[NN_COLUMNS];
} __attribute__((aligned(64))) nn_totals;

/* Parameters of each column of a group. */
typedef struct nn_columns {
    float p[NN_COLUMNS], q[NN_COLUMNS], r[NN_COLUMNS], s[NN_COLUMNS], u[NN_COLUMNS];
} __attribute__((aligned(64))) nn_columns;

/* A group of columns, and what is summed. */
typedef struct nn_band nn_band;
typedef void nn_rows_statistic(const nn_band *, long first, long count, nn_totals *);
struct nn_band {
    const void *a, *b;    /* at the group's first column, as are the others that `run` reads */
    long a_step, b_step;  /* from row to row */
    const nn_columns *of; /* r is the mean of b; relu's input is (b − r) · p + q */
    long columns;
    nn_rows_statistic *run;
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

/* How columns are read: the last vector is partly filled unless `whole`; `half`: of bf16. */
typedef struct nn_columns_form {
    int whole, half;
} nn_columns_form;

/* V vectors, with `left` columns left; of bf16 several are pairs. */
NN_INLINE void nn_columns_load(const int V, const nn_columns_form form, const void *p, long left, nn_vec *value)
{
    if (V == 1) {
        value[0] = form.whole ? nn_load_as(form.half, p) : nn_load_some_as(form.half, p, left);
        return;
    }
    NN_UNROLL
    for (int v = 0; v < V; v += 2) {
        const void *at = nn_at(form.half, p, v * NN_W);
        const nn_words pairs = form.half ? nn_load_both((const uint16_t *)at) : (nn_words){0};
        value[v] = form.half ? nn_even(pairs) : nn_load_early_as(0, at);
        value[v + 1] = form.half ? nn_odd(pairs) : nn_load_early_as(0, nn_at(0, at, NN_W));
    }
}

/* The values of `left` columns from k on; `value` if there are none. */
NN_INLINE nn_vec nn_column_values(const float *from, float value, long k, long left)
{
    return from ? nn_load_part(from + k, left) : nn_broadcast(value);
}

/* Elements of bf16 are read and written by pairs: of NN_PAIRED columns, the even ones are a vector and the odd
 * ones another.  Their parameters and sums are in this order meanwhile, as far as there are so many columns. */
NN_INLINE void nn_pair_columns(float *of, long count)
{
    for (long k = 0; k + NN_PAIRED <= count; k += NN_PAIRED) {
        float row[NN_PAIRED];
        __builtin_memcpy(row, of + k, sizeof row);
        for (int i = 0; i < NN_W; i++) of[k + i] = row[2 * i], of[k + NN_W + i] = row[2 * i + 1];
    }
}

NN_INLINE void nn_part_columns(float *of, long count)
{
    for (long k = 0; k + NN_PAIRED <= count; k += NN_PAIRED) {
        float row[NN_PAIRED];
        __builtin_memcpy(row, of + k, sizeof row);
        for (int i = 0; i < NN_W; i++) of[k + 2 * i] = row[i], of[k + 2 * i + 1] = row[NN_W + i];
    }
}

NN_KERNEL void nn_pair_parameters(nn_columns *f, long count)
{
    nn_pair_columns(f->p, count), nn_pair_columns(f->q, count), nn_pair_columns(f->r, count);
    nn_pair_columns(f->s, count), nn_pair_columns(f->u, count);
}

/* ---- runs: V vectors of some rows, from column k on ------------------------------ */

/* Rows first … first + count − 1. */
typedef struct nn_run {
    long first, count;
} nn_run;

typedef void nn_columns_run(const int V, const nn_columns_form form, const nn_band *r, long k, nn_run rows,
                            nn_totals *s);

/* a = Σ a, b = 0 */
NN_INLINE void nn_columns_sum(const int V, const nn_columns_form form, const nn_band *r, long k, nn_run rows,
                              nn_totals *s)
{
    const void *a = nn_at(form.half, r->a, rows.first * r->a_step + k);
    nn_vec value[NN_SUMS_SIDE], sum[NN_SUMS_SIDE];
    NN_UNROLL
    for (int v = 0; v < V; v++) sum[v] = nn_zero();
    for (long i = 0; i < rows.count; i++, a = nn_at(form.half, a, r->a_step)) {
        nn_columns_load(V, form, a, r->columns - k, value);
        NN_UNROLL
        for (int v = 0; v < V; v++) sum[v] += value[v];
    }
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        nn_store(s->a + k + v * NN_W, sum[v]);
        nn_store(s->b + k + v * NN_W, nn_zero());
    }
}

/* a = Σ a, b = Σ (a − the run's mean)² */
NN_INLINE void nn_columns_variance(const int V, const nn_columns_form form, const nn_band *r, long k, nn_run rows,
                                   nn_totals *s)
{
    const void *a = nn_at(form.half, r->a, rows.first * r->a_step + k);
    nn_vec value[NN_SUMS_SIDE], mean[NN_SUMS_SIDE], squares[NN_SUMS_SIDE];
    nn_columns_sum(V, form, r, k, rows, s);
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        mean[v] = nn_load(s->a + k + v * NN_W) / (float)rows.count;
        squares[v] = nn_zero();
    }
    for (long i = 0; i < rows.count; i++, a = nn_at(form.half, a, r->a_step)) {
        nn_columns_load(V, form, a, r->columns - k, value);
        NN_UNROLL
        for (int v = 0; v < V; v++) {
            nn_vec difference = value[v] - mean[v];
            squares[v] += difference * difference;
        }
    }
    NN_UNROLL
    for (int v = 0; v < V; v++) nn_store(s->b + k + v * NN_W, squares[v]);
}

/* a = Σ a · (b − mean), b = Σ a; `relu_masked`: without the a where relu gave 0 */
NN_INLINE void nn_columns_products(const int V, const nn_columns_form form, const int relu_masked, const nn_band *r,
                                   long k, nn_run rows, nn_totals *s)
{
    const void *a = nn_at(form.half, r->a, rows.first * r->a_step + k),
               *b = nn_at(form.half, r->b, rows.first * r->b_step + k);
    const long left = r->columns - k;
    nn_vec covariance[NN_SIDE], sum[NN_SIDE], value[NN_SIDE], other[NN_SIDE];
    NN_UNROLL
    for (int v = 0; v < V; v++) covariance[v] = sum[v] = nn_zero();
    for (long i = 0; i < rows.count; i++, a = nn_at(form.half, a, r->a_step), b = nn_at(form.half, b, r->b_step)) {
        nn_columns_load(V, form, a, left, value);
        nn_columns_load(V, form, b, left, other);
        NN_UNROLL
        for (int v = 0; v < V; v++) {
            nn_vec difference = other[v] - nn_load(r->of->r + k + v * NN_W);
            if (relu_masked) {
                nn_vec y = difference * nn_load(r->of->p + k + v * NN_W) + nn_load(r->of->q + k + v * NN_W);
                value[v] = nn_select(y <= 0, nn_zero(), value[v]);
            }
            covariance[v] += value[v] * difference;
            sum[v] += value[v];
        }
    }
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        nn_store(s->a + k + v * NN_W, covariance[v]);
        nn_store(s->b + k + v * NN_W, sum[v]);
    }
}

NN_INLINE void nn_columns_covariance(const int V, const nn_columns_form form, const nn_band *r, long k, nn_run rows,
                                     nn_totals *s)
{
    nn_columns_products(V, form, 0, r, k, rows, s);
}

NN_INLINE void nn_columns_covariance_relu(const int V, const nn_columns_form form, const nn_band *r, long k,
                                          nn_run rows, nn_totals *s)
{
    nn_columns_products(V, form, 1, r, k, rows, s);
}

/* All columns of the group, a few vectors at a time, while the rows stay in cache. */
NN_INLINE void nn_columns_all(const int side, nn_columns_run *run, const int half, const nn_band *r, nn_run rows,
                              nn_totals *s)
{
    const nn_columns_form whole = {1, half}, partly = {0, half};
    long k = 0;
    for (; r->columns - k >= side * NN_W; k += side * NN_W) run(side, whole, r, k, rows, s);
    for (; r->columns - k >= 4 * NN_W && side > 4; k += 4 * NN_W) run(4, whole, r, k, rows, s);
    for (; r->columns - k >= 2 * NN_W; k += 2 * NN_W) run(2, whole, r, k, rows, s);
    if (r->columns - k >= NN_W) {
        run(1, whole, r, k, rows, s);
        k += NN_W;
    }
    if (k < r->columns) run(1, partly, r, k, rows, s);
}

NN_KERNEL void nn_rows_sum(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(NN_SUMS_SIDE, nn_columns_sum, 0, r, (nn_run){first, count}, s);
}

NN_KERNEL void nn_rows_variance(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(NN_SUMS_SIDE, nn_columns_variance, 0, r, (nn_run){first, count}, s);
}

NN_KERNEL void nn_rows_covariance(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(NN_SIDE, nn_columns_covariance, 0, r, (nn_run){first, count}, s);
}

NN_KERNEL void nn_rows_covariance_relu(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(NN_SIDE, nn_columns_covariance_relu, 0, r, (nn_run){first, count}, s);
}

/* The same of bf16. */
NN_KERNEL void nn_rows_sum_bf16(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(NN_SUMS_SIDE, nn_columns_sum, 1, r, (nn_run){first, count}, s);
}

NN_KERNEL void nn_rows_variance_bf16(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(NN_SUMS_SIDE, nn_columns_variance, 1, r, (nn_run){first, count}, s);
}

NN_KERNEL void nn_rows_covariance_bf16(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(NN_SIDE, nn_columns_covariance, 1, r, (nn_run){first, count}, s);
}

NN_KERNEL void nn_rows_covariance_relu_bf16(const nn_band *r, long first, long count, nn_totals *s)
{
    nn_columns_all(NN_SIDE, nn_columns_covariance_relu, 1, r, (nn_run){first, count}, s);
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
NN_KERNEL void nn_rows_join(const nn_band *r, long first, long count, nn_totals *s)
{
    if (count <= NN_RUN) {
        r->run(r, first, count, s);
        return;
    }
    const long half = (count + NN_RUN - 1) / NN_RUN / 2 * NN_RUN;
    nn_totals rest;
    nn_rows_join(r, first, half, s);
    nn_rows_join(r, first + half, count - half, &rest);
    r->join(s, half, &rest, count - half, r->columns);
}

/* All rows; `half`: of bf16. */
NN_INLINE void nn_rows_total(const int half, const nn_band *r, long rows, nn_totals *s)
{
    nn_rows_join(r, 0, rows, s);
    if (half) nn_part_columns(s->a, r->columns), nn_part_columns(s->b, r->columns);
}

/* ---- maps ----------------------------------------------------------------------------- */

/* A map of an element with the parameters of its column. */
typedef nn_vec nn_column_map(nn_vec a, nn_vec b, const nn_columns *d, long k);

/* The arrays of a map and their row strides: y = f(a, b) + z, then relu.  b NULL: a; z NULL: no
 * sum. y may be a, b or z. */
typedef struct nn_row_map {
    const void *a, *b, *z;
    void *y;
    long a_step, b_step, z_step, y_step;
    int relu;
} nn_row_map;

/* The constants of a map's code: of bf16, with a sum, with a relu. */
typedef struct nn_map_form {
    int half, sum, relu;
} nn_map_form;

/* relu(value + z), as far as there are a sum and a relu. */
NN_INLINE nn_vec nn_row_epilogue(const int sum, const int relu, nn_vec value, nn_vec z)
{
    if (sum) value += z;
    return relu ? nn_relu_of(value) : value;
}

/* Row i. */
NN_INLINE void nn_row_map_run(nn_column_map *f, const nn_columns *d, const nn_map_form form, long i, long count,
                              const nn_row_map *r)
{
    const int half = form.half, sum = form.sum, relu = form.relu;
    const void *a = nn_at(half, r->a, i * r->a_step), *b = nn_at(half, r->b, i * r->b_step),
               *z = sum ? nn_at(half, r->z, i * r->z_step) : 0;
    void *y = nn_place(half, r->y, i * r->y_step);
    long k = 0;
    for (; half && k + NN_PAIRED <= count; k += NN_PAIRED) {
        const nn_words u = nn_load_both((const uint16_t *)a + k), v = nn_load_both((const uint16_t *)b + k),
                       w = sum ? nn_load_both((const uint16_t *)z + k) : (nn_words){0};
        nn_vec even = nn_row_epilogue(sum, relu, f(nn_even(u), nn_even(v), d, k), nn_even(w)),
               odd = nn_row_epilogue(sum, relu, f(nn_odd(u), nn_odd(v), d, k + NN_W), nn_odd(w));
        nn_store_bf16_pairs((uint16_t *)y + k, even, odd);
    }
    for (; k + NN_W <= count; k += NN_W) {
        nn_vec residual = sum ? nn_load_as(half, nn_at(half, z, k)) : nn_zero();
        nn_vec value = f(nn_load_early_as(half, nn_at(half, a, k)), nn_load_as(half, nn_at(half, b, k)), d, k);
        nn_store_as(half, nn_place(half, y, k), nn_row_epilogue(sum, relu, value, residual));
    }
    if (k == count) return;
    const long rest = count - k;
    nn_vec last_a = nn_load_some_as(half, nn_at(half, a, k), rest),
           last_b = nn_load_some_as(half, nn_at(half, b, k), rest),
           residual = sum ? nn_load_some_as(half, nn_at(half, z, k), rest) : nn_zero();
    nn_store_some_as(half, nn_place(half, y, k), rest, nn_row_epilogue(sum, relu, f(last_a, last_b, d, k), residual));
}

NN_INLINE void nn_rows_map_as(nn_column_map *f, const nn_columns *d, const nn_map_form form, long rows, long count,
                              nn_row_map r)
{
    for (long i = 0; i < rows; i++) nn_row_map_run(f, d, form, i, count, &r);
}

/* `count` columns of some rows; `half`: of bf16. */
NN_INLINE void nn_rows_map_of(const int half, nn_column_map *f, const nn_columns *d, long rows, long count,
                              nn_row_map r)
{
    if (!r.b) r.b = r.a, r.b_step = r.a_step;
    if (r.z && r.relu)
        nn_rows_map_as(f, d, (nn_map_form){half, 1, 1}, rows, count, r);
    else if (r.z)
        nn_rows_map_as(f, d, (nn_map_form){half, 1, 0}, rows, count, r);
    else if (r.relu)
        nn_rows_map_as(f, d, (nn_map_form){half, 0, 1}, rows, count, r);
    else
        nn_rows_map_as(f, d, (nn_map_form){half, 0, 0}, rows, count, r);
}

NN_INLINE void nn_rows_map(nn_column_map *f, const nn_columns *d, long rows, long count, nn_row_map r)
{
    nn_rows_map_of(0, f, d, rows, count, r);
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
