/*
 * nnc trace: the published numbers of every exercise stand in its trace, and a step that is
 * traced is the step of training, to the bit.
 */
#include "commands/trace/trace.h" /* before check.h, which has a macro called `fail` */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exercises.h"
#include "nets.h"

typedef struct TracedExercise {
    const char *file;
    TraceRequest request;
    Model m;
    Trace t;
    bool traced;
    int compared;
} TracedExercise;

static void trace_again(TracedExercise *e)
{
    if (e->traced) model_free(&e->m);
    load_options_free(&e->request.load);
    load_options_init(&e->request.load);
    e->request.load.path = arena_printf(e->request.load.compilation->arena, EXERCISES "/%s", e->file);
    ck_assert_int_eq(trace_run_net(&e->request, &e->m, &e->t), STATUS_OK);
    e->traced = true;
}

static void compare_traced(TracedExercise *e, const char *name, const double *values, const Numbers *expected)
{
    ck_assert_msg(values != NULL, "%s: no %s in the trace", e->file, name);
    for (int i = 0; i < expected->count; i++)
        ck_assert_msg(fabs(values[i] - expected->at[i]) <= expected->tolerance[i],
                      "%s: %s[%d] is %.7g in the trace, the file says %.7g", e->file, name, i, values[i],
                      expected->at[i]);
    e->compared += expected->count;
}

/* The file gives the outputs before any dL/dy: then it is 1. */
static void compare_outputs(TracedExercise *e, const Numbers *expected)
{
    Text ones;
    text_init(&ones, e->request.load.compilation->arena);
    for (int i = 0; i < expected->count; i++) text_add(&ones, "1 ");
    e->request.dy = strdup(ones.data);
    trace_again(e);
    free((char *)e->request.dy);
    compare_traced(e, "y", e->t.value[e->t.program->output->id], expected);
}

static const Tensor *traced_parameter(const TracedExercise *e, const char *name)
{
    for (int i = 0; i < e->t.program->tensors.count; i++) {
        const Tensor *t = e->t.program->tensors.at[i];
        if (t->kind == TENSOR_PARAM && strcmp(t->name, name) == 0) return t;
    }
    ck_abort_msg("%s: no parameter %s", e->file, name);
}

static void begin_backward(TracedExercise *e, const char *target, const char *dy)
{
    e->request.target = target;
    e->request.dy = dy;
    trace_again(e);
}

/* Of several steps only the first is traced. */
static bool follow_traced(TracedExercise *e, char *name, const Numbers *n)
{
    const Tensor *x = e->traced ? e->t.program->inputs.at[0] : NULL;
    if (strcmp(name, "x") == 0)
        e->request.x = n->text;
    else if (strcmp(name, "y") == 0)
        compare_outputs(e, n);
    else if (strcmp(name, "dy") == 0)
        begin_backward(e, NULL, n->text);
    else if (strcmp(name, "target") == 0)
        begin_backward(e, n->text, NULL);
    else if (strcmp(name, "dx") == 0)
        compare_traced(e, name, trace_gradient(&e->t, x), n);
    else if (strcmp(name, "loss") == 0)
        compare_traced(e, name, e->t.value[e->t.program->loss->id], n);
    else if (strncmp(name, "d(", 2) == 0)
        compare_traced(e, name, trace_gradient(&e->t, traced_parameter(e, strtok(name + 2, ")"))), n);
    else if (strcmp(name, "steps") == 0)
        return n->at[0] == 1;
    else if (e->t.program->kind == PROGRAM_STEP)
        compare_traced(e, name, e->t.after[traced_parameter(e, name)->id], n);
    return true;
}

static void check_traced_exercise(const char *name, const char *text, Compilation *c)
{
    TracedExercise e = {.file = name, .request = {.seed = -1, .digits = 2}};
    char word[EXERCISE_MOST];
    Numbers n;
    bool follows = true;
    load_options_init(&e.request.load);
    const char *line = exercise_line(c->arena, text, word, &n);
    for (; line && follows; line = exercise_line(c->arena, line, word, &n)) follows = follow_traced(&e, word, &n);
    ck_assert_msg(e.compared > 0, "%s: nothing of its trace is compared", name);
    if (e.traced) model_free(&e.m);
    load_options_free(&e.request.load);
}

