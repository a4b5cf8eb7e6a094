/*
 * What must hold for every net, whatever it is.
 *
 *   the same bits    one, two or three threads; memory poisoned or not; a step,
 *                    or its gradient added to zeros and an update; values
 *                    recomputed where memory is limited or kept; a batch
 *                    and its samples one by one, in the plain form
 *   close            plain and fast form, by either compiler, and the fast one
 *                    without one of its passes, to the plain form in double
 *                    precision
 *   differences      gradients to central differences, in double precision, as far as
 *                    rounding leaves a difference
 *   still            what is frozen, and everything in evaluation
 *
 * How close is close depends on the net: deep ones with small variances turn a
 * rounding error into a visible one.  So it is measured: all inputs and
 * parameters are moved by about ten roundings, which changes all roundings
 * inside as well; what that does to a value is what any other order of additions
 * may do to it.
 */
#include "fuzz.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double largest(const Values *v)
{
    double most = 0;
    for (size_t i = 0; i < v->count; i++) most = isnan(v->at[i]) ? INFINITY : fmax(most, fabs(v->at[i]));
    return most;
}

static double norm(const double *v, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += v[i] * v[i];
    return sqrt(sum);
}

/* ---- the same bits ------------------------------------------------------------- */

static bool same_number(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void expect_same_values(Verdict *v, const char *what, const Values *a, const Values *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (same_number(a->at[i], b->at[i])) continue;
        verdict_fail(v, "%s: %s[%zu] of %zu: %.17g and %.17g", what, a->name, i, a->count, a->at[i], b->at[i]);
        return;
    }
}

static void expect_same(Verdict *v, const char *what, const Outcome *a, const Outcome *b)
{
    for (int i = 0; i < a->count; i++) expect_same_values(v, what, &a->at[i], &b->at[i]);
}

static void run_same(Verdict *v, const FormOptions *options, const Feed *feed, const Outcome *expected)
{
    Form *f = form_open(v, options);
    if (f) expect_same(v, options->name, expected, form_run(f, feed));
    form_close(f);
}

/* ---- close ---------------------------------------------------------------------- */

typedef struct Yardstick {
    const Outcome *exact; /* in double precision */
    const Outcome *found; /* by the form */
    const Outcome *moved[2];
    bool rough;           /* the form is in bf16 */
    bool normalized;      /* the optimizer divides gradients by their size, however small */
    double gradient, vjp; /* the largest of all */
} Yardstick;

static bool begins(const Values *v, const char *text) { return strncmp(v->name, text, strlen(text)) == 0; }

/* What an optimizer that divides by the gradient's size does with one that is
 * only rounding is anybody's guess, and all of the second step follows from it. */
static bool is_noise(const Yardstick *y, const Values *v, size_t i)
{
    if (!y->normalized || !begins(v, "step")) return false;
    if (!begins(v, "step 1")) return true;
    for (int k = 0; k < y->exact->count; k++) {
        const Values *g = &y->exact->at[k];
        bool of_this = begins(g, "grad ") && strstr(v->name, g->name + 5) && g->count == v->count;
        if (of_this && !(fabs(g->at[i]) > 2e-6 + 1e-3 * y->gradient)) return true;
    }
    return false;
}

/* Gradients that cancel out are the rounding of others; those behind a saturated
 * unit, 1 − y² of tanh, that of what comes back, which is about 1. */
static double floor_of(const Yardstick *y, const Values *v)
{
    if (begins(v, "grad ") || begins(v, "step ")) return 2e-6 + 1e-6 * y->gradient;
    if (begins(v, "vjp ") || strcmp(v->name, "dx") == 0) return 2e-6 + 1e-6 * y->vjp;
    return 1e-30;
}

static double allowed(const Yardstick *y, int index)
{
    const Values *e = &y->exact->at[index], *p = &y->found->at[index];
    double most = 0;
    for (int k = 0; k < 2; k++) {
        const Values *m = &y->moved[k]->at[index];
        for (size_t i = 0; i < e->count; i++) most = fmax(most, fabs(p->at[i] - m->at[i]));
    }
    bool forward = begins(e, "infer") || begins(e, "eval") || begins(e, "train") || begins(e, "loss");
    if (y->rough) return 0x1p-7 * largest(e) + 4 * most + floor_of(y, e);
    return (forward ? 5e-5 : 3e-4) * largest(e) + 16 * most + floor_of(y, e);
}

