/*
 * NaN and infinities through every layer, in the plain and in the fast form.
 *
 * What is expected is what PyTorch does (CPU, float): a NaN is not lost, neither
 * forwards nor on the way back, and it does not spread to what does not depend
 * on it.  Vectors of kernels are longer than what is left at an edge, so sizes
 * are odd: a lane beyond the edge must not bring in its neighbour.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "elab/elaborate.h"
#include "emit/emit.h"
#include "front/front.h"

enum { SIZE_INPUTS, SIZE_OUTPUTS, SIZE_MODEL, SIZE_SCRATCH };

/* A net of one pipeline, running. */
typedef struct Net {
    Compilation *c;
    Jit *jit;
    const size_t *sizes;
    int64_t batch;
    float *x, *y, *dy, *dx;
    void *block, *model, *scratch;
    void (*infer)(const void *, const float *, float *, void *);
    void (*vjp)(void *, const float *, const float *, float *, float *, void *);
    int (*set)(void *, const char *, const float *, size_t);
} Net;

static void *zeros(size_t bytes)
{
    size_t size = (bytes + 64) & ~(size_t)63;
    return memset(aligned_alloc(64, size), 0, size);
}

static Graph *elaborate_body(Compilation *c, const char *body)
{
    const char *text = arena_printf(c->arena, "net t { %s }", body);
    List none = {0};
    const File *file = front_parse_text(c, "t.nn", text, strlen(text));
    Graph *net = file ? elaborate(c, file, NULL, &none) : NULL;
    if (!net) diag_print(c, stderr, false);
    ck_assert_msg(net != NULL, "%s", text);
    return net;
}

static void *symbol(const Net *t, const char *name)
{
    void *found = jit_symbol(t->jit, name);
    ck_assert_msg(found != NULL, "%s", name);
    return found;
}

static void open_blocks(Net *t)
{
    size_t in = (size_t)t->batch * t->sizes[SIZE_INPUTS] * sizeof(float);
    size_t out = (size_t)t->batch * t->sizes[SIZE_OUTPUTS] * sizeof(float);
    t->x = zeros(in), t->dx = zeros(in), t->y = zeros(out), t->dy = zeros(out);
    t->block = zeros(t->sizes[SIZE_MODEL]), t->scratch = zeros(t->sizes[SIZE_SCRATCH]);
    void *(*init)(void *, int, uint64_t);
    *(void **)&init = symbol(t, "t_init");
    t->model = init(t->block, 1, 1);
}

/* `input` may be empty: then `body` has one. */
static Net net_open(const char *input, const char *body, bool plain, int64_t batch)
{
    Net t = {.c = compilation_new(), .batch = batch};
    EmitOptions options = {.lower.batch = batch,
                           .lower.infer = true,
                           .lower.vjp = true,
                           .lower.plain = plain,
                           .standalone = true,
                           .threads = 1};
    const EmitResult *emitted =
        emit_c(elaborate_body(t.c, arena_printf(t.c->arena, "%s %s", input, body)), NULL, &options);
    ck_assert_ptr_nonnull(emitted);
    const char *error = NULL;
    t.jit = jit_compile(JIT_TCC, emitted->source, t.c->arena, &error);
    ck_assert_msg(t.jit != NULL, "%s: %s", body, error ? error : "");
    t.sizes = symbol(&t, "t_sizes");
    *(void **)&t.infer = symbol(&t, "t_infer");
    *(void **)&t.vjp = symbol(&t, "t_vjp");
    *(void **)&t.set = symbol(&t, "t_set");
    open_blocks(&t);
    return t;
}

static void net_close(Net *t)
{
    void *blocks[] = {t->x, t->dx, t->y, t->dy, t->block, t->scratch};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
    jit_free(t->jit);
    compilation_free(t->c);
}

static size_t outputs(const Net *t) { return (size_t)t->batch * t->sizes[SIZE_OUTPUTS]; }
static size_t inputs(const Net *t) { return (size_t)t->batch * t->sizes[SIZE_INPUTS]; }

static const char *form(int plain) { return plain ? "plain" : "fast"; }

/* NaN equals NaN; numbers to a few roundings. */
static bool alike(double a, double b)
{
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= 1e-5 * fabs(b);
}

