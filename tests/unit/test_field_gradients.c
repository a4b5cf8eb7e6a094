/*
 * What the report says about receptive fields is what gradients show.  The exercises
 * with numbers are in dsl_examples/exercises (test_exercise_files.c).
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "nets.h"

static void set(const Running *r, const char *name, const float *values, size_t count)
{
    ck_assert_int_eq(r->info->set(r->model, name, values, count), 0);
}

/* With all weights 1, dL/dx is not 0 exactly where the output element looks. */
static void set_ones(const Running *r)
{
    for (int i = 0; i < r->info->tensor_count; i++) {
        const nn_tensor_info *t = &r->info->tensors[i];
        float *ones = malloc(t->count * sizeof *ones);
        for (size_t k = 0; k < t->count; k++) ones[k] = 1;
        set(r, t->name, ones, t->count);
        free(ones);
    }
}

/* First and last of the rows (step 1 in the other axis) where dx is not 0. */
static void span_of(const float *dx, int rows, int columns, bool height, int *first, int *last)
{
    *first = height ? rows : columns;
    *last = -1;
    for (int i = 0; i < rows * columns; i++) {
        int at = height ? i / columns : i % columns;
        if (dx[i] == 0) continue;
        if (at < *first) *first = at;
        if (at > *last) *last = at;
    }
}

/* The sizes of fields along an axis, of the elements in the middle half: far from
 * borders and padding. */
static void measure_fields(const Running *r, bool height, double *smallest, double *largest)
{
    const int *in = r->info->input_dims, *out = r->info->output_dims;
    size_t pixels = (size_t)(in[1] * in[2]);
    float *x = calloc(pixels, sizeof *x), *dx = calloc(pixels, sizeof *dx);
    float *y = calloc(r->info->outputs, sizeof *y), *dy = calloc(r->info->outputs, sizeof *dy);
    *smallest = INFINITY;
    *largest = 0;
    int count = height ? out[1] : out[2];
    for (int u = count / 4; u < count - count / 4; u++) {
        int element = height ? u * out[2] + out[2] / 2 : out[1] / 2 * out[2] + u, first, last;
        dy[element] = 1;
        r->vjp(r->model, x, dy, y, dx, r->scratch);
        dy[element] = 0;
        span_of(dx, in[1], in[2], height, &first, &last);
        ck_assert(first > 0 && last < (height ? in[1] : in[2]) - 1);
        *smallest = fmin(*smallest, last - first + 1);
        *largest = fmax(*largest, last - first + 1);
    }
    free(x), free(dx), free(y), free(dy);
}

static const char *const field_nets[] = {
    "conv(1, 3) conv(1, 5x3, stride=2x1) conv(1, 3, dilation=2)",
    "conv(1, 3, pad=1) deconv(1, 3, stride=2, pad=1) conv(1, 3)",
    "avgpool(2) conv(1, 3, pad=1) deconv(1, 4x2, stride=2, pad=1x0)",
    "conv(1, 5, stride=4) upsample(4) conv(1, 3)",
    "avgpool(3) upsample(3, mode=bilinear) conv(1, 2)",
    "avgpool(2) avgpool(2) conv(1, 3, pad=1) deconv(1, 2, stride=2) conv(1, 3, pad=1) deconv(1, 2, stride=2)",
    "add { conv(1, 3, pad=1) } { avgpool(4) conv(1, 3, pad=1) upsample(4) }",
    "add { conv(1, 7, pad=3, stride=2) } { avgpool(2) conv(1, 1) }",
    "conv(1, 3) crop([1, 2, 3, 0]) pad([2, 1, 0, 2]) conv(1, 3, stride=2)",
    "concat { conv(1, 3x1, pad=1x0) } { conv(1, 1x5, pad=0x2) } conv(1, 3)",
};

START_TEST(fields_are_what_gradients_show)
{
    Compilation *c = compilation_new();
    const char *text = arena_printf(c->arena, "net n { input(1x48x60) %s }", field_nets[_i]);
    const Analysis *a = analyse_batch(c, text, 1);
    const LayerReport *l = &a->layers[a->layer_count - 1];
    Running r = run_net(c, text, 1);
    set_ones(&r);
    for (int axis = 0; axis < 2; axis++) {
        double smallest, largest;
        measure_fields(&r, axis == 0, &smallest, &largest);
        ck_assert_msg(field_size(l->field[axis]) == largest && l->smallest[axis] == smallest,
                      "%s, axis %d: the report says %g to %g, gradients show %g to %g", field_nets[_i], axis,
                      l->smallest[axis], field_size(l->field[axis]), smallest, largest);
    }
    run_end(&r);
    compilation_free(c);
}
END_TEST

Suite *field_gradients_suite(void)
{
    Suite *suite = suite_create("field_gradients");
    TCase *tests = tcase_create("field_gradients");
    tcase_add_loop_test(tests, fields_are_what_gradients_show, 0, sizeof field_nets / sizeof *field_nets);
    suite_add_tcase(suite, tests);
    return suite;
}
