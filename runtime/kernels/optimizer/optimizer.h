/*
 * optimizer.h: the optimizers' updates, element by element.
 *
 *   gradient, param and the states: `count` elements each; thread t of T computes part t
 *
 * A rule's constants are in its descriptor.  A decay other than 0 adds decay · param to the
 * gradient.  The formulas are in the operators' files.
 */
#ifndef NN_OPTIMIZER_H
#define NN_OPTIMIZER_H

typedef struct nn_sgd {
    float momentum, rest, decay; /* rest = 1 − dampening */
    int nesterov;
} nn_sgd;

typedef struct nn_adam {
    float beta1, rest1, log_beta1, beta2, rest2, log_beta2; /* rest = 1 − beta; log_beta is not used for a beta of 0 */
    float eps, decay, shrink;                               /* shrink: adamw's decay, by lr · shrink · param */
} nn_adam;

typedef struct nn_adagrad {
    float eps, decay;
} nn_adagrad;

typedef struct nn_rmsprop {
    float alpha, rest, momentum, eps, decay; /* rest = 1 − alpha */
} nn_rmsprop;

typedef struct nn_lion {
    float beta1, rest1, beta2, rest2, shrink;
} nn_lion;

/* A step of one parameter; rules that do not depend on `step` leave it out. */
typedef struct nn_update {
    long count;
    const float *gradient;
    float *param;
    float lr;
    long step; /* from 0 */
} nn_update;

#ifdef NN_LINKED

void nn_sgd_step(const nn_sgd *, const nn_update *, float *buffer, int t, int T);
void nn_adam_step(const nn_adam *, const nn_update *, float *m, float *v, int t, int T);
void nn_adagrad_step(const nn_adagrad *, const nn_update *, float *sum, int t, int T);
void nn_rmsprop_step(const nn_rmsprop *, const nn_update *, float *square, float *buffer, float *average, int t, int T);
void nn_lion_step(const nn_lion *, const nn_update *, float *m, int t, int T);

#else

#include <math.h>

#include "runtime/kernels/simd/lanes.h"

NN_INLINE nn_vec nn_decayed(const float *gradient, nn_vec w, float decay, long left)
{
    nn_vec g = nn_load_part(gradient, left);
    if (decay != 0) g += decay * w;
    return g;
}

/* buffer: the momentum's, NULL where there is none. */
NN_KERNEL void nn_sgd_step(const nn_sgd *rule, const nn_update *update, float *buffer, int t, int T)
{
    const nn_sgd r = *rule;
    const nn_update u = *update;
    const int first = u.step == 0 && r.rest != 1; /* the buffer starts as the u.gradient itself */
    const float momentum = first ? 0 : r.momentum, rest = first ? 1 : r.rest;
    long end = nn_partition(u.count, t + 1, T);
    for (long i = nn_partition(u.count, t, T); i < end; i += NN_W) {
        nn_vec w = nn_load_part(u.param + i, end - i), g = nn_decayed(u.gradient + i, w, r.decay, end - i), move = g;
        if (buffer) {
            move = momentum * nn_load_part(buffer + i, end - i) + rest * g;
            nn_store_part(buffer + i, end - i, move);
            if (r.nesterov) move = g + r.momentum * move;
        }
        nn_store_part(u.param + i, end - i, w - u.lr * move);
    }
}

/* 1 − beta^time, without the loss of digits that a beta near 1 would bring. */
NN_INLINE float nn_adam_correction(float beta, float log_beta, long time)
{
    return beta == 0 ? 1 : -expm1f((float)time * log_beta);
}

