/*
 * The files of dsl_examples/exercises: their nets run, and what the lines `#: NAME =
 * NUMBERS` of a file say is what comes out.  In their order:
 *
 *     #: x = 1 2; 3 4          the input, samples between semicolons
 *     #: y = 0.61 0.69         the output for it
 *     #: dy = 1 0; 0 1         dL/dy, for dx and d(NAME), a gradient of parameters
 *     #: target = 2; 4         instead: dL/dNAME of the loss, which `loss` is
 *     #: steps = 102           so many steps of training
 *     #: w.weight = 1.075      a parameter
 *
 * 3*1 is 1 1 1, and 2*(1 2) is 1 2 1 2.  An expected number with a point is one that was rounded to its digits; one without
 * is exact.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exercises.h"
#include "nets.h"

typedef struct Exercise {
    const char *file;
    Arena *arena;
    Running r;
    Numbers x, target;
    float *dx;
    bool loss_gradients; /* of the last pass backwards; else those of dy */
    float loss, rate;
    int compared;
} Exercise;

static float *floats(const Exercise *e, size_t count) { return arena_alloc(e->arena, count * sizeof(float)); }

static void compare(Exercise *e, const char *name, const float *values, const Numbers *expected)
{
    for (int i = 0; i < expected->count; i++) {
        ck_assert_msg(fabs((double)values[i] - expected->at[i]) <= expected->tolerance[i],
                      "%s: %s[%d] is %.7g, the file says %.7g", e->file, name, i, (double)values[i], expected->at[i]);
    }
    e->compared += expected->count;
}

static void expect_output(Exercise *e, const Numbers *expected)
{
    float *y = floats(e, EXERCISE_NUMBERS);
    ck_assert_int_eq(expected->count, (int)e->r.info->outputs * e->r.info->batch);
    e->r.info->infer(e->r.model, e->x.values, y, e->r.scratch);
    compare(e, "y", y, expected);
}

static void backwards(Exercise *e, const Numbers *dy)
{
    float *y = floats(e, EXERCISE_NUMBERS);
    e->dx = floats(e, EXERCISE_NUMBERS);
    ck_assert_int_eq(dy->count, (int)e->r.info->outputs * e->r.info->batch);
    e->r.vjp(e->r.model, e->x.values, dy->values, y, e->dx, e->r.scratch);
    e->loss_gradients = false;
}

static void against(Exercise *e, const Numbers *target)
{
    ck_assert_ptr_nonnull(e->r.info->grad);
    ck_assert_int_eq(target->count, (int)e->r.info->target_count * e->r.info->batch);
    e->target = *target;
    e->loss = e->r.info->grad(e->r.model, e->x.values, target->values, e->r.scratch);
    e->loss_gradients = true;
}

static void train(Exercise *e, int steps)
{
    for (int i = 0; i < steps; i++) {
        e->r.info->step(e->r.model, e->x.values, e->target.values, e->rate, e->r.scratch);
    }
}

static void expect_gradient(Exercise *e, const char *name, const Numbers *expected)
{
    float *values = floats(e, EXERCISE_NUMBERS);
    size_t count = (size_t)expected->count;
    int missing = e->loss_gradients ? e->r.info->get_grad(e->r.model, name, values, count, e->r.scratch)
                                    : e->r.get_vjp(e->r.model, name, values, count, e->r.scratch);
    ck_assert_msg(missing == 0, "%s: no gradient of %d numbers %s", e->file, expected->count, name);
    compare(e, name, values, expected);
}

static void expect_parameter(Exercise *e, const char *name, const Numbers *expected)
{
    float *values = floats(e, EXERCISE_NUMBERS);
    int missing = e->r.info->get(e->r.model, name, values, (size_t)expected->count);
    ck_assert_msg(missing == 0, "%s: no parameter of %d numbers %s", e->file, expected->count, name);
    compare(e, name, values, expected);
}

static void follow(Exercise *e, char *name, const Numbers *n)
{
    if (strcmp(name, "x") == 0)
        e->x = *n;
    else if (strcmp(name, "y") == 0)
        expect_output(e, n);
    else if (strcmp(name, "dy") == 0)
        backwards(e, n);
    else if (strcmp(name, "dx") == 0)
        compare(e, name, e->dx, n);
    else if (strcmp(name, "target") == 0)
        against(e, n);
    else if (strcmp(name, "loss") == 0)
        compare(e, name, &e->loss, n);
    else if (strcmp(name, "steps") == 0)
        train(e, (int)n->at[0]);
    else if (strncmp(name, "d(", 2) == 0)
        expect_gradient(e, strtok(name + 2, ")"), n);
    else
        expect_parameter(e, name, n);
}

static void work_through(Exercise *e, Compilation *c, const char *text)
{
    char name[EXERCISE_MOST];
    Numbers n;
    const char *line = exercise_line(c->arena, text, name, &n);
    ck_assert_msg(line && strcmp(name, "x") == 0, "%s: begins with %s, not x", e->file, line ? name : "nothing");
    e->r = run_net(c, text, n.rows);
    ck_assert_int_eq(n.count, (int)e->r.info->inputs * n.rows);
    for (; line; line = exercise_line(c->arena, line, name, &n)) follow(e, name, &n);
    ck_assert_int_gt(e->compared, 0);
    run_end(&e->r);
}

static void check_file(const char *name, const char *text, Compilation *c)
{
    TrainSpec *spec = NULL;
    net_of_text(c, text, &spec);
    Exercise e = {.file = name, .arena = c->arena, .rate = spec ? (float)spec->lr : 0};
    work_through(&e, c, text);
}

START_TEST(every_exercise_gives_what_it_says) { ck_assert_int_gt(exercises_visit(check_file), 0); }
END_TEST

Suite *exercise_files_suite(void)
{
    Suite *suite = suite_create("exercise_files");
    TCase *tests = tcase_create("exercise_files");
    tcase_add_test(tests, every_exercise_gives_what_it_says);
    suite_add_tcase(suite, tests);
    return suite;
}
