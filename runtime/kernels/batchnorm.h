/*
 * batchnorm.h: normalising channels over the batch, forward and backward.
 *
 *   x, y, dy, dx: [n][c][p], p elements per channel   all others: [c]
 *
 *   inference  y = x · scale + shift, scale = weight / √(running_var + eps),
 *              shift = bias − running_mean · scale
 *   training   the same with the batch's mean and biased variance; the running ones
 *              become (1 − momentum) · running + momentum · batch, the variance
 *              times M / (M − 1), M = n · p
 *   sums       dbias = Σ dy;   dweight = Σ dy · (x − mean) · inv
 *   dx         weight · inv · (dy − dbias / M − (x − mean) · inv · dweight / M)
 *
 * weight and bias may be NULL.  The variance is that of the differences from the
 * mean, in a second walk.  Thread t of T does its part of the channels; with p = 1
 * these lie side by side and are taken a vector at a time.
 */
#ifndef NN_BATCHNORM_H
#define NN_BATCHNORM_H

typedef struct nn_batchnorm {
    int c;
    long p;
    float eps, momentum;
} nn_batchnorm;

#ifdef NN_LINKED

void nn_batchnorm_infer(const nn_batchnorm *, long n, const float *x, const float *weight, const float *bias,
                        const float *running_mean, const float *running_var, float *y, int t, int T);
void nn_batchnorm_train(const nn_batchnorm *, long n, const float *x, const float *weight, const float *bias,
                        float *running_mean, float *running_var, float *y, float *mean, float *inv, int t, int T);
void nn_batchnorm_sums(const nn_batchnorm *, long n, const float *dy, const float *x, const float *mean,
                       const float *inv, float *dweight, float *dbias, int t, int T);
void nn_batchnorm_dx(const nn_batchnorm *, long n, const float *dy, const float *x, const float *mean, const float *inv,
                     const float *dweight, const float *dbias, const float *weight, float *dx, int t, int T);

#else

#include "channels.h"

/* y = (x − mean) · scale + shift for channel k or those from k on */
NN_INLINE void nn_channel_map(const nn_batchnorm *d, long n, const float *x, nn_vec mean, nn_vec scale, nn_vec shift,
                              float *y, long k, nn_channels s)
{
    for (long i = 0; i < n; i++) {
        long at = (i * d->c + k) * d->p, count = s.step == 1 ? d->p : s.last - k;
        for (long j = 0; j < (s.step == 1 ? count : 1); j += NN_W)
            nn_store_part(y + at + j, count - j, (nn_load_part(x + at + j, count - j) - mean) * scale + shift);
    }
}

NN_KERNEL void nn_batchnorm_infer(const nn_batchnorm *d, long n, const float *x, const float *weight, const float *bias,
                                  const float *running_mean, const float *running_var, float *y, int t, int T)
{
    nn_channels s = nn_channels_of(d->c, d->p, t, T);
    for (long k = s.first; k < s.last; k += s.step) {
        nn_vec scale = nn_channel_value(weight, 1, k, s) / nn_sqrt(nn_channel_value(running_var, 1, k, s) + d->eps);
        nn_vec shift = nn_channel_value(bias, 0, k, s) - nn_channel_value(running_mean, 0, k, s) * scale;
        nn_channel_map(d, n, x, nn_zero(), scale, shift, y, k, s);
    }
}

NN_KERNEL void nn_batchnorm_train(const nn_batchnorm *d, long n, const float *x, const float *weight, const float *bias,
                                  float *running_mean, float *running_var, float *y, float *mean, float *inv, int t,
                                  int T)
{
    const float count = (float)(n * d->p), keep = 1 - d->momentum;
    nn_channels s = nn_channels_of(d->c, d->p, t, T);
    for (long k = s.first; k < s.last; k += s.step) {
        nn_vec m = nn_channel_sum(n, d->c, d->p, nn_term_a, nn_zero(), x, x, k, s) / count;
        nn_vec squares = nn_channel_sum(n, d->c, d->p, nn_term_variance, m, x, x, k, s);
        nn_vec i = 1 / nn_sqrt(squares / count + d->eps);
        nn_channel_map(d, n, x, m, i * nn_channel_value(weight, 1, k, s), nn_channel_value(bias, 0, k, s), y, k, s);
        nn_channel_put(mean, k, s, m);
        nn_channel_put(inv, k, s, i);
        nn_vec variance = squares / (count > 1 ? count - 1 : 1);
        nn_channel_put(running_mean, k, s, keep * nn_channel_value(running_mean, 0, k, s) + d->momentum * m);
        nn_channel_put(running_var, k, s, keep * nn_channel_value(running_var, 0, k, s) + d->momentum * variance);
    }
}

NN_KERNEL void nn_batchnorm_sums(const nn_batchnorm *d, long n, const float *dy, const float *x, const float *mean,
                                 const float *inv, float *dweight, float *dbias, int t, int T)
{
    nn_channels s = nn_channels_of(d->c, d->p, t, T);
    for (long k = s.first; k < s.last; k += s.step) {
        nn_vec along = nn_channel_sum(n, d->c, d->p, nn_term_along, nn_channel_value(mean, 0, k, s), dy, x, k, s);
        nn_channel_put(dweight, k, s, along * nn_channel_value(inv, 0, k, s));
        nn_channel_put(dbias, k, s, nn_channel_sum(n, d->c, d->p, nn_term_a, nn_zero(), dy, dy, k, s));
    }
}

NN_KERNEL void nn_batchnorm_dx(const nn_batchnorm *d, long n, const float *dy, const float *x, const float *mean,
                               const float *inv, const float *dweight, const float *dbias, const float *weight,
                               float *dx, int t, int T)
{
    const float count = (float)(n * d->p);
    nn_channels s = nn_channels_of(d->c, d->p, t, T);
    for (long k = s.first; k < s.last; k += s.step) {
        nn_vec i = nn_channel_value(inv, 0, k, s), m = nn_channel_value(mean, 0, k, s);
        nn_vec scale = nn_channel_value(weight, 1, k, s) * i, offset = nn_channel_value(dbias, 0, k, s) / count;
        nn_vec slope = nn_channel_value(dweight, 0, k, s) * i / count;
        for (long a = 0; a < n; a++) {
            long at = (a * d->c + k) * d->p, length = s.step == 1 ? d->p : s.last - k;
            for (long j = 0; j < (s.step == 1 ? length : 1); j += NN_W) {
                nn_vec u = nn_load_part(dy + at + j, length - j), v = nn_load_part(x + at + j, length - j);
                nn_store_part(dx + at + j, length - j, scale * (u - offset - (v - m) * slope));
            }
        }
    }
}

#endif /* NN_LINKED */

#endif
