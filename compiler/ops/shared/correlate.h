/*
 * The three sums of convolution, shared by conv and deconv.
 *
 * A correlation joins a large image L: [N][C][H][W], a small one
 * S: [N][O][h][w] and a weight W: [O][C/groups][kh][kw]:
 *
 *   forward         S[o][i][j]     = Σ_{c,u,v} W[o][c][u][v] · L[c][row][col]
 *   backward-data   L[c][row][col] = Σ_{o,u,v} W[o][c][u][v] · S[o][i][j]
 *   wgrad           W[o][c][u][v]  = Σ_{n,i,j} S[o][i][j] · L[c][row][col]
 *
 * with row = i·stride + u·dilation − pad, and col likewise.  A conv is the first
 * and its gradients are the other two; a deconv is the second and its gradients
 * are the other two, so that each loop nest is written once.
 */
#ifndef NNC_OPS_SHARED_CORRELATE_H
#define NNC_OPS_SHARED_CORRELATE_H

#include "ops/shared/window.h"

typedef struct Correlation {
    Slide slide[2];
    Shape large, small;
    int64_t large_step, small_step; /* from pixel to pixel, of NHWC images */
    int64_t groups;
    PadMode mode;
    bool flip; /* the kernel is mirrored along both axes */
} Correlation;

/* Multiply–accumulates per sample. */
int64_t correlate_macs(const Correlation *);

/* The arguments name the function's arrays.  `bias` may be NULL. */
void correlate_forward(Writer *, const Correlation *, const char *large, const char *small, const char *bias);
/* The same loops with other text for what happens in them: before the sum of an element, for each of its
 * products, and its value.  Bound are @large, @small, $sample, $c, $channel, $row, $col, $row_tap,
 * $col_tap, $i, $j; the large image is read as @large($sample, $channel, $row, $col). */
typedef struct CorrelateText {
    const char *large, *small; /* names of the arrays */
    const char *start, *term, *value;
    /* Where an output's products are computed together from what a pixel reads (`gather` not NULL, one group):
     * its text for @large($sample, $channel, $row, $col) to @column($c, $row_tap, $col_tap), what ends the
     * column, of $depth numbers, and in place of start and term that of the sum. */
    const char *gather, *gathered, *sum;
} CorrelateText;
void correlate_sums(Writer *, const Correlation *, const CorrelateText *);
/* That of correlate_forward. */
CorrelateText correlate_text(Writer *, const char *large, const char *small, const char *bias);
void correlate_backward_data(Writer *, const Correlation *, const char *large, const char *small, const char *bias);
void correlate_wgrad(Writer *, const Correlation *, const char *large, const char *small);

/* correlate_sums with y over x, for Op.in_place of a batch; `work` is a second output.  The sums have the
 * same order.  Depthwise, a plane of y is computed beside the image; of windows of one element, a pixel
 * of x is copied; where y has the size of x and no more channels, the rows of x that windows reach. */
bool correlate_is_in_place(const Correlation *, int64_t batch);
void correlate_in_place_shape(Graph *, Node *, const Correlation *); /* adds `work` */
void correlate_in_place(Writer *, const Correlation *, const CorrelateText *);
extern const char *const correlate_in_place_out[];

/* For Op.terms of a node with the inputs L, W and, with `bias`, one more: of element k of S. */
int64_t correlate_forward_terms(const Correlation *, bool bias, int64_t k, Term *, int64_t most);

/* Binds @name, the weight of a sequence's correlation or its gradient, as a kernel of one row. */
void correlate_bind_row(Writer *, const char *name, const Correlation *);

/* dbias[c] = Σ dy[n][c][·], for an image or a sequence; an Op.plain of one input, dy. */
void correlate_bias_plain(Writer *, const Node *);
void correlate_bias_emit(Writer *, const Node *); /* kernel "channels" */

/* ---- variants: runtime/kernels/conv/conv.h, NHWC ---- */

/* The kernels serve it: zeros around, not mirrored, not too large. */
const char *correlate_refusal(const Correlation *);

/* Those of one group, of several, and of groups of one channel and one output serve it. */
const char *correlate_direct_refusal(Correlation);
const char *correlate_grouped_refusal(Correlation);
const char *correlate_depthwise_refusal(Correlation);

/* Of images in bf16: a node whose first input is one of a convolution without groups; of groups with as
 * many channels and outputs as fill a vector of pairs; of groups with so few that rows of many groups are
 * computed together; depthwise.  And the gradient of the weights, which reads two images. */
const char *correlate_pairs_refusal(const Node *, Correlation);
const char *correlate_grouped_pairs_refusal(const Node *, Correlation);
const char *correlate_rows_refusal(const Node *, Correlation);
const char *correlate_halves_depthwise_refusal(const Node *, Correlation);
const char *correlate_dweight_direct_refusal(const Node *, Correlation);
const char *correlate_dweight_grouped_refusal(const Node *, Correlation);
const char *correlate_dweight_depthwise_refusal(const Node *, Correlation);

/* The same, of these two images: with their steps. */
Correlation correlate_with_steps(Correlation, const Tensor *large, const Tensor *small);

/* The weights as panels, for forward, or (back) for backward-data: an Op.shape of one
 * input, the weight. */
bool correlate_panels_shape(Graph *, Node *, const Correlation *, bool back);

