/*
 * What the files of conv and conv1d share: the arguments, the correlation with the images' pixel
 * strides, the tables, and the rows of these that conv_winograd.c has.
 */
#ifndef NNC_OPS_LAYERS_CONV_H
#define NNC_OPS_LAYERS_CONV_H

#include "ops/shared/correlate.h"

typedef struct ConvAttrs {
    int64_t out;
    Pair k, stride; /* of a sequence, h is 1 */
    Pad pad;
    Pair dilation;
    int64_t groups;
    bool bias;
    int pad_mode; /* PadMode */
    bool flip;
    Init init, bias_init;
} ConvAttrs;

WindowSpec conv_spec(const ConvAttrs *);

/* Of the layer and of its gradients alike: `large` has the shape of x, `small` of y. */
Correlation conv_correlation(const Node *, Shape large, Shape small);
bool conv_quantize(Quantizer *, const Node *);

/* Of the layer, dx, dweight and dbias. */
extern const Variant conv_variants[], conv_dx_variants[], conv_dweight_variants[], conv_dbias_variants[];

Correlation conv_of_forward(const Node *);
Correlation conv_of_dx(const Node *);
Correlation conv_of_dweight(const Node *);
Correlation conv_of_origin(const Node *); /* of a packing node: of what wants the weights packed */

int64_t conv_macs(const Node *);
int64_t conv_flops(const Node *);
void conv_window(const Node *, int axis, Window *);

/* Binds $bias, and $epilogue: the address of one that it declares, or 0. */
void conv_bind_epilogue(Writer *, const Node *);

/* ---- images in bf16: conv_bf16.c ---- */

/* As conv_bind_epilogue, and $half: whether the result is in bf16. */
void conv_bind_bf16_epilogue(Writer *, const Node *);

const char *conv_bf16_refusal(const Node *);
const char *conv_bf16_grouped_refusal(const Node *);
const char *conv_bf16_dx_refusal(const Node *);
const char *conv_bf16_grouped_dx_refusal(const Node *);
const char *conv_bf16_dweight_refusal(const Node *);
const char *conv_bf16_grouped_dweight_refusal(const Node *);
double conv_bf16_cost(const Node *, const CostModel *);
double conv_bf16_dx_cost(const Node *, const CostModel *);
void conv_bf16_emit(Writer *, const Node *);
void conv_bf16_dx_emit(Writer *, const Node *);
void conv_bf16_dweight_emit(Writer *, const Node *);
extern const Op conv_bf16_panels, conv_bf16_panels_back;

#define CONV_BF16_ROW(NAME, REFUSES)                                                                           \
    {                                                                                                          \
        PAIRS_ROW(NAME), .epilogues = WITH_ALL, .inference = true, .refuses = REFUSES, .cost = conv_bf16_cost, \
                         .prepack = &conv_bf16_panels, .emit = conv_bf16_emit                                  \
    }
#define CONV_DX_BF16_ROW(NAME, REFUSES)                                                                    \
    {                                                                                                      \
        PAIRS_ROW(NAME), .refuses = REFUSES, .cost = conv_bf16_dx_cost, .prepack = &conv_bf16_panels_back, \
                         .emit = conv_bf16_dx_emit                                                         \
    }

/* Products and sums of floats, of one group or several. */
const char *conv_frames_refusal(const Node *);
const char *conv_frames_dx_refusal(const Node *);
int64_t conv_frames_workspace(const Node *);
int64_t conv_frames_dx_workspace(const Node *);
void conv_frames_emit(Writer *, const Node *);
void conv_frames_dx_emit(Writer *, const Node *);

/* Groups of few channels and depthwise: products and sums of floats. */
const char *conv_halves_grouped_refusal(const Node *);
const char *conv_halves_depthwise_refusal(const Node *);
const char *conv_halves_grouped_dx_refusal(const Node *);
const char *conv_halves_depthwise_dx_refusal(const Node *);
const char *conv_halves_depthwise_dweight_refusal(const Node *);
void conv_halves_grouped_emit(Writer *, const Node *);
void conv_halves_depthwise_emit(Writer *, const Node *);
void conv_halves_grouped_dx_emit(Writer *, const Node *);
void conv_halves_depthwise_dx_emit(Writer *, const Node *);
void conv_halves_depthwise_dweight_emit(Writer *, const Node *);
extern const Op conv_halves_panels, conv_halves_panels_back;

#define HALVES_ROW(NAME, REFUSES, COST, PREPACK, EMIT)                                                              \
    .name = NAME, .layouts = IN_NHWC, .dtypes = OF_F32 | OF_BF16,                                                   \
    .traits = VARIANT_STRIDED_CHANNELS | VARIANT_SEQUENCES | VARIANT_ANY_FORMATS, .refuses = REFUSES, .cost = COST, \
    .prepack = PREPACK, .emit = EMIT, .kernel = "conv"
