/*
 * Random nets in int8: random layers that have integer forms, random scales and integers.  The outputs
 * are bitwise the same in the plain and the fast form, by every compiler, for every target that this
 * machine runs, with one, two and three threads, and of a sample by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "quantize/quantizer.h"

/* ---- the text -------------------------------------------------------------------------------- */

typedef struct Int8Writer {
    Random *r;
    Text text;
    int64_t channels, size;
} Int8Writer;

static int64_t pick_channels(Random *r)
{
    static const int64_t some[] = {1, 3, 4, 7, 8, 12, 16, 17, 24, 32, 33};
    return some[random_int(r, 0, (int64_t)(sizeof some / sizeof *some) - 1)];
}

static void add_bounds(Int8Writer *w)
{
    static const char *const bounds[] = {"", "", " relu", " relu6", " clamp(-0.5, 1)"};
    text_addf(&w->text, "%s%s\n", random_chance(w->r, 0.3) ? " batchnorm" : "", bounds[random_int(w->r, 0, 4)]);
}

/* A number of groups that both have. */
static int64_t some_groups(Random *r, int64_t channels, int64_t outputs)
{
    int64_t groups = random_int(r, 1, channels);
    while (channels % groups || outputs % groups) groups--;
    return groups;
}

/* Of that many channels, at the size that there is. */
static void add_conv(Int8Writer *w, int64_t out)
{
    const int64_t k = w->size >= 3 && random_chance(w->r, 0.6) ? 3 : 1,
                  dilation = w->size >= 5 ? random_int(w->r, 1, 2) : 1;
    int64_t groups = out == w->channels && random_chance(w->r, 0.4) ? out : 1;
    if (groups == 1 && random_chance(w->r, 0.3)) groups = some_groups(w->r, w->channels, out);
    text_addf(&w->text, "    conv(%lld, %lld, pad=%lld, dilation=%lld, groups=%lld, bias=%s)", (long long)out,
              (long long)k, (long long)(k / 2 * dilation), (long long)dilation, (long long)groups,
              random_chance(w->r, 0.5) ? "yes" : "no");
    add_bounds(w);
    w->channels = out;
}

static void add_strided(Int8Writer *w)
{
    const int64_t out = pick_channels(w->r);
    text_addf(&w->text, "    conv(%lld, 3, stride=2, pad=[%lld, 0, 1, 1])", (long long)out,
              (long long)random_int(w->r, 0, 1));
    text_add(&w->text, random_chance(w->r, 0.5) ? " relu\n" : "\n");
    w->channels = out;
}

static void add_function(Int8Writer *w)
{
    static const char *const functions[] = {"sigmoid",         "tanh", "silu",      "hardswish",         "hardsigmoid",
                                            "leaky_relu(0.2)", "relu", "batchnorm", "channel_shuffle(1)"};
    text_addf(&w->text, "    %s\n", functions[random_int(w->r, 0, 8)]);
}

static void add_pool(Int8Writer *w)
{
    static const char *const pools[] = {"maxpool(3, stride=1, pad=1)", "minpool(3, stride=1, pad=1)",
                                        "avgpool(3, stride=1, pad=1)", "avgpool(3, stride=1, pad=1, count_pad=no)"};
    text_addf(&w->text, "    %s\n", pools[random_int(w->r, 0, 3)]);
}

static void add_branches(Int8Writer *w)
{
    const bool sums = random_chance(w->r, 0.5);
    const int64_t channels = w->channels, other = sums ? channels : pick_channels(w->r);
    text_add(&w->text, sums ? "    add {\n" : "    concat {\n");
    add_conv(w, other);
    w->channels = channels;
    text_add(&w->text, random_chance(w->r, 0.5) ? "    } { } {\n" : "    } {\n");
    if (random_chance(w->r, 0.5)) add_conv(w, channels);
    add_pool(w);
    text_add(&w->text, sums && random_chance(w->r, 0.5) ? "    } relu\n" : "    }\n");
    w->channels = 0; /* of a concat: the next layer says */
}

static void add_layer(Int8Writer *w)
{
    switch (random_int(w->r, 0, 4)) {
    case 0: add_conv(w, random_chance(w->r, 0.4) ? w->channels : pick_channels(w->r)); break;
    case 1: add_function(w); break;
    case 2: add_pool(w); break;
    default: add_branches(w);
    }
    if (w->channels) return;
    w->channels = pick_channels(w->r);
    text_addf(&w->text, "    conv(%lld, 1)\n", (long long)w->channels);
}

