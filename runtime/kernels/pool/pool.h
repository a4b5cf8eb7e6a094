/*
 * pool.h: pooling.  Values and argmax are those of the plain form: sums in the same order; of
 * equal elements the first wins; NaN wins over every number, a later NaN over an earlier one.
 *
 *   nn_minmax_pool   the maximum or minimum of a window with stride and dilation; padding never
 *                    wins
 *   nn_region_…pool  the average or maximum of a rectangle: a window clipped at the edges, or a
 *                    part of the image (adaptive and global pooling)
 *
 * Each is there for NCHW (pool_nchw.h) and NHWC (pool_nhwc.h) images, windows and averages of the latter in bf16
 * too.
 */
#ifndef NN_POOL_H
#define NN_POOL_H

#include "runtime/kernels/pool/pool_types.h"

#ifdef NN_LINKED

void nn_minmax_pool(const nn_pool_window *, long n, const float *x, float *y, void *argmax, int t, int T);
void nn_minmax_pool_dx(const nn_pool_window *, long n, const float *dy, const void *argmax, float *dx, int t, int T);
void nn_region_avgpool(const nn_pool_regions *, long n, const float *x, float *y, int t, int T);
void nn_region_avgpool_dx(const nn_pool_regions *, long n, const float *dy, float *dx, int t, int T);
void nn_region_maxpool(const nn_pool_regions *, long n, const float *x, float *y, int *argmax, int t, int T);
void nn_region_maxpool_dx(const nn_pool_regions *, long n, const float *dy, const int *argmax, float *dx, int t, int T);

void nn_minmax_pool_nhwc(const nn_pool_window *, long n, const float *x, float *y, void *argmax, int t, int T);
void nn_minmax_pool_nhwc_dx(const nn_pool_window *, long n, const float *dy, const void *argmax, float *dx, int t,
                            int T);
void nn_minmax_pool_nhwc_bf16(const nn_pool_window *, long n, const uint16_t *x, uint16_t *y, void *argmax, int t,
                              int T);
void nn_minmax_pool_nhwc_dx_bf16(const nn_pool_window *, long n, const uint16_t *dy, const void *argmax, uint16_t *dx,
                                 int t, int T);
void nn_region_avgpool_nhwc_bf16(const nn_pool_regions *, long n, const uint16_t *x, uint16_t *y, int t, int T);
void nn_region_avgpool_nhwc_dx_bf16(const nn_pool_regions *, long n, const uint16_t *dy, uint16_t *dx, int t, int T);
void nn_region_avgpool_nhwc(const nn_pool_regions *, long n, const float *x, float *y, int t, int T);
void nn_region_avgpool_nhwc_dx(const nn_pool_regions *, long n, const float *dy, float *dx, int t, int T);
void nn_region_maxpool_nhwc(const nn_pool_regions *, long n, const float *x, float *y, int *argmax, int t, int T);
void nn_region_maxpool_nhwc_dx(const nn_pool_regions *, long n, const float *dy, const int *argmax, float *dx, int t,
                               int T);

#else

#include "runtime/kernels/pool/pool_minmax_dx.h"
#include "runtime/kernels/pool/pool_nchw.h"
#include "runtime/kernels/pool/pool_nhwc.h"

#endif /* NN_LINKED */

#endif
