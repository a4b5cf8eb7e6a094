/*
 * The kernels: the fast form of an operator against its plain form, for the nets
 * of tests/kernels/.
 *
 * A net is run in the plain form and in the fast one, with one, two and three
 * threads, for batches below and above what is shared out by samples.  Compared
 * are inference, the forward pass of training, dx, the parameters' gradients and
 * the running statistics.  The threads' results must be bitwise identical.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "elab/elaborate.h"
#include "emit/emit.h"
#include "runtime/kernels/norm/batchnorm.h"
#include "runtime/nn.h"
#include "tests/unit/libraries.h"

/* ---- nets of a file -------------------------------------------------------- */

typedef struct Nets {
    const char *path;
    Compilation *c; /* owns the names */
    const File *file;
} Nets;

static Nets nets_open(const char *path)
{
    Nets nets = {.path = path, .c = compilation_new()};
    nets.file = front_parse_file(nets.c, path);
    if (nets.c->errors) {
        diag_print(nets.c, stderr, false);
        exit(1); /* the suite is being made: no test runs yet */
    }
    return nets;
}

static const char *net_name(const Nets *nets, int index) { return ((const Def *)nets->file->nets.at[index])->name; }

/* ---- one run --------------------------------------------------------------- */

/* What a run computed, piece by piece. */
typedef struct Piece {
    char name[64];
    size_t count;
    float *values;
} Piece;

typedef struct Run {
    Piece piece[64];
    int pieces;
} Run;

static float *add_piece(Run *run, const char *name, size_t count)
{
    Piece *p = &run->piece[run->pieces++];
    ck_assert_int_lt(run->pieces, 64);
    snprintf(p->name, sizeof p->name, "%s", name);
    p->count = count;
    p->values = zeroed(count * sizeof(float));
    return p->values;
}

static void run_free(Run *run)
{
    for (int i = 0; i < run->pieces; i++) free(run->piece[i].values);
}

typedef struct Build {
    const char *path, *net, *set; /* set: "optimizer=…" or NULL */
    int64_t batch, threads;
    bool plain, coarse; /* coarse: inputs are halves, and a few are NaN */
    unsigned without;
    JitKind jit;
} Build;

static float *inputs(size_t count, unsigned stream, bool coarse)
{
    float *x = zeroed(count * sizeof *x);
    for (size_t i = 0; i < count; i++) {
        x[i] = 8 * uniform(stream, (unsigned)i) - 4;
        if (coarse) x[i] = roundf(2 * x[i]) / 2;
        if (coarse && stream == 1 && i % 97 == 41) x[i] = NAN;
    }
    return x;
}

typedef struct Code {
    Compilation *c;
    EmitResult *emitted;
    Jit *jit;
    const nn_model_info *info;
} Code;

static void *symbol(const Code *code, const char *name)
{
    void *address = jit_symbol(code->jit, name);
    ck_assert_msg(address != NULL, "%s", name);
    return address;
}

static void load(Code *code, const Build *v)
{
    Compilation *c = code->c = compilation_new();
    List sets = {0}, defines = {0};
    const File *file = front_parse_file(c, v->path);
    if (v->set) list_push(c->arena, &sets, front_parse_train_items(c, "set", v->set));
    Graph *net = elaborate(c, file, v->net, &defines);
    const TrainSpec *spec = v->set && net ? train_spec(c, file, net, &sets) : NULL;
    if (c->errors) diag_print(c, stderr, false);
    ck_assert_int_eq(c->errors, 0);
    const EmitOptions options = {
        .prefix = "net",
        .lower.batch = v->batch,
        .lower.infer = true,
        .lower.train = v->set,
        .lower.vjp = !v->set,
        .lower.plain = v->plain,
        .lower.disabled = v->without,
        .standalone = true,
        .paste_kernels = v->jit == JIT_CC,
        .threads = (int)v->threads,
    };
    code->emitted = emit_c(net, spec, &options);
    ck_assert_int_eq(c->errors, 0);
    const char *error = "";
    code->jit = jit_compile(v->jit, code->emitted->source, c->arena, &error);
    ck_assert_msg(code->jit != NULL, "%s", error);
    code->info = ((const nn_model_info *(*)(void))symbol(code, "net_info"))();
}

