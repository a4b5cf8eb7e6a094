/*
 * check_gradients: every gradient against central differences.
 *
 * Enters: a net.  Leaves: per tensor the largest error of
 *
 *     dL/dt[i]  against  (L(t[i] + eps) − L(t[i] − eps)) / (2 eps)
 *
 * all in double precision.  L is Σ y·dy for a random dy (in training mode), and
 * then the train section's loss for random targets.  The error is relative to
 * the tensor's largest gradient; below the rounding of the difference itself,
 * about machine epsilon · Σ|y·dy| / eps, nothing can be told.
 *
 * Tensors before a layer whose gradient is not its derivative by design
 * (stop_gradient, gradient_reversal) are left out.
 *
 * relu and maxpool have kinks, where a difference is no derivative: an element
 * that disagrees is tried again with eps/10 and eps/100.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/check/check.h"
#include "runtime/core/core.h"

static const double default_tolerance = 1e-6;

typedef struct GradientCheck {
    const CheckOptions *options;
    Model l;
    const size_t *sizes;
    size_t batch;
    void *block, *model, *scratch;
    double *x, *y, *dy, *dx;
    void *target;  /* int32_t or double */
    bool *skipped; /* by tensor id: a gradient that is not a derivative is on its way */
    bool of_loss;  /* L is the train section's loss */
    double tolerance, worst;
    const char *worst_name;
    int failures;

    void *(*init)(void *, int, uint64_t);
    int (*set)(void *, const char *, const double *, size_t);
    int (*get)(const void *, const char *, double *, size_t);
    void (*vjp)(void *, const double *, const double *, double *, double *, void *);
    int (*get_vjp)(const void *, const char *, double *, size_t, const void *);
    double (*grad)(void *, const double *, const void *, void *);
    int (*get_grad)(const void *, const char *, double *, size_t, const void *);
} GradientCheck;

/* ---- random values -------------------------------------------------------------- */

enum Stream { STREAM_X = 1, STREAM_DY, STREAM_TARGET, STREAM_PICK, STREAM_PARAM = 1000 };

static uint64_t bits_of(const GradientCheck *k, uint64_t stream, uint64_t index)
{
    return nn_random((uint64_t)k->options->seed, stream, index);
}

/* In (0, 1). */
static double uniform(const GradientCheck *k, uint64_t stream, uint64_t index)
{
    return nn_open_unit_real(bits_of(k, stream, index));
}

static double normal(const GradientCheck *k, uint64_t stream, uint64_t index)
{
    return nn_normal(bits_of(k, stream, 2 * index), bits_of(k, stream, 2 * index + 1));
}

static double *normals(const GradientCheck *k, uint64_t stream, size_t count)
{
    double *values = block_alloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = normal(k, stream, i);
    return values;
}

static void *random_target(const GradientCheck *k)
{
    const Objectives all = train_objectives(k->l.spec, k->l.net);
    size_t count = k->batch * k->sizes[SIZE_TARGETS];
    int32_t *labels = block_alloc(count * sizeof *labels);
    double *values = block_alloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        const int64_t classes = target_classes_at(&all, (int64_t)(i % k->sizes[SIZE_TARGETS]));
        values[i] = uniform(k, STREAM_TARGET, i);
        labels[i] = (int32_t)(values[i] * (double)classes);
        if (classes) values[i] = labels[i];
    }
    free(all.classes ? (void *)values : labels);
    return all.classes ? (void *)labels : values;
}

/* Moves every parameter off its initial value: biases start at zero, where kinks are. */
static void shake_parameters(const GradientCheck *k)
{
    for (int i = 0; i < k->l.net->model.count; i++) {
        const Tensor *t = k->l.net->model.at[i];
        size_t count = (size_t)tensor_count(t, 1);
        if (t->kind != TENSOR_PARAM) continue;
        double *values = block_alloc(count * sizeof *values);
        k->get(k->model, t->name, values, count);
        for (size_t j = 0; j < count; j++) values[j] += 0.05 * normal(k, STREAM_PARAM + (uint64_t)i, j);
        k->set(k->model, t->name, values, count);
        free(values);
    }
}

/* ---- L --------------------------------------------------------------------------- */

/* L at the present parameters and x; *noise is what rounding makes of it, with
 * some room for the sums inside the net. */
