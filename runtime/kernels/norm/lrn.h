/*
 * lrn.h: local response normalization across channels.
 *
 *   x, y, dy, dx: [n][c][p]; dx may be dy
 *
 *   d[c] = k + share · Σ x[j]², j from c − size/2 to c + (size − 1)/2;  y = x · d^(−beta)
 *   dx[j] = dy[j] · d[j]^(−beta) − twice · x[j] · Σ_c dy[c] · x[c] · d[c]^(−beta − 1),
 *           c from j − (size − 1)/2 to j + size/2
 *
 * share = alpha / size, twice = 2 · alpha · beta / size.  In NCHW a vector holds neighbouring
 * pixels and iterates over the channels; thread t of T computes part t of these vectors.  In NHWC,
 * [n][p][c], it holds neighbouring channels: a pixel is first copied between zeros, so that no sum
 * is cut off.
 */
#ifndef NN_LRN_H
#define NN_LRN_H

typedef struct nn_lrn {
    long c, p;
    int size;
    float share, twice, beta, k;
} nn_lrn;

#ifdef NN_LINKED

void nn_lrn_forward(const nn_lrn *, long n, const float *x, float *y, int t, int T);
void nn_lrn_dx(const nn_lrn *, long n, const float *dy, const float *x, float *dx, int t, int T);
void nn_lrn_nhwc(const nn_lrn *, long n, const float *x, float *y, int t, int T);
void nn_lrn_nhwc_dx(const nn_lrn *, long n, const float *dy, const float *x, float *dx, int t, int T);

#else

#include "runtime/kernels/simd/vector_math.h"

/* d^(−beta); d^(−3/4) by square roots, to 2 units of the last place */
NN_INLINE nn_vec nn_lrn_power(nn_vec d, float beta)
{
    if (beta != 0.75f) return nn_power(d, -beta);
    nn_vec root = nn_sqrt(d);
    return 1 / (root * nn_sqrt(root));
}

/* d of channel k at `count` pixels from x on. */
NN_INLINE nn_vec nn_lrn_divisor(const nn_lrn *d, const float *x, long k, long count)
{
    long first = k - d->size / 2, last = k + (d->size - 1) / 2;
    nn_vec sum = nn_zero();
    for (long j = first < 0 ? 0 : first; j <= last && j < d->c; j++) {
        nn_vec v = nn_load_part(x + j * d->p, count);
        sum += v * v;
    }
    return d->k + d->share * sum;
}

NN_INLINE void nn_lrn_pixels(const nn_lrn *d, const float *x, float *y, long count)
{
    for (long k = 0; k < d->c; k++) {
        nn_vec power = nn_lrn_power(nn_lrn_divisor(d, x, k, count), d->beta);
        nn_store_part(y + k * d->p, count, nn_load_part(x + k * d->p, count) * power);
    }
}

NN_INLINE void nn_lrn_dx_pixels(const nn_lrn *d, const float *dy, const float *x, float *dx, long count)
{
    float power[NN_LRN_CHANNELS][NN_W] __attribute__((aligned(64))); /* d^(−beta) */
    float ratio[NN_LRN_CHANNELS][NN_W] __attribute__((aligned(64))); /* dy · x · d^(−beta − 1) */
    for (long k = 0; k < d->c; k++) {
        nn_vec divisor = nn_lrn_divisor(d, x, k, count);
        nn_vec own = nn_lrn_power(divisor, d->beta);
        nn_store(power[k], own);
        nn_store(ratio[k], nn_load_part(dy + k * d->p, count) * nn_load_part(x + k * d->p, count) * own / divisor);
    }
    for (long k = 0; k < d->c; k++) {
        long first = k - (d->size - 1) / 2, last = k + d->size / 2;
        nn_vec sum = nn_zero();
        for (long j = first < 0 ? 0 : first; j <= last && j < d->c; j++) sum += nn_load(ratio[j]);
        nn_vec own = nn_load_part(dy + k * d->p, count) * nn_load(power[k]);
        nn_store_part(dx + k * d->p, count, own - d->twice * nn_load_part(x + k * d->p, count) * sum);
    }
}

NN_KERNEL void nn_lrn_forward(const nn_lrn *d, long n, const float *x, float *y, int t, int T)
{
    long vectors = (d->p + NN_W - 1) / NN_W;
    for (long i = n * vectors * t / T; i < n * vectors * (t + 1) / T; i++) {
        long place = i % vectors * NN_W, at = i / vectors * d->c * d->p + place;
        nn_lrn_pixels(d, x + at, y + at, d->p - place);
    }
}

