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
 * y = relu(scale[o] · sum + shift[o] + residual[…][o]), the residual laid out as y is; it is of floats, or in
 * bf16. */
typedef struct nn_epilogue {
    const float *scale, *shift;
    const void *residual;
    int relu; /* 1, or NN_RELU6 of limits.h: what is above 6 is 6 */
    int residual_half;
} nn_epilogue;

/* The arrays of a forward or backward-data convolution: it reads the image x and packed weights and writes the
 * image y.  bias and epilogue may be NULL.
 *
 * Images are of floats.  Kernels named _bf16 read x in bf16, or as x_half says, and write y in bf16, or with
 * half = 0 in floats.  Panels are of floats, or for kernels named _w16 of 16 bits each; of conv_bf16.h they
 * are pairs of bf16.  Winograd convolution has `work`, and so have direct ones of images in bf16. */
typedef struct nn_conv_args {
    const void *x, *panels;
    const float *bias;
    const nn_epilogue *epilogue;
    void *y;
    float *work;
    int x_half, half;
} nn_conv_args;

#endif