/* Of weights in bf16, or in f32 that are rounded on the way, as panels of pairs; the call of what packs them. */
bool correlate_pair_panels_shape(Graph *, Node *, const Correlation *, bool back);
void correlate_pair_panels_emit(Writer *, const Node *, const Correlation *, bool back);
bool correlate_rounds_weights(const Node *, int64_t batch);

#define PAIR_PANELS_ROW(EMIT)                                                                          \
    {                                                                                                  \
        .name = "simd", .layouts = IN_NCHW, .dtypes = OF_F32 | OF_BF16, .emit = EMIT, .kernel = "conv" \
    }

/* A row of products of pairs: of neighbouring channels, or for the gradient of the weights, of samples. */
#define PAIRS_ROW(NAME)                                                                                         \
    .name = NAME, .layouts = IN_NHWC, .dtypes = OF_F32 | OF_BF16, .weights = OF_BF16, .targets = ON_AVX512BF16, \
    .traits = VARIANT_STRIDED_CHANNELS | VARIANT_SEQUENCES | VARIANT_ANY_FORMATS | VARIANT_BF16_PRODUCTS,       \
    .rounds_weights = correlate_rounds_weights, .kernel = "conv"
#define DWEIGHT_PAIRS_ROW(NAME, REFUSES, EMIT)                                                              \
    {                                                                                                       \
        .name = NAME, .layouts = IN_NHWC, .dtypes = OF_BF16, .targets = ON_AVX512BF16,                      \
        .traits = VARIANT_STRIDED_CHANNELS | VARIANT_SEQUENCES | VARIANT_BF16_PRODUCTS, .refuses = REFUSES, \
        .cost = correlate_dweight_pairs_cost, .emit = EMIT, .kernel = "conv"                                \
    }

/* A row that computes with floats, whatever the formats of the images; its workspace is a block of one. */
#define FRAMES_ROW                                                         \
    .name = "frames_bf16", .layouts = IN_NHWC, .dtypes = OF_F32 | OF_BF16, \
    .traits = VARIANT_STRIDED_CHANNELS | VARIANT_SEQUENCES | VARIANT_ANY_FORMATS, .kernel = "conv"
typedef enum CorrelateResult { CORRELATE_SMALL, CORRELATE_LARGE } CorrelateResult; /* the image that is computed */
const char *correlate_frames_refusal(const Node *, Correlation, CorrelateResult);
int64_t correlate_frames_workspace(Correlation, CorrelateResult);
/* The call, for which $x, $y, $bias and $epilogue are bound; and that of a gradient, which has neither of the
 * last two. */
void correlate_frames_call(Writer *, const Node *, Correlation, CorrelateResult);
void correlate_frames_dx(Writer *, const Node *, Correlation, CorrelateResult);

/* `size` is the nn_conv; $forward, $backward_data, $pack and $pack_backward are the functions that
 * serve it: nn_conv_forward, nn_grouped_forward or nn_depthwise_forward, and so on.  $pack_widened and
 * $pack_backward_widened pack weights in bf16 as floats. */
void correlate_call(Writer *, const Correlation *, const char *call);

/* Of the sum that makes `result`, the large or the small image: its channels are the lanes,
 * of which fewer than a panel leave vectors partly empty. */
double correlate_direct_cost(const Correlation *, Shape result, const CostModel *);
double correlate_depthwise_cost(const Correlation *, Shape result, const CostModel *);
/* Of the gradient of the weights by pairs of samples. */
double correlate_dweight_pairs_cost(const Node *, const CostModel *);
/* Of weights in 16 bits, that are widened on the way: half of the bytes are read. */
double correlate_w16_cost(const Correlation *, Shape result, const CostModel *);

/* The forward sum over NCHW images with so few channels and outputs that vectors of columns are
 * fuller than vectors of channels: runtime/kernels/conv/conv_planar.h. */
const char *correlate_planar_refusal(const Correlation *);
double correlate_planar_cost(const Correlation *, const CostModel *);

/* The batch-blocked kernels serve it: as correlate_refusal, no groups, and so few channels
 * that vectors of them would not be full. */
const char *correlate_blocked_refusal(const Correlation *);
void correlate_blocked_call(Writer *, const Correlation *, const char *call); /* `size` is the nn_blocked */

extern const char *const correlate_pack_in[];  /* weight */
extern const char *const correlate_pack_out[]; /* panels */

/* Weight [O][C/groups][kh][kw] and, when wanted, bias. */
void correlate_params(Graph *, Node *, Shape weight, int64_t biases, Init, const Init *bias /* NULL: none */);

/* Op.grad of both: nodes of the gradient operators for x, weight and bias. */
typedef struct CorrelateGradients {
    const Op *dx, *dweight, *dbias;
} CorrelateGradients;
void correlate_grad(Backward *, const Node *, const CorrelateGradients *);

/* A user's error when groups do not divide both numbers of channels. */
bool correlate_groups_divide(Graph *, Node *, int64_t groups, int64_t in, int64_t out);

/* Names for Op.in and Op.out. */
extern const char *const correlate_in[];          /* x, weight, bias */
extern const char *const correlate_out[];         /* y */
extern const char *const correlate_dx_in[];       /* dy, weight */
extern const char *const correlate_dx_out[];      /* dx */
extern const char *const correlate_dweight_in[];  /* x, dy */
extern const char *const correlate_dweight_out[]; /* dweight */
extern const char *const correlate_dbias_in[];    /* dy */
extern const char *const correlate_dbias_out[];   /* dbias */

#endif