/* m, v: exp_avg and exp_avg_sq */
NN_KERNEL void nn_adam_step(const nn_adam *rule, const nn_update *update, float *m, float *v, int t, int T)
{
    const nn_adam r = *rule;
    const nn_update u = *update;
    const float rate = u.lr / nn_adam_correction(r.beta1, r.log_beta1, u.step + 1);
    const float scale = 1 / nn_root(nn_adam_correction(r.beta2, r.log_beta2, u.step + 1));
    long end = nn_partition(u.count, t + 1, T);
    for (long i = nn_partition(u.count, t, T); i < end; i += NN_W) {
        nn_vec w = nn_load_part(u.param + i, end - i), g = nn_decayed(u.gradient + i, w, r.decay, end - i);
        nn_vec a = r.beta1 * nn_load_part(m + i, end - i) + r.rest1 * g;
        nn_vec b = r.beta2 * nn_load_part(v + i, end - i) + r.rest2 * g * g;
        if (r.shrink != 0) w -= u.lr * r.shrink * w;
        nn_store_part(m + i, end - i, a);
        nn_store_part(v + i, end - i, b);
        nn_store_part(u.param + i, end - i, w - rate * a / (nn_sqrt(b) * scale + r.eps));
    }
}

NN_KERNEL void nn_adagrad_step(const nn_adagrad *rule, const nn_update *update, float *sum, int t, int T)
{
    const nn_adagrad r = *rule;
    const nn_update u = *update;
    long end = nn_partition(u.count, t + 1, T);
    for (long i = nn_partition(u.count, t, T); i < end; i += NN_W) {
        nn_vec w = nn_load_part(u.param + i, end - i), g = nn_decayed(u.gradient + i, w, r.decay, end - i);
        nn_vec s = nn_load_part(sum + i, end - i) + g * g;
        nn_store_part(sum + i, end - i, s);
        nn_store_part(u.param + i, end - i, w - u.lr * g / (nn_sqrt(s) + r.eps));
    }
}

/* square: square_avg; buffer: momentum_buffer or NULL; average: grad_avg, of the centered form, or NULL */
NN_KERNEL void nn_rmsprop_step(const nn_rmsprop *rule, const nn_update *update, float *square, float *buffer,
                               float *average, int t, int T)
{
    const nn_rmsprop r = *rule;
    const nn_update u = *update;
    long end = nn_partition(u.count, t + 1, T);
    for (long i = nn_partition(u.count, t, T); i < end; i += NN_W) {
        nn_vec w = nn_load_part(u.param + i, end - i), g = nn_decayed(u.gradient + i, w, r.decay, end - i);
        nn_vec s = r.alpha * nn_load_part(square + i, end - i) + r.rest * g * g, spread = s;
        nn_store_part(square + i, end - i, s);
        if (average) {
            nn_vec a = r.alpha * nn_load_part(average + i, end - i) + r.rest * g;
            nn_store_part(average + i, end - i, a);
            spread = s - a * a;
        }
        nn_vec move = g / (nn_sqrt(spread) + r.eps);
        if (buffer) {
            move += r.momentum * nn_load_part(buffer + i, end - i);
            nn_store_part(buffer + i, end - i, move);
        }
        nn_store_part(u.param + i, end - i, w - u.lr * move);
    }
}

/* −1, 0 or 1; 0 for NaN */
NN_INLINE nn_vec nn_sign(nn_vec x)
{
    return nn_select(x > 0, nn_broadcast(1), nn_select(x < 0, nn_broadcast(-1), nn_zero()));
}

/* m: exp_avg */
NN_KERNEL void nn_lion_step(const nn_lion *rule, const nn_update *update, float *m, int t, int T)
{
    const nn_lion r = *rule;
    const nn_update u = *update;
    long end = nn_partition(u.count, t + 1, T);
    for (long i = nn_partition(u.count, t, T); i < end; i += NN_W) {
        nn_vec w = nn_load_part(u.param + i, end - i), g = nn_load_part(u.gradient + i, end - i),
               a = nn_load_part(m + i, end - i);
        nn_vec move = nn_sign(r.beta1 * a + r.rest1 * g) + r.shrink * w;
        nn_store_part(m + i, end - i, r.beta2 * a + r.rest2 * g);
        nn_store_part(u.param + i, end - i, w - u.lr * move);
    }
}

#endif /* NN_LINKED */

#endif
