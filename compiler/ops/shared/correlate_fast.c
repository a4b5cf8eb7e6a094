/* The kernels of convolution that serve a correlation, what they cost, and their calls. */
#include "ops/shared/correlate.h"

#include <math.h>

const char *correlate_refusal(const Correlation *c)
{
    int64_t largest = shape_count(c->large) > shape_count(c->small) ? shape_count(c->large) : shape_count(c->small);
    bool fits = nn_wgrad_serves(c->large.dim[0] / c->groups, c->slide[0].k * c->slide[1].k, window_reach(&c->slide[0]),
                                window_reach(&c->slide[1]));
    if (c->mode != PAD_MODE_ZEROS) return "the padding is not zeros";
    if (c->flip) return "the kernel is mirrored";
    if (largest >= INT32_MAX) return "an image has 2^31 elements or more";
    return fits ? NULL : "the window is too large";
}

static bool is_depthwise(const Correlation *c)
{
    return c->groups > 1 && c->large.dim[0] == c->groups && c->small.dim[0] == c->groups;
}

const char *correlate_direct_refusal(Correlation c) { return c.groups > 1 ? "it has groups" : correlate_refusal(&c); }

const char *correlate_grouped_refusal(Correlation c)
{
    if (c.groups == 1) return "it has no groups";
    return is_depthwise(&c) ? "it is depthwise" : correlate_refusal(&c);
}

const char *correlate_depthwise_refusal(Correlation c)
{
    return is_depthwise(&c) ? correlate_refusal(&c) : "it is not depthwise";
}

/* ---- images in bf16 ---- */

static const char image_in_f32[] = "an image is in f32";

const char *correlate_pairs_refusal(const Node *n, Correlation c)
{
    const char *in_f32 = variant_input_in_f32(n);
    return in_f32 ? in_f32 : correlate_direct_refusal(c);
}

const char *correlate_grouped_pairs_refusal(const Node *n, Correlation c)
{
    const char *in_f32 = variant_input_in_f32(n);
    const bool full = c.large.dim[0] / c.groups >= NN_PANEL && c.small.dim[0] / c.groups >= NN_PANEL;
    if (in_f32) return in_f32;
    if (c.groups > 1 && !full) return "its groups have fewer than 16 channels or outputs";
    return correlate_grouped_refusal(c);
}

const char *correlate_rows_refusal(const Node *n, Correlation c)
{
    const char *in_f32 = variant_input_in_f32(n);
    if (in_f32) return in_f32;
    if (c.groups > 1 && !is_depthwise(&c) && !nn_grouped_rows_serves(c.groups, c.large.dim[0], c.small.dim[0]))
        return "its groups do not have 2, 4 or 8 channels and as many outputs";
    return correlate_grouped_refusal(c);
}

const char *correlate_halves_depthwise_refusal(const Node *n, Correlation c)
{
    const char *in_f32 = variant_input_in_f32(n);
    return in_f32 ? in_f32 : correlate_depthwise_refusal(c);
}

/* Of the pixels of the result, in a stride the most of a residue: runtime/kernels/conv/conv_frames.h. */
static nn_frame_grid frame_grid(const Correlation *c, CorrelateResult result)
{
    const Slide *h = &c->slide[0], *w = &c->slide[1];
    if (result == CORRELATE_SMALL)
        return (nn_frame_grid){.u = h->small,
                               .v = w->small,
                               .su = h->stride,
                               .sv = w->stride,
                               .down = window_reach(h),
                               .across = window_reach(w),
                               .run = c->large.dim[0] / c->groups};
    return (nn_frame_grid){.u = div_round_up(h->large, h->stride),
                           .v = div_round_up(w->large, w->stride),
                           .su = 1,
                           .sv = 1,
                           .down = (h->k - 1) * h->dilation / h->stride + 1,
                           .across = (w->k - 1) * w->dilation / w->stride + 1,
                           .run = c->small.dim[0] / c->groups};
}

const char *correlate_frames_refusal(const Node *n, Correlation c, CorrelateResult result)
{
    const nn_frame_grid g = frame_grid(&c, result);
    if (!tensor_is_bf16_value(n->in[0]) && !tensor_is_bf16_value(n->out[0])) return "its images are in f32";
    if (is_depthwise(&c) || nn_grouped_rows_serves(c.groups, c.large.dim[0], c.small.dim[0]))
        return "its groups are small";
    return nn_frame_serves(&g) ? correlate_refusal(&c) : "a pixel reads too much";
}

int64_t correlate_frames_workspace(Correlation c, CorrelateResult result)
{
    const nn_frame_grid g = frame_grid(&c, result);
    return nn_frame_work(&g, (result == CORRELATE_SMALL ? c.small : c.large).dim[0] / c.groups);
}

