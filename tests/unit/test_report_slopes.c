/*
 * Tests of what the report says of derivatives: slopes against the largest derivative that is
 * computed, their product along paths, linear layers in a row, and the geometry of the
 * backward pass.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets.h"
#include "report/summary.h"

/* ---- slopes ------------------------------------------------------------------------ */

/* Layers that need arguments, or that are to be seen with more than their defaults. */
static const char *const with_arguments[] = {
    "pow(1)",     "clamp(-1, 2)",     "threshold(0.5, 0.5)", "scale([0.5, -3, 2])", "shift(1)",
    "gelu(tanh)", "leaky_relu(-1.5)", "elu(alpha=1.7)",      "celu(alpha=0.4)",
};

enum { CHANNELS = 3, POINTS = 40000 };

/* The largest |dy/dx| of a layer over −10 … 10, the same points in each channel. */
static double largest_derivative(Compilation *c, const char *layer)
{
    const char *text = arena_printf(c->arena, "net n { input(%dx1x%d) %s }", CHANNELS, POINTS, layer);
    static float x[CHANNELS * POINTS], dy[CHANNELS * POINTS], y[CHANNELS * POINTS], dx[CHANNELS * POINTS];
    for (int i = 0; i < CHANNELS * POINTS; i++) {
        x[i] = -10 + 20.0F * (float)(i % POINTS) / (POINTS - 1);
        dy[i] = 1;
    }
    Running r = run_net(c, text, 1);
    r.vjp(r.model, x, dy, y, dx, r.scratch);
    run_end(&r);
    double most = 0;
    for (int i = 0; i < CHANNELS * POINTS; i++) most = fmax(most, fabs(dx[i]));
    return most;
}

/* Never above the bound, and near it: the points are 0.0005 apart, and the derivatives of softsign and
 * hardswish are largest at a corner, up to half of that away from a point. */
static void compare_slope(const char *layer)
{
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(c, arena_printf(c->arena, "net n { input(3x1x4) %s }", layer), 1);
    Known slope = a->layers[0].slope;
    if (!slope.why) {
        double found = largest_derivative(c, layer);
        ck_assert_msg(found <= slope.value * (1 + 1e-6) && found >= slope.value * (1 - 1e-3),
                      "%s: slope %g, but %g is found", layer, slope.value, found);
    }
    compilation_free(c);
}

static bool needs_arguments(const Op *op)
{
    for (const Attr *attr = op->attrs; attr && attr->name; attr++)
        if (!attr->initial) return true;
    return false;
}

START_TEST(slopes_are_the_largest_derivatives)
{
    int compared = 0;
    for (int i = 0; i < op_table_count; i++) {
        const Op *op = op_table[i];
        if (!op->slope || op->class == OP_INTERNAL || needs_arguments(op)) continue;
        compare_slope(op->name);
        compared++;
    }
    ck_assert_int_gt(compared, 20);
    for (size_t i = 0; i < sizeof with_arguments / sizeof *with_arguments; i++) compare_slope(with_arguments[i]);
}
END_TEST

START_TEST(unbounded_derivatives_have_no_slope)
{
    Compilation *c = compilation_new();
    static const char *const layers[] = {"exp", "log", "square", "pow(2)", "prelu", "elu(trained=yes)"};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        const Analysis *a = analyse_batch(c, arena_printf(c->arena, "net n { input(4) %s }", layers[i]), 1);
        ck_assert_str_eq(a->layers[0].slope.why, "the derivative has no bound");
        ck_assert_ptr_nonnull(a->slope_product.why);
    }
    compilation_free(c);
}
END_TEST

START_TEST(slopes_multiply_along_the_best_path)
{
    Compilation *c = compilation_new();
    const Analysis *chain = analyse_batch(c, "net n { input(3) repeat 6 { dense(3) sigmoid } }", 1);
    ck_assert_double_eq(chain->slope_product.value, pow(0.25, 6));
    const Analysis *around = analyse_batch(c, "net n { input(3) repeat 6 { add { dense(3) sigmoid } { } } }", 1);
    ck_assert_double_eq(around->slope_product.value, 1);
    const Analysis *stopped = analyse_batch(c, "net n { input(3) dense(3) step }", 1);
    ck_assert_double_eq(stopped->slope_product.value, 0);
    compilation_free(c);
}
END_TEST

/* ---- linear pairs ------------------------------------------------------------------- */

