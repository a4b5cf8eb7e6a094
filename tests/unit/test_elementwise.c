/*
 * Layers with numbers computed by hand, in the plain and in the fast form: y of one
 * sample x, and dx of dy = 1, 2, 3, …, the definitions, slopes and special values being
 * PyTorch's.  The comment before a row has the arithmetic: y; the slope that dy is
 * multiplied by.
 */
#include <check.h>
#include <math.h>

#include "nets.h"

#define INF INFINITY

enum { MAX_VALUES = 8 };

static const struct {
    const char *body;
    double x[MAX_VALUES], y[MAX_VALUES], dx[MAX_VALUES];
} rows[] = {
    /* 2 (e^(x/2) - 1) and e^(x/2) for x <= 0 */
    {"input(4) celu(2)", {-2, -0.5, 0, 1.5}, {-1.26424112, -0.442398434, 0, 1.5}, {0.367879441, 1.55760157, 3, 4}},
    /* x / (1 + |x|); 1 / (1 + |x|)^2 */
    {"input(4) softsign",
     {-2, -0.5, 0, 1.5},
     {-0.666666667, -0.333333333, 0, 0.6},
     {0.111111111, 0.888888889, 3, 0.64}},
    /* x t, t = tanh(log(1 + e^x)); t + x (1 - t^2) / (1 + e^-x); at 0 t = tanh(log 2) = 3/5 */
    {"input(4) mish",
     {-2, -0.5, 0, 1.5},
     {-0.252501483, -0.220743775, 0, 1.40337827},
     {-0.108355092, 0.579021356, 1.8, 4.35395194}},
    /* no slope */
    {"input(4) sign", {-2, -0.5, 0, 1.5}, {-1, -1, 0, 1}, {0, 0, 0, 0}},
    /* halves to the even neighbour; no slope */
    {"input(8) round", {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4, -2.6}, {-2, -2, 0, 0, 2, 2, 2, -3}, {0}},
    {"input(4) round", {0.49999997, -0.49999997, 8388609, -0.75}, {0, 0, 8388609, -1}, {0}},
    {"input(4) round(floor)", {-2.5, -0.25, 0.75, 3}, {-3, -1, 0, 3}, {0}},
    {"input(4) round(ceil)", {-2.5, -0.25, 0.75, 3}, {-2, 0, 1, 3}, {0}},
    /* 0.5 times -3 to 1 */
    {"input(4) fake_quantize(0.5, zero=1, low=-2, high=2)", {-2, -0.6, 0.25, 1.5}, {-1.5, -0.5, 0, 0.5}, {0, 2, 3, 0}},
    /* erf; 2/sqrt(pi) e^(-x^2) */
    {"input(4) erf",
     {-2, -0.5, 0, 1.5},
     {-0.995322265, -0.520499878, 0, 0.966105146},
     {0.0206669854, 1.75756516, 3.3851375, 0.475721157}},
    /* e^x; e^x */
    {"input(4) exp",
     {-2, -0.5, 0, 1.5},
     {0.135335283, 0.60653066, 1, 4.48168907},
     {0.135335283, 1.21306132, 3, 17.9267563}},
    /* ln x; 1 / x */
    {"input(4) log", {0.25, 1, 4, 10}, {-1.38629436, 0, 1.38629436, 2.30258509}, {4, 2, 0.75, 0.4}},
    /* x^(1/2); 1 / (2 x^(1/2)) */
    {"input(4) sqrt", {0.25, 1, 4, 10}, {0.5, 1, 2, 3.16227766}, {1, 1, 0.75, 0.632455532}},
    /* |x|; its sign, 0 at 0 */
    {"input(4) abs", {-2, -0.5, 0, 1.5}, {2, 0.5, 0, 1.5}, {-1, -2, 0, 4}},
    /* -x; -1 */
    {"input(4) neg", {-2, -0.5, 0, 1.5}, {2, 0.5, 0, -1.5}, {-1, -2, -3, -4}},
    /* x^2; 2x */
    {"input(4) square", {-2, -0.5, 0, 1.5}, {4, 0.25, 0, 2.25}, {-4, -2, 0, 12}},
    /* 1 / x; -1 / x^2 */
    {"input(4) reciprocal", {-2, -0.5, 0.25, 1.5}, {-0.5, -2, 4, 0.666666667}, {-0.25, -8, -48, -1.77777778}},
    /* sin x; cos x */
    {"input(4) sin",
     {-2, -0.5, 0, 1.5},
     {-0.909297427, -0.479425539, 0, 0.997494987},
     {-0.416146837, 1.75516512, 3, 0.282948807}},
    /* cos x; -sin x */
    {"input(4) cos",
     {-2, -0.5, 0, 1.5},
     {-0.416146837, 0.877582562, 1, 0.0707372017},
     {0.909297427, 0.958851077, 0, -3.98997995}},
    /* both ends belong to the inside */
    {"input(4) clamp(-0.5, 1)", {-2, -0.5, 0.75, 1.5}, {-0.5, -0.5, 0.75, 1}, {0, 2, 3, 0}},
    /* x^3; 3 x^2 */
    {"input(4) pow(3)", {-2, -0.5, 0, 1.5}, {-8, -0.125, 0, 3.375}, {12, 1.5, 0, 27}},
    /* x^-1/2; -1/2 x^-3/2 */
    {"input(4) pow(-0.5)", {0.25, 1, 4, 9}, {2, 1, 0.5, 0.333333333}, {-4, -1, -0.1875, -0.0740740741}},
    /* 1; 0 */
    {"input(4) pow(0)", {-2, -0.5, 0, 1.5}, {1, 1, 1, 1}, {0, 0, 0, 0}},
    /* -2x; -2 */
    {"input(4) scale(-2)", {-2, -0.5, 0, 1.5}, {4, 1, 0, -3}, {-2, -4, -6, -8}},
    /* x + 3/4; 1 */
    {"input(4) shift(0.75)", {-2, -0.5, 0, 1.5}, {-1.25, 0.25, 0.75, 2.25}, {1, 2, 3, 4}},
    /* x; nothing goes back */
    {"input(4) stop_gradient", {-2, -0.5, 0, 1.5}, {-2, -0.5, 0, 1.5}, {0, 0, 0, 0}},
    /* x; -1 */
    {"input(4) gradient_reversal", {-2, -0.5, 0, 1.5}, {-2, -0.5, 0, 1.5}, {-1, -2, -3, -4}},
    /* x; -1/2 */
    {"input(4) gradient_reversal(0.5)", {-2, -0.5, 0, 1.5}, {-2, -0.5, 0, 1.5}, {-0.5, -1, -1.5, -2}},
    /* (e^x - 1) / 2 and e^x / 2 for x <= 0 */
    {"input(4) elu(0.5, trained=yes)",
     {-2, -0.5, 0, 1.5},
     {-0.432332358, -0.19673467, 0, 1.5},
     {0.0676676416, 0.60653066, 1.5, 4}},
    /* one constant per channel of two elements */
    {"input(2x1x2) scale([2, -3])", {1, 2, 3, 4}, {2, 4, -9, -12}, {2, 4, -9, -12}},
    {"input(2x1x2) shift([2, -3])", {1, 2, 3, 4}, {3, 4, 0, 1}, {1, 2, 3, 4}},
    /* means 2 and 1, deviations 1 and 5: (x - mean) / deviation.  Of two elements
     * y is -1 and 1 whatever they are, so that nothing goes back. */
    {"input(2x1x2) instancenorm(eps=0)", {1, 3, -4, 6}, {-1, 1, -1, 1}, {0, 0, 0, 0}},
    /* mean 3, variance 14/4, s = 1 / sqrt(14/4); dx = s (dy - mean(dy) - y mean(dy y)) */
    {"input(1x2x2) instancenorm(eps=0)",
     {1, 2, 6, 3},
     {-1.06904497, -0.534522484, 1.60356745, 0},
     {-0.419981952, -0.0763603548, -0.305441419, 0.801783726}},
    /* 1 + y / 2 of y = -2 */
    {"input(4) celu(2)", {NAN, INF, -INF, 0}, {NAN, INF, -2, 0}, {NAN, 2, 0, 4}},
    /* inf / inf */
    {"input(4) softsign", {NAN, INF, -INF, 0}, {NAN, NAN, NAN, 0}, {NAN, NAN, NAN, 4}},
    /* -inf * 0; inf * 0 in the slope; e^100 overflows in single precision */
    {"input(4) mish", {NAN, INF, -INF, 100}, {NAN, INF, NAN, 100}, {NAN, NAN, NAN, 4}},
    /* PyTorch's sign of NaN is 0 */
    {"input(4) sign", {NAN, INF, -INF, 0}, {0, 1, -1, 0}, {0, 0, 0, 0}},
    /* integers of their own */
    {"input(4) round", {NAN, INF, -INF, 0}, {NAN, INF, -INF, 0}, {0}},
    {"input(4) round(floor)", {NAN, INF, -INF, 0}, {NAN, INF, -INF, 0}, {0}},
    {"input(4) fake_quantize(0.5, zero=1)", {NAN, INF, -INF, 0}, {NAN, 63, -64.5, 0}, {0, 0, 0, 4}},
    /* 2/sqrt(pi) at 0 */
    {"input(4) erf", {NAN, INF, -INF, 0}, {NAN, 1, -1, 0}, {NAN, 0, 0, 4.51351667}},
    /* the slope is the value */
    {"input(4) exp", {NAN, INF, -INF, 0}, {NAN, INF, 0, 1}, {NAN, INF, 0, 4}},
    /* 1 / x also where there is no logarithm */
    {"input(4) log", {NAN, INF, -1, 0}, {NAN, INF, NAN, -INF}, {NAN, 0, -3, INF}},
    /* 1 / (2 y) */
    {"input(4) sqrt", {NAN, INF, -1, 0}, {NAN, INF, NAN, 0}, {NAN, 0, NAN, INF}},
    /* PyTorch's sign of NaN is 0 */
    {"input(4) abs", {NAN, INF, -INF, 0}, {NAN, INF, INF, 0}, {0, 2, -3, 0}},
    /* 2x */
    {"input(4) square", {NAN, INF, -INF, 0}, {NAN, INF, INF, 0}, {NAN, INF, -INF, 0}},
    /* -y^2 */
    {"input(4) reciprocal", {NAN, INF, -INF, 0}, {NAN, 0, 0, INF}, {NAN, 0, 0, -INF}},
    /* cos 0 = 1 */
    {"input(4) sin", {NAN, INF, -INF, 0}, {NAN, NAN, NAN, 0}, {NAN, NAN, NAN, 4}},
    /* sin 0 = 0 */
    {"input(4) cos", {NAN, INF, -INF, 0}, {NAN, NAN, NAN, 1}, {NAN, NAN, NAN, 0}},
    /* NaN is not between the ends */
    {"input(4) clamp(-1, 2)", {NAN, INF, -INF, 2}, {NAN, 2, -1, 2}, {0, 0, 0, 4}},
    /* 2x */
    {"input(4) pow(2)", {NAN, INF, -INF, 0}, {NAN, INF, INF, 0}, {NAN, INF, -INF, 0}},
    /* x^(1/2) / (2x) */
    {"input(4) pow(0.5)", {NAN, INF, -1, 0}, {NAN, INF, NAN, 0}, {NAN, 0, NAN, INF}},
    /* C's and PyTorch's pow */
    {"input(4) pow(0)", {NAN, INF, -INF, 0}, {1, 1, 1, 1}, {0, 0, 0, 0}},
    /* -2 */
    {"input(4) scale(-2)", {NAN, INF, -INF, 0}, {NAN, -INF, INF, 0}, {-2, -4, -6, -8}},
    /* 1 */
    {"input(4) shift(1)", {NAN, INF, -INF, 0}, {NAN, INF, -INF, 1}, {1, 2, 3, 4}},
    /* x - 3x; dy - 3 dy */
    {"input(4) sub { } { scale(3) }", {1, 2, 3, 4}, {-2, -4, -6, -8}, {-2, -4, -6, -8}},
    /* x / (1 + x); 1 / (1 + x)^2 */
    {"input(4) div { } { shift(1) }", {0, 1, 3, -3}, {0, 0.5, 0.75, 1.5}, {1, 0.5, 0.1875, 1}},
    /* (x + 2x + 0) / 3 */
    {"input(4) mean { } { scale(2) } { scale(0) }", {1, 2, -3, 4}, {1, 2, -3, 4}, {1, 2, 3, 4}},
    /* x against 0, which passes nothing on; of two zeros each gets dy / 2 */
    {"input(4) minimum { } { scale(0) }", {NAN, 1, -1, 0}, {NAN, 0, -1, 0}, {1, 0, 3, 2}},
    /* x and its mean, 3; the mean gives a fourth of the sum of its gradients to each x:
     * 10 / 4 is added, taken away, and half of it added */
    {"input(1x2x2) add { } { global_avgpool }", {1, 2, 3, 6}, {4, 5, 6, 9}, {3.5, 4.5, 5.5, 6.5}},
    {"input(1x2x2) sub { } { global_avgpool }", {1, 2, 3, 6}, {-2, -1, 0, 3}, {-1.5, -0.5, 0.5, 1.5}},
    {"input(1x2x2) mean { global_avgpool } { }", {1, 2, 3, 6}, {2, 2.5, 3, 4.5}, {1.75, 2.25, 2.75, 3.25}},
    /* dy / 3 - (1 + 4 + 9 + 24) / 9 / 4 */
    {"input(1x2x2) div { } { global_avgpool }",
     {1, 2, 3, 6},
     {0.333333333, 0.666666667, 1, 2},
     {-0.722222222, -0.388888889, -0.0555555556, 0.277777778}},
    /* -3 dy / x^2 + (1 + 2/2 + 3/3 + 4/6) / 4 */
    {"input(1x2x2) div { global_avgpool } { }",
     {1, 2, 3, 6},
     {3, 1.5, 1, 0.5},
     {-2.08333333, -0.583333333, -0.0833333333, 0.583333333}},
    /* the mean gets 1 + 2 + 3/2, or 3/2 + 4 */
    {"input(1x2x2) maximum { } { global_avgpool }", {1, 2, 3, 6}, {3, 3, 3, 6}, {1.125, 1.125, 2.625, 5.125}},
    {"input(1x2x2) minimum { global_avgpool } { }", {1, 2, 3, 6}, {1, 2, 3, 3}, {2.375, 3.375, 2.875, 1.375}},
    {"input(4) slice(0, 1, step=2)", {1, 2, 3, 4}, {2, 4}, {0, 1, 0, 2}},
    {"input(4) slice(0, -3, -1)", {1, 2, 3, 4}, {2, 3}, {0, 1, 2, 0}},
    {"input(1x2x2) slice(2, 0, 1)", {1, 2, 3, 4}, {1, 3}, {1, 0, 2, 0}},
    {"input(2x2x2) slice(1, 1)", {1, 2, 3, 4, 5, 6, 7, 8}, {3, 4, 7, 8}, {0, 0, 1, 2, 0, 0, 3, 4}},
    /* y[i][j][c] = x[c][i][j] */
    {"input(2x1x2) permute([1, 2, 0])", {1, 2, 3, 4}, {1, 3, 2, 4}, {1, 3, 2, 4}},
    {"input(2x2x2) permute([2, 0, 1])", {1, 2, 3, 4, 5, 6, 7, 8}, {1, 3, 5, 7, 2, 4, 6, 8}, {1, 5, 2, 6, 3, 7, 4, 8}},
    {"input(2x1x2) reduce_mean([1, 2])", {1, 2, 3, 6}, {1.5, 4.5}, {0.5, 0.5, 1, 1}},
    {"input(2x1x2) reduce_sum([0])", {1, 2, 3, 6}, {4, 8}, {1, 2, 1, 2}},
    /* equal values share; NaN is the largest and the smallest */
    {"input(1x2x2) reduce_max([0, 1, 2], keep=no)", {1, 6, 6, 2}, {6}, {0, 0.5, 0.5, 0}},
    {"input(1x2x2) reduce_min([2])", {1, 1, 5, 2}, {1, 2}, {0.5, 0.5, 0, 2}},
    {"input(4) reduce_max([0])", {1, NAN, 3, 2}, {NAN}, {NAN, NAN, NAN, NAN}},
    {"input(4) reduce_min([0])", {-INF, 1, 3, 2}, {-INF}, {1, 0, 0, 0}},
    /* rows 1 2 3 4 and 5 6 7 8: the upper left pixels of two blocks are 1 and 3 */
    {"input(1x2x4) space_to_depth(2)", {1, 2, 3, 4, 5, 6, 7, 8}, {1, 3, 2, 4, 5, 7, 6, 8}, {1, 3, 2, 4, 5, 7, 6, 8}},
    {"input(4x1x2) depth_to_space(2)", {1, 2, 3, 4, 5, 6, 7, 8}, {1, 3, 2, 4, 5, 7, 6, 8}, {1, 3, 2, 4, 5, 7, 6, 8}},
};