static const char *int8_source(Random *r, Arena *arena)
{
    Int8Writer w = {.r = r, .channels = pick_channels(r), .size = random_int(r, 5, 13)};
    text_init(&w.text, arena);
    text_addf(&w.text, "net n {\n    input(%lldx%lldx%lld)\n", (long long)w.channels, (long long)w.size,
              (long long)random_int(r, 5, 9));
    w.size = 5;
    add_conv(&w, pick_channels(r));
    for (int64_t i = random_int(r, 1, 4); i > 0; i--) add_layer(&w);
    if (random_chance(r, 0.5)) add_strided(&w);
    text_add(&w.text, random_chance(r, 0.5) ? "    global_avgpool\n" : "    maxpool(2)\n");
    text_addf(&w.text, "    flatten\n    dense(%lld)", (long long)random_int(r, 1, 40));
    add_bounds(&w);
    text_add(&w.text, "}\ntrain n { loss mse  optimizer sgd(lr=0.1)  batch 1 }\n");
    return w.text.data;
}

/* ---- the integers --------------------------------------------------------------------------------- */

typedef struct Int8Source {
    Random *r;
    Arena *arena;
} Int8Source;

static bool scale_of_value(void *user, const Tensor *value, Affine *a)
{
    Random *r = ((Int8Source *)user)->r;
    (void)value;
    *a = (Affine){(double)(float)(0.005 + 0.05 * random_real(r)), (int)random_int(r, -128, 127)};
    return true;
}

static const double *scales_of_rows(void *user, const WeightRequest *request)
{
    Int8Source *s = user;
    const int64_t rows = request->shape.dim[0], products = shape_count(request->shape) / rows;
    double *scales = arena_alloc(s->arena, (size_t)rows * sizeof *scales);
    for (int64_t i = 0; i < rows; i++) scales[i] = (double)(float)(0.05 * random_real(s->r) / (double)products + 1e-5);
    return scales;
}

/* Integers of the whole range, biases of what sums come to. */
static void random_integers(Random *r, const Tensor *t, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = t->dtype == DTYPE_I8    ? (float)random_int(r, -127, 127)
                    : t->dtype == DTYPE_I32 ? (float)random_int(r, -40000, 40000)
                                            : (float)random_normal(r);
}

/* ---- one form ---------------------------------------------------------------------------------------- */

typedef struct Int8Form {
    const char *name;
    JitKind jit;
    bool plain, poison;
    Target target;
    int threads;
    int64_t batch;
} Int8Form;

typedef void SetInt8(void *, const char *, const float *, size_t);
typedef void InferInt8(const void *, const float *, float *, void *);

enum { SIZES_INPUTS, SIZES_OUTPUTS, SIZES_MODEL, SIZES_SCRATCH };

static void *filled_block(size_t bytes)
{
    const size_t size = (bytes + 127) & ~(size_t)63;
    void *block = aligned_alloc(64, size);
    memset(block, 0xff, size);
    return block;
}

static void set_integers(const Graph *net, Jit *jit, const char *prefix, void *model, uint64_t seed)
{
    SetInt8 *set;
    *(void **)&set = jit_symbol(jit, arena_printf(net->compilation->arena, "%s_set", prefix));
    Random r = {.seed = seed};
    for (int i = 0; i < net->model.count; i++) {
        const Tensor *t = net->model.at[i];
        const size_t count = (size_t)shape_count(t->shape);
        float *values = filled_block(count * sizeof *values);
        random_integers(&r, t, values, count);
        set(model, t->name, values, count);
        free(values);
    }
}

/* The outputs for the samples of x from `first` on, in their places in y. */
static bool infer_int8(Verdict *v, const Graph *net, const Int8Form *f, const float *x, float *y, int64_t first)
{
    Arena *arena = net->compilation->arena;
    const EmitOptions options = {.lower.batch = f->batch,
                                 .lower.infer = true,
                                 .lower.plain = f->plain,
                                 .lower.target = f->target,
                                 .standalone = true,
                                 .paste_kernels = f->jit == JIT_CC,
                                 .threads = f->threads,
                                 .poison = f->poison};
    const EmitResult *emitted = emit_c((Graph *)net, NULL, &options);
    const char *error = NULL;
    Jit *jit = emitted ? jit_compile(f->jit, emitted->source, arena, &error) : NULL;
    if (!jit) {
        verdict_fail(v, "int8, %s: %s", f->name, error ? error : "not emitted");
        return false;
    }
    const size_t *sizes = jit_symbol(jit, arena_printf(arena, "%s_sizes", emitted->prefix));
    void *(*init)(void *, int, uint64_t);
    InferInt8 *infer;
    *(void **)&init = jit_symbol(jit, arena_printf(arena, "%s_init", emitted->prefix));
    *(void **)&infer = jit_symbol(jit, arena_printf(arena, "%s_infer", emitted->prefix));
    void *block = filled_block(sizes[SIZES_MODEL]), *scratch = filled_block(sizes[SIZES_SCRATCH]);
    void *model = init(block, 0, 0);
    set_integers(net, jit, emitted->prefix, model, v->net->seed);
    infer(model, x + first * (int64_t)sizes[SIZES_INPUTS], y + first * (int64_t)sizes[SIZES_OUTPUTS], scratch);
    free(block);
    free(scratch);
    jit_free(jit);
    return true;
}