START_TEST(every_exercise_has_its_numbers_in_the_trace) { ck_assert_int_gt(exercises_visit(check_traced_exercise), 0); }
END_TEST

/* ---- against the functions of the interface ---------------------------------------------- */

static const char small_net[] = "net small {\n"
                                "    input(2x6x6)\n"
                                "    conv(3, 3, pad=1) as conv\n"
                                "    add { } { batchnorm as bn relu }\n"
                                "    maxpool(2)\n"
                                "    flatten\n"
                                "    dense(4) as fc\n"
                                "}\n"
                                "train small { loss cross_entropy  optimizer adam(lr=0.01)  regularize l2(0.001) }\n";

static const char *numbers_text(Arena *arena, int count)
{
    Text out;
    text_init(&out, arena);
    for (int i = 0; i < count; i++) text_addf(&out, "%.3f ", sin(1.7 * i + 0.3));
    return out.data;
}

static void compare_bits(const char *name, const double *traced, const float *values, size_t count)
{
    ck_assert_ptr_nonnull(traced);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(traced[i] == (double)values[i], "%s[%zu]: %.9g in the trace, %.9g", name, i, traced[i],
                      (double)values[i]);
}

/* Parameters after the step that NET_step makes of the same model. */
static void compare_step(const Trace *t, const float *x, const int32_t *labels)
{
    const nn_model_info *info = t->m->info;
    void *block = block_alloc(info->train_bytes), *scratch = block_alloc(info->train_scratch);
    void *model = info->init(block, 1, (uint64_t)t->m->spec->seed);
    int compared = 0;
    const float loss = info->step(model, x, labels, (float)t->m->spec->lr, scratch);
    ck_assert(t->value[t->program->loss->id][0] == (double)loss);
    for (int i = 0; i < t->program->tensors.count; i++) {
        const Tensor *p = t->program->tensors.at[i];
        float values[1024];
        if (!tensor_in_model(p->kind) || !t->after[p->id]) continue;
        ck_assert_int_eq(info->get(model, p->name, values, (size_t)tensor_count(p, 1)), 0);
        compare_bits(p->name, t->after[p->id], values, (size_t)tensor_count(p, 1));
        compared += p->kind == TENSOR_PARAM;
    }
    ck_assert_int_eq(compared, 6);
    free(block);
    free(scratch);
}

START_TEST(a_traced_step_is_the_step_of_training)
{
    enum { SAMPLES = 3, ELEMENTS = SAMPLES * 2 * 6 * 6 };
    TraceRequest request = {.target = "2 0 3", .seed = -1};
    Model m;
    Trace t;
    TraceNumbers x;
    load_options_init(&request.load);
    Arena *arena = request.load.compilation->arena;
    char path[] = "/tmp/nnc_trace_XXXXXX";
    const int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    fputs(small_net, file);
    fclose(file);
    request.load.path = path;
    request.x = numbers_text(arena, ELEMENTS);
    ck_assert_int_eq(trace_numbers(arena, "x", request.x, &x), STATUS_OK);
    ck_assert_int_eq(trace_run_net(&request, &m, &t), STATUS_OK);
    remove(path);
    compare_step(&t, x.values, (const int32_t[]){2, 0, 3});
    model_free(&m);
    load_options_free(&request.load);
}
END_TEST

Suite *trace_suite(void)
{
    Suite *suite = suite_create("trace");
    TCase *tests = tcase_create("trace");
    tcase_add_test(tests, every_exercise_has_its_numbers_in_the_trace);
    tcase_add_test(tests, a_traced_step_is_the_step_of_training);
    suite_add_tcase(suite, tests);
    return suite;
}
