/*
 * Generated init and step functions against what is known in closed form: the
 * moments of every initialisation, and some steps of every optimizer with what
 * stands between the loss and the update (penalties, clipping, heads, frozen
 * layers).  Plain and fast form alike.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "elab/elaborate.h"
#include "emit/emit.h"
#include "front/front.h"
#include "runtime/nn.h"

/* A net with its train section, running. */
typedef struct Trained {
    Compilation *c;
    Jit *jit;
    const nn_model_info *info;
    void *block, *model, *scratch;
} Trained;

static void *block_of(size_t bytes)
{
    size_t size = (bytes + 64) & ~(size_t)63;
    return memset(aligned_alloc(64, size), 0xff, size);
}

static Trained trained_open(const char *text, bool plain)
{
    Trained t = {.c = compilation_new()};
    List none = {0};
    const File *file = front_parse_text(t.c, "t.nn", text, strlen(text));
    Graph *net = file ? elaborate(t.c, file, NULL, &none) : NULL;
    TrainSpec *spec = net ? train_spec(t.c, file, net, &none) : NULL;
    if (!spec) diag_print(t.c, stderr, false);
    ck_assert_msg(spec != NULL, "%s", text);
    EmitOptions options = {.lower.batch = spec->batch_given ? spec->batch : 1,
                           .lower.infer = true,
                           .lower.train = true,
                           .lower.plain = plain,
                           .standalone = true,
                           .threads = 1};
    const char *error = NULL;
    const EmitResult *emitted = emit_c(net, spec, &options);
    t.jit = emitted ? jit_compile(JIT_TCC, emitted->source, t.c->arena, &error) : NULL;
    ck_assert_msg(t.jit != NULL, "%s: %s", text, error ? error : "");
    const nn_model_info *(*info)(void);
    *(void **)&info = jit_symbol(t.jit, "t_info");
    t.info = info();
    t.block = block_of(t.info->train_bytes);
    t.scratch = block_of(t.info->train_scratch);
    t.model = t.info->init(t.block, 1, 1);
    return t;
}

static void trained_close(Trained *t)
{
    free(t->block);
    free(t->scratch);
    jit_free(t->jit);
    compilation_free(t->c);
}

static float *get(const Trained *t, const char *name, size_t count)
{
    float *values = block_of(count * sizeof *values);
    ck_assert_msg(t->info->get(t->model, name, values, count) == 0, "%s of %zu", name, count);
    return values;
}

static void set(const Trained *t, const char *name, const float *values, size_t count)
{
    ck_assert_msg(t->info->set(t->model, name, values, count) == 0, "%s of %zu", name, count);
}

/* ---- initialisations --------------------------------------------------------------- */

typedef enum Draw { NORMAL, UNIFORM, CONSTANT } Draw;

/* Fans as PyTorch counts them: the weight's dimension 1, and 0, times the kernel's
 * area, groups or not.  conv 8 → 48 in 2 groups, 3x5: weight 48x4x3x5, fans 60 and
 * 720; dense 90 → 150; deconv 12 → 32 in 2 groups, 3x5: weight 12x16x3x5, fans 240
 * and 180.  a, b: mean and deviation, or the bounds. */
#define CONV(arguments)  "input(8x6x6) conv(48, 3x5, groups=2" arguments ") as l", "l.weight", 48 * 60
#define DENSE(arguments) "input(90) dense(150" arguments ") as l", "l.weight", 90 * 150
#define DECONV           "input(12x6x6) deconv(32, 3x5, groups=2) as l", "l.weight", 12 * 16 * 15

