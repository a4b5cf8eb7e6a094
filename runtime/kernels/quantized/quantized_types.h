/* quantized_types.h: sizes and arguments of the layers over int8 numbers. */
#ifndef NN_QUANTIZED_TYPES_H
#define NN_QUANTIZED_TYPES_H

/* A convolution in NHWC: images [n][h][w][groups][c] to [n][oh][ow][groups][o].  A fully connected layer has
 * images of one pixel.  Neighbouring pixels are c_step (o_step) numbers apart; 0: as many as there are channels. */
typedef struct nn_int8_conv {
    int n, groups, c, h, w, o, oh, ow;
    int kh, kw, sh, sw, dh, dw, top, left;
    int c_step, o_step;
    int zero, out_zero, low, high; /* the zeros of x and y; bounds of y */
    int any_factor;                /* some shift is not below 0, or a multiplier is: nn_rescale itself */
    int by_floats;                 /* the products of floats of int8_floats.h give the same results */
} nn_int8_conv;

/* A factor, for numbers less their zero. */
typedef struct nn_int8_factor {
    int zero, multiplier, shift;
} nn_int8_factor;

/* Weights [groups][o][c][kh][kw]; `joined` groups are computed as one. */
typedef struct nn_int8_weights {
    long groups, joined, o, c, kh, kw;
} nn_int8_weights;

/* (Σ x · factor + offset) / 2^shift, rounded down. */
typedef struct nn_int8_linear {
    int factor[2], offset, shift;
} nn_int8_linear;

/* The sum of TensorFlow Lite's ADD: clamp(rescale(Σ rescale((x − zero) · 2^20)) + out_zero). */
typedef struct nn_int8_add {
    int branches, low, high;
    nn_int8_factor sum;    /* its zero is that of the result */
    nn_int8_linear linear; /* of two branches: the same number before it is cut off; a shift of 0: none is known */
} nn_int8_add;

typedef struct nn_int8_conv_args {
    const int8_t *x, *panels;
    const int32_t *bias, *multiplier; /* [groups][o] */
    const int8_t *shift;
    int8_t *y;
    const nn_int8_add *add; /* NULL, or the results are its first branch and the residual the second, in y's order */
    const nn_int8_factor *branch;
    const int8_t *residual;
} nn_int8_conv_args;

#endif
