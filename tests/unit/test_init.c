/* Initial values that are more than one number drawn for each element. */
#include <check.h>
#include <math.h>

#include "nets.h"

/* y = W Wᵀ of three rows of length 2, or Wᵀ W of three columns: 4 times the identity. */
static void check_orthogonal(const char *text, bool plain)
{
    Compilation *c = compilation_new();
    Running r = run_net_form(c, text, 1, plain);
    float x = 0, y[9];
    r.info->infer(r.model, &x, y, r.scratch);
    for (int k = 0; k < 9; k++) ck_assert_float_eq_tol(y[k], k % 4 == 0 ? 4 : 0, 1e-5F);
    run_end(&r);
    compilation_free(c);
}

START_TEST(orthogonal_rows)
{
    check_orthogonal("net n { input(1) param(3x5, init=orthogonal(2)) matmul { } { permute([1, 0]) } }", _i);
}
END_TEST

START_TEST(orthogonal_columns)
{
    check_orthogonal("net n { input(1) param(5x3, init=orthogonal(gain=2)) matmul { permute([1, 0]) } { } }", _i);
}
END_TEST

/* exp(−1/2) one step along the crests of the wave, exp(−1/2) cos(π/2) = 0 a quarter of a wave across. */
START_TEST(gabor_filters)
{
    Compilation *c = compilation_new();
    Running r = run_net_form(c, "net n { input(2x3x3) conv(2, 3, init=gabor(1, 4)) as c }", 1, _i);
    float w[36];
    ck_assert_int_eq(r.info->get(r.model, "c.weight", w, 36), 0);
    const float step = (float)exp(-0.5);
    for (int k = 0; k < 36; k += 9) {
        const float across = k < 18 ? 0 : step, along = k < 18 ? step : 0; /* the second output is at a right angle */
        ck_assert_float_eq_tol(2 * w[k + 4], 1, 1e-6F);
        ck_assert_float_eq_tol(2 * w[k + 5], across, 1e-6F);
        ck_assert_float_eq_tol(2 * w[k + 3], across, 1e-6F);
        ck_assert_float_eq_tol(2 * w[k + 1], along, 1e-6F);
    }
    run_end(&r);
    compilation_free(c);
}
END_TEST

Suite *init_suite(void)
{
    Suite *suite = suite_create("init");
    TCase *tcase = tcase_create("init");
    tcase_add_loop_test(tcase, orthogonal_rows, 0, 2);
    tcase_add_loop_test(tcase, orthogonal_columns, 0, 2);
    tcase_add_loop_test(tcase, gabor_filters, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
