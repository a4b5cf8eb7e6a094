/*
 * Activations of the kernels: their accuracy in units of the last place, and their limits.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "runtime/nn.h"
#include "tests/unit/libraries.h"

typedef void Activation(long count, const float *x, float *y, int t, int T);

static double logistic(double x) { return 1 / (1 + exp(-x)); }
static double silu(double x) { return x / (1 + exp(-x)); }
static double softplus(double x) { return x > 20 ? x : log1p(exp(x)); }
static double gelu(double x) { return x * (1 + erf(x / sqrt(2))) / 2; }

/* Errors in units of the last place.  Below −87 e^−x overflows; gelu is the
 * difference of numbers near 1 for negative x, and so as wrong as these. */
static const struct {
    const char *name;
    double (*exact)(double);
    double ulp, low, high;
} functions[] = {
    {"nn_tanh", tanh, 2.6, -INFINITY, INFINITY}, {"nn_sigmoid", logistic, 2.5, -87, INFINITY},
    {"nn_silu", silu, 2.5, -87, INFINITY},       {"nn_softplus", softplus, 3, -INFINITY, INFINITY},
    {"nn_gelu", gelu, 3, 0, INFINITY},
};

static double ulps(float got, double exact)
{
    int exponent;
    frexp(exact, &exponent);
    return fabs((double)got - exact) / ldexp(1, exponent < -125 ? -149 : exponent - 24);
}

/* Every 4099th float, in runs of 1001, so that vectors and rests are used. */
static void check_function(Activation *activation, int f)
{
    enum { RUN = 1001 };
    float x[RUN], y[RUN];
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 4099 * RUN) {
        for (int i = 0; i < RUN; i++) {
            uint32_t pattern = (uint32_t)(bits + 4099 * (uint64_t)i);
            memcpy(&x[i], &pattern, sizeof pattern);
        }
        activation(RUN, x, y, 0, 1);
        for (int i = 0; i < RUN; i++) {
            double exact = functions[f].exact(x[i]);
            bool same = isnan(exact) ? isnan(y[i]) : y[i] == (float)exact;
            bool inside = x[i] >= functions[f].low && x[i] <= functions[f].high;
            if (same || (!inside && !isnan(x[i]))) continue;
            assert_element(ulps(y[i], exact) <= functions[f].ulp, "%s(%.9g) is %.9g, not %.9g: %g units",
                           functions[f].name, (double)x[i], (double)y[i], exact, ulps(y[i], exact));
        }
    }
}

START_TEST(functions_are_accurate)
{
    for (int i = 0; i < kernel_tables_of(functions[_i].name); i++) {
        if (kernels_of(i)) check_function((Activation *)kernel_named(kernels_of(i), functions[_i].name), _i);
    }
}
END_TEST

/* At the ends of the range: the limits, NaN for NaN. */
START_TEST(functions_have_limits)
{
    const float x[] = {-INFINITY, -200, -0.0f, 200, INFINITY, NAN};
    static const struct {
        const char *name;
        float y[6];
    } limits[] = {
        {"nn_tanh", {-1, -1, -0.0f, 1, 1, NAN}},      {"nn_sigmoid", {0, 0, 0.5f, 1, 1, NAN}},
        {"nn_silu", {NAN, 0, 0, 200, INFINITY, NAN}}, {"nn_softplus", {0, 0, (float)0.69314718056, 200, INFINITY, NAN}},
        {"nn_gelu", {NAN, 0, 0, 200, INFINITY, NAN}}, {"nn_relu", {0, 0, 0, 200, INFINITY, NAN}},
    };
    for (int i = 0; i < kernel_tables_of("nn_tanh nn_sigmoid nn_silu nn_softplus nn_gelu nn_relu"); i++) {
        for (size_t f = 0; kernels_of(i) && f < sizeof limits / sizeof *limits; f++) {
            float y[6];
            ((Activation *)kernel_named(kernels_of(i), limits[f].name))(6, x, y, 0, 1);
            for (int k = 0; k < 6; k++) {
                bool same = isnan(limits[f].y[k]) ? isnan(y[k]) : y[k] == limits[f].y[k];
                assert_element(same, "%s(%g) is %g", limits[f].name, (double)x[k], (double)y[k]);
            }
        }
    }
}
END_TEST

Suite *functions_suite(void)
{
    Suite *suite = suite_create("functions");
    TCase *tcase = tcase_create("functions");
    tcase_add_loop_test(tcase, functions_are_accurate, 0, sizeof functions / sizeof *functions);
    tcase_add_test(tcase, functions_have_limits);
    suite_add_tcase(suite, tcase);
    return suite;
}