/* NaN equals NaN; numbers to a few roundings of numbers near 1. */
static bool agrees(double found, double expected)
{
    if (isnan(found) || isnan(expected)) return isnan(found) && isnan(expected);
    return found == expected || fabs(found - expected) <= 2e-6 * fmax(1, fabs(expected));
}

static void expect_values(const char *what, const char *body, bool plain, const float *found, const double *expected)
{
    for (int i = 0; i < MAX_VALUES; i++)
        ck_assert_msg(agrees((double)found[i], expected[i]), "%s, %s form: %s[%d] is %.9g, not %.9g", body,
                      plain ? "plain" : "fast", what, i, (double)found[i], expected[i]);
}

START_TEST(values_and_slopes)
{
    for (int plain = 0; plain < 2; plain++) {
        Compilation *c = compilation_new();
        Running r = run_net_form(c, arena_printf(c->arena, "net t { %s }", rows[_i].body), 1, plain);
        float x[MAX_VALUES], dy[MAX_VALUES], y[MAX_VALUES] = {0}, dx[MAX_VALUES] = {0};
        for (int i = 0; i < MAX_VALUES; i++) x[i] = (float)rows[_i].x[i], dy[i] = (float)(i + 1);
        r.info->infer(r.model, x, y, r.scratch);
        expect_values("y", rows[_i].body, plain, y, rows[_i].y);
        r.vjp(r.model, x, dy, y, dx, r.scratch);
        expect_values("dx", rows[_i].body, plain, dx, rows[_i].dx);
        run_end(&r);
        compilation_free(c);
    }
}
END_TEST