static int pairs_of(const char *body)
{
    Compilation *c = compilation_new();
    int count = analyse_batch(c, arena_printf(c->arena, "net n { %s }", body), 1)->linear_pairs.count;
    compilation_free(c);
    return count;
}

START_TEST(linear_layers_in_a_row_are_found)
{
    ck_assert_int_eq(pairs_of("input(4) dense(3) dense(2)"), 1);
    ck_assert_int_eq(pairs_of("input(4) dense(3) dense(2) dense(2)"), 2);
    ck_assert_int_eq(pairs_of("input(2x4x4) conv(3, 3) dropout(0.5) flatten dense(2)"), 1);
    ck_assert_int_eq(pairs_of("input(4) dense(3) tanh dense(2)"), 0);
    ck_assert_int_eq(pairs_of("input(2x4x4) conv(3, 3) maxpool(2) flatten dense(2)"), 0);
    ck_assert_int_eq(pairs_of("input(4) dense(3) gradient_reversal dense(2)"), 0);
    /* the first layer's result is used elsewhere too */
    ck_assert_int_eq(pairs_of("input(4) dense(3) add { dense(3) } { relu }"), 0);
}
END_TEST

/* ---- the backward pass ---------------------------------------------------------------- */

static const struct {
    const char *layer, *forward, *backward, *jacobian;
} geometries[] = {
    {"conv(4, 5)", "valid 5x5, 16x12 -> 12x8", "full 5x5, 12x8 -> 16x12", "384x384"},
    {"conv(4, 5, pad=4)", "full 5x5, 16x12 -> 20x16", "valid 5x5, 20x16 -> 16x12", "1280x384"},
    {"conv(4, 3, pad=1)", "same 3x3, 16x12 -> 16x12", "same 3x3, 16x12 -> 16x12", "768x384"},
    {"conv(4, 3, pad=1, stride=2)", "same 3x3/2, 16x12 -> 8x6", "padded 3x3, zeros between 1, 8x6 -> 16x12", "192x384"},
    {"conv(4, 3, dilation=2)", "valid 5x5, 16x12 -> 12x8", "full 5x5, 12x8 -> 16x12", "384x384"},
    {"conv(4, 1x3, pad=0x1)", "valid x same 1x3, 16x12 -> 16x12", "valid x same 1x3, 16x12 -> 16x12", "768x384"},
    {"deconv(3, 2, stride=2)", "full 2x2, zeros between 1, 16x12 -> 32x24", "valid 2x2/2, 32x24 -> 16x12", "2304x384"},
    {"deconv(3, 4, stride=2, pad=1)", "padded 4x4, zeros between 1, 16x12 -> 32x24", "same 4x4/2, 32x24 -> 16x12",
     "2304x384"},
    {"flatten dense(5)", "W x", "W' dy", "5x384"},
    {"tanh", "f(x)", "f'(x) dy", "384x384"},
    {"maxpool(2)", "", "", "96x384"},
};

START_TEST(backward_geometry)
{
    Compilation *c = compilation_new();
    const char *text = arena_printf(c->arena, "net n { input(2x16x12) %s }", geometries[_i].layer);
    const ReportTable *t = backward_table(analyse_batch(c, text, 1), c->arena);
    const char *const *row = t->rows.at[t->rows.count - 1];
    ck_assert_str_eq(row[1], geometries[_i].forward);
    ck_assert_str_eq(row[2], geometries[_i].backward);
    ck_assert_str_eq(row[3], geometries[_i].jacobian);
    compilation_free(c);
}
END_TEST

Suite *report_slopes_suite(void)
{
    Suite *s = suite_create("report_slopes");
    TCase *slopes = tcase_create("slopes");
    tcase_set_timeout(slopes, 120);
    tcase_add_test(slopes, slopes_are_the_largest_derivatives);
    tcase_add_test(slopes, unbounded_derivatives_have_no_slope);
    tcase_add_test(slopes, slopes_multiply_along_the_best_path);
    suite_add_tcase(s, slopes);
    TCase *linear = tcase_create("linear_pairs");
    tcase_add_test(linear, linear_layers_in_a_row_are_found);
    suite_add_tcase(s, linear);
    TCase *geometry = tcase_create("backward_geometry");
    tcase_add_loop_test(geometry, backward_geometry, 0, sizeof geometries / sizeof *geometries);
    suite_add_tcase(s, geometry);
    return s;
}