static double loss(GradientCheck *k, double *noise)
{
    double sum = 0, magnitude = 0;
    if (k->of_loss) {
        sum = k->grad(k->model, k->x, k->target, k->scratch);
        magnitude = fabs(sum);
    } else {
        k->vjp(k->model, k->x, k->dy, k->y, k->dx, k->scratch);
        for (size_t i = 0; i < k->batch * k->sizes[SIZE_OUTPUTS]; i++) {
            sum += k->y[i] * k->dy[i];
            magnitude += fabs(k->y[i] * k->dy[i]);
        }
    }
    *noise = 16 * DBL_EPSILON * magnitude;
    return sum;
}

/* ---- one tensor ------------------------------------------------------------------- */

typedef struct Probe {
    const char *name;
    const char *param; /* NULL: the probe is x */
    size_t count;
    double *values;   /* x itself, or a copy of the parameter */
    double *gradient; /* as the net computes it */
    double scale;     /* its largest magnitude */
} Probe;

static double loss_with(GradientCheck *k, Probe *p, size_t index, double value, double *noise)
{
    double before = p->values[index];
    p->values[index] = value;
    if (p->param) k->set(k->model, p->param, p->values, p->count);
    double l = loss(k, noise);
    p->values[index] = before;
    return l;
}

/* How far element `index` is off, as a share of the tensor's largest gradient. */
static double error_at(GradientCheck *k, Probe *p, size_t index, double eps)
{
    double noise_a, noise_b, at = p->values[index], up = at + eps, down = at - eps;
    double a = loss_with(k, p, index, up, &noise_a), b = loss_with(k, p, index, down, &noise_b);
    double difference = (a - b) / (up - down);
    double floor = (noise_a + noise_b) / (2 * eps);
    double scale = fmax(p->scale, fabs(difference));
    double error = fabs(difference - p->gradient[index]) / (scale + floor / default_tolerance + DBL_MIN);
    return isnan(error) ? INFINITY : error;
}

static double error_smooth(GradientCheck *k, Probe *p, size_t index)
{
    double eps = k->options->eps, error = INFINITY;
    for (int attempt = 0; attempt < 3 && error > k->tolerance; attempt++, eps /= 10)
        error = fmin(error, error_at(k, p, index, eps));
    return error;
}

static size_t pick(const GradientCheck *k, const Probe *p, size_t sample, size_t samples)
{
    if (samples == p->count) return sample;
    return (size_t)(uniform(k, STREAM_PICK, sample) * (double)p->count);
}

static void probe(GradientCheck *k, Probe *p)
{
    size_t samples = p->count;
    if (k->options->samples >= 0 && (size_t)k->options->samples < samples) samples = (size_t)k->options->samples;
    for (size_t i = 0; i < p->count; i++) p->scale = fmax(p->scale, fabs(p->gradient[i]));
    double worst = 0;
    for (size_t i = 0; i < samples; i++) worst = fmax(worst, error_smooth(k, p, pick(k, p, i, samples)));
    if (p->param) k->set(k->model, p->param, p->values, p->count);
    printf("  %-36s %6zu of %-8zu %9.2g%s\n", p->name, samples, p->count, worst, worst > k->tolerance ? "  WRONG" : "");
    k->failures += worst > k->tolerance;
    if (worst >= k->worst) {
        k->worst = worst;
        k->worst_name = p->name;
    }
}

/* ---- all of them ------------------------------------------------------------------- */

static void probe_parameter(GradientCheck *k, const Tensor *t)
{
    size_t count = (size_t)tensor_count(t, 1);
    Probe p = {.name = t->name, .param = t->name, .count = count};
    p.values = block_alloc(count * sizeof(double));
    p.gradient = block_alloc(count * sizeof(double));
    double noise;
    k->get(k->model, t->name, p.values, count);
    loss(k, &noise);
    int missing = k->of_loss ? k->get_grad(k->model, t->name, p.gradient, count, k->scratch)
                             : k->get_vjp(k->model, t->name, p.gradient, count, k->scratch);
    if (missing) /* nothing depends on it: its gradient is zero */
        memset(p.gradient, 0, count * sizeof(double));
    probe(k, &p);
    free(p.values);
    free(p.gradient);
}

static void probe_input(GradientCheck *k)
{
    size_t count = k->batch * k->sizes[SIZE_INPUTS];
    Probe p = {.name = "x", .count = count, .values = k->x};
    p.gradient = block_alloc(count * sizeof(double));
    double noise;
    loss(k, &noise);
    memcpy(p.gradient, k->dx, count * sizeof(double));
    probe(k, &p);
    free(p.gradient);
}

static bool skips_any(const GradientCheck *k, Tensor *const *tensors, int count)
{
    for (int i = 0; i < count; i++) {
        if (k->skipped[tensors[i]->id]) return true;
    }
    return false;
}