typedef void Vjp(void *, const float *, const float *, float *, float *, void *);
typedef int GetVjp(const void *, const char *, float *, size_t, const void *);

static void run_passes(const Code *l, Run *run, const Build *v, void *model, void *scratch)
{
    const nn_model_info *info = l->info;
    size_t in = info->inputs * (size_t)v->batch, out = info->outputs * (size_t)v->batch;
    float *x = inputs(in, 1, v->coarse), *dy = inputs(out, 2, v->coarse);
    info->infer(model, x, add_piece(run, "y", out), scratch);
    float *train_y = add_piece(run, "train.y", out), *dx = add_piece(run, "dx", in);
    ((Vjp *)symbol(l, "net_vjp"))(model, x, dy, train_y, dx, scratch);
    GetVjp *gradient = (GetVjp *)symbol(l, "net_get_vjp");
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float *values = add_piece(run, t->name, t->count);
        int missing = t->kind == NN_TRAINED ? gradient(model, t->name, values, t->count, scratch)
                                            : info->get(model, t->name, values, t->count);
        ck_assert_int_eq(missing, 0);
    }
    free(x);
    free(dy);
}

static void run_steps(const Code *l, Run *run, const Build *v, void *model, void *scratch)
{
    const nn_model_info *info = l->info;
    float *x = inputs(info->inputs * (size_t)v->batch, 1, false);
    float *target = inputs(info->target_count * (size_t)v->batch, 2, false);
    float *loss = add_piece(run, "loss", 4);
    for (int i = 0; i < 4; i++) loss[i] = info->step(model, x, target, 0.01f, scratch);
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        ck_assert_int_eq(info->get(model, t->name, add_piece(run, t->name, t->count), t->count), 0);
    }
    free(x);
    free(target);
}

static void run_net(Run *run, const Build *v)
{
    Code l;
    load(&l, v);
    int64_t train = l.emitted->train_scratch, infer = l.emitted->infer_scratch;
    size_t scratch_bytes = (size_t)(train > infer ? train : infer);
    void *block = zeroed((size_t)l.emitted->model_bytes), *scratch = zeroed(scratch_bytes);
    memset(scratch, 0xff, scratch_bytes); /* NaN: nothing may count on zeros */
    void *model = l.info->init(block, 1, 7);
    *run = (Run){0};
    if (v->set)
        run_steps(&l, run, v, model, scratch);
    else
        run_passes(&l, run, v, model, scratch);
    free(block);
    free(scratch);
    jit_free(l.jit);
    compilation_free(l.c);
}

/* ---- comparing ------------------------------------------------------------- */

/* Largest difference relative to the largest value; NaN must be at the same places. */
static double difference(const Piece *a, const Piece *b)
{
    double largest = 1e-30, worst = 0;
    for (size_t i = 0; i < a->count; i++) {
        float x = a->values[i], y = b->values[i];
        if (isnan(x) && isnan(y)) continue;
        if (isnan(x) || isnan(y)) return INFINITY;
        largest = fmax(largest, fabs((double)x));
        worst = fmax(worst, fabs((double)x - (double)y));
    }
    return worst / largest;
}

static void compare(const Run *a, const Run *b, double tolerance, const Build *v)
{
    ck_assert_int_eq(a->pieces, b->pieces);
    for (int i = 0; i < a->pieces; i++) {
        ck_assert_uint_eq(a->piece[i].count, b->piece[i].count);
        double d = difference(&a->piece[i], &b->piece[i]);
        ck_assert_msg(d <= tolerance, "%s %s, batch %d, %d threads: %s differs by %g, tolerance %g", v->net,
                      v->set ? v->set : "", (int)v->batch, (int)v->threads, a->piece[i].name, d, tolerance);
    }
}