/* "" or what is off first. */
static const char *not_close(const FuzzNet *net, const Yardstick *y, int *unsure)
{
    for (int k = 0; k < y->exact->count; k++) {
        const Values *e = &y->exact->at[k], *f = &y->found->at[k];
        double limit = allowed(y, k);
        if (!(largest(e) < 1e30) || !isfinite(limit)) {
            ++*unsure;
            continue;
        }
        for (size_t i = 0; i < e->count; i++) {
            if (fabs(e->at[i] - f->at[i]) <= limit || is_noise(y, e, i)) continue;
            return arena_printf(net->c->arena,
                                "%s[%zu] of %zu: %.9g, in double precision %.17g; allowed is %.2g, the largest is %.3g",
                                e->name, i, e->count, f->at[i], e->at[i], limit, largest(e));
        }
    }
    return "";
}

/* By about ten roundings: of floats, or of bf16. */
static void move(const Form *f, double **values, size_t count, Random *r)
{
    const double far = form_options(f)->bf16 ? 0x1p-5 : 0x1p-20;
    double *moved = arena_alloc(form_arena(f), (count + 1) * sizeof *moved);
    for (size_t i = 0; i < count; i++) moved[i] = (*values)[i] * (1 + far * (2 * random_real(r) - 1));
    *values = moved;
}

static Feed *feed_moved(Form *f, const FuzzNet *net, const Feed *feed, Random *r)
{
    Feed *moved = arena_alloc(net->c->arena, sizeof *moved);
    *moved = *feed;
    size_t batch = (size_t)feed->batch;
    move(f, &moved->x, batch * form_inputs(f), r);
    move(f, &moved->dy, batch * form_outputs(f), r);
    moved->model.at = arena_alloc(net->c->arena, (size_t)(feed->model.count + 1) * sizeof(Values));
    for (int i = 0; i < feed->model.count; i++) {
        moved->model.at[i] = feed->model.at[i];
        move(f, &moved->model.at[i].at, moved->model.at[i].count, r);
    }
    return moved;
}

/* `mover` is the form, or the same with noise in it. */
static Yardstick yardstick(Form *exact, Form *form, Form *mover, const FuzzNet *net, const Feed *feed, Random *r)
{
    Yardstick y = {.exact = form_run(exact, feed), .found = form_run(form, feed)};
    y.rough = form_options(form)->bf16;
    y.normalized = strcmp(net->spec->optimizer.op->name, "sgd") != 0;
    for (int i = 0; i < 2; i++) y.moved[i] = form_run(mover, feed_moved(mover, net, feed, r));
    for (int i = 0; i < y.exact->count; i++) {
        const Values *v = &y.exact->at[i];
        if (begins(v, "grad ")) y.gradient = fmax(y.gradient, largest(v));
        if (begins(v, "vjp ") || strcmp(v->name, "dx") == 0) y.vjp = fmax(y.vjp, largest(v));
    }
    return y;
}

/* A value that one rounding puts on the other side of a jump. */
static bool has_jump(const Graph *net)
{
    for (int i = 0; i < net->nodes.count; i++) {
        const Op *op = ((const Node *)net->nodes.at[i])->op;
        if (op->traits & OP_ZERO_GRADIENT || strcmp(op->name, "threshold") == 0 ||
            strcmp(op->name, "fake_quantize") == 0)
            return true;
    }
    return false;
}

/* A gradient that is not the derivative, by design. */
static bool has_own_gradient(const Graph *net)
{
    for (int i = 0; i < net->nodes.count; i++) {
        if (((const Node *)net->nodes.at[i])->op->traits & OP_OWN_GRADIENT) return true;
    }
    return false;
}

/* "" or what is off in each of some attempts. */
static const char *try_close(Verdict *v, Form *form, Form *mover, Form *exact, Random *r)
{
    const char *off = "";
    for (int attempt = 0; attempt < 4; attempt++) {
        int unsure = 0;
        Yardstick y = yardstick(exact, form, mover, v->net, feed_new(exact, r), r);
        off = not_close(v->net, &y, &unsure);
        v->unsure += unsure;
        if (!*off) break;
    }
    return off;
}

