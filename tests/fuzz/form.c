/*
 * A net in one of its forms, running.
 *
 * Enters: a net and how to compile it.  Leaves: what its functions compute, as
 * doubles whatever the form computes in, so that all forms are compared alike.
 * Blocks are filled with NaN before they are handed over: nothing may count on
 * zeros there.
 */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_INPUTS, SIZE_OUTPUTS, SIZE_MODEL, SIZE_SCRATCH, SIZE_TARGETS, SIZE_TENSORS, SIZE_GRADIENTS };

/* Pointers are void here: float or double. */
struct Form {
    const FuzzNet *net;
    FormOptions options;
    Arena *arena;
    Jit *jit;
    const char *prefix;
    const size_t *sizes;
    size_t real;
    bool classes;
    void *block, *model, *scratch, *gradients;
    void *x, *dy, *dx, *y, *target;
    double *back; /* of form_gradient and form_dx */

    void *(*init)(void *, int, uint64_t);
    int (*set)(void *, const char *, const void *, size_t);
    int (*get)(const void *, const char *, void *, size_t);
    void (*infer)(const void *, const void *, void *, void *);
    void (*vjp)(void *, const void *, const void *, void *, void *, void *);
    int (*get_vjp)(const void *, const char *, void *, size_t, const void *);
    int (*get_grad)(const void *, const char *, void *, size_t, const void *);
    void *eval, *step, *grad, *grad_add; /* return a float or a double */
    void *update;
};

typedef float EvalFloat(const void *, const void *, const void *, int, void *, void *);
typedef double EvalDouble(const void *, const void *, const void *, int, void *, void *);
typedef float StepFloat(void *, const void *, const void *, float, void *);
typedef double StepDouble(void *, const void *, const void *, double, void *);
typedef float GradFloat(void *, const void *, const void *, void *);
typedef double GradDouble(void *, const void *, const void *, void *);
typedef float GradAddFloat(void *, const void *, const void *, void *, void *);
typedef double GradAddDouble(void *, const void *, const void *, void *, void *);
typedef void UpdateFloat(void *, void *, float, void *);
typedef void UpdateDouble(void *, void *, double, void *);

/* ---- compiling -------------------------------------------------------------------- */

static void *block_of(size_t bytes)
{
    size_t size = (bytes + 64) & ~(size_t)63;
    void *block = aligned_alloc(64, size);
    memset(block, 0xff, size);
    return block;
}

static void *symbol(const Form *f, const char *name)
{
    return jit_symbol(f->jit, arena_printf(f->arena, "%s_%s", f->prefix, name));
}

static void find_symbols(Form *f)
{
    f->sizes = symbol(f, "sizes");
    *(void **)&f->init = symbol(f, "init");
    *(void **)&f->set = symbol(f, "set");
    *(void **)&f->get = symbol(f, "get");
    *(void **)&f->infer = symbol(f, "infer");
    *(void **)&f->vjp = symbol(f, "vjp");
    *(void **)&f->get_vjp = symbol(f, "get_vjp");
    *(void **)&f->get_grad = symbol(f, "get_grad");
    f->eval = symbol(f, "eval");
    f->step = symbol(f, "step");
    f->grad = symbol(f, "grad");
    if (!f->options.accumulate) return;
    f->grad_add = symbol(f, "grad_add");
    f->update = symbol(f, "update");
}

static void make_blocks(Form *f)
{
    size_t n = (size_t)f->options.batch;
    f->block = block_of(f->sizes[SIZE_MODEL]);
    f->scratch = block_of(f->sizes[SIZE_SCRATCH]);
    f->gradients = block_of(f->sizes[SIZE_GRADIENTS]);
    memset(f->gradients, 0, f->sizes[SIZE_GRADIENTS]);
    f->x = block_of(n * f->sizes[SIZE_INPUTS] * f->real);
    f->dx = block_of(n * f->sizes[SIZE_INPUTS] * f->real);
    f->y = block_of(n * f->sizes[SIZE_OUTPUTS] * f->real);
    f->dy = block_of(n * f->sizes[SIZE_OUTPUTS] * f->real);
    f->target = block_of(n * f->sizes[SIZE_TARGETS] * (f->classes ? sizeof(int32_t) : f->real));
}

