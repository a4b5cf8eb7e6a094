/*
 * conv_types.h: the descriptors of convolutions.
 */
#ifndef NN_CONV_TYPES_H
#define NN_CONV_TYPES_H

/* A convolution between a large image [n][h][w][c] and a small one [n][oh][ow][o], both NHWC, with
 * a kernel of kh × kw taps: stride sh × sw, dilation dh × dw, padding `top` and `left`.
 *
 * Neighbouring pixels are c_step (o_step) floats apart: as many as there are channels, or more if
 * the image is a slice of the channels of a larger one. */
typedef struct nn_conv {
    int n, c, h, w, o, oh, ow, groups;
    int kh, kw, sh, sw, dh, dw, top, left;
    int c_step, o_step;
} nn_conv;

/* The formats of a convolution's images: 0 of floats, 1 of bf16. */
typedef struct nn_image_formats {
    int large, small;
} nn_image_formats;

/* The epilogue of a convolution, NULL or 0 for what it leaves out:
 * y = relu(scale[o] · sum + shift[o] + residual[…][o]), the residual laid out as y is. */
typedef struct nn_epilogue {
    const float *scale, *shift, *residual;
    int relu;
} nn_epilogue;

/* The arrays of a forward or backward-data convolution: it reads the image x and packed weights, floats
 * or, for kernels named _w16, 16 bits each, and writes the image y.  bias and epilogue may be NULL; only
 * Winograd convolution has `work`. */
typedef struct nn_conv_args {
    const float *x;
    const void *panels;
    const float *bias;
    const nn_epilogue *epilogue;
    float *y, *work;
} nn_conv_args;

/* The same of images in bf16 and panels of pairs (conv_bf16.h).  y is in bf16, or with half = 0 in floats;
 * so is the residual, by itself. */
typedef struct nn_bf16_epilogue {
    const float *scale, *shift;
    const void *residual;
    int residual_half, relu;
} nn_bf16_epilogue;

typedef struct nn_conv_bf16_args {
    const uint16_t *x, *panels;
    const float *bias;
    const nn_bf16_epilogue *epilogue;
    void *y;
    int half;
} nn_conv_bf16_args;

/* The same with panels of floats. */
typedef struct nn_conv_halves_args {
    const uint16_t *x;
    const float *panels, *bias;
    const nn_bf16_epilogue *epilogue;
    void *y;
    int half;
} nn_conv_halves_args;

#endif