#define CONV_HALVES_ROW(...)                                              \
    {                                                                     \
        HALVES_ROW(__VA_ARGS__), .epilogues = WITH_ALL, .inference = true \
    }

/* ---- weights in bf16, images of floats: conv_w16.c ---- */

const char *conv_w16_refusal(const Node *);
double conv_w16_cost(const Node *, const CostModel *);
void conv_w16_emit(Writer *, const Node *);
extern const Op conv_w16_panels;

#define CONV_W16_ROW                                                                                            \
    {                                                                                                           \
        .name = "direct_w16", .layouts = IN_NHWC, .weights = OF_BF16,                                           \
        .traits = VARIANT_STRIDED_CHANNELS | VARIANT_SEQUENCES | VARIANT_STORED_WEIGHTS, .epilogues = WITH_ALL, \
        .inference = true, .refuses = conv_w16_refusal, .cost = conv_w16_cost, .prepack = &conv_w16_panels,     \
        .emit = conv_w16_emit, .kernel = "conv"                                                                 \
    }

/* ---- Winograd's forms: conv_winograd.c ---- */

/* F(m x m, r x r), as Variant.form */
typedef enum WinogradForm { WINOGRAD_2_3, WINOGRAD_4_3, WINOGRAD_2_5, WINOGRAD_FORMS } WinogradForm;

const char *winograd_refusal_3(const Node *);
const char *winograd_refusal_5(const Node *);
const char *winograd_dx_refusal_3(const Node *);
const char *winograd_dx_refusal_5(const Node *);
const char *winograd_dweight_refusal(const Node *);
double winograd_cost_2_3(const Node *, const CostModel *); /* of the layer and of dx */
double winograd_cost_4_3(const Node *, const CostModel *);
double winograd_cost_2_5(const Node *, const CostModel *);
double winograd_cost_2_3_w16(const Node *, const CostModel *);
double winograd_cost_4_3_w16(const Node *, const CostModel *);
double winograd_cost_2_5_w16(const Node *, const CostModel *);
double winograd_dweight_cost(const Node *, const CostModel *);
double winograd_tile_count(const Node *, int m, const CostModel *); /* tiles of m x m of the batch */
Correlation winograd_back(const Correlation *of_dx);                /* of dy with the kernels turned, which gives dx */
int64_t winograd_workspace(const Node *);
int64_t winograd_dweight_workspace(const Node *);
void winograd_emit(Writer *, const Node *);
void winograd_w16_emit(Writer *, const Node *);
void winograd_dx_emit(Writer *, const Node *);
void winograd_dweight_emit(Writer *, const Node *);
extern const Op winograd_panels[WINOGRAD_FORMS], winograd_panels_back[WINOGRAD_FORMS],
    winograd_panels_w16[WINOGRAD_FORMS];

#define WINOGRAD_TRAITS (VARIANT_STRIDED_CHANNELS | VARIANT_TRANSFORM_DOMAIN)
#define WINOGRAD_ROW(NAME, FORM, REFUSES, COST, PREPACK, EMIT)                                                   \
    .name = NAME, .layouts = IN_NHWC, .form = FORM, .refuses = REFUSES, .cost = COST, .prepack = &PREPACK[FORM], \
    .workspace = winograd_workspace, .emit = EMIT, .kernel = "conv"

#define CONV_WINOGRAD_ROW(NAME, FORM, REFUSES, COST)                                                        \
    {                                                                                                       \
        WINOGRAD_ROW(NAME, FORM, REFUSES, COST, winograd_panels, winograd_emit),                            \
            .dtypes = OF_F32 | OF_BF16, .traits = WINOGRAD_TRAITS, .epilogues = WITH_ALL, .inference = true \
    }

/* Of weights stored in bf16: panels in fixed point of 16 bits. */
#define CONV_WINOGRAD_W16_ROW(NAME, FORM, REFUSES, COST)                                                   \
    {                                                                                                      \
        WINOGRAD_ROW(NAME, FORM, REFUSES, COST, winograd_panels_w16, winograd_w16_emit),                   \
            .traits = WINOGRAD_TRAITS | VARIANT_STORED_WEIGHTS, .weights = OF_BF16, .epilogues = WITH_ALL, \
            .inference = true                                                                              \
    }
#define CONV_WINOGRAD_W16_ROWS                                                                                  \
    CONV_WINOGRAD_W16_ROW("winograd_2x2_3x3_w16", WINOGRAD_2_3, winograd_refusal_3, winograd_cost_2_3_w16),     \
        CONV_WINOGRAD_W16_ROW("winograd_4x4_3x3_w16", WINOGRAD_4_3, winograd_refusal_3, winograd_cost_4_3_w16), \
        CONV_WINOGRAD_W16_ROW("winograd_2x2_5x5_w16", WINOGRAD_2_5, winograd_refusal_5, winograd_cost_2_5_w16)
