/*
 * channel_affine: y[c] = scale[c] · x[c] + shift[c], with numbers that are computed: a batchnorm with its running
 * statistics, as training with simulated int8 has it where no layer before it takes it.
 *
 *   dx = scale[c] · dy;   dscale[c] = Σ dy · x;   dshift[c] = Σ dy
 */
#include "autodiff/backward.h"
#include "graph/graph.h"
#include "ops/shared/channels.h"
#include "ops/shared/elementwise.h"

static const char *const affine_in[] = {"x", "scale", "shift", NULL};
static const char *const affine_out[] = {"y", NULL};
static const char *const dx_in[] = {"dy", "scale", NULL};
static const char *const dx_out[] = {"dx", NULL};
static const char *const dscale_in[] = {"dy", "x", NULL};
static const char *const dscale_out[] = {"dscale", NULL};
static const char *const dshift_in[] = {"dy", NULL};
static const char *const dshift_out[] = {"dshift", NULL};

static void bind_channels(Writer *w, const Node *n)
{
    const Shape s = node_shape_in(n);
    writer_bind_int(w, "C", s.dim[0]);
    writer_bind_int(w, "P", shape_count(s) / s.dim[0]);
}

static void put_images(Writer *w, const Node *n, const char *statement)
{
    bind_channels(w, n);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int c = 0; c < $C; c++) {\n"
                  "        for ($int k = (n * $C + c) * $P; k < (n * $C + c + 1) * $P; k++) {\n");
    writer_put(w, statement);
    writer_put(w, "        }\n    }\n}\n");
}

/* The sum of a channel, image by image. */
static void put_sums(Writer *w, const Node *n, const char *statement, const char *store)
{
    bind_channels(w, n);
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    $real total = 0;\n"
                  "    for ($int n = 0; n < $N; n++) {\n"
                  "        $real sum = 0;\n"
                  "        for ($int k = (n * $C + c) * $P; k < (n * $C + c + 1) * $P; k++) {\n");
    writer_put(w, statement);
    writer_put(w, "        }\n        total += sum;\n    }\n");
    writer_put(w, store);
    writer_put(w, "}\n");
}

static void affine_plain(Writer *w, const Node *n) { put_images(w, n, "y[k] = scale[c] * x[k] + shift[c];\n"); }

static void affine_dx_plain(Writer *w, const Node *n) { put_images(w, n, "dx[k] = scale[c] * dy[k];\n"); }

static void affine_dscale_plain(Writer *w, const Node *n)
{
    put_sums(w, n, "sum += dy[k] * x[k];\n", "dscale[c] = total;\n");
}

static void affine_dshift_plain(Writer *w, const Node *n) { put_sums(w, n, "sum += dy[k];\n", "dshift[c] = total;\n"); }

/* ---- fast form: runtime/kernels/reduction/channels.h ------------------------------------------------- */

static void put_channels_call(Writer *w, const Node *n, const char *call)
{
    channels_put_size(w, "$N", node_shape_in(n), n->layout);
    writer_put(w, call);
}

static void affine_emit(Writer *w, const Node *n)
{
    put_channels_call(w, n, "nn_channel_scaled(&size, x, scale, shift, y, $t, $T);");
}

static void affine_dx_emit(Writer *w, const Node *n)
{
    put_channels_call(w, n, "nn_channel_scaled(&size, dy, scale, NULL, dx, $t, $T);");
}

static void affine_dscale_emit(Writer *w, const Node *n)
{
    put_channels_call(w, n, "nn_channel_products(&size, dy, x, dscale, $t, $T);");
}

static void affine_dshift_emit(Writer *w, const Node *n)
{
    put_channels_call(w, n, "nn_channel_sums(&size, $C, dy, dshift, $t, $T);");
}

static const Variant affine_variants[] = {
    {.name = "simd", .layouts = IN_ANY_LAYOUT, .traits = VARIANT_ANY_BATCH, .emit = affine_emit, .kernel = "channels"},
    {0}};
static const Variant affine_dx_variants[] = {{.name = "simd",
                                              .layouts = IN_ANY_LAYOUT,
                                              .traits = VARIANT_ANY_BATCH,
                                              .emit = affine_dx_emit,
                                              .kernel = "channels"},
                                             {0}};
static const Variant affine_dscale_variants[] = {
    {.name = "simd", .layouts = IN_ANY_LAYOUT, .emit = affine_dscale_emit, .kernel = "channels"}, {0}};
static const Variant affine_dshift_variants[] = {
    {.name = "simd", .layouts = IN_ANY_LAYOUT, .emit = affine_dshift_emit, .kernel = "channels"}, {0}};

/* ---- gradients ------------------------------------------------------------------------------------------- */

static const Op affine_dx = {
    .name = "channel_affine.dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = dx_in,
    .out = dx_out,
    .plain = affine_dx_plain,
    .variants = affine_dx_variants,
};

static const Op affine_dscale = {
    .name = "channel_affine.dscale",
    .class = OP_INTERNAL,
    .in = dscale_in,
    .out = dscale_out,
    .plain = affine_dscale_plain,
    .variants = affine_dscale_variants,
};

static const Op affine_dshift = {
    .name = "channel_affine.dshift",
    .class = OP_INTERNAL,
    .in = dshift_in,
    .out = dshift_out,
    .plain = affine_dshift_plain,
    .variants = affine_dshift_variants,
};

static void affine_grad(Backward *b, const Node *n)
{
    backward_give_by(b, &affine_dscale, n, 1, 1, &n->in[0]);
    backward_give_by(b, &affine_dshift, n, 2, 0, NULL);
    backward_give_by(b, &affine_dx, n, 0, 1, &n->in[1]);
}

static int64_t affine_flops(const Node *n) { return 2 * shape_count(node_shape_in(n)); }

const Op op_channel_affine = {
    .name = "channel_affine",
    .summary = "multiplies each channel by a number and adds another",
    .formula = "y[c] = scale[c] * x[c] + shift[c]",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = affine_in,
    .out = affine_out,
    .shape = elementwise_shape,
    .flops = affine_flops,
    .grad = affine_grad,
    .plain = affine_plain,
    .variants = affine_variants,
};