static void same_bits(const Run *a, const Run *b, const Build *v)
{
    for (int i = 0; i < a->pieces; i++) {
        size_t bytes = a->piece[i].count * sizeof(float);
        ck_assert_msg(memcmp(a->piece[i].values, b->piece[i].values, bytes) == 0,
                      "%s, batch %d: %s depends on the threads: %d", v->net, (int)v->batch, a->piece[i].name,
                      (int)v->threads);
    }
}

/* The plain form, and the fast one with one to three threads. */
static void check_variant(Build v, double tolerance)
{
    Run plain, one, more;
    Build expected = v;
    expected.plain = true;
    expected.jit = JIT_TCC;
    run_net(&plain, &expected);
    v.threads = 1;
    run_net(&one, &v);
    compare(&plain, &one, tolerance, &v);
    for (v.threads = 2; v.threads <= 3 && v.jit == JIT_TCC; v.threads++) {
        run_net(&more, &v);
        same_bits(&one, &more, &v);
        run_free(&more);
    }
    run_free(&plain);
    run_free(&one);
}

static const int64_t batches[] = {1, 3, 17}; /* from 16 on samples are shared out */

static void check_net(const char *path, int index, double tolerance, bool coarse)
{
    Nets nets = nets_open(path);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        check_variant((Build){.path = path, .net = net_name(&nets, index), .batch = batches[i], .coarse = coarse},
                      tolerance);
    }
    compilation_free(nets.c);
}

static const char exact_path[] = "tests/kernels/exact.nn", close_path[] = "tests/kernels/close.nn";

START_TEST(gives_the_same_numbers) { check_net(exact_path, _i, 0, true); }
END_TEST

/* A few units of the last place of the largest value; of sums of some thousand terms
 * that nearly cancel, such as a mean, more. */
START_TEST(gives_close_numbers) { check_net(close_path, _i, 1e-5, false); }
END_TEST

/* ---- fusion while training ----------------------------------------------------- */

/* batchnorm by itself, and with what follows it; inference is fused with rounding of
 * its own, the first piece. */
static void check_fusion(Build v)
{
    Run apart, fused;
    v.without = PASS_BIT(FUSION);
    run_net(&apart, &v);
    v.without = 0;
    run_net(&fused, &v);
    for (int i = 1; i < fused.pieces; i++) {
        const Piece *a = &apart.piece[i], *b = &fused.piece[i];
        ck_assert_msg(memcmp(a->values, b->values, a->count * sizeof(float)) == 0, "%s, batch %d: %s differs by %g",
                      v.net, (int)v.batch, a->name, difference(a, b));
    }
    run_free(&apart);
    run_free(&fused);
}

static const char batchnorm_relu_path[] = "tests/kernels/batchnorm_relu.nn";

START_TEST(fuses_alike)
{
    check_net(batchnorm_relu_path, _i, 1e-4, false);
    Nets nets = nets_open(batchnorm_relu_path);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        Build v = {.path = batchnorm_relu_path, .net = net_name(&nets, _i), .batch = batches[i], .threads = 2};
        check_fusion(v);
        v.coarse = true;
        check_fusion(v);
    }
    compilation_free(nets.c);
}
END_TEST

/* ---- batch blocking -------------------------------------------------------------- */

static const char batch_blocked_path[] = "tests/kernels/batch_blocked.nn";

/* Passes of the whole batch, with fewer blocks than threads and with as many; training. */
START_TEST(blocks_batches_alike)
{
    Nets nets = nets_open(batch_blocked_path);
    Build v = {.path = batch_blocked_path, .net = net_name(&nets, _i), .batch = 16};
    check_variant(v, 1e-5);
    v.batch = 48;
    check_variant(v, 1e-5);
    v.jit = JIT_CC;
    check_variant(v, 1e-5);
    v = (Build){.path = batch_blocked_path, .net = "padded", .set = "optimizer=sgd(lr=0.1)", .batch = 32};
    check_variant(v, 1e-4);
    compilation_free(nets.c);
}
END_TEST