static const struct {
    const char *body, *name;
    size_t count;
    Draw draw;
    double a, b;
} inits[] = {
    {CONV(""), NORMAL, 0, 0.18257418583505536}, /* sqrt(2/60) */
    {CONV(", init=he_normal"), NORMAL, 0, 0.18257418583505536},
    {CONV(", init=he_uniform"), UNIFORM, -0.31622776601683794, 0.31622776601683794}, /* sqrt(6/60) */
    {CONV(", init=xavier_normal"), NORMAL, 0, 0.050636968354183332},                 /* sqrt(2/780) */
    {CONV(", init=xavier_uniform"), UNIFORM, -0.08770580193070293, 0.08770580193070293},
    {CONV(", init=lecun_normal"), NORMAL, 0, 0.12909944487358055}, /* sqrt(1/60) */
    {CONV(", init=torch"), UNIFORM, -0.12909944487358055, 0.12909944487358055},
    {CONV(", init=normal(0.25)"), NORMAL, 0, 0.25},
    {CONV(", init=uniform(-0.5, 1.5)"), UNIFORM, -0.5, 1.5},
    {CONV(", init=constant(0.75)"), CONSTANT, 0.75, 0},
    {CONV(", init=zeros"), CONSTANT, 0, 0},
    {CONV(", init=ones"), CONSTANT, 1, 0},
    {DENSE(""), NORMAL, 0, 0.14907119849998599}, /* sqrt(2/90) */
    {DENSE(", init=he_uniform"), UNIFORM, -0.2581988897471611, 0.2581988897471611},
    {DENSE(", init=xavier_normal"), NORMAL, 0, 0.09128709291752768}, /* sqrt(2/240) */
    {DENSE(", init=xavier_uniform"), UNIFORM, -0.15811388300841897, 0.15811388300841897},
    {DENSE(", init=lecun_normal"), NORMAL, 0, 0.10540925533894598},
    {DENSE(", init=torch"), UNIFORM, -0.10540925533894598, 0.10540925533894598},
    {DECONV, NORMAL, 0, 0.09128709291752768},                                                       /* sqrt(2/240) */
    {"input(12x6x6) conv(12, 3, groups=12) as l", "l.weight", 108, NORMAL, 0, 0.47140452079103168}, /* sqrt(2/9) */
    {"input(90) dense(3) as l", "l.bias", 3, CONSTANT, 0, 0},
    {"input(90) dense(3000, init=torch) as l", "l.bias", 3000, UNIFORM, -0.10540925533894598, 0.10540925533894598},
    {"input(4x3x3) conv(3000, 3, init=torch) as l", "l.bias", 3000, UNIFORM, -1.0 / 6, 1.0 / 6},
    {"input(7x3x3) prelu as l", "l.weight", 7, CONSTANT, 0.25, 0},
    {"input(7x3x3) prelu(init=0.5, shared=yes) as l", "l.weight", 1, CONSTANT, 0.5, 0},
    {"input(7x3x3) batchnorm as l", "l.weight", 7, CONSTANT, 1, 0},
    {"input(7x3x3) batchnorm as l", "l.bias", 7, CONSTANT, 0, 0},
    {"input(7x3x3) batchnorm as l", "l.running_mean", 7, CONSTANT, 0, 0},
    {"input(7x3x3) batchnorm as l", "l.running_var", 7, CONSTANT, 1, 0},
    {"input(6x3x3) groupnorm(2) as l", "l.weight", 6, CONSTANT, 1, 0},
    {"input(6x3x3) layernorm as l", "l.weight", 54, CONSTANT, 1, 0},
};

typedef struct Moments {
    double mean, variance, least, most, next; /* next: correlation with the value after */
} Moments;

static Moments moments(const float *v, size_t n)
{
    Moments m = {.least = INFINITY, .most = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        m.mean += v[i] / (double)n;
        m.least = fmin(m.least, v[i]);
        m.most = fmax(m.most, v[i]);
    }
    for (size_t i = 0; i < n; i++) m.variance += (v[i] - m.mean) * (v[i] - m.mean) / (double)n;
    for (size_t i = 0; i + 1 < n; i++) m.next += (v[i] - m.mean) * (v[i + 1] - m.mean) / (double)n / m.variance;
    return m;
}