/* A net may stand on a kink: then it does not on other values.  A layer that divides by a
 * deviation may make much of the rounding before it, however still its inputs are: what
 * comes of a unit in the last place of every value is allowed then.  Behind a jump nothing
 * can be told where values meet it again and again. */
static void expect_close(Verdict *v, Form *form, Form *exact, Random *r)
{
    const char *off = try_close(v, form, form, exact, r);
    if (!*off) return;
    FormOptions options = *form_options(form);
    options.noise = true;
    Form *noisy = form_open(v, &options);
    if (noisy) off = try_close(v, form, noisy, exact, r);
    form_close(noisy);
    if (!*off) return;
    if (has_jump(v->net->net))
        v->unsure++;
    else
        verdict_fail(v, "%s: %s", form_options(form)->name, off);
}

/* ---- gradients ---------------------------------------------------------------------- */

/* A direction in the space of x and all parameters, in which the loss is followed. */
typedef struct Direction {
    const char *name; /* NULL: x */
    size_t count;
    const double *at; /* where the feed is */
    double *gradient, *step;
} Direction;

typedef struct Slope {
    const FuzzNet *net;
    Form *form, *noisy; /* noisy: the same, in which what layers make is moved; NULL: rounding is taken to be small */
    Feed *feed;
    bool of_loss;
    bool drowned; /* what rounding may do is more than the slope */
    Direction *d;
    int count;
} Slope;

/* L, a step of eps along the direction; its rounding is relative to *magnitude at least. */
static double value_along(const Slope *s, Form *form, double eps, double *magnitude)
{
    Feed moved = *s->feed;
    form_reset(form, s->feed);
    for (int i = 0; i < s->count; i++) {
        const Direction *d = &s->d[i];
        double *at = malloc((d->count + 1) * sizeof *at);
        for (size_t k = 0; k < d->count; k++) at[k] = d->at[k] + eps * d->step[k];
        if (d->name) {
            form_set(form, d->name, at, d->count);
            free(at);
        } else
            moved.x = at;
    }
    const double value = s->of_loss ? form_loss(form, &moved) : form_vjp(form, &moved, magnitude);
    if (s->of_loss) *magnitude = fabs(value);
    if (moved.x != s->feed->x) free(moved.x);
    return value;
}

static double follow(Slope *s, double eps, double *noise)
{
    double magnitude, other;
    const double value = value_along(s, s->form, eps, &magnitude);
    *noise = 16 * DBL_EPSILON * magnitude;
    if (s->noisy) *noise += 4 * fabs(value_along(s, s->noisy, eps, &other) - value);
    return value;
}

static void add_direction(Slope *s, const char *name, size_t count, const double *at, const double *gradient)
{
    Arena *arena = s->net->c->arena;
    Direction *d = &s->d[s->count++];
    *d = (Direction){.name = name, .count = count, .at = at};
    d->gradient = arena_alloc(arena, (count + 1) * sizeof(double));
    d->step = arena_alloc(arena, (count + 1) * sizeof(double));
    if (gradient) memcpy(d->gradient, gradient, count * sizeof *gradient);
}

/* The gradients as the net computes them. */
static Slope slope_at(Form *form, Form *noisy, const FuzzNet *net, Feed *feed, bool of_loss)
{
    Slope s = {.net = net, .form = form, .noisy = noisy, .feed = feed, .of_loss = of_loss};
    s.d = arena_alloc(net->c->arena, (size_t)(feed->model.count + 1) * sizeof *s.d);
    form_reset(form, feed);
    double magnitude;
    if (of_loss)
        form_loss(form, feed);
    else
        form_vjp(form, feed, &magnitude);
    for (int i = 0; i < feed->model.count; i++) {
        const Tensor *t = net->net->model.at[i];
        if (t->kind != TENSOR_PARAM || !t->trainable) continue;
        size_t count = feed->model.at[i].count;
        add_direction(&s, t->name, count, feed->model.at[i].at, form_gradient(form, t->name, count, of_loss));
    }
    size_t inputs = (size_t)feed->batch * form_inputs(form);
    if (!of_loss) add_direction(&s, NULL, inputs, feed->x, form_dx(form));
    return s;
}

