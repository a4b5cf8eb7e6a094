/*
 * conv.h: convolution of NHWC images and its gradients.
 *
 * A convolution relates a large image L: [n][h][w][c], a small image S: [n][oh][ow][o] and
 * weights W: [o][c / groups][kh][kw]:
 *
 *   forward        S[u, v][o] = b[o] + Σ_{c, tap} W[o][c][tap] · L[u·sh + row, v·sw + column][c]
 *   backward-data  L[…][c]    = b[c] + Σ_{o, tap} W[o][c][tap] · S[…][o]
 *   wgrad          W[o][c][tap] = Σ_{n, u, v} S[u, v][o] · L[…][c]
 *
 * The gradients of a conv are the other two.  A deconv is a backward-data convolution; its
 * gradients are forward and wgrad.  Forward and backward-data read weights as panels, which the
 * functions named _panels pack for forward and _panels_backward for backward-data; of a depthwise
 * convolution they are the same.
 *
 * nn_conv_… serves one group (and wgrad of any), _bf16 of it images in bf16, _w16 weights in 16 bits with
 * images of floats (forward of any groups); _widened packs weights in bf16 as floats,
 * _rounded floats as bf16; nn_grouped_… several,
 * nn_depthwise_… groups of one channel and one output.  conv_planar.h is the one kernel for NCHW images, of
 * few channels.
 */
#ifndef NN_CONV_H
#define NN_CONV_H

#include "runtime/kernels/conv/conv_types.h"

#ifdef NN_LINKED

void nn_conv_panels(const nn_conv *, const float *weight, float *panels, int t, int T);
void nn_conv_panels_backward(const nn_conv *, const float *weight, float *panels, int t, int T);
void nn_conv_forward(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_conv_backward_data(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_conv_panels_widened(const nn_conv *, const uint16_t *weight, float *panels, int t, int T);
void nn_conv_panels_backward_widened(const nn_conv *, const uint16_t *weight, float *panels, int t, int T);
void nn_conv_panels_w16(const nn_conv *, const uint16_t *weight, uint16_t *panels, int t, int T);
void nn_conv_forward_w16(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_conv_wgrad(const nn_conv *, const float *large, const float *small, float *weight, int t, int T);
void nn_conv_wgrad_bf16(const nn_conv *, const nn_image_formats *, const void *large, const void *small, float *weight,
                        int t, int T);
void nn_conv_wgrad_pairs(const nn_conv *, const uint16_t *large, const uint16_t *small, float *weight, int t, int T);

void nn_conv_panels_bf16(const nn_conv *, const uint16_t *weight, uint16_t *panels, int t, int T);
void nn_conv_panels_backward_bf16(const nn_conv *, const uint16_t *weight, uint16_t *panels, int t, int T);
void nn_conv_panels_rounded(const nn_conv *, const float *weight, uint16_t *panels, int t, int T);
void nn_conv_panels_backward_rounded(const nn_conv *, const float *weight, uint16_t *panels, int t, int T);
void nn_conv_forward_bf16(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_conv_backward_data_bf16(const nn_conv *, const nn_conv_args *, int t, int T);

void nn_conv_forward_frames(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_conv_backward_data_frames(const nn_conv *, const nn_conv_args *, int t, int T);

void nn_grouped_panels(const nn_conv *, const float *weight, float *panels, int t, int T);
void nn_grouped_panels_backward(const nn_conv *, const float *weight, float *panels, int t, int T);
void nn_grouped_panels_widened(const nn_conv *, const uint16_t *weight, float *panels, int t, int T);
void nn_grouped_panels_backward_widened(const nn_conv *, const uint16_t *weight, float *panels, int t, int T);
void nn_grouped_forward(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_grouped_backward_data(const nn_conv *, const nn_conv_args *, int t, int T);

void nn_grouped_panels_bf16(const nn_conv *, const float *weight, float *panels, int t, int T);
void nn_grouped_panels_backward_bf16(const nn_conv *, const float *weight, float *panels, int t, int T);
void nn_grouped_forward_bf16(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_grouped_backward_data_bf16(const nn_conv *, const nn_conv_args *, int t, int T);

void nn_depthwise_panels(const nn_conv *, const float *weight, float *panels, int t, int T);
void nn_depthwise_panels_widened(const nn_conv *, const uint16_t *weight, float *panels, int t, int T);
void nn_depthwise_forward(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_depthwise_backward_data(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_depthwise_wgrad(const nn_conv *, const float *large, const float *small, float *weight, int t, int T);
void nn_depthwise_forward_bf16(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_depthwise_backward_data_bf16(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_depthwise_wgrad_bf16(const nn_conv *, const uint16_t *large, const uint16_t *small, float *weight, int t,
                             int T);

void nn_conv_planar(const nn_conv *, const float *x, const float *weight, const float *bias, float *y, int t, int T);

void nn_winograd_panels(const nn_conv *, int m, int back, const float *weight, float *panels, int t, int T);
void nn_winograd(const nn_conv *, int m, const nn_conv_args *, int t, int T);
void nn_winograd_bf16(const nn_conv *, int m, const nn_conv_args *, int t, int T);
void nn_winograd_panels_widened(const nn_conv *, int m, const uint16_t *weight, float *panels, int t, int T);
void nn_winograd_panels_w16(const nn_conv *, int m, const uint16_t *weight, int16_t *panels, int t, int T);
void nn_winograd_w16(const nn_conv *, int m, const nn_conv_args *, int t, int T);
void nn_winograd_panels_bf16(const nn_conv *, int back, const uint16_t *weight, uint16_t *panels, int t, int T);
void nn_winograd_panels_rounded(const nn_conv *, int back, const float *weight, uint16_t *panels, int t, int T);
void nn_winograd_pairs(const nn_conv *, const nn_conv_args *, int t, int T);
void nn_winograd_wgrad(const nn_conv *, const float *large, const float *small, float *weight, float *work, int t,
                       int T);
void nn_winograd_wgrad_bf16(const nn_conv *, const uint16_t *large, const uint16_t *small, float *weight, float *work,
                            int t, int T);

void nn_winograd_wgrad_pairs(const nn_conv *, const uint16_t *large, const uint16_t *small, float *weight, float *work,
                             int t, int T);

#else

#include "runtime/kernels/conv/conv_bf16.h"
#include "runtime/kernels/conv/conv_depthwise.h"
#include "runtime/kernels/conv/conv_frames.h"
#include "runtime/kernels/conv/conv_grouped.h"
#include "runtime/kernels/conv/conv_nhwc.h"
#include "runtime/kernels/conv/conv_panels.h"
#include "runtime/kernels/conv/conv_planar.h"
#include "runtime/kernels/conv/wgrad.h"
#include "runtime/kernels/conv/wgrad_bf16.h"
#include "runtime/kernels/conv/winograd.h"
#include "runtime/kernels/conv/winograd_pairs.h"
#include "runtime/kernels/conv/winograd_wgrad.h"
#include "runtime/kernels/conv/winograd_wgrad_pairs.h"

#endif /* NN_LINKED */

#endif