/* ---- element by element ------------------------------------------------------------ */

#define INF INFINITY

/* y of NaN, +inf and −inf. */
static const struct {
    const char *layer;
    double y[3];
} points[] = {
    {"relu", {NAN, INF, 0}},
    {"relu6", {NAN, 6, 0}},
    {"leaky_relu", {NAN, INF, -INF}},
    {"prelu", {NAN, INF, -INF}},
    {"prelu(shared=yes)", {NAN, INF, -INF}},
    {"rrelu", {NAN, INF, -INF}},
    {"elu", {NAN, INF, -1}},
    {"elu(0.5)", {NAN, INF, -0.5}},
    {"selu", {NAN, INF, -1.7580993}},
    {"gelu", {NAN, INF, NAN}},
    {"gelu(tanh)", {NAN, INF, NAN}},
    {"silu", {NAN, INF, NAN}},
    {"sigmoid", {NAN, 1, 0}},
    {"tanh", {NAN, 1, -1}},
    {"hardswish", {NAN, INF, NAN}},
    {"hardsigmoid", {NAN, 1, 0}},
    {"softplus", {NAN, INF, 0}},
    {"threshold(0.1, 20)", {NAN, INF, 20}},
    {"dropout", {NAN, INF, -INF}},
    {"dropout(0.2, scale=test)", {NAN, INF, -INF}},
    {"normalize(1, 2)", {NAN, INF, -INF}},
    {"batchnorm", {NAN, INF, -INF}},
    {"identity", {NAN, INF, -INF}},
    {"add { } { }", {NAN, INF, -INF}},
    {"mul { } { }", {NAN, INF, INF}},
    {"maximum { } { relu }", {NAN, INF, 0}},
    {"step", {0, 1, 0}}, /* no layer of PyTorch's; a comparison with NaN does not hold */
};

START_TEST(elements)
{
    for (int plain = 0; plain < 2; plain++) {
        Net t = net_open("input(51)", points[_i].layer, plain, 3);
        const double values[] = {NAN, INF, -INF};
        for (size_t i = 0; i < inputs(&t); i++) t.x[i] = (float)values[i % 3];
        t.infer(t.model, t.x, t.y, t.scratch);
        for (size_t i = 0; i < outputs(&t); i++)
            ck_assert_msg(alike(t.y[i], points[_i].y[i % 3]), "%s %s: element %zu, of %g, is %g, not %g", form(plain),
                          points[_i].layer, i, values[i % 3], (double)t.y[i], points[_i].y[i % 3]);
        net_close(&t);
    }
}
END_TEST

/* A NaN that comes back goes on where the slope is not 0, and nowhere else. */
START_TEST(elements_backward)
{
    if (strncmp(points[_i].layer, "step", 4) == 0) return;
    for (int plain = 0; plain < 2; plain++) {
        Net t = net_open("input(51)", points[_i].layer, plain, 3);
        bool coupled = strcmp(points[_i].layer, "batchnorm") == 0; /* over the batch: a NaN in any of three samples */
        for (size_t i = 0; i < inputs(&t); i++) t.x[i] = 0.3f + 0.7f * (float)(i / 51), t.dy[i] = i % 5 ? 1 : NAN;
        t.vjp(t.model, t.x, t.dy, t.y, t.dx, t.scratch);
        for (size_t i = 0; i < inputs(&t); i++) {
            bool dropped = t.y[i] == 0 && strncmp(points[_i].layer, "dropout", 7) == 0;
            size_t f = i % 51;
            bool wanted = coupled ? f % 5 == 0 || (f + 51) % 5 == 0 || (f + 102) % 5 == 0 : i % 5 == 0;
            ck_assert_msg(isnan(t.dx[i]) == (wanted && !dropped), "%s %s: dx[%zu] is %g", form(plain), points[_i].layer,
                          i, (double)t.dx[i]);
        }
        net_close(&t);
    }
}
END_TEST