/* Every tensor's share of the slope is made about as large as any other's, as
 * far as that takes steps of a sensible length. */
static void choose_steps(Slope *s, Random *r, int only)
{
    double most = 1e-300;
    for (int i = 0; i < s->count; i++) most = fmax(most, norm(s->d[i].gradient, s->d[i].count));
    for (int i = 0; i < s->count; i++) {
        Direction *d = &s->d[i];
        double length = 1 / fmax(norm(d->gradient, d->count) / most, 1e-2);
        for (size_t k = 0; k < d->count; k++) d->step[k] = only < 0 || only == i ? length * random_normal(r) : 0;
    }
}

/* How far the slope along the steps is from what the gradients say, relatively. */
static double slope_error(Slope *s, double eps)
{
    double expected = 0, scale = 0, noise_up, noise_down;
    for (int i = 0; i < s->count; i++) {
        double share = 0, squares = 0;
        for (size_t k = 0; k < s->d[i].count; k++) {
            double part = s->d[i].gradient[k] * s->d[i].step[k];
            share += part;
            squares += part * part;
        }
        expected += share;
        scale += squares;
    }
    double up = follow(s, eps, &noise_up), down = follow(s, -eps, &noise_down);
    if (!isfinite(up) || !isfinite(down)) return 0; /* values that are too large, or no numbers: nothing can be told */
    double slope = (up - down) / (2 * eps);
    const double rounding = (noise_up + noise_down) / (2 * eps) * 1e5;
    scale = fmax(sqrt(scale), fabs(slope));
    s->drowned = rounding > scale;
    double error = fabs(slope - expected) / (scale + rounding + 1e-300);
    return isnan(error) ? INFINITY : error;
}

static double smallest_error(Slope *s)
{
    double error = INFINITY;
    for (double eps = 1e-5; eps > 5e-9 && error > 1e-5; eps /= 10) error = fmin(error, slope_error(s, eps));
    return error;
}

static bool slope_finite(const Slope *s)
{
    for (int i = 0; i < s->count; i++) {
        if (!isfinite(norm(s->d[i].gradient, s->d[i].count))) return false;
    }
    return true;
}

/* All tensors at once; where that fails, which of them it is. */
static const char *wrong_gradient(Slope *s, Random *r)
{
    choose_steps(s, r, -1);
    double error = smallest_error(s);
    if (error <= 1e-5) return "";
    double worst = 0;
    const char *name = "";
    for (int i = 0; i < s->count; i++) {
        choose_steps(s, r, i);
        double e = smallest_error(s);
        if (e > worst) worst = e, name = s->d[i].name ? s->d[i].name : "x";
    }
    return arena_printf(s->net->c->arena, "gradients of %s are off by %.2g of their size; worst is %s, by %.2g",
                        s->of_loss ? "the loss" : "sum of y*dy", error, name, worst);
}

/* "" or what is wrong in each of some attempts. */
static const char *try_gradients(Verdict *v, Form *exact, Form *noisy, Random *r, bool of_loss)
{
    const char *wrong = "";
    for (int attempt = 0; attempt < 4; attempt++) {
        Slope s = slope_at(exact, noisy, v->net, feed_new(exact, r), of_loss);
        if (!slope_finite(&s)) {
            v->unsure++;
            continue;
        }
        wrong = wrong_gradient(&s, r);
        if (!*wrong) v->unsure += s.noisy && s.drowned;
        if (!*wrong) break;
    }
    return wrong;
}

/* A loss of differences between values that hardly differ has the rounding of the values: as in expect_close,
 * what comes of a unit in the last place of every layer's is allowed where central differences are off. */
