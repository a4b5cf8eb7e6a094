/*
 * pool.h: pools.  Values and places are those of the plain form: sums are taken
 * in the same order, and of equal elements the first wins; a NaN wins over every
 * number, the last one over those before it.
 *
 * Two families:
 *
 *   extremum  the largest or smallest element of a window that slides with a
 *             stride and a dilation; padding never wins
 *   cells     the average or the largest element of a rectangle: a window cut at
 *             the image's edges, or a part of the image (adaptive and global pools)
 *
 * A vector of neighbouring windows is computed at once; where some reach into the
 * padding, lanes are masked.  Thread t of T does its part of the n · c planes.
 * Images with their channels last are served by pool_nhwc.h.
 */
#ifndef NN_POOL_H
#define NN_POOL_H

#include "runtime/kernels/pool/pool_types.h"

#ifdef NN_LINKED

void nn_extremum(const nn_window *, long n, const float *x, float *y, void *place, int t, int T);
void nn_extremum_dx(const nn_window *, long n, const float *dy, const void *place, float *dx, int t, int T);
void nn_cells_average(const nn_cells *, long n, const float *x, float *y, int t, int T);
void nn_cells_average_dx(const nn_cells *, long n, const float *dy, float *dx, int t, int T);
void nn_cells_maximum(const nn_cells *, long n, const float *x, float *y, int *place, int t, int T);
void nn_cells_maximum_dx(const nn_cells *, long n, const float *dy, const int *place, float *dx, int t, int T);

void nn_extremum_last(const nn_window *, long n, const float *x, float *y, void *place, int t, int T);
void nn_extremum_last_dx(const nn_window *, long n, const float *dy, const void *place, float *dx, int t, int T);
void nn_cells_average_last(const nn_cells *, long n, const float *x, float *y, int t, int T);
void nn_cells_average_last_dx(const nn_cells *, long n, const float *dy, float *dx, int t, int T);
void nn_cells_maximum_last(const nn_cells *, long n, const float *x, float *y, int *place, int t, int T);
void nn_cells_maximum_last_dx(const nn_cells *, long n, const float *dy, const int *place, float *dx, int t, int T);

#else

#include "runtime/kernels/pool/pool_nchw.h"
#include "runtime/kernels/pool/pool_nhwc.h"

#endif /* NN_LINKED */

#endif