Form *form_open(Verdict *v, const FormOptions *o)
{
    const FuzzNet *net = v->net;
    EmitOptions options = {
        .lower.batch = o->batch,
        .lower.infer = true,
        .lower.train = true,
        .lower.vjp = true,
        .lower.accumulate = o->accumulate,
        .lower.plain = o->plain,
        .lower.use_double = o->use_double,
        .lower.bf16_values = o->bf16,
        .lower.target = o->target,
        .standalone = true,
        .paste_kernels = o->jit == JIT_CC,
        .threads = o->threads,
        .lower.disabled = o->without,
        .poison = o->poison,
        .noise = o->noise,
    };
    if (o->tight) options.lower.memory_limit = lower_least_memory(net->net, net->spec, &options.lower);
    const EmitResult *emitted = emit_c(net->net, net->spec, &options);
    const char *error = NULL;
    Form *f = calloc(1, sizeof *f);
    *f = (Form){.net = net, .options = *o, .arena = net->c->arena, .real = o->use_double ? 8 : 4};
    f->jit = emitted ? jit_compile(o->jit, emitted->source, f->arena, &error) : NULL;
    if (!f->jit) {
        verdict_fail(v, "%s: %s", o->name, error ? error : "not emitted");
        free(f);
        return NULL;
    }
    f->prefix = emitted->prefix;
    f->classes = train_objectives(net->spec, net->net).classes;
    find_symbols(f);
    make_blocks(f);
    return f;
}

void form_close(Form *f)
{
    if (!f) return;
    jit_free(f->jit);
    void *blocks[] = {f->block, f->scratch, f->gradients, f->x, f->dx, f->y, f->dy, f->target, f->back, f};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
}

const FormOptions *form_options(const Form *f) { return &f->options; }
Arena *form_arena(const Form *f) { return f->arena; }
size_t form_inputs(const Form *f) { return f->sizes[SIZE_INPUTS]; }
size_t form_outputs(const Form *f) { return f->sizes[SIZE_OUTPUTS]; }

/* ---- numbers in and out --------------------------------------------------------------- */

static void put(const Form *f, void *to, const double *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (f->real == 8)
            ((double *)to)[i] = from[i];
        else
            ((float *)to)[i] = (float)from[i];
    }
}

static void fetch(const Form *f, double *to, const void *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = f->real == 8 ? ((const double *)from)[i] : (double)((const float *)from)[i];
}

void form_set(Form *f, const char *name, const double *values, size_t count)
{
    void *block = block_of(count * f->real);
    put(f, block, values, count);
    if (f->set(f->model, name, block, count) != 0) abort();
    free(block);
}

static void form_get(Form *f, const char *name, double *values, size_t count)
{
    void *block = block_of(count * f->real);
    if (f->get(f->model, name, block, count) != 0) abort();
    fetch(f, values, block, count);
    free(block);
}

void form_reset(Form *f, const Feed *feed)
{
    f->model = f->init(f->block, 1, f->net->seed);
    for (int i = 0; i < feed->model.count; i++)
        form_set(f, feed->model.at[i].name, feed->model.at[i].at, feed->model.at[i].count);
}

/* Of several inputs, x holds the whole batch of one after that of the other. */
static void load_x(Form *f, const Feed *feed, int64_t first)
{
    size_t n = (size_t)f->options.batch, all = (size_t)feed->batch, before = 0;
    for (int i = 0; i < f->net->net->inputs.count; i++) {
        size_t size = (size_t)shape_count(((const Tensor *)f->net->net->inputs.at[i])->shape);
        put(f, (char *)f->x + n * before * f->real, feed->x + all * before + (size_t)first * size, n * size);
        before += size;
    }
}

/* Samples from `first` on, as many as the form's batch. */
static void load_feed(Form *f, const Feed *feed, int64_t first)
{
    size_t n = (size_t)f->options.batch, out = f->sizes[SIZE_OUTPUTS], at = (size_t)first;
    load_x(f, feed, first);
    put(f, f->dy, feed->dy + at * out, n * out);
    const size_t row = f->sizes[SIZE_TARGETS];
    const double *target = feed->target + at * row;
    if (f->classes) {
        for (size_t i = 0; i < n * row; i++) ((int32_t *)f->target)[i] = (int32_t)target[i];
    } else {
        put(f, f->target, target, n * row);
    }
}

/* ---- a feed ----------------------------------------------------------------------------- */

static Values *outcome_add(Arena *arena, Outcome *o, const char *name, size_t count)
{
    Values *grown = arena_alloc(arena, (size_t)(o->count + 1) * sizeof *grown);
    if (o->count) memcpy(grown, o->at, (size_t)o->count * sizeof *grown);
    o->at = grown;
    o->at[o->count] = (Values){name, count, arena_alloc(arena, (count + 1) * sizeof(double))};
    return &o->at[o->count++];
}

const Values *outcome_find(const Outcome *o, const char *name)
{
    for (int i = 0; i < o->count; i++) {
        if (strcmp(o->at[i].name, name) == 0) return &o->at[i];
    }
    return NULL;
}