static void check_gradients_of(Verdict *v, Form *exact, Random *r, bool of_loss)
{
    if (has_own_gradient(v->net->net)) return;
    const char *wrong = try_gradients(v, exact, NULL, r, of_loss);
    if (!*wrong) return;
    FormOptions options = *form_options(exact);
    options.noise = true;
    Form *noisy = form_open(v, &options);
    if (noisy) wrong = try_gradients(v, exact, noisy, r, of_loss);
    form_close(noisy);
    if (!*wrong) return;
    if (has_jump(v->net->net)) /* a mean that is always 0 is on it, whatever the inputs are */
        v->unsure++;
    else
        verdict_fail(v, "%s", wrong);
}

/* ---- what stays as it is ------------------------------------------------------------- */

static void expect_kept(Verdict *v, const Outcome *o, const Feed *feed, const char *when, const Tensor *t)
{
    const Values *now = outcome_find(o, arena_printf(v->net->c->arena, "%s %s", when, t->name));
    const Values *before = outcome_find(&feed->model, t->name);
    if (now && before) expect_same_values(v, arena_printf(v->net->c->arena, "%s changes", when), before, now);
}

static void check_still(Verdict *v, const Outcome *o, const Feed *feed)
{
    for (int i = 0; i < v->net->net->model.count; i++) {
        const Tensor *t = v->net->net->model.at[i];
        if (t->kind == TENSOR_STATE) continue;
        expect_kept(v, o, feed, "after eval", t);
        if (t->kind == TENSOR_PARAM && !t->trainable) expect_kept(v, o, feed, "step 2", t);
    }
    expect_same_values(v, "eval and infer", outcome_find(o, "infer y"), outcome_find(o, "eval y"));
    expect_same_values(v, "grad and step", outcome_find(o, "loss"), outcome_find(o, "step 1 loss"));
}

/* ---- samples one by one ------------------------------------------------------------------ */

/* Kernels for one sample and for many add up in different orders: then it is a matter of rounding. */
static void check_samples(Verdict *v, const FormOptions *like, const Feed *feed, const Outcome *batch, double tolerance)
{
    FormOptions options = *like;
    options.name = arena_printf(v->net->c->arena, "%s, one sample at a time", like->name);
    options.batch = 1;
    Form *f = form_open(v, &options);
    if (!f) return;
    const Values *all = outcome_find(batch, "infer y");
    size_t out = form_outputs(f);
    double limit = tolerance * largest(all);
    for (int64_t n = 0; n < feed->batch; n++) {
        const Values *one = outcome_find(form_infer(f, feed, n), "infer y");
        for (size_t i = 0; i < out && !v->failures; i++) {
            double a = all->at[(size_t)n * out + i], b = one->at[i];
            if (!same_number(a, b) && !(fabs(a - b) <= limit) && limit < 1e30)
                verdict_fail(v, "%s: y[%lld][%zu]: %.9g, in a batch %.9g", options.name, (long long)n, i, b, a);
        }
    }
    form_close(f);
}

/* ---- the whole ------------------------------------------------------------------------------ */

void check_bits(Verdict *v, Form *form, Random *r, double tolerance)
{
    const FormOptions *like = form_options(form);
    const Feed *feed = feed_new(form, r);
    const Outcome *o = form_run(form, feed);
    FormOptions other = *like;
    other.poison = other.accumulate = true;
    other.threads = 1 + (int)random_int(r, 0, 2);
    other.name = arena_printf(v->net->c->arena, "%s, poisoned, accumulated, %d threads", like->name, other.threads);
    check_still(v, o, feed);
    run_same(v, &other, feed, o);
    for (int threads = 2; threads <= 3 && !like->plain; threads++) {
        other = *like;
        other.threads = threads;
        other.name = arena_printf(v->net->c->arena, "%s, %d threads", like->name, threads);
        run_same(v, &other, feed, o);
    }
    other = *like;
    other.poison = other.tight = true;
    other.without |= PASS_BIT(MICRO_BATCHES); /* sums in another order */
    other.name = arena_printf(v->net->c->arena, "%s, poisoned, in the least memory", like->name);
    run_same(v, &other, feed, o);
    if (tolerance >= 0) check_samples(v, like, feed, o, tolerance);
}

static void check_text(Verdict *v)
{
    const char *text[2];
    EmitOptions options = {.lower.batch = v->net->batch, .header = "net.h", .lower.infer = true, .lower.train = true};
    for (int i = 0; i < 2; i++) text[i] = emit_c(v->net->net, v->net->spec, &options)->source;
    if (strcmp(text[0], text[1]) != 0) verdict_fail(v, "the same net gives another text the second time");
}