void correlate_frames_call(Writer *w, const Node *n, Correlation c, CorrelateResult result)
{
    writer_bind(w, "kernel", result == CORRELATE_SMALL ? "nn_conv_forward_frames" : "nn_conv_backward_data_frames");
    writer_bind_int(w, "x_half", tensor_is_bf16_value(n->in[0]));
    writer_bind_int(w, "half", tensor_is_bf16_value(n->out[0]));
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = $x, .panels = weight, .bias = $bias, .epilogue = $epilogue, .y = "
                   "$y, .work = work, .x_half = $x_half, .half = $half};\n"
                   "$kernel(&size, &args, $t, $T);");
}

void correlate_frames_dx(Writer *w, const Node *n, Correlation c, CorrelateResult result)
{
    writer_bind(w, "x", "dy");
    writer_bind(w, "y", "dx");
    writer_bind(w, "bias", "0");
    writer_bind(w, "epilogue", "0");
    correlate_frames_call(w, n, c, result);
}

static bool either_in_f32(const Node *n) { return !tensor_is_bf16_value(n->in[0]) || !tensor_is_bf16_value(n->in[1]); }

const char *correlate_dweight_direct_refusal(const Node *n, Correlation c)
{
    return either_in_f32(n) ? image_in_f32 : correlate_direct_refusal(c);
}

const char *correlate_dweight_grouped_refusal(const Node *n, Correlation c)
{
    return either_in_f32(n) ? image_in_f32 : correlate_grouped_refusal(c);
}

const char *correlate_dweight_depthwise_refusal(const Node *n, Correlation c)
{
    return either_in_f32(n) ? image_in_f32 : correlate_depthwise_refusal(c);
}

/* ---- calls ---- */

Correlation correlate_with_steps(Correlation c, const Tensor *large, const Tensor *small)
{
    c.large_step = tensor_pixel_stride(large);
    c.small_step = tensor_pixel_stride(small);
    return c;
}

/* With more, outputs in the lanes fill half of each vector. */
enum { PLANAR_CHANNELS = 4, PLANAR_OUTPUTS = 8 };

const char *correlate_planar_refusal(const Correlation *c)
{
    const Slide *h = &c->slide[0], *w = &c->slide[1];
    const int64_t columns = c->small.dim[2];
    bool few = c->large.dim[0] <= PLANAR_CHANNELS && c->small.dim[0] <= PLANAR_OUTPUTS && c->groups == 1;
    bool fits = nn_planar_serves(c->large.dim[0], window_reach(h), nn_extent(columns, 1, w->k, w->dilation), columns);
    if (!few) return "it has groups, or more than 4 channels or 8 outputs";
    if (w->stride != 1) return "it has a stride";
    return fits ? correlate_refusal(c) : "the rows are too narrow, or the window too large";
}

/* Of more channels, what packs the weights is faster: a row of all of them no longer fits the
 * first cache. */
enum { BLOCKED_CHANNELS = 16 };

const char *correlate_blocked_refusal(const Correlation *c)
{
    bool few = c->large.dim[0] <= BLOCKED_CHANNELS && c->small.dim[0] <= BLOCKED_CHANNELS;
    bool fits = shape_count(c->large) < INT32_MAX && shape_count(c->small) < INT32_MAX;
    if (!few) return "more than 16 channels or outputs";
    if (c->groups > 1) return "it has groups";
    if (c->mode != PAD_MODE_ZEROS) return "the padding is not zeros";
    if (c->flip) return "the kernel is mirrored";
    return fits ? NULL : "an image has 2^31 elements or more";
}

void correlate_blocked_call(Writer *w, const Correlation *c, const char *call)
{
    const Slide *h = &c->slide[0], *v = &c->slide[1];
    const int64_t size[] = {c->large.dim[0], h->large,  v->large,    c->small.dim[0], h->small,  v->small, h->k, v->k,
                            h->stride,       v->stride, h->dilation, v->dilation,     h->before, v->before};
    writer_bind_fields(w, "size", "c h w o oh ow kh kw sh sw dh dw top left", size);
    writer_put(w, "static const nn_blocked size = {$size};");
    writer_put(w, call);
}

/* Depthwise panels are the same in both directions. */
static void bind_entry_points(Writer *w, const Correlation *c)
{
    const bool depthwise = is_depthwise(c);
    const char *family = depthwise ? "depthwise" : c->groups > 1 ? "grouped" : "conv";
    writer_bind(w, "forward", "nn_%s_forward", family);
    writer_bind(w, "backward_data", "nn_%s_backward_data", family);
    writer_bind(w, "pack", "nn_%s_panels", family);
    writer_bind(w, "pack_backward", depthwise ? "nn_%s_panels" : "nn_%s_panels_backward", family);
    writer_bind(w, "pack_widened", "nn_%s_panels_widened", family);
    writer_bind(w, "pack_backward_widened", depthwise ? "nn_%s_panels_widened" : "nn_%s_panels_backward_widened",
                family);
}