static double *reals(Arena *arena, size_t count) { return arena_alloc(arena, (count + 1) * sizeof(double)); }

static double single(double value) { return (double)(float)value; }

static void draw_model(Form *f, Feed *feed, Random *r)
{
    for (int i = 0; i < f->net->net->model.count; i++) {
        const Tensor *t = f->net->net->model.at[i];
        if (t->kind == TENSOR_STATE) continue;
        Values *v = outcome_add(f->arena, &feed->model, t->name, (size_t)tensor_count(t, 1));
        form_get(f, t->name, v->at, v->count);
        for (size_t k = 0; k < v->count; k++) {
            double off = 0.1 * random_normal(r);
            v->at[k] = single(t->kind == TENSOR_PARAM ? v->at[k] + off : v->at[k] * exp(off));
        }
    }
}

Feed *feed_new(Form *f, Random *r)
{
    Arena *arena = f->arena;
    size_t n = (size_t)f->options.batch, in = n * f->sizes[SIZE_INPUTS], out = n * f->sizes[SIZE_OUTPUTS];
    size_t targets = n * f->sizes[SIZE_TARGETS];
    Feed *feed = arena_alloc(arena, sizeof *feed);
    *feed = (Feed){
        .batch = f->options.batch, .x = reals(arena, in), .dy = reals(arena, out), .target = reals(arena, targets)};
    for (size_t i = 0; i < in; i++) feed->x[i] = single(random_normal(r));
    for (size_t i = 0; i < out; i++) feed->dy[i] = single(random_normal(r));
    const Objectives all = train_objectives(f->net->spec, f->net->net);
    for (size_t i = 0; i < targets; i++) {
        const int64_t classes = target_classes_at(&all, (int64_t)(i % f->sizes[SIZE_TARGETS]));
        feed->target[i] = !classes                ? single(random_real(r))
                          : random_chance(r, 0.1) ? -100
                                                  : (double)random_int(r, 0, classes - 1);
    }
    f->model = f->init(f->block, 1, f->net->seed);
    draw_model(f, feed, r);
    return feed;
}

/* ---- running ------------------------------------------------------------------------------ */

static double call_eval(Form *f, int count)
{
    if (f->real == 8) return ((EvalDouble *)f->eval)(f->model, f->x, f->target, count, f->y, f->scratch);
    return (double)((EvalFloat *)f->eval)(f->model, f->x, f->target, count, f->y, f->scratch);
}

static double call_step(Form *f, double lr)
{
    if (f->real == 8) return ((StepDouble *)f->step)(f->model, f->x, f->target, lr, f->scratch);
    return (double)((StepFloat *)f->step)(f->model, f->x, f->target, (float)lr, f->scratch);
}

/* The same as a step, of a single batch. */
static double call_accumulated(Form *f, double lr)
{
    double loss;
    if (f->real == 8) {
        loss = ((GradAddDouble *)f->grad_add)(f->model, f->x, f->target, f->gradients, f->scratch);
        ((UpdateDouble *)f->update)(f->model, f->gradients, lr, f->scratch);
    } else {
        loss = (double)((GradAddFloat *)f->grad_add)(f->model, f->x, f->target, f->gradients, f->scratch);
        ((UpdateFloat *)f->update)(f->model, f->gradients, (float)lr, f->scratch);
    }
    return loss;
}

static double call_grad(Form *f)
{
    if (f->real == 8) return ((GradDouble *)f->grad)(f->model, f->x, f->target, f->scratch);
    return (double)((GradFloat *)f->grad)(f->model, f->x, f->target, f->scratch);
}

static void keep(Form *f, Outcome *o, const char *name, const void *from, size_t count)
{
    fetch(f, outcome_add(f->arena, o, name, count)->at, from, count);
}

static void keep_number(Form *f, Outcome *o, const char *name, double value)
{
    outcome_add(f->arena, o, name, 1)->at[0] = value;
}

static void keep_model(Form *f, Outcome *o, const char *when)
{
    for (int i = 0; i < f->net->net->model.count; i++) {
        const Tensor *t = f->net->net->model.at[i];
        Values *v =
            outcome_add(f->arena, o, arena_printf(f->arena, "%s %s", when, t->name), (size_t)tensor_count(t, 1));
        form_get(f, t->name, v->at, v->count);
    }
}

