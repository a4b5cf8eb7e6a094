/* Shapes of convolutions for the tests of kernels. */
#ifndef NNC_TESTS_UNIT_SHAPES_H
#define NNC_TESTS_UNIT_SHAPES_H

#include <stdint.h>

#include "runtime/kernels/conv/conv_types.h"

/* `n` samples of c × h × w; `more` is added to the channels and to the outputs of a pixel in memory. */
typedef struct Shape {
    int n, c, h, w, o;
    int groups, k, stride, dilation; /* 0 stands for 1 */
    int pad, more;
} Shape;

nn_conv conv_of(Shape);                   /* with windows of k × k */
nn_conv conv_of_window(Shape, int width); /* k × width */

/* A number from `least` to `most`, of next_bits(). */
int draw(uint32_t *state, int least, int most);

#endif
