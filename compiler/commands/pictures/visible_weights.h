/*
 * visible_weights: weights that are pictures: kernels, and templates of a dense layer over an image.
 */
#ifndef NNC_VISIBLE_WEIGHTS_H
#define NNC_VISIBLE_WEIGHTS_H

#include "commands/pictures/canvas.h"
#include "commands/support/load.h"

/* `count` images of one or three channels: [count][channels][height][width]. */
typedef struct VisibleWeights {
    const char *layer, *name; /* the node's, the parameter's */
    int count, channels, height, width;
    bool templates; /* of a dense layer over the net's input */
} VisibleWeights;

/* Of that layer; NULL: of the first that has weights.  False where these are no pictures. */
bool visible_weights(const Graph *net, const char *layer, VisibleWeights *);

/* 0 is grey; the largest of them is white or black. */
void weights_as_grey(const float *, size_t count, uint8_t *out);

/* All of them side by side, as squares of `side` pixels or a little more or less. */
Canvas *weights_picture(Arena *, const VisibleWeights *, const float *values, int side);

#endif