static void keep_gradients(Form *f, Outcome *o, bool of_loss)
{
    for (int i = 0; i < f->net->net->model.count; i++) {
        const Tensor *t = f->net->net->model.at[i];
        size_t count = (size_t)tensor_count(t, 1);
        const double *gradient = t->kind == TENSOR_PARAM ? form_gradient(f, t->name, count, of_loss) : NULL;
        if (!gradient) continue;
        Values *v = outcome_add(f->arena, o, arena_printf(f->arena, "%s %s", of_loss ? "grad" : "vjp", t->name), count);
        memcpy(v->at, gradient, count * sizeof *gradient);
    }
}

static void spoil(Form *f)
{
    memset(f->scratch, 0xff, f->sizes[SIZE_SCRATCH]);
    memset(f->y, 0xff, (size_t)f->options.batch * f->sizes[SIZE_OUTPUTS] * f->real);
    memset(f->dx, 0xff, (size_t)f->options.batch * f->sizes[SIZE_INPUTS] * f->real);
}

static void run_infer(Form *f, Outcome *o)
{
    size_t out = (size_t)f->options.batch * f->sizes[SIZE_OUTPUTS];
    spoil(f);
    f->infer(f->model, f->x, f->y, f->scratch);
    keep(f, o, "infer y", f->y, out);
    spoil(f);
    keep_number(f, o, "eval loss", call_eval(f, (int)f->options.batch));
    keep(f, o, "eval y", f->y, out);
    spoil(f);
    keep_number(f, o, "eval loss of some", call_eval(f, (int)(f->options.batch + 1) / 2));
    keep_model(f, o, "after eval");
}

static void run_backward(Form *f, const Feed *feed, Outcome *o)
{
    size_t n = (size_t)f->options.batch;
    spoil(f);
    f->vjp(f->model, f->x, f->dy, f->y, f->dx, f->scratch);
    keep(f, o, "train y", f->y, n * f->sizes[SIZE_OUTPUTS]);
    keep(f, o, "dx", f->dx, n * f->sizes[SIZE_INPUTS]);
    keep_gradients(f, o, false);
    form_reset(f, feed);
    spoil(f);
    keep_number(f, o, "loss", call_grad(f));
    keep_gradients(f, o, true);
}

static void run_steps(Form *f, const Feed *feed, Outcome *o)
{
    form_reset(f, feed);
    for (int i = 1; i <= 2; i++) {
        spoil(f);
        const double loss = i == 2 && f->options.accumulate ? call_accumulated(f, 0.01) : call_step(f, 0.01);
        keep_number(f, o, arena_printf(f->arena, "step %d loss", i), loss);
        keep_model(f, o, arena_printf(f->arena, "step %d", i));
    }
}

Outcome *form_run(Form *f, const Feed *feed)
{
    Outcome *o = arena_alloc(f->arena, sizeof *o);
    load_feed(f, feed, 0);
    form_reset(f, feed);
    run_infer(f, o);
    run_backward(f, feed, o);
    run_steps(f, feed, o);
    return o;
}

Outcome *form_infer(Form *f, const Feed *feed, int64_t sample)
{
    Outcome *o = arena_alloc(f->arena, sizeof *o);
    load_feed(f, feed, sample);
    form_reset(f, feed);
    run_infer(f, o);
    return o;
}

/* ---- for differences -------------------------------------------------------------------------- */

double form_vjp(Form *f, const Feed *feed, double *magnitude)
{
    size_t out = (size_t)f->options.batch * f->sizes[SIZE_OUTPUTS];
    double sum = 0;
    load_feed(f, feed, 0);
    spoil(f);
    f->vjp(f->model, f->x, f->dy, f->y, f->dx, f->scratch);
    *magnitude = 0;
    double *y = malloc(out * sizeof *y);
    fetch(f, y, f->y, out);
    for (size_t i = 0; i < out; i++) sum += y[i] * feed->dy[i], *magnitude += fabs(y[i] * feed->dy[i]);
    free(y);
    return sum;
}

double form_loss(Form *f, const Feed *feed)
{
    load_feed(f, feed, 0);
    return call_grad(f);
}

const double *form_gradient(Form *f, const char *param, size_t count, bool of_loss)
{
    void *block = block_of(count * f->real);
    int missing = (of_loss ? f->get_grad : f->get_vjp)(f->model, param, block, count, f->scratch);
    free(f->back);
    f->back = malloc((count + 1) * sizeof *f->back);
    fetch(f, f->back, block, count);
    free(block);
    return missing ? NULL : f->back;
}

const double *form_dx(Form *f)
{
    size_t count = (size_t)f->options.batch * f->sizes[SIZE_INPUTS];
    free(f->back);
    f->back = malloc((count + 1) * sizeof *f->back);
    fetch(f, f->back, f->dx, count);
    return f->back;
}