NN_KERNEL void nn_lrn_dx(const nn_lrn *d, long n, const float *dy, const float *x, float *dx, int t, int T)
{
    long vectors = (d->p + NN_W - 1) / NN_W;
    for (long i = n * vectors * t / T; i < n * vectors * (t + 1) / T; i++) {
        long place = i % vectors * NN_W, at = i / vectors * d->c * d->p + place;
        nn_lrn_dx_pixels(d, dy + at, x + at, dx + at, d->p - place);
    }
}

/* ---- NHWC -------------------------------------------------------------------------- */

/* A pixel's channels from `first` on, after NN_LRN_WINDOW zeros and before as many. */
typedef float nn_lrn_line[NN_LRN_CHANNELS + 2 * NN_LRN_WINDOW + NN_LINE];

NN_INLINE void nn_lrn_clear(const nn_lrn *d, float *line)
{
    for (long i = 0; i < NN_LRN_WINDOW; i++) line[i] = 0;
    for (long i = d->c; i < d->c + NN_LRN_WINDOW + NN_LINE; i++) line[NN_LRN_WINDOW + i] = 0;
}

/* Σ of `size` elements from p on, in every lane from its own. */
NN_INLINE nn_vec nn_lrn_sum(const float *p, int size)
{
    nn_vec sum = nn_zero();
    for (int j = 0; j < size; j++) sum += nn_load(p + j);
    return sum;
}

/* Stores the squares of a pixel in the line. */
NN_INLINE void nn_lrn_squares(const nn_lrn *d, const float *x, float *line)
{
    for (long k = 0; k < d->c; k += NN_W) {
        nn_vec v = nn_load_some(x + k, d->c - k);
        nn_store_some(line + NN_LRN_WINDOW + k, d->c - k, v * v);
    }
}

/* d of the channels k, k + 1, … */
NN_INLINE nn_vec nn_lrn_nhwc_divisor(const nn_lrn *d, const float *squares, long k)
{
    return d->k + d->share * nn_lrn_sum(squares + NN_LRN_WINDOW + k - d->size / 2, d->size);
}

NN_KERNEL void nn_lrn_nhwc(const nn_lrn *d, long n, const float *x, float *y, int t, int T)
{
    nn_lrn_line squares;
    nn_lrn_clear(d, squares);
    for (long i = n * d->p * t / T * d->c; i < n * d->p * (t + 1) / T * d->c; i += d->c) {
        nn_lrn_squares(d, x + i, squares);
        for (long k = 0; k < d->c; k += NN_W) {
            nn_vec power = nn_lrn_power(nn_lrn_nhwc_divisor(d, squares, k), d->beta);
            nn_store_some(y + i + k, d->c - k, nn_load_some(x + i + k, d->c - k) * power);
        }
    }
}

NN_INLINE void nn_lrn_nhwc_dx_pixel(const nn_lrn *d, const float *dy, const float *x, float *dx, float *squares,
                                    float *ratio)
{
    float power[NN_LRN_CHANNELS + NN_LINE]; /* d^(−beta) */
    nn_lrn_squares(d, x, squares);
    for (long k = 0; k < d->c; k += NN_W) {
        nn_vec divisor = nn_lrn_nhwc_divisor(d, squares, k), own = nn_lrn_power(divisor, d->beta);
        nn_vec product = nn_load_some(dy + k, d->c - k) * nn_load_some(x + k, d->c - k);
        nn_store(power + k, own);
        nn_store_some(ratio + NN_LRN_WINDOW + k, d->c - k, product * own / divisor);
    }
    for (long k = 0; k < d->c; k += NN_W) {
        nn_vec sum = nn_lrn_sum(ratio + NN_LRN_WINDOW + k - (d->size - 1) / 2, d->size);
        nn_vec own = nn_load_some(dy + k, d->c - k) * nn_load(power + k);
        nn_store_some(dx + k, d->c - k, own - d->twice * nn_load_some(x + k, d->c - k) * sum);
    }
}

NN_KERNEL void nn_lrn_nhwc_dx(const nn_lrn *d, long n, const float *dy, const float *x, float *dx, int t, int T)
{
    nn_lrn_line squares, ratio;
    nn_lrn_clear(d, squares);
    nn_lrn_clear(d, ratio);
    for (long i = n * d->p * t / T * d->c; i < n * d->p * (t + 1) / T * d->c; i += d->c)
        nn_lrn_nhwc_dx_pixel(d, dy + i, x + i, dx + i, squares, ratio);
}

#endif /* NN_LINKED */

#endif