/* ---- updates --------------------------------------------------------------- */

static const char *const updates[] = {
    "optimizer=sgd(lr=0.1)",
    "optimizer=sgd(lr=0.1, momentum=0.9)",
    "optimizer=sgd(lr=0.1, momentum=0.9, nesterov=yes, weight_decay=0.1)",
    "optimizer=sgd(lr=0.1, momentum=0.9, dampening=0.5)",
    "optimizer=adam(lr=0.1)",
    "optimizer=adam(lr=0.1, beta1=0, beta2=0.9, eps=1e-3, weight_decay=0.1)",
    "optimizer=adamw(lr=0.1, weight_decay=0.1)",
    "optimizer=adagrad(lr=0.1, initial=0.1, weight_decay=0.1)",
    "optimizer=rmsprop(lr=0.1)",
    "optimizer=rmsprop(lr=0.1, momentum=0.9, centered=yes, eps=1e-2, weight_decay=0.1)",
    "optimizer=lion(lr=0.1, weight_decay=0.1)",
    "regularize=l2(0.1)",
    "regularize=l1(0.01)",
    "clip=norm(0.01)",
    "clip=value(0.001)",
};

/* Gradients differ by rounding, which adam and its kin divide by their size. */
START_TEST(updates_alike)
{
    check_variant((Build){.path = "tests/kernels/trained.nn", .net = "trained", .set = updates[_i], .batch = 5}, 1e-4);
}
END_TEST

/* ---- other ways of compiling ------------------------------------------------- */

/* The kernels inside the generated text, for vectors of 16, 8 and 4. */
static const char *const flags[] = {"", " -mno-avx512f", " -mno-avx512f -mno-avx"};

START_TEST(compiles_for_other_machines)
{
    const char *cc = getenv("CC");
    char command[256];
    snprintf(command, sizeof command, "%s%s", cc && *cc ? cc : "cc", flags[_i]);
#if !defined(__x86_64__)
    if (_i > 0) return;
#endif
    setenv("CC", command, 1);
    Build v = {.path = "tests/kernels/all.nn", .net = "all", .batch = 17, .jit = JIT_CC};
    check_variant(v, 1e-4);
}
END_TEST

/* A net in which threads do all sorts of work, updates included. */
START_TEST(trains_alike)
{
    check_variant((Build){.path = "tests/kernels/all.nn", .net = "all", .set = "batch=5", .batch = 5}, 1e-3);
    check_variant((Build){.path = "tests/kernels/all.nn", .net = "all", .set = "batch=18", .batch = 18}, 1e-3);
}
END_TEST

/* ---- suite ----------------------------------------------------------------- */

static void add_nets(TCase *tcase, const char *path, const TTest *test)
{
    Nets nets = nets_open(path);
    tcase_add_loop_test(tcase, test, 0, nets.file->nets.count);
    compilation_free(nets.c);
}

Suite *kernels_suite(void)
{
    Suite *suite = suite_create("kernels");
    TCase *tcase = tcase_create("kernels");
    add_nets(tcase, exact_path, gives_the_same_numbers);
    add_nets(tcase, close_path, gives_close_numbers);
    add_nets(tcase, batchnorm_relu_path, fuses_alike);
    add_nets(tcase, batch_blocked_path, blocks_batches_alike);
    tcase_add_loop_test(tcase, updates_alike, 0, sizeof updates / sizeof *updates);
    tcase_add_loop_test(tcase, compiles_for_other_machines, 0, sizeof flags / sizeof *flags);
    tcase_add_test(tcase, trains_alike);
    suite_add_tcase(suite, tcase);
    return suite;
}
