/*
 * Passes that take the time of their calls: they compute the same as the others,
 * and there is a time for each call of the program.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "elab/elaborate.h"
#include "emit/emit.h"
#include "runtime/kernels/system/clock.h"
#include "runtime/nn.h"

/* The first is compiled by cc in a moment; the others take it a quarter of a minute each. */
static const char *const nets[] = {"tests/refs/dropout_off.nn", "tests/refs/lenet_sgd.nn",
                                   "tests/refs/resnet_small.nn"};
enum { NETS = sizeof nets / sizeof *nets, MOST_CALLS = 400 };

typedef void InferProfile(const void *model, const float *x, float *y, void *scratch, int64_t *spent);
typedef float StepProfile(void *model, const float *x, const void *target, float lr, void *scratch, int64_t *spent);

/* A net with the running code of both sorts of passes. */
typedef struct Net {
    Compilation *c;
    const EmitResult *emitted;
    Jit *jit;
    const nn_model_info *info;
} Net;

static void *symbol(const Net *net, const char *name)
{
    void *found = jit_symbol(net->jit, arena_printf(net->c->arena, "%s_%s", net->emitted->prefix, name));
    ck_assert_msg(found, "%s is not there", name);
    return found;
}

static Net load(const char *path, JitKind kind, int threads)
{
    Net net = {.c = compilation_new()};
    const char *error;
    List none = {0};
    const File *file = front_parse_file(net.c, path);
    ck_assert_msg(file, "%s: run the tests in the folder of the sources", path);
    Graph *g = elaborate(net.c, file, NULL, &none);
    const TrainSpec *spec = g ? train_spec(net.c, file, g, &none) : NULL;
    ck_assert_ptr_nonnull(spec);
    EmitOptions options = {.lower.batch = 5,
                           .lower.infer = true,
                           .lower.train = true,
                           .standalone = true,
                           .threads = threads,
                           .profile = true};
    options.paste_kernels = kind == JIT_CC;
    net.emitted = emit_c(g, spec, &options);
    ck_assert_ptr_nonnull(net.emitted);
    net.jit = jit_compile(kind, net.emitted->source, net.c->arena, &error);
    ck_assert_msg(net.jit, "%s", error);
    net.info = ((const nn_model_info *(*)(void))symbol(&net, "info"))();
    return net;
}

static void *block(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 64) / 64 * 64);
    ck_assert_ptr_nonnull(p);
    return memset(p, 0, bytes);
}

static int call_count(const Graph *program)
{
    int count = 0;
    for (int i = 0; i < program->nodes.count; i++) {
        const Node *n = program->nodes.at[i];
        count += !(n->op->traits & OP_VIEW);
    }
    return count;
}

/* Every call has taken time, all of them no more than the pass, and nothing stands behind the last. */
static void check_spent(const Graph *program, const int64_t *spent, int64_t most)
{
    int count = call_count(program);
    int64_t sum = 0;
    ck_assert_int_lt(count, MOST_CALLS);
    for (int i = 0; i < count; i++) {
        ck_assert_int_gt(spent[i], 0);
        sum += spent[i];
    }
    ck_assert_int_le(sum, most);
    ck_assert_int_eq(spent[count], 0);
}

static float *numbers(size_t count)
{
    float *x = block(count * sizeof *x);
    for (size_t i = 0; i < count; i++) x[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
    return x;
}

static void check_infer(const Net *net, const void *model, const float *x, void *scratch)
{
    size_t count = net->info->outputs * (size_t)net->info->batch;
    int64_t spent[MOST_CALLS] = {0};
    float *y = block(count * sizeof *y), *same = block(count * sizeof *same);
    InferProfile *profile = (InferProfile *)symbol(net, "infer_profile");
    net->info->infer(model, x, y, scratch);
    int64_t begin = nn_now();
    profile(model, x, same, scratch, spent);
    check_spent(net->emitted->infer_program, spent, nn_now() - begin);
    ck_assert_mem_eq(y, same, count * sizeof *y);
    free(y);
    free(same);
}

/* Two steps of each sort from the same start. */
static void check_steps(const Net *net, const float *x, void *scratch)
{
    void *first = block(net->info->train_bytes), *other = block(net->info->train_bytes);
    void *model = net->info->init(first, 1, 1), *same = net->info->init(other, 1, 1);
    int32_t *labels = block(net->info->outputs * (size_t)net->info->batch * sizeof *labels); /* or mse's values */
    StepProfile *profile = (StepProfile *)symbol(net, "step_profile");
    for (int i = 0; i < 2; i++) {
        int64_t spent[MOST_CALLS] = {0};
        float loss = net->info->step(model, x, labels, 0.1f, scratch);
        int64_t begin = nn_now();
        ck_assert(loss == profile(same, x, labels, 0.1f, scratch, spent));
        check_spent(net->emitted->step_program, spent, nn_now() - begin);
    }
    ck_assert_mem_eq(first, other, net->info->train_bytes);
    check_infer(net, model, x, scratch);
    free(first);
    free(other);
    free(labels);
}

static void check_net(const char *path, JitKind jit, int threads)
{
    Net net = load(path, jit, threads);
    float *x = numbers(net.info->inputs * (size_t)net.info->batch);
    size_t most = net.info->train_scratch > net.info->infer_scratch ? net.info->train_scratch : net.info->infer_scratch;
    void *scratch = block(most);
    check_steps(&net, x, scratch);
    free(x);
    free(scratch);
    jit_free(net.jit);
    compilation_free(net.c);
}

START_TEST(profiles_compute_the_same)
{
    for (int threads = 1; threads <= 3; threads++) check_net(nets[_i], JIT_TCC, threads);
}
END_TEST

START_TEST(profiles_compile_with_cc) { check_net(nets[_i], JIT_CC, 2); }
END_TEST

Suite *bench_suite(void)
{
    Suite *s = suite_create("bench");
    TCase *t = tcase_create("profiles");
    tcase_add_loop_test(t, profiles_compute_the_same, 0, NETS);
    tcase_add_loop_test(t, profiles_compile_with_cc, 0, getenv("ALL") ? NETS : 1);
    suite_add_tcase(s, t);
    return s;
}