/* Five deviations of each estimate: a right one fails once in two million. */
static void check_moments(const char *what, Moments m, size_t n, Draw draw, double a, double b)
{
    double mean = draw == NORMAL ? a : (a + b) / 2, variance = draw == NORMAL ? b * b : (b - a) * (b - a) / 12;
    double kurtosis = draw == NORMAL ? 3 : 1.8;
    ck_assert_msg(fabs(m.mean - mean) < 5 * sqrt(variance / (double)n), "%s: mean %g, not %g", what, m.mean, mean);
    ck_assert_msg(fabs(m.variance / variance - 1) < 5 * sqrt((kurtosis - 1) / (double)n), "%s: variance %g, not %g",
                  what, m.variance, variance);
    ck_assert_msg(fabs(m.next) < 5 / sqrt((double)n), "%s: neighbours correlate by %g", what, m.next);
    if (draw == NORMAL) return;
    double margin = 15 * (b - a) / (double)n;
    ck_assert_msg(m.least >= (float)a && m.most <= (float)b, "%s: %g … %g", what, m.least, m.most);
    ck_assert_msg(m.least < a + margin && m.most > b - margin, "%s: only %g … %g", what, m.least, m.most);
}

START_TEST(initial_values)
{
    for (int plain = 0; plain < 2; plain++) {
        char text[256];
        snprintf(text, sizeof text, "net t { %s } train t { loss mse }", inits[_i].body);
        Trained t = trained_open(text, plain);
        float *v = get(&t, inits[_i].name, inits[_i].count);
        if (inits[_i].draw == CONSTANT) {
            for (size_t i = 0; i < inits[_i].count; i++) ck_assert_float_eq(v[i], (float)inits[_i].a);
        } else {
            check_moments(inits[_i].body, moments(v, inits[_i].count), inits[_i].count, inits[_i].draw, inits[_i].a,
                          inits[_i].b);
        }
        free(v);
        trained_close(&t);
    }
}
END_TEST