/* dx of dy = 1 where x is NaN. */
static const struct {
    const char *layer;
    double dx;
} bad_slopes[] = {
    {"relu", 1},
    {"relu6", 0},
    {"leaky_relu(0.25)", 0.25},
    {"threshold(0.1, 20)", 1},
    {"threshold(0.1, 0)", 1},
    {"hardsigmoid", 0},
    {"elu", NAN},
    {"elu(-0.5)", NAN},
    {"selu", NAN},
    {"hardswish", NAN},
    {"silu", NAN},
    {"tanh", NAN},
    {"sigmoid", NAN},
    {"prelu(init=0.5)", 0.5},
};

START_TEST(slopes_at_nan)
{
    for (int plain = 0; plain < 2; plain++) {
        Net t = net_open("input(51)", bad_slopes[_i].layer, plain, 1);
        for (size_t i = 0; i < inputs(&t); i++) t.x[i] = NAN, t.dy[i] = 1;
        t.vjp(t.model, t.x, t.dy, t.y, t.dx, t.scratch);
        for (size_t i = 0; i < inputs(&t); i++)
            ck_assert_msg(alike(t.dx[i], bad_slopes[_i].dx), "%s %s: %g", form(plain), bad_slopes[_i].layer,
                          (double)t.dx[i]);
        net_close(&t);
    }
}
END_TEST

/* ---- one bad element and who depends on it ------------------------------------------- */

/* Sample 1 of 3 has a NaN in its middle.  Which outputs depend on it is found by
 * moving that element: those that change. */
static const char *const layers[] = {
    "input(3x7x9) conv(5, 3)",
    "input(3x7x9) conv(17, 3, pad=1)",
    "input(16x7x9) conv(16, 1)",
    "input(4x7x9) conv(6, 3, groups=2, bias=no)",
    "input(6x7x9) conv(6, 3, groups=6, pad=1)",
    "input(3x7x9) conv(4, 3, dilation=2, pad=2)",
    "input(3x7x9) conv(4, 3, stride=2)",
    "input(3x7x9) conv(4, 3, pad=1, pad_mode=reflect)",
    "input(3x7x9) conv(4, 3, flip=yes)",
    "input(3x7x9) deconv(5, 3)",
    "input(4x7x9) deconv(6, 3, stride=2, pad=1, groups=2)",
    "input(3x7x9) avgpool(3, stride=2, pad=1)",
    "input(3x7x9) avgpool(2, stride=1)",
    "input(3x7x9) adaptive_avgpool(3x4)",
    "input(3x7x9) global_avgpool",
    "input(3x7x9) layernorm",
    "input(6x7x9) groupnorm(3)",
    "input(33) layernorm",
    "input(12) groupnorm(3)",
    "input(7x5x3) lrn(3, alpha=0.1)",
    "input(33) dense(17)",
    "input(19) softmax",
    "input(19) log_softmax",
    "input(5x3x3) softmax",
    "input(3x7x9) upsample(2)",
    "input(3x7x9) crop([1, 1, 1, 1])",
    "input(3x7x9) pad([1, 2, 1, 2])",
    "input(3x7x9) pad([1, 2, 1, 2], reflect)",
    "input(6x7x9) channel_shuffle(2)",
    "input(3x7x9) concat { } { relu }",
    "input(3x7x9) mul { } { global_avgpool }",
    "input(3x7x9) flatten dense(19)",
    "input(3x7x9) lppool(2)",
    "input(3x7x9) maxpool(1)",
};

static void fill(Net *t)
{
    for (size_t i = 0; i < inputs(t); i++) t->x[i] = 0.5f + 0.01f * (float)(i * 37 % 100);
}

START_TEST(no_spreading)
{
    for (int plain = 0; plain < 2; plain++) {
        Net t = net_open("", layers[_i], plain, 3);
        size_t out = outputs(&t), middle = t.sizes[SIZE_INPUTS] + t.sizes[SIZE_INPUTS] / 2;
        float *before = zeros(out * sizeof(float)), *moved = zeros(out * sizeof(float));
        fill(&t);
        t.infer(t.model, t.x, before, t.scratch);
        t.x[middle] += 3;
        t.infer(t.model, t.x, moved, t.scratch);
        t.x[middle] = NAN;
        t.infer(t.model, t.x, t.y, t.scratch);
        for (size_t i = 0; i < out; i++)
            ck_assert_msg(isnan(t.y[i]) == (before[i] != moved[i]), "%s %s: y[%zu] is %g", form(plain), layers[_i], i,
                          (double)t.y[i]);
        free(before);
        free(moved);
        net_close(&t);
    }
}
END_TEST

