/*
 * channel_shuffle: channels of different groups change places, so that grouped
 * convolutions after one another see each other (Zhang et al., "ShuffleNet", 2018).
 *
 *   C = groups · K:  y[k · groups + q] = x[q · K + k],  0 ≤ q < groups, 0 ≤ k < K
 *
 * It is the transposition of a groups × K table of channels; its gradient is the
 * transposition back, the same operator with K groups.
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"
#include "ops/shared/region.h"
#include "ops/shared/window.h"

typedef struct ShuffleAttrs {
    int64_t groups;
} ShuffleAttrs;

static const Attr shuffle_attrs[] = {
    {"groups", ATTR_INT, offsetof(ShuffleAttrs, groups), NULL, 1, 1e9, NULL},
    {0},
};

static bool shuffle_shape(Graph *g, Node *n)
{
    const ShuffleAttrs *a = n->attrs;
    if (!window_takes_image(g, n)) return false;
    Shape in = node_shape_in(n);
    if (in.dim[0] % a->groups != 0) {
        diag_error(g->compilation, n->span, "channel_shuffle: %lld channels cannot be divided into %lld equal groups",
                   (long long)in.dim[0], (long long)a->groups);
        return false;
    }
    node_out(g, n, in);
    return true;
}

/* to[k · groups + q] = from[q · K + k], whole channels at a time. */
static void put_shuffle(Writer *w, const char *to, const char *from, Shape shape, int64_t groups)
{
    writer_bind(w, "to", "%s", to);
    writer_bind(w, "from", "%s", from);
    writer_bind_int(w, "groups", groups);
    writer_bind_int(w, "K", shape.dim[0] / groups);
    writer_bind_int(w, "C", shape.dim[0]);
    writer_bind_int(w, "pixels", shape.dim[1] * shape.dim[2]);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int q = 0; q < $groups; q++) {\n"
                  "        for ($int k = 0; k < $K; k++) {\n"
                  "            const $int source = (n * $C + q * $K + k) * $pixels;\n"
                  "            const $int target = (n * $C + k * $groups + q) * $pixels;\n"
                  "            for ($int p = 0; p < $pixels; p++) {\n"
                  "                $to[target + p] = $from[source + p];\n"
                  "            }\n"
                  "        }\n"
                  "    }\n"
                  "}\n");
}

static void call_shuffle(Writer *w, const Node *n, int64_t groups)
{
    Shape s = node_shape_in(n);
    writer_bind_int(w, "groups", groups);
    writer_bind_int(w, "K", s.dim[0] / groups);
    writer_bind_int(w, "pixels", s.dim[1] * s.dim[2]);
    writer_bind(w, "kernel", n->layout == LAYOUT_NHWC ? "nn_channel_shuffle_nhwc" : "nn_channel_shuffle");
    writer_put(w, "static const nn_shuffle size = {.groups = $groups, .k = $K, .pixels = $pixels};");
    region_call(w, n, "$kernel(&size, $N, $from, $to, $t, $T);");
}

static void shuffle_plain(Writer *w, const Node *n)
{
    const ShuffleAttrs *a = n->attrs;
    put_shuffle(w, "y", "x", node_shape_in(n), a->groups);
}

static void shuffle_emit(Writer *w, const Node *n) { call_shuffle(w, n, ((const ShuffleAttrs *)n->attrs)->groups); }

static void shuffle_grad_plain(Writer *w, const Node *n)
{
    const ShuffleAttrs *a = n->attrs;
    Shape shape = node_shape_in(n);
    put_shuffle(w, "dx", "dy", shape, shape.dim[0] / a->groups);
}

static void shuffle_grad_emit(Writer *w, const Node *n)
{
    const ShuffleAttrs *a = n->attrs;
    call_shuffle(w, n, node_shape_in(n).dim[0] / a->groups);
}

static const Variant shuffle_gradient_variants[] = {{.name = "simd",
                                                     .layouts = IN_NCHW | IN_NHWC,
                                                     .traits = VARIANT_ANY_BATCH,
                                                     .emit = shuffle_grad_emit,
                                                     .kernel = "channel_shuffle"},
                                                    {0}};

static const Op shuffle_gradient = {
    .name = "channel_shuffle.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(ShuffleAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .flops = region_no_flops,
    .plain = shuffle_grad_plain,
    .variants = shuffle_gradient_variants,
};

static void shuffle_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &shuffle_gradient); }

static const Variant channel_shuffle_variants[] = {{.name = "simd",
                                                    .layouts = IN_NCHW | IN_NHWC,
                                                    .traits = VARIANT_ANY_BATCH,
                                                    .emit = shuffle_emit,
                                                    .kernel = "channel_shuffle"},
                                                   {0}};

const Op op_channel_shuffle = {
    .name = "channel_shuffle",
    .summary = "channels of different groups change places",
    .formula = "y[k * groups + q] = x[q * (C / groups) + k]",
    .class = OP_LAYER,
    .attrs = shuffle_attrs,
    .attrs_size = sizeof(ShuffleAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = shuffle_shape,
    .flops = region_no_flops,
    .grad = shuffle_grad,
    .plain = shuffle_plain,
    .quantize = quantized_movement,
    .variants = channel_shuffle_variants,
};