static double correlation(const float *a, const float *b, size_t n)
{
    Moments x = moments(a, n), y = moments(b, n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (a[i] - x.mean) * (b[i] - y.mean) / (double)n;
    return sum / sqrt(x.variance * y.variance);
}

/* Layers of one shape start differently, and so do seeds; one seed starts alike. */
START_TEST(seeds)
{
    enum { COUNT = 2500 };
    Trained t = trained_open("net t { input(50) dense(50) as a dense(50) as b } train t { loss mse }", true);
    float *a = get(&t, "a.weight", COUNT), *b = get(&t, "b.weight", COUNT);
    ck_assert_double_lt(fabs(correlation(a, b, COUNT)), 0.1);
    for (uint64_t seed = 2; seed < 40; seed++) {
        t.info->init(t.block, 1, seed);
        float *other = get(&t, "a.weight", COUNT);
        ck_assert_double_lt(fabs(correlation(a, other, COUNT)), 0.1);
        ck_assert_double_lt(fabs(correlation(b, other, COUNT)), 0.1);
        free(other);
    }
    t.info->init(t.block, 1, 1);
    float *again = get(&t, "a.weight", COUNT);
    ck_assert_int_eq(memcmp(a, again, COUNT * sizeof *a), 0);
    free(a), free(b), free(again);
    trained_close(&t);
}
END_TEST

/* ---- steps: y = W x + b of 3 → 2 under mse, a batch of 2 ------------------------------- */

enum { IN = 3, OUT = 2, BATCH = 2, WEIGHTS = IN * OUT, ALL = WEIGHTS + OUT, STEPS = 5 };

/* Parameters, weights first, and what an optimizer remembers of each. */
typedef struct Linear {
    double p[ALL], g[ALL], s1[ALL], s2[ALL], s3[ALL];
} Linear;

static const float xs[STEPS][BATCH * IN] = {
    {0.5f, -1, 2, 1, 0.25f, -0.5f}, {-0.75f, 1, 0.5f, 2, -1, 0.125f},   {1, 1, -1, 0.5f, 2, 0.25f},
    {0.25f, -0.5f, 1.5f, -1, 1, 1}, {2, 0.5f, -0.25f, 0.75f, -1.5f, 1},
};
static const float targets[BATCH * OUT] = {1, -0.5f, 0.25f, 2};
static const float start[ALL] = {0.5f, -0.25f, 0.75f, -1, 0.125f, 0.375f, 0.1f, -0.2f};

/* The loss; its gradient in l->g. */
static double linear_gradient(Linear *l, const float *x)
{
    double loss = 0;
    memset(l->g, 0, sizeof l->g);
    for (int n = 0; n < BATCH; n++) {
        for (int o = 0; o < OUT; o++) {
            double y = l->p[WEIGHTS + o];
            for (int i = 0; i < IN; i++) y += l->p[o * IN + i] * x[n * IN + i];
            double off = y - targets[n * OUT + o];
            loss += off * off / (BATCH * OUT);
            for (int i = 0; i < IN; i++) l->g[o * IN + i] += 2 * off * x[n * IN + i] / (BATCH * OUT);
            l->g[WEIGHTS + o] += 2 * off / (BATCH * OUT);
        }
    }
    return loss;
}

/* ---- optimizers, as PyTorch documents them; k counts steps from 0 ------------------------ */

static void sgd(Linear *l, double lr, int k)
{
    (void)k;
    for (int i = 0; i < ALL; i++) l->p[i] -= lr * l->g[i];
}

static void sgd_momentum(Linear *l, double lr, int k, double damp, bool nesterov, double decay)
{
    for (int i = 0; i < ALL; i++) {
        double g = l->g[i] + decay * l->p[i];
        l->s1[i] = k == 0 ? g : 0.9 * l->s1[i] + (1 - damp) * g;
        l->p[i] -= lr * (nesterov ? g + 0.9 * l->s1[i] : l->s1[i]);
    }
}
static void sgd_heavy(Linear *l, double lr, int k) { sgd_momentum(l, lr, k, 0, false, 0.01); }
static void sgd_damped(Linear *l, double lr, int k) { sgd_momentum(l, lr, k, 0.5, false, 0); }
static void sgd_nesterov(Linear *l, double lr, int k) { sgd_momentum(l, lr, k, 0, true, 0.01); }

static void adam_like(Linear *l, double lr, int k, double coupled, double apart)
{
    for (int i = 0; i < ALL; i++) {
        double g = l->g[i] + coupled * l->p[i];
        l->p[i] *= 1 - lr * apart;
        l->s1[i] = 0.8 * l->s1[i] + 0.2 * g;
        l->s2[i] = 0.95 * l->s2[i] + 0.05 * g * g;
        double m = l->s1[i] / (1 - pow(0.8, k + 1)), v = l->s2[i] / (1 - pow(0.95, k + 1));
        l->p[i] -= lr * m / (sqrt(v) + 1e-6);
    }
}
static void adam(Linear *l, double lr, int k) { adam_like(l, lr, k, 0.01, 0); }
static void adamw(Linear *l, double lr, int k) { adam_like(l, lr, k, 0, 0.1); }

static void rmsprop_like(Linear *l, double lr, bool centered, double momentum)
{
    for (int i = 0; i < ALL; i++) {
        double g = l->g[i] + 0.01 * l->p[i];
        l->s1[i] = 0.9 * l->s1[i] + 0.1 * g * g;
        l->s2[i] = 0.9 * l->s2[i] + 0.1 * g;
        double root = sqrt(l->s1[i] - (centered ? l->s2[i] * l->s2[i] : 0)) + 1e-4;
        l->s3[i] = momentum * l->s3[i] + g / root;
        l->p[i] -= lr * l->s3[i];
    }
}
static void rmsprop(Linear *l, double lr, int k)
{
    (void)k;
    rmsprop_like(l, lr, false, 0);
}
static void rmsprop_centered(Linear *l, double lr, int k)
{
    (void)k;
    rmsprop_like(l, lr, true, 0.5);
}

static void adagrad(Linear *l, double lr, int k)
{
    for (int i = 0; i < ALL; i++) {
        double g = l->g[i] + 0.01 * l->p[i];
        if (k == 0) l->s1[i] = 0.1;
        l->s1[i] += g * g;
        l->p[i] -= lr * g / (sqrt(l->s1[i]) + 1e-6);
    }
}

static void lion(Linear *l, double lr, int k)
{
    (void)k;
    for (int i = 0; i < ALL; i++) {
        double u = 0.9 * l->s1[i] + 0.1 * l->g[i];
        l->p[i] = l->p[i] * (1 - lr * 0.1) - lr * (u > 0 ? 1 : u < 0 ? -1 : 0);
        l->s1[i] = 0.99 * l->s1[i] + 0.01 * l->g[i];
    }
}

/* ---- penalties and clipping: between the gradient and the update --------------------------- */

static double penalty(Linear *l, double l1, double l2)
{
    double sum = 0;
    for (int i = 0; i < WEIGHTS; i++) { /* weights only */
        sum += l1 * fabs(l->p[i]) + l2 * l->p[i] * l->p[i];
        l->g[i] += l1 * (l->p[i] > 0 ? 1 : -1) + 2 * l2 * l->p[i];
    }
    return sum;
}

static double with_l1(Linear *l) { return penalty(l, 0.05, 0); }
static double with_l2(Linear *l) { return penalty(l, 0, 0.03); }

static double clipped_by_value(Linear *l)
{
    for (int i = 0; i < ALL; i++) l->g[i] = fmax(-0.3, fmin(0.3, l->g[i]));
    return 0;
}

static double clipped_by_norm(Linear *l)
{
    double squares = 0;
    for (int i = 0; i < ALL; i++) squares += l->g[i] * l->g[i];
    double factor = fmin(1, 0.5 / (sqrt(squares) + 1e-6)); /* clip_grad_norm_ */
    for (int i = 0; i < ALL; i++) l->g[i] *= factor;
    return 0;
}

/* The penalty is part of the loss, so it is clipped with it. */
static double both(Linear *l)
{
    double sum = penalty(l, 0.05, 0.03);
    clipped_by_norm(l);
    return sum;
}

static const struct {
    const char *train;
    void (*update)(Linear *, double lr, int k);
    double (*between)(Linear *); /* gives what is added to the loss */
} rules[] = {
    {"optimizer sgd(0.1)", sgd, NULL},
    {"optimizer sgd(0.1, momentum=0.9, weight_decay=0.01)", sgd_heavy, NULL},
    {"optimizer sgd(0.1, momentum=0.9, dampening=0.5)", sgd_damped, NULL},
    {"optimizer sgd(0.1, momentum=0.9, nesterov=yes, weight_decay=0.01)", sgd_nesterov, NULL},
    {"optimizer adam(0.1, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.01)", adam, NULL},
    {"optimizer adamw(0.1, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.1)", adamw, NULL},
    {"optimizer rmsprop(0.1, alpha=0.9, eps=1e-4, weight_decay=0.01)", rmsprop, NULL},
    {"optimizer rmsprop(0.1, alpha=0.9, eps=1e-4, weight_decay=0.01, momentum=0.5, centered=yes)", rmsprop_centered,
     NULL},
    {"optimizer adagrad(0.1, weight_decay=0.01, initial=0.1, eps=1e-6)", adagrad, NULL},
    {"optimizer lion(0.1, beta1=0.9, beta2=0.99, weight_decay=0.1)", lion, NULL},
    {"optimizer sgd(0.1) regularize l1(0.05)", sgd, with_l1},
    {"optimizer sgd(0.1) regularize l2(0.03)", sgd, with_l2},
    {"optimizer sgd(0.1) clip value(0.3)", sgd, clipped_by_value},
    {"optimizer sgd(0.1) clip norm(0.5)", sgd, clipped_by_norm},
    {"optimizer sgd(0.1) regularize l1(0.05) l2(0.03) clip norm(0.5)", sgd, both},
    {"optimizer adam(0.1, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.01) clip value(0.3)", adam, clipped_by_value},
};

/* The rate is the caller's, step by step; the optimizer's lr is only where it starts. */
START_TEST(updates)
{
    for (int plain = 0; plain < 2; plain++) {
        char text[256];
        snprintf(text, sizeof text, "net t { input(3) dense(2) as l } train t { loss mse batch 2 %s }",
                 rules[_i].train);
        Trained t = trained_open(text, plain);
        Linear l = {0};
        for (int i = 0; i < ALL; i++) l.p[i] = start[i];
        set(&t, "l.weight", start, WEIGHTS);
        set(&t, "l.bias", start + WEIGHTS, OUT);
        for (int k = 0; k < STEPS; k++) {
            double lr = 0.1 / (1 + k), loss = linear_gradient(&l, xs[k]);
            if (rules[_i].between) loss += rules[_i].between(&l);
            float found = t.info->step(t.model, xs[k], targets, (float)lr, t.scratch);
            ck_assert_msg(fabs(found - loss) < 2e-5 * loss, "%s: loss %g, not %g", rules[_i].train, (double)found,
                          loss);
            rules[_i].update(&l, lr, k);
        }
        float *w = get(&t, "l.weight", WEIGHTS), *b = get(&t, "l.bias", OUT);
        for (int i = 0; i < ALL; i++) {
            double found = i < WEIGHTS ? w[i] : b[i - WEIGHTS];
            ck_assert_msg(fabs(found - l.p[i]) < 2e-5, "%s: parameter %d is %g, not %g", rules[_i].train, i, found,
                          l.p[i]);
        }
        free(w), free(b);
        trained_close(&t);
    }
}
END_TEST

/* grad gives the gradient with the penalty, before clipping, and changes nothing. */
START_TEST(gradient_alone)
{
    Trained t = trained_open("net t { input(3) dense(2) as l } train t { loss mse batch 2 optimizer sgd(0.1) "
                             "regularize l2(0.03) clip norm(0.01) }",
                             true);
    Linear l = {0};
    for (int i = 0; i < ALL; i++) l.p[i] = start[i];
    set(&t, "l.weight", start, WEIGHTS);
    set(&t, "l.bias", start + WEIGHTS, OUT);
    double loss = linear_gradient(&l, xs[0]) + with_l2(&l);
    ck_assert_double_eq_tol(t.info->grad(t.model, xs[0], targets, t.scratch), loss, 1e-5);
    float g[WEIGHTS];
    ck_assert_int_eq(t.info->get_grad(t.model, "l.weight", g, WEIGHTS, t.scratch), 0);
    for (int i = 0; i < WEIGHTS; i++) ck_assert_double_eq_tol(g[i], l.g[i], 1e-5);
    float *w = get(&t, "l.weight", WEIGHTS);
    ck_assert_int_eq(memcmp(w, start, sizeof *w * WEIGHTS), 0);
    free(w);
    trained_close(&t);
}
END_TEST

/* A head's loss counts with its weight; what is frozen stays; both gradients meet. */
START_TEST(heads_and_frozen_layers)
{
    Trained t = trained_open("net t { input(1) dense(1, bias=no) as a head h (weight=0.5) { dense(1, bias=no) as b }\n"
                             "frozen { dense(1, bias=no) as c } }\n"
                             "train t { loss mse optimizer sgd(1) }",
                             true);
    const float a = 2, b = 3, c = 5, x = 0.5f, target = 4;
    set(&t, "a.weight", &a, 1), set(&t, "h.b.weight", &b, 1), set(&t, "c.weight", &c, 1);
    double main = a * c * x - target, head = a * b * x - target; /* 1 and −1 */
    float loss = t.info->step(t.model, &x, &target, 0.25f, t.scratch);
    ck_assert_double_eq_tol(loss, main * main + 0.5 * head * head, 1e-6);
    float *now[] = {get(&t, "a.weight", 1), get(&t, "h.b.weight", 1), get(&t, "c.weight", 1)};
    ck_assert_double_eq_tol(*now[0], a - 0.25 * (2 * main * c * x + 0.5 * 2 * head * b * x), 1e-6);
    ck_assert_double_eq_tol(*now[1], b - 0.25 * 0.5 * 2 * head * a * x, 1e-6);
    ck_assert_float_eq(*now[2], c);
    for (int i = 0; i < 3; i++) free(now[i]);
    trained_close(&t);
}
END_TEST

Suite *training_suite(void)
{
    Suite *suite = suite_create("training");
    TCase *init = tcase_create("initialisation");
    tcase_add_loop_test(init, initial_values, 0, sizeof inits / sizeof *inits);
    tcase_add_test(init, seeds);
    suite_add_tcase(suite, init);
    TCase *steps = tcase_create("steps");
    tcase_add_loop_test(steps, updates, 0, sizeof rules / sizeof *rules);
    tcase_add_test(steps, gradient_alone);
    tcase_add_test(steps, heads_and_frozen_layers);
    suite_add_tcase(suite, steps);
    return suite;
}
