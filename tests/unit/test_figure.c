/*
 * Tests of the geometry of figures: boxes to scale, rows that do not overlap, repetitions.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "elab/elaborate.h"
#include "nets.h"
#include "report/figure.h"

static Figure *figure_of_example(Compilation *c, const char *name)
{
    List defines = {0};
    TrainSpec *spec = NULL;
    const File *file = front_parse_file(c, arena_printf(c->arena, "dsl_examples/%s.nn", name));
    Graph *net = net_of_file(c, file, &defines, &spec);
    const ReportOptions options = report_options();
    const Analysis *a = analysis_build(net, spec, &options);
    ck_assert_ptr_nonnull(a);
    return figure_of(a, name, c->arena);
}

static const FigureBox *box_of(const Figure *f, int i)
{
    ck_assert_int_lt(i, f->boxes.count);
    return f->boxes.at[i];
}

static double layer_depth(const FigureBox *b) { return ((const FigureSlab *)b->slabs.at[0])->depth; }

/* 1x32x32, 6x28x28, 6x14x14, 16x10x10, 16x5x5, 120, 84, 10: flatten is not drawn, tanh is a slab. */
START_TEST(lenet_is_to_scale)
{
    static const double side[] = {32, 28, 14, 10, 5}, channels[] = {1, 6, 6, 16, 16}, length[] = {120, 84, 10};
    Compilation *c = compilation_new();
    const Figure *f = figure_of_example(c, "lenet");
    ck_assert_int_eq(f->boxes.count, 8);
    for (int i = 0; i < 5; i++) {
        const FigureBox *b = box_of(f, i), *input = box_of(f, 0);
        ck_assert_double_eq_tol(b->height / input->height, sqrt(side[i] / 32), 1e-9);
        ck_assert_double_eq_tol(b->oblique / input->oblique, sqrt(side[i] / 32), 1e-9);
        ck_assert_double_eq_tol(layer_depth(b) / layer_depth(box_of(f, 1)), sqrt(channels[i] / 6), 1e-9);
    }
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol(box_of(f, 5 + i)->height / box_of(f, 5)->height, sqrt(length[i] / 120), 1e-9);
    ck_assert_int_eq(box_of(f, 2)->slabs.count, 2);
    ck_assert_int_eq(f->arrows.count, 7);
    ck_assert_int_eq(f->repeats.count, 0);
    compilation_free(c);
}
END_TEST

static bool boxes_overlap(const FigureBox *a, const FigureBox *b)
{
    return a->x < b->x + b->depth + b->oblique && b->x < a->x + a->depth + a->oblique &&
           a->y - a->oblique < b->y + b->height && b->y - b->oblique < a->y + a->height;
}

START_TEST(boxes_are_apart)
{
    static const char *const names[] = {"vgg",  "resnet",   "googlenet",  "inception_v3",
                                        "unet", "densenet", "pyramidnet", "lenet_1998"};
    Compilation *c = compilation_new();
    const Figure *f = figure_of_example(c, names[_i]);
    for (int i = 0; i < f->boxes.count; i++) {
        const FigureBox *b = box_of(f, i);
        ck_assert_double_ge(b->x, 0);
        ck_assert_double_ge(b->y - b->oblique, -1e-9);
        ck_assert_double_le(b->x + b->depth + b->oblique, f->width + 1e-9);
        ck_assert_double_le(b->y + b->height, f->height);
        for (int k = 0; k < i; k++)
            ck_assert_msg(!boxes_overlap(b, box_of(f, k)), "%s: %s, %s", names[_i], b->about, box_of(f, k)->about);
    }
    compilation_free(c);
}
END_TEST

/* The two blocks of layer1 are one, with a line over it for what is added. */
START_TEST(resnet_repeats_a_block)
{
    Compilation *c = compilation_new();
    const Figure *f = figure_of_example(c, "resnet");
    ck_assert_int_eq(f->repeats.count, 1);
    const FigureRepeat *r = f->repeats.at[0];
    ck_assert_int_eq(r->count, 2);
    int above = 0;
    for (int i = 0; i < f->boxes.count; i++) {
        const FigureBox *b = box_of(f, i);
        above += b->y < r->y && b->x >= r->x - 1e-9 && b->x + b->depth + b->oblique <= r->x + r->width + 1e-9;
    }
    ck_assert_int_eq(above, 3);
    compilation_free(c);
}
END_TEST

static const FigureBox *box_at(const Figure *f, const double at[2])
{
    for (int i = 0; i < f->boxes.count; i++) {
        const FigureBox *b = box_of(f, i);
        if (at[0] >= b->x - 0.01 && at[0] <= b->x + b->depth + b->oblique + 0.01 && at[1] >= b->y - b->oblique - 0.01 &&
            at[1] <= b->y + b->height + 0.01)
            return b;
    }
    ck_abort_msg("an arrow that ends at no box");
}

static bool segment_crosses(const FigureBox *b, const double p[2], const double q[2])
{
    return fmax(p[0], q[0]) > b->x && fmin(p[0], q[0]) < b->x + b->depth + b->oblique &&
           fmax(p[1], q[1]) > b->y - b->oblique && fmin(p[1], q[1]) < b->y + b->height;
}

/* What is joined stands on one level with what it is joined to, further down the deeper it is; arrows are in the figure
 * and cross no box. */
START_TEST(unet_is_a_u)
{
    Compilation *c = compilation_new();
    const Figure *f = figure_of_example(c, "unet");
    int joined = 0;
    double axis = INFINITY;
    for (int i = 0; i < f->boxes.count; i++) {
        const FigureBox *to = box_of(f, i), *from = to->from.count > 1 ? to->from.at[1] : NULL;
        if (!from) continue;
        if (from == box_of(f, i - 1)) from = to->from.at[0];
        ck_assert_double_eq_tol(figure_axis(to), figure_axis(from), 0.01);
        ck_assert_double_gt(to->x, from->x + from->depth + from->oblique);
        ck_assert_double_lt(figure_axis(to), axis);
        axis = figure_axis(to);
        joined++;
    }
    ck_assert_int_eq(joined, 4);
    ck_assert_int_eq(f->arrows.count, f->boxes.count - 1 + joined);
    for (int i = 0; i < f->arrows.count; i++) {
        const FigureArrow *a = f->arrows.at[i];
        const FigureBox *from = box_at(f, a->at[0]), *to = box_at(f, a->at[a->points - 1]);
        for (int k = 0; k < a->points; k++) {
            ck_assert(a->at[k][0] >= 0 && a->at[k][0] <= f->width && a->at[k][1] >= 0 && a->at[k][1] <= f->height);
            for (int j = 0; k && j < f->boxes.count; j++)
                ck_assert(box_of(f, j) == from || box_of(f, j) == to ||
                          !segment_crosses(box_of(f, j), a->at[k - 1], a->at[k]));
        }
    }
    compilation_free(c);
}
END_TEST

Suite *figure_suite(void)
{
    Suite *suite = suite_create("figure");
    TCase *tests = tcase_create("figure");
    tcase_add_test(tests, lenet_is_to_scale);
    tcase_add_loop_test(tests, boxes_are_apart, 0, 8);
    tcase_add_test(tests, resnet_repeats_a_block);
    tcase_add_test(tests, unet_is_a_u);
    suite_add_tcase(suite, tests);
    return suite;
}