static void check_form(Verdict *v, const FormOptions *options, Form *exact, Random *r)
{
    Form *form = form_open(v, options);
    if (!form) return;
    expect_close(v, form, exact, r);
    if (options->jit == JIT_TCC) check_bits(v, form, r, options->plain ? 0 : 1e-4);
    form_close(form);
}

/* Without one pass or another, or in the least memory, which micro-batches take where no
 * operator mixes samples: each in turn is there for every operator within a few nets. */
static void check_other_passes(Verdict *v, Form *exact, Random *r)
{
    static const char *const names[] = {"fast, without fusion", "fast, without layout", "fast, without slices",
                                        "fast, in the least memory"};
    static const unsigned passes[] = {PASS_BIT(FUSION), PASS_BIT(LAYOUT), PASS_BIT(CONCAT_ELIMINATION), 0};
    const int pass = (int)(v->net->seed % 4);
    FormOptions options = {.name = names[pass],
                           .jit = JIT_TCC,
                           .batch = v->net->batch,
                           .threads = 2,
                           .without = passes[pass],
                           .tight = !passes[pass]};
    Form *form = form_open(v, &options);
    if (form) expect_close(v, form, exact, r);
    if (form && options.tight) {
        const Feed *feed = feed_new(form, r);
        const Outcome *o = form_run(form, feed);
        options.poison = true;
        options.threads = 3;
        run_same(v, &options, feed, o);
    }
    form_close(form);
}

/* With values in bf16, in the plain form or the fast one, which takes samples in chunks from 8 on.  Where
 * those are rounded depends on sums that chunks and batches take in different orders.  Half of the fast ones
 * multiply pairs of bf16.  Of a quarter of the nets: it takes as long as all the rest. */
static void check_bf16(Verdict *v, Form *exact, Random *r)
{
    const int64_t batch = v->net->batch;
    const Target target = v->net->seed / 12 % 2 ? TARGET_AVX512BF16 : TARGET_GENERIC;
    if (v->net->seed / 3 % 4) return;
    const FormOptions forms[] = {
        {.name = "plain in bf16", .jit = JIT_TCC, .bf16 = true, .plain = true, .batch = batch, .threads = 1},
        {.name = "fast in bf16", .jit = JIT_TCC, .bf16 = true, .target = target, .batch = batch, .threads = 1},
        {.name = "fast in bf16, chunks", .jit = JIT_TCC, .bf16 = true, .target = target, .batch = 16, .threads = 1},
    };
    const FormOptions *options = &forms[v->net->seed % 3];
    Form *form = form_open(v, options);
    if (form) check_bits(v, form, r, options->plain ? 0 : -1);
    if (form && options->batch == batch) expect_close(v, form, exact, r);
    form_close(form);
}

void check_forms(Verdict *v, Random *r, bool with_cc)
{
    int64_t batch = v->net->batch;
    const FormOptions forms[] = {
        {.name = "plain", .jit = JIT_TCC, .plain = true, .batch = batch, .threads = 1},
        {.name = "fast", .jit = JIT_TCC, .batch = batch, .threads = 1},
        {.name = "plain by cc", .jit = JIT_CC, .plain = true, .batch = batch, .threads = 1},
        {.name = "fast by cc", .jit = JIT_CC, .batch = batch, .threads = 2},
    };
    Form *exact = form_open(
        v, &(FormOptions){.name = "double", .jit = JIT_TCC, .use_double = true, .plain = true, .batch = batch});
    if (!exact) return;
    check_text(v);
    for (int i = 0; i < 2; i++) check_form(v, &forms[i], exact, r);
    check_gradients_of(v, exact, r, false);
    check_gradients_of(v, exact, r, true);
    check_other_passes(v, exact, r);
    check_bf16(v, exact, r);
    check_field(v, exact, r);
    /* at last: the random numbers of the others are those of a net that cc does not compile */
    for (int i = 2; with_cc && i < 4; i++) check_form(v, &forms[i], exact, r);
    form_close(exact);
}