/* The same on the way back: dy[middle] is NaN. */
START_TEST(no_spreading_backward)
{
    for (int plain = 0; plain < 2; plain++) {
        Net t = net_open("", layers[_i], plain, 3);
        size_t in = inputs(&t), middle = t.sizes[SIZE_OUTPUTS] + t.sizes[SIZE_OUTPUTS] / 2;
        float *before = zeros(in * sizeof(float)), *moved = zeros(in * sizeof(float));
        fill(&t);
        for (size_t i = 0; i < outputs(&t); i++) t.dy[i] = 0.5f + 0.01f * (float)(i * 53 % 100);
        t.vjp(t.model, t.x, t.dy, t.y, before, t.scratch);
        t.dy[middle] += 3;
        t.vjp(t.model, t.x, t.dy, t.y, moved, t.scratch);
        t.dy[middle] = NAN;
        t.vjp(t.model, t.x, t.dy, t.y, t.dx, t.scratch);
        for (size_t i = 0; i < in; i++)
            ck_assert_msg(isnan(t.dx[i]) == (before[i] != moved[i]), "%s %s: dx[%zu] is %g", form(plain), layers[_i], i,
                          (double)t.dx[i]);
        free(before);
        free(moved);
        net_close(&t);
    }
}
END_TEST

/* ---- pools: NaN wins, infinities are numbers ----------------------------------------- */

static const struct {
    const char *layer;
    double x[4], y;
} pools[] = {
    {"maxpool(2)", {1, NAN, 3, 2}, NAN},
    {"maxpool(2)", {NAN, 1, INF, 2}, NAN},
    {"maxpool(2)", {1, 2, 3, NAN}, NAN},
    {"maxpool(2)", {-INF, -INF, -INF, -INF}, -INF},
    {"maxpool(2)", {-INF, 1, INF, 2}, INF},
    {"maxpool(3, pad=1, stride=3)", {-INF, -INF, -INF, -INF}, -INF},
    {"maxpool(3, pad=1, stride=3)", {-5, -7, -6, NAN}, NAN},
    {"minpool(2)", {1, NAN, 3, 2}, NAN},
    {"minpool(2)", {INF, INF, INF, INF}, INF},
    {"minpool(3, pad=1, stride=3)", {INF, 7, 8, 9}, 7},
    {"avgpool(2)", {1, NAN, 3, 2}, NAN},
    {"avgpool(2)", {1, INF, 3, 2}, INF},
    {"avgpool(2)", {1, INF, -INF, 2}, NAN},
    {"global_maxpool", {1, 2, NAN, 3}, NAN},
    {"global_maxpool", {-INF, -INF, -INF, -INF}, -INF},
    {"global_avgpool", {1, 2, 3, -INF}, -INF},
    {"adaptive_maxpool(1)", {4, 3, NAN, 2}, NAN},
    {"adaptive_avgpool(1)", {4, 3, INF, 2}, INF},
    {"lppool(2)", {4, 3, NAN, 2}, NAN},
    {"lppool(2)", {4, 3, -INF, 2}, INF},
    {"flatten maxout(4)", {4, NAN, 3, 2}, NAN},
    {"flatten maxout(4)", {-INF, -INF, -INF, -INF}, -INF},
    {"lrn(1, alpha=1, beta=1)", {INF, INF, INF, INF}, NAN},
};

START_TEST(pooling)
{
    for (int plain = 0; plain < 2; plain++) {
        for (int training = 0; training < 2; training++) {
            Net t = net_open("input(1x2x2)", pools[_i].layer, plain, 1);
            for (int i = 0; i < 4; i++) t.x[i] = (float)pools[_i].x[i];
            if (training)
                t.vjp(t.model, t.x, t.dy, t.y, t.dx, t.scratch);
            else
                t.infer(t.model, t.x, t.y, t.scratch);
            ck_assert_msg(alike(t.y[0], pools[_i].y), "%s %s: %g, not %g", form(plain), pools[_i].layer, (double)t.y[0],
                          pools[_i].y);
            net_close(&t);
        }
    }
}
END_TEST

