/*
 * How the elements of a tensor are ordered in memory.
 *
 *   LAYOUT_NCHW      [N][C][H][W] or [N][F]
 *   LAYOUT_NHWC      [N][H][W][C]
 *   LAYOUT_NCHW16N   batch-blocked: [N / 16][C][H][W][16] or [N / 16][F][16]
 *
 * Only NCHW exists outside of a program: the caller's arrays and the plain form have it.
 */
#ifndef NNC_GRAPH_VARIANT_H
#define NNC_GRAPH_VARIANT_H

typedef enum Layout { LAYOUT_NCHW, LAYOUT_NHWC, LAYOUT_NCHW16N, LAYOUT_COUNT } Layout;

/* Samples side by side in LAYOUT_NCHW16N: a cache line of floats. */
enum { BATCH_BLOCK = 16 };

#endif
