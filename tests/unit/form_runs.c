/*
 * What a net computes in one of its forms.
 */
#include "form_runs.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "libraries.h"
#include "runtime/nn.h"

/* ---- nets of a file -------------------------------------------------------- */

Nets nets_open(const char *path)
{
    Nets nets = {.c = compilation_new()};
    nets.file = front_parse_file(nets.c, path);
    if (nets.c->errors) {
        diag_print(nets.c, stderr, false);
        exit(1); /* the suite is being made: no test runs yet */
    }
    return nets;
}

const char *net_name(const Nets *nets, int index) { return ((const Def *)nets->file->nets.at[index])->name; }

/* ---- one run --------------------------------------------------------------- */

static float *add_piece(Run *run, const char *name, size_t count)
{
    run->piece = realloc(run->piece, (size_t)(run->pieces + 1) * sizeof *run->piece);
    ck_assert_ptr_nonnull(run->piece);
    Piece *p = &run->piece[run->pieces++];
    snprintf(p->name, sizeof p->name, "%s", name);
    p->count = count;
    p->values = zeroed(count * sizeof(float));
    return p->values;
}

void run_free(Run *run)
{
    for (int i = 0; i < run->pieces; i++) free(run->piece[i].values);
    free(run->piece);
}

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
    const bool train = v->set || v->starts > 0;
    const TrainSpec *spec = train && net ? train_spec(c, file, net, &sets) : NULL;
    if (c->errors) diag_print(c, stderr, false);
    ck_assert_int_eq(c->errors, 0);
    const EmitOptions options = {
        .prefix = "net",
        .lower.batch = v->batch ? v->batch : spec->batch,
        .lower.infer = true,
        .lower.train = train,
        .lower.vjp = !train,
        .lower.memory_limit = v->memory_limit,
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

static void add_tensors(const Code *l, Run *run, const void *model)
{
    for (int i = 0; i < l->info->tensor_count; i++) {
        const nn_tensor_info *t = &l->info->tensors[i];
        ck_assert_int_eq(l->info->get(model, t->name, add_piece(run, t->name, t->count), t->count), 0);
    }
}

static void run_steps(const Code *l, Run *run, const Build *v, void *model, void *scratch)
{
    const nn_model_info *info = l->info;
    float *x = inputs(info->inputs * (size_t)v->batch, 1, false);
    float *target = inputs(info->target_count * (size_t)v->batch, 2, false);
    float *loss = add_piece(run, "loss", 4);
    for (int i = 0; i < 4; i++) loss[i] = info->step(model, x, target, 0.01f, scratch);
    add_tensors(l, run, model);
    free(x);
    free(target);
}

/* Every eleventh sample has no class. */
static int32_t *labels(const nn_model_info *info)
{
    int32_t *y = zeroed((size_t)info->batch * sizeof *y);
    for (int i = 0; i < info->batch; i++) y[i] = i % 11 == 3 ? -1 : i % (int)info->outputs;
    return y;
}

/* Two steps, the loss without one, eval of a whole batch and of a part, inference. */
static void run_training(const Code *l, Run *run, int start, void *block, void *scratch)
{
    const nn_model_info *info = l->info;
    ck_assert_int_eq(info->target_kind, NN_CLASSES);
    const size_t batch = (size_t)info->batch;
    void *model = info->init(block, 1, (uint64_t)start);
    float *x = inputs(info->inputs * batch, (unsigned)start, false);
    for (size_t i = 0; i < info->inputs * batch; i++) x[i] /= 8;
    int32_t *target = labels(info);
    float *y = zeroed(info->outputs * batch * sizeof *y), *loss = add_piece(run, "loss", 5);
    for (int i = 0; i < 2; i++) loss[i] = info->step(model, x, target, 0.02F, scratch);
    loss[2] = info->grad(model, x, target, scratch);
    for (int i = 0; i < 2; i++) {
        loss[3 + i] = info->eval(model, x, target, info->batch - info->batch * i / 3, y, scratch);
    }
    info->infer(model, x, add_piece(run, "y", info->outputs * batch), scratch);
    add_tensors(l, run, model);
    free(x);
    free(target);
    free(y);
}

void form_run(Run *run, const Build *v)
{
    Code l;
    load(&l, v);
    int64_t train = l.emitted->train_scratch, infer = l.emitted->infer_scratch;
    size_t scratch_bytes = (size_t)(train > infer ? train : infer);
    void *block = zeroed((size_t)l.emitted->model_bytes), *scratch = zeroed(scratch_bytes);
    memset(scratch, 0xff, scratch_bytes); /* NaN: nothing may count on zeros */
    *run = (Run){0};
    if (v->starts > 0) {
        for (int i = 1; i <= v->starts; i++) run_training(&l, run, i, block, scratch);
    } else {
        void *model = l.info->init(block, 1, 7);
        if (v->set)
            run_steps(&l, run, v, model, scratch);
        else
            run_passes(&l, run, v, model, scratch);
    }
    free(block);
    free(scratch);
    jit_free(l.jit);
    compilation_free(l.c);
}

/* ---- comparing ------------------------------------------------------------- */

/* Largest absolute value, of those that are numbers. */
static double piece_largest(const Piece *a)
{
    double largest = 1e-30;
    for (size_t i = 0; i < a->count; i++) largest = fmax(largest, fabs((double)a->values[i]));
    return largest;
}

bool piece_is_close(const Piece *a, const Piece *b)
{
    const double bound = 1e-4 + 1e-6 / piece_largest(a);
    return piece_difference(a, b) <= bound;
}

double piece_difference(const Piece *a, const Piece *b)
{
    double largest = piece_largest(a), worst = 0;
    for (size_t i = 0; i < a->count; i++) {
        float x = a->values[i], y = b->values[i];
        if (isnan(x) && isnan(y)) continue;
        if (isnan(x) || isnan(y)) return INFINITY;
        worst = fmax(worst, fabs((double)x - (double)y));
    }
    return worst / largest;
}

void assert_close(const Run *a, const Run *b, double tolerance, const Build *v)
{
    ck_assert_int_eq(a->pieces, b->pieces);
    for (int i = 0; i < a->pieces; i++) {
        ck_assert_uint_eq(a->piece[i].count, b->piece[i].count);
        double d = piece_difference(&a->piece[i], &b->piece[i]);
        ck_assert_msg(d <= tolerance, "%s %s, batch %d, %d threads: %s differs by %g, tolerance %g", v->net,
                      v->set ? v->set : "", (int)v->batch, (int)v->threads, a->piece[i].name, d, tolerance);
    }
}

void assert_same_bits(const Run *a, const Run *b, const Build *v)
{
    for (int i = 0; i < a->pieces; i++) {
        size_t bytes = a->piece[i].count * sizeof(float);
        ck_assert_msg(memcmp(a->piece[i].values, b->piece[i].values, bytes) == 0,
                      "%s, batch %d: %s depends on the threads: %d", v->net, (int)v->batch, a->piece[i].name,
                      (int)v->threads);
    }
}
