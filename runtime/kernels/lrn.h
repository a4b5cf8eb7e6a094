/*
 * lrn.h: local response normalisation across channels.
 *
 *   x, y, dy, dx: [n][c][p]; dx may be dy
 *
 *   d[c] = k + share · Σ x[j]², j from c − size/2 to c + (size − 1)/2;  y = x · d^(−beta)
 *   dx[j] = dy[j] · d[j]^(−beta) − twice · x[j] · Σ_c dy[c] · x[c] · d[c]^(−beta − 1),
 *           c from j − (size − 1)/2 to j + size/2
 *
 * share = alpha / size, twice = 2 · alpha · beta / size.  A vector of neighbouring
 * places is taken through all channels at once; thread t of T does its part of
 * those vectors.
 */
#ifndef NN_LRN_H
#define NN_LRN_H

typedef struct nn_lrn {
    long c, p;
    int size;
    float share, twice, beta, k;
} nn_lrn;

enum { NN_LRN_CHANNELS = 1024 }; /* at most, for the gradient */

#ifdef NN_LINKED

void nn_lrn_forward(const nn_lrn *, long n, const float *x, float *y, int t, int T);
void nn_lrn_dx(const nn_lrn *, long n, const float *dy, const float *x, float *dx, int t, int T);

#else

#include "functions.h"

/* d^(−beta); d^(−3/4) by square roots, to 2 units of the last place */
NN_INLINE nn_vec nn_lrn_power(nn_vec d, float beta)
{
    if (beta != 0.75f) return nn_power(d, -beta);
    nn_vec root = nn_sqrt(d);
    return 1 / (root * nn_sqrt(root));
}

/* d of channel k at `count` places; x is the sample from there on. */
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

NN_INLINE void nn_lrn_places(const nn_lrn *d, const float *x, float *y, long count)
{
    for (long k = 0; k < d->c; k++) {
        nn_vec power = nn_lrn_power(nn_lrn_divisor(d, x, k, count), d->beta);
        nn_store_part(y + k * d->p, count, nn_load_part(x + k * d->p, count) * power);
    }
}

NN_INLINE void nn_lrn_dx_places(const nn_lrn *d, const float *dy, const float *x, float *dx, long count)
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
        nn_lrn_places(d, x + at, y + at, d->p - place);
    }
}

NN_KERNEL void nn_lrn_dx(const nn_lrn *d, long n, const float *dy, const float *x, float *dx, int t, int T)
{
    long vectors = (d->p + NN_W - 1) / NN_W;
    for (long i = n * vectors * t / T; i < n * vectors * (t + 1) / T; i++) {
        long place = i % vectors * NN_W, at = i / vectors * d->c * d->p + place;
        nn_lrn_dx_places(d, dy + at, x + at, dx + at, d->p - place);
    }
}

#endif /* NN_LINKED */

#endif