#define CONV_WINOGRAD_ROWS                                                                          \
    CONV_WINOGRAD_ROW("winograd_2x2_3x3", WINOGRAD_2_3, winograd_refusal_3, winograd_cost_2_3),     \
        CONV_WINOGRAD_ROW("winograd_4x4_3x3", WINOGRAD_4_3, winograd_refusal_3, winograd_cost_4_3), \
        CONV_WINOGRAD_ROW("winograd_2x2_5x5", WINOGRAD_2_5, winograd_refusal_5, winograd_cost_2_5)

#define CONV_DX_WINOGRAD_ROW(NAME, FORM, REFUSES, COST)                                                              \
    {                                                                                                                \
        WINOGRAD_ROW(NAME, FORM, REFUSES, COST, winograd_panels_back, winograd_dx_emit), .dtypes = OF_F32 | OF_BF16, \
                                                                                         .traits = WINOGRAD_TRAITS   \
    }
#define CONV_DX_WINOGRAD_ROWS                                                                             \
    CONV_DX_WINOGRAD_ROW("winograd_2x2_3x3", WINOGRAD_2_3, winograd_dx_refusal_3, winograd_cost_2_3),     \
        CONV_DX_WINOGRAD_ROW("winograd_4x4_3x3", WINOGRAD_4_3, winograd_dx_refusal_3, winograd_cost_4_3), \
        CONV_DX_WINOGRAD_ROW("winograd_2x2_5x5", WINOGRAD_2_5, winograd_dx_refusal_5, winograd_cost_2_5)

/* Images and weights in bf16, products of pairs: conv_winograd_pairs.c. */
const char *winograd_pairs_refusal(const Node *);
const char *winograd_pairs_dx_refusal(const Node *);
double winograd_pairs_cost(const Node *, const CostModel *); /* of the layer and of dx */
int64_t winograd_pairs_workspace(const Node *);
void winograd_pairs_emit(Writer *, const Node *);
void winograd_pairs_dx_emit(Writer *, const Node *);
double winograd_pairs_dweight_cost(const Node *, const CostModel *);
int64_t winograd_pairs_dweight_workspace(const Node *);
void winograd_pairs_dweight_emit(Writer *, const Node *);
extern const Op winograd_pairs_panels, winograd_pairs_panels_back;

#define WINOGRAD_PAIRS_ROW(REFUSES, PREPACK, EMIT)                                                                    \
    .name = "winograd_2x2_3x3_bf16", .layouts = IN_NHWC, .dtypes = OF_F32 | OF_BF16, .weights = OF_BF16,              \
    .targets = ON_AVX512BF16, .traits = WINOGRAD_TRAITS | VARIANT_ANY_FORMATS | VARIANT_BF16_PRODUCTS,                \
    .refuses = REFUSES, .cost = winograd_pairs_cost, .prepack = &PREPACK, .rounds_weights = correlate_rounds_weights, \
    .workspace = winograd_pairs_workspace, .emit = EMIT, .kernel = "conv"
#define CONV_WINOGRAD_PAIRS_ROW                                                                                        \
    {                                                                                                                  \
        WINOGRAD_PAIRS_ROW(winograd_pairs_refusal, winograd_pairs_panels, winograd_pairs_emit), .epilogues = WITH_ALL, \
                                                                                                .inference = true      \
    }
#define CONV_DX_WINOGRAD_PAIRS_ROW                                                                        \
    {                                                                                                     \
        WINOGRAD_PAIRS_ROW(winograd_pairs_dx_refusal, winograd_pairs_panels_back, winograd_pairs_dx_emit) \
    }

#define CONV_DWEIGHT_WINOGRAD_PAIRS_ROW                                                                   \
    {                                                                                                     \
        .name = "winograd_2x2_3x3_bf16", .layouts = IN_NHWC, .dtypes = OF_BF16, .targets = ON_AVX512BF16, \
        .traits = WINOGRAD_TRAITS | VARIANT_BF16_PRODUCTS, .refuses = winograd_dweight_refusal,           \
        .cost = winograd_pairs_dweight_cost, .workspace = winograd_pairs_dweight_workspace,               \
        .emit = winograd_pairs_dweight_emit, .kernel = "conv"                                             \
    }

#define CONV_DWEIGHT_WINOGRAD_ROW                                                                                    \
    {                                                                                                                \
        .name = "winograd_4x4_3x3", .layouts = IN_NHWC, .dtypes = OF_F32 | OF_BF16, .traits = WINOGRAD_TRAITS,       \
        .refuses = winograd_dweight_refusal, .cost = winograd_dweight_cost, .workspace = winograd_dweight_workspace, \
        .emit = winograd_dweight_emit, .kernel = "conv"                                                              \
    }

#endif