static void find_skipped(GradientCheck *k)
{
    const Graph *net = k->l.net;
    k->skipped = block_alloc((size_t)net->tensors.count * sizeof *k->skipped);
    for (int i = net->nodes.count - 1; i >= 0; i--) {
        const Node *n = net->nodes.at[i];
        if (!(n->op->traits & OP_OWN_GRADIENT) && !skips_any(k, n->out, n->out_count)) continue;
        for (int j = 0; j < n->in_count; j++) k->skipped[n->in[j]->id] = true;
    }
}

static void probe_all(GradientCheck *k)
{
    const char *of = k->of_loss ? k->l.spec->loss.op->name : "sum of y*dy";
    printf("%s: gradients of %s\n  %-36s %6s    %-8s %9s\n", k->l.net->name, of, "tensor", "tried", "elements",
           "error");
    if (!k->of_loss && !skips_any(k, (Tensor *const *)k->l.net->inputs.at, k->l.net->inputs.count)) probe_input(k);
    for (int i = 0; i < k->l.net->model.count; i++) {
        const Tensor *t = k->l.net->model.at[i];
        if (t->kind == TENSOR_PARAM && t->trainable && !k->skipped[t->id]) probe_parameter(k, t);
    }
}

/* ---- the whole ------------------------------------------------------------------------ */

static void find_functions(GradientCheck *k)
{
    const Model *l = &k->l;
    k->sizes = model_symbol(l, "sizes");
    k->init = (void *(*)(void *, int, uint64_t))model_symbol(l, "init");
    k->set = (int (*)(void *, const char *, const double *, size_t))model_symbol(l, "set");
    k->get = (int (*)(const void *, const char *, double *, size_t))model_symbol(l, "get");
    k->vjp = (void (*)(void *, const double *, const double *, double *, double *, void *))model_symbol(l, "vjp");
    k->get_vjp = (int (*)(const void *, const char *, double *, size_t, const void *))model_symbol(l, "get_vjp");
    k->grad = (double (*)(void *, const double *, const void *, void *))model_symbol(l, "grad");
    k->get_grad = (int (*)(const void *, const char *, double *, size_t, const void *))model_symbol(l, "get_grad");
}

static void prepare(GradientCheck *k)
{
    find_functions(k);
    k->batch = (size_t)k->l.batch;
    k->block = block_alloc(k->sizes[SIZE_MODEL]);
    k->model = k->init(k->block, 1, (uint64_t)k->options->seed);
    k->scratch = block_alloc(k->sizes[SIZE_SCRATCH]);
    k->x = normals(k, STREAM_X, k->batch * k->sizes[SIZE_INPUTS]);
    k->dy = normals(k, STREAM_DY, k->batch * k->sizes[SIZE_OUTPUTS]);
    k->y = block_alloc(k->batch * k->sizes[SIZE_OUTPUTS] * sizeof(double));
    k->dx = block_alloc(k->batch * k->sizes[SIZE_INPUTS] * sizeof(double));
    k->target = k->l.train_section ? random_target(k) : NULL;
    shake_parameters(k);
    find_skipped(k);
}

static void release(GradientCheck *k)
{
    free(k->block);
    free(k->scratch);
    free(k->x);
    free(k->y);
    free(k->dy);
    free(k->dx);
    free(k->target);
    free(k->skipped);
    model_free(&k->l);
}

static int load_double_net(const CheckOptions *o, GradientCheck *k)
{
    enum { BATCH = 4 }; /* enough for batch statistics; every element costs two passes */
    LoadOptions load = o->load;
    load.vjp = load.use_double = load.plain = true;
    int status = load_net(&load, &k->l);
    if (status != STATUS_OK) return status;
    load.train = k->l.train_section;
    k->l.batch = o->load.batch ? o->load.batch : BATCH;
    return load_code(&load, &k->l);
}

int check_gradients(const CheckOptions *o)
{
    GradientCheck k = {.options = o, .tolerance = o->tolerance > 0 ? o->tolerance : default_tolerance};
    int status = load_double_net(o, &k);
    if (status != STATUS_OK) return status;
    prepare(&k);
    probe_all(&k);
    if (k.l.train_section) {
        k.of_loss = true;
        probe_all(&k);
    }
    printf("%s: largest relative error %.2g (%s), tolerance %.2g\n", k.failures ? "wrong" : "ok", k.worst,
           k.worst_name ? k.worst_name : "-", k.tolerance);
    release(&k);
    return k.failures ? STATUS_INPUT : STATUS_OK;
}