/* While training, parts of `each` elements are dropped whole with probability 1/4, forwards
 * and backwards the same; survivors are divided by 3/4. */
static const struct {
    const char *layer;
    int each;
} drops[] = {{"dropout2d(0.25)", 6}, {"drop_path(0.25)", 24}};

START_TEST(whole_parts_are_dropped)
{
    enum { BATCH = 128, SAMPLE = 24, ALL = BATCH * SAMPLE };
    Compilation *c = compilation_new();
    Running r = run_net(c, arena_printf(c->arena, "net t { input(4x2x3) %s }", drops[_i].layer), BATCH);
    static float x[ALL], dy[ALL], y[ALL], dx[ALL];
    for (int i = 0; i < ALL; i++) x[i] = 0.75f * (float)(i + 1), dy[i] = 0.75f;
    r.vjp(r.model, x, dy, y, dx, r.scratch);
    int parts = ALL / drops[_i].each, dropped = 0;
    for (int i = 0; i < ALL; i++) {
        bool out = y[i - i % drops[_i].each] == 0;
        dropped += out && i % drops[_i].each == 0;
        ck_assert_double_eq_tol((double)y[i], out ? 0 : i + 1, 1e-3);
        ck_assert_double_eq_tol((double)dx[i], out ? 0 : 1, 1e-6);
    }
    double deviation = sqrt(0.25 * 0.75 * parts); /* of the binomial distribution */
    ck_assert_double_eq_tol((double)dropped, 0.25 * parts, 4 * deviation);
    r.info->infer(r.model, x, y, r.scratch);
    for (int i = 0; i < ALL; i++) ck_assert_float_eq(y[i], x[i]);
    run_end(&r);
    compilation_free(c);
}
END_TEST

Suite *elementwise_suite(void)
{
    Suite *suite = suite_create("elementwise");
    TCase *values = tcase_create("elementwise");
    tcase_add_loop_test(values, values_and_slopes, 0, sizeof rows / sizeof *rows);
    tcase_add_loop_test(values, whole_parts_are_dropped, 0, sizeof drops / sizeof *drops);
    suite_add_tcase(suite, values);
    return suite;
}