/* ---- all forms ---------------------------------------------------------------------------------------- */

enum { SAMPLES = 3, OUTPUTS = 40 };

static void compare_int8(Verdict *v, const Graph *net, const Int8Form *f, const float *x, const float *expected)
{
    const size_t count = (size_t)(SAMPLES * shape_count(net->output->shape));
    float y[SAMPLES * OUTPUTS] = {0};
    for (int64_t first = 0; first < SAMPLES; first += f->batch)
        if (!infer_int8(v, net, f, x, y, first)) return;
    for (size_t i = 0; i < count; i++)
        if (memcmp(&y[i], &expected[i], sizeof *y) != 0) {
            verdict_fail(v, "int8, %s: y[%zu]: %.9g, in the plain form %.9g", f->name, i, (double)y[i],
                         (double)expected[i]);
            return;
        }
}

static void compare_forms(Verdict *v, const Graph *net, const float *x, bool with_cc)
{
    const Target native = target_native();
    const Int8Form plain = {"plain", JIT_TCC, true, false, native, 1, SAMPLES},
                   forms[] = {
                       {"fast", JIT_TCC, false, false, native, 1, SAMPLES},
                       {"fast, poisoned, 2 threads", JIT_TCC, false, true, native, 2, SAMPLES},
                       {"fast, 3 threads", JIT_TCC, false, false, native, 3, SAMPLES},
                       {"fast, one sample at a time", JIT_TCC, false, false, native, 2, 1},
                       {"plain, one sample at a time", JIT_TCC, true, true, native, 1, 1},
                   };
    float expected[SAMPLES * OUTPUTS];
    if (!infer_int8(v, net, &plain, x, expected, 0)) return;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) compare_int8(v, net, &forms[i], x, expected);
    const bool x86 =
        native == TARGET_AVX2 || native == TARGET_AVXVNNI || native == TARGET_AVX512 || native == TARGET_AVX512VNNI;
    for (int t = 0; with_cc && t <= (int)native; t++) {
        const Target target = (Target)t;
        const Int8Form f = {arena_printf(net->compilation->arena, "by cc, %s", target_name(target)),
                            JIT_CC,
                            false,
                            false,
                            target,
                            2,
                            SAMPLES};
        const bool lesser = x86 && (target == TARGET_AVX2 || target == TARGET_AVX512);
        if (target == TARGET_GENERIC || target == native || lesser) compare_int8(v, net, &f, x, expected);
    }
}

int check_int8(uint64_t seed, bool with_cc)
{
    Random r = {.seed = seed ^ 0x18a};
    Arena *arena = arena_new();
    FuzzNet *n = fuzz_net(seed, int8_source(&r, arena));
    if (!n) abort();
    Verdict v = {.net = n};
    Int8Source source = {&r, n->c->arena};
    const QuantizeSource numbers = {.user = &source, .scale = scale_of_value, .weight_scales = scales_of_rows};
    const QuantizedNet *q = quantize_net(n->net, &numbers);
    for (int i = 0; i < q->reals.count; i++)
        verdict_fail(&v, "int8: %s stays in f32", ((const Node *)q->reals.at[i])->name);
    const size_t count = (size_t)(SAMPLES * shape_count(net_input_shape(n->net)));
    float *x = filled_block(count * sizeof *x);
    for (size_t i = 0; i < count; i++) x[i] = (float)random_normal(&r);
    if (!v.failures) compare_forms(&v, q->graph, x, with_cc);
    if (v.failures) printf("%s", n->source);
    free(x);
    fuzz_free(n);
    arena_free(arena);
    return v.failures;
}