void correlate_call(Writer *w, const Correlation *c, const char *call)
{
    const int64_t *large = c->large.dim, *small = c->small.dim;
    const Slide *h = &c->slide[0], *v = &c->slide[1];
    const int64_t size[] = {large[0],    large[1],  large[2],  small[0],      small[1],     small[2],
                            c->groups,   h->k,      v->k,      h->stride,     v->stride,    h->dilation,
                            v->dilation, h->before, v->before, c->large_step, c->small_step};
    writer_bind_fields(w, "size", "c h w o oh ow groups kh kw sh sw dh dw top left c_step o_step", size);
    bind_entry_points(w, c);
    writer_put(w, "static const nn_conv size = {.n = $N, $size};");
    writer_put(w, call);
}

/* How often each weight is used. */
static double pixels_of(const Correlation *c, Shape result, const CostModel *m)
{
    int64_t residues = shape_equal(result, c->large) ? c->slide[0].stride * c->slide[1].stride : 1;
    return (double)(m->batch * result.dim[1] * result.dim[2]) / (double)residues;
}

static double reading_of(const CostModel *m) { return m->constant_weights ? m->machine->weight_read : 0; }

double correlate_direct_cost(const Correlation *c, Shape result, const CostModel *m)
{
    double weights = (double)(c->small.dim[0] * c->large.dim[0] / c->groups * c->slide[0].k * c->slide[1].k);
    double lanes = result.dim[0] < NN_PANEL ? (double)NN_PANEL / (double)result.dim[0] : 1;
    return weights * (pixels_of(c, result, m) * lanes + reading_of(m));
}

double correlate_w16_cost(const Correlation *c, Shape result, const CostModel *m)
{
    const double weights = (double)(c->small.dim[0] * c->large.dim[0] / c->groups * c->slide[0].k * c->slide[1].k);
    const double blocks = ceil(pixels_of(c, result, m) / NN_CONV_PIXELS); /* a panel is widened for each */
    return correlate_direct_cost(c, result, m) + weights * (blocks * m->machine->weight_widen - reading_of(m) / 2);
}

double correlate_dweight_pairs_cost(const Node *n, const CostModel *m)
{
    return m->machine->bf16_product * (double)(node_macs(n) * nn_round_up(m->batch, 2));
}

double correlate_depthwise_cost(const Correlation *c, Shape result, const CostModel *m)
{
    double weights = (double)(nn_round_up(c->groups, NN_PANEL) * c->slide[0].k * c->slide[1].k);
    return weights * (pixels_of(c, result, m) + reading_of(m));
}

double correlate_planar_cost(const Correlation *c, const CostModel *m)
{
    int64_t columns = c->small.dim[2], vectors = div_round_up(columns, NN_MAX_WIDTH);
    return (double)(correlate_macs(c) * m->batch) * (double)(vectors * NN_MAX_WIDTH) / (double)columns;
}

bool correlate_panels_shape(Graph *g, Node *n, const Correlation *c, bool back)
{
    int64_t groups = c->groups, taps = c->slide[0].k * c->slide[1].k;
    int64_t lanes = (back ? c->large : c->small).dim[0] / groups, depth = (back ? c->small : c->large).dim[0] / groups;
    int64_t count = nn_conv_packed(groups, lanes, depth, taps);
    node_out_as(g, n, g->real, false, shape_vector(count));
    return true;
}

bool correlate_pair_panels_shape(Graph *g, Node *n, const Correlation *c, bool back)
{
    const Shape lanes = back ? c->large : c->small, depth = back ? c->small : c->large;
    const int64_t one =
        nn_conv_packed_bf16(lanes.dim[0] / c->groups, depth.dim[0] / c->groups, c->slide[0].k * c->slide[1].k);
    node_out_as(g, n, DTYPE_BF16, false, shape_vector(c->groups * one));
    return true;
}

/* The weights, in[0], may be in f32: those of a step, which nothing else has rounded. */
void correlate_pair_panels_emit(Writer *w, const Node *n, const Correlation *c, bool back)
{
    writer_bind(w, "packing", "nn_conv_panels%s_%s", back ? "_backward" : "",
                n->in[0]->dtype == DTYPE_BF16 ? "bf16" : "rounded");
    correlate_call(w, c, "$packing(&size, weight, panels, $t, $T);");
}

/* Where they are packed, always: a weight is read once, in f32. */
bool correlate_rounds_weights(const Node *n, int64_t batch)
{
    (void)n, (void)batch;
    return true;
}