/* ---- softmax ---------------------------------------------------------------------------- */

static const struct {
    const char *layer;
    double x[3], y[3];
} rows[] = {
    {"softmax", {-INF, 0, 0}, {0, 0.5, 0.5}},
    {"softmax", {INF, 0, 0}, {NAN, NAN, NAN}},
    {"softmax", {-INF, -INF, -INF}, {NAN, NAN, NAN}},
    {"softmax", {0, NAN, 0}, {NAN, NAN, NAN}},
    {"softmax", {1e30, -1e30, 0}, {1, 0, 0}},
    {"softmax", {-1000, -1000, -1000}, {1 / 3.0, 1 / 3.0, 1 / 3.0}},
    {"log_softmax", {-INF, 0, 0}, {-INF, -0.69314718, -0.69314718}},
    {"log_softmax", {INF, 0, 0}, {NAN, NAN, NAN}},
    {"log_softmax", {0, NAN, 0}, {NAN, NAN, NAN}},
    {"log_softmax", {1000, 0, 0}, {0, -1000, -1000}},
};

START_TEST(softmaxes)
{
    for (int plain = 0; plain < 2; plain++) {
        Net t = net_open("input(3)", rows[_i].layer, plain, 2);
        for (int i = 0; i < 3; i++) t.x[i] = (float)rows[_i].x[i];
        t.infer(t.model, t.x, t.y, t.scratch);
        for (int i = 0; i < 3; i++)
            ck_assert_msg(alike(t.y[i], rows[_i].y[i]), "%s %s: y[%d] is %g, not %g", form(plain), rows[_i].layer, i,
                          (double)t.y[i], rows[_i].y[i]);
        ck_assert(!isnan(t.y[3]) && !isnan(t.y[4]) && !isnan(t.y[5])); /* the other sample */
        net_close(&t);
    }
}
END_TEST

/* ---- normalising what hardly differs ------------------------------------------------------ */

/* Values of 1000 ± 1: a variance of squares less the square of the mean would be
 * off by a tenth; the mean of a plain float sum of so many, by more than that. */
static const char *const norms[] = {
    "input(1x40x50) layernorm(affine=no)",    "input(2000) layernorm(affine=no)",
    "input(2x20x50) groupnorm(1, affine=no)", "input(4x20x50) groupnorm(2, affine=no)",
    "input(1x40x50) batchnorm(affine=no)",    "input(2000) groupnorm(1, affine=no)",
};

START_TEST(small_deviations)
{
    for (int plain = 0; plain < 2; plain++) {
        Net t = net_open("", norms[_i], plain, 3);
        for (size_t i = 0; i < inputs(&t); i++) t.x[i] = 1000 + (i % 2 ? 1.0f : -1.0f) * 0x1p-4f;
        t.vjp(t.model, t.x, t.dy, t.y, t.dx, t.scratch);
        double y = 0x1p-4 / sqrt(0x1p-8 + 1e-5);
        for (size_t i = 0; i < outputs(&t); i++)
            ck_assert_msg(fabs(t.y[i] - (i % 2 ? y : -y)) < 1e-3, "%s %s: y[%zu] is %g, not ±%g", form(plain),
                          norms[_i], i, (double)t.y[i], y);
        net_close(&t);
    }
}
END_TEST

Suite *special_suite(void)
{
    Suite *suite = suite_create("special");
    TCase *values = tcase_create("special");
    tcase_add_loop_test(values, elements, 0, sizeof points / sizeof *points);
    tcase_add_loop_test(values, elements_backward, 0, sizeof points / sizeof *points);
    tcase_add_loop_test(values, slopes_at_nan, 0, sizeof bad_slopes / sizeof *bad_slopes);
    tcase_add_loop_test(values, no_spreading, 0, sizeof layers / sizeof *layers);
    tcase_add_loop_test(values, no_spreading_backward, 0, sizeof layers / sizeof *layers);
    tcase_add_loop_test(values, pooling, 0, sizeof pools / sizeof *pools);
    tcase_add_loop_test(values, softmaxes, 0, sizeof rows / sizeof *rows);
    tcase_add_loop_test(values, small_deviations, 0, sizeof norms / sizeof *norms);
    suite_add_tcase(suite, values);
    return suite;
}
