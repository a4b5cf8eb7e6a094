/*
 * Training within a limit of memory: rematerialized values are bitwise identical,
 * memory stays within the limit, and where the limit asks for nothing nothing changes.
 * Micro-batches come before rematerialization, where no operator mixes samples.
 *
 * Every net is trained without a limit and with two: the least that will do, and one
 * half way to it.  The whole block of the model is compared after some steps, and all
 * gradients; memory that is not live holds NaN.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets.h"

enum { STEPS = 2 };

static const struct {
    const char *name, *text;
} nets[] = {
    {"lenet",
     "net t { input(1x16x16) conv(6, 5, pad=2) relu maxpool(2) conv(16, 5) relu maxpool(2) flatten dense(24) relu "
     "dense(10) }\n"
     "train t { optimizer adam(1e-3) batch 16 }\n"},
    {"dropout",
     "net t { input(3x12x12) conv(8, 3, pad=1) rrelu dropout(0.3) conv(8, 3, pad=1) gelu dropout(0.2) conv(4, 3) "
     "batchnorm flatten dropout(0.5) dense(5) softmax }\n"
     "train t { optimizer sgd(0.1, momentum=0.9) batch 5 }\n"},
    {"resnet",
     "block basic(out, stride=1) {\n"
     "    add {\n"
     "        conv(out, 3, stride=stride, pad=1, bias=no) batchnorm relu conv(out, 3, pad=1, bias=no) batchnorm\n"
     "    } {\n"
     "        if stride != 1 or in.channels != out { conv(out, 1, stride=stride, bias=no) batchnorm(affine=no) }\n"
     "    }\n"
     "    relu\n"
     "}\n"
     "net t { input(3x10x10) conv(8, 3, pad=1, bias=no) batchnorm relu basic(8) basic(8) basic(16, stride=2) basic(16) "
     "basic(24, stride=2) global_avgpool flatten dense(7) }\n"
     "train t { optimizer sgd(0.05, momentum=0.9, weight_decay=1e-3) batch 4 clip norm(3) }\n"},
    {"googlenet",
     "import std\n"
     "net t { input(3x10x10) conv(8, 3, pad=1) relu lrn(5) inception(4, 4, 8, 2, 4, 4) inception(6, 4, 8, 2, 4, 4) "
     "maxpool(3, stride=2) inception(8, 6, 12, 3, 6, 6) dropout(0.4) global_avgpool flatten dense(6) }\n"
     "train t { optimizer adamw(0.01) regularize l2(1e-4) batch 4 }\n"},
    {"densenet",
     "import std\n"
     "net t { input(3x10x10) conv(8, 3, pad=1, bias=no) dense_block(3, 4) transition dense_block(4, 4) batchnorm relu "
     "global_avgpool flatten dense(9) }\n"
     "train t { optimizer sgd(0.05, momentum=0.9) batch 3 }\n"},
};

/* A net that trains. */
typedef struct Trained {
    const EmitResult *emitted;
    const nn_model_info *info;
    Jit *jit;
    void *block, *scratch, *model;
} Trained;

static void *block_of(size_t bytes)
{
    size_t size = (bytes + 64) & ~(size_t)63;
    return memset(aligned_alloc(64, size), 0xff, size);
}

static EmitOptions options_of(const TrainSpec *spec, bool plain)
{
    return (EmitOptions){.lower.batch = spec->batch,
                         .lower.infer = true,
                         .lower.train = true,
                         .lower.plain = plain,
                         .standalone = true,
                         .poison = true,
                         .threads = 1};
}

static Trained trained_open(Compilation *c, Graph *net, const TrainSpec *spec, const EmitOptions *options)
{
    Trained t = {.emitted = emit_c(net, spec, options)};
    if (!t.emitted) diag_print(c, stderr, false);
    ck_assert_ptr_nonnull(t.emitted);
    const char *error = NULL;
    t.jit = jit_compile(JIT_TCC, t.emitted->source, c->arena, &error);
    ck_assert_msg(t.jit != NULL, "%s", error ? error : "");
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
}

/* The bits of the losses of some steps and of all gradients afterwards, one after the other. */
static float *train(Compilation *c, Trained *t, size_t *count)
{
    const nn_model_info *info = t->info;
    size_t inputs = info->inputs * (size_t)info->batch, at = 0;
    float *x = arena_alloc(c->arena, inputs * sizeof *x);
    int32_t *labels = arena_alloc(c->arena, (size_t)info->batch * sizeof *labels);
    float *numbers = arena_alloc(c->arena, (info->params + STEPS + 1) * sizeof *numbers);
    unsigned state = 1;
    for (size_t i = 0; i < inputs; i++) x[i] = (float)((state = state * 1664525u + 1013904223u) >> 8) / 16777216 - 0.5f;
    for (int i = 0; i < info->batch; i++) labels[i] = i % info->output_dims[0];
    for (int i = 0; i < STEPS; i++) numbers[at++] = info->step(t->model, x, labels, 0.05f, t->scratch);
    numbers[at++] = info->grad(t->model, x, labels, t->scratch);
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *tensor = &info->tensors[i];
        if (info->get_grad(t->model, tensor->name, numbers + at, tensor->count, t->scratch) == 0) at += tensor->count;
    }
    *count = at;
    return numbers;
}

static void compare(Compilation *c, Trained *a, Trained *b, const char *name)
{
    size_t counts[2];
    float *numbers[] = {train(c, a, &counts[0]), train(c, b, &counts[1])};
    ck_assert_uint_eq(counts[0], counts[1]);
    ck_assert_uint_gt(counts[0], STEPS + 1);
    ck_assert_msg(memcmp(numbers[0], numbers[1], counts[0] * sizeof(float)) == 0, "%s: other losses or gradients",
                  name);
    ck_assert_msg(memcmp(a->block, b->block, a->info->train_bytes) == 0, "%s: another model", name);
}

START_TEST(keeps_bits)
{
    for (int plain = 0; plain < 2; plain++) {
        Compilation *c = compilation_new();
        TrainSpec *spec = NULL;
        Graph *net = net_of_text(c, nets[_i].text, &spec);
        EmitOptions options = options_of(spec, plain);
        options.lower.disabled = PASS_BIT(MICRO_BATCHES);
        Trained whole = trained_open(c, net, spec, &options);
        int64_t most = whole.emitted->model_bytes + whole.emitted->train_scratch;
        int64_t least = lower_least_memory(net, spec, &options.lower);
        ck_assert_int_lt(least, most);
        for (int half = 0; half < 2; half++) {
            options.lower.memory_limit = half ? least + (most - least) / 2 : least;
            Trained within = trained_open(c, net, spec, &options);
            ck_assert_int_le(within.emitted->model_bytes + within.emitted->train_scratch, options.lower.memory_limit);
            if (!half) ck_assert_int_gt(within.emitted->limited.recomputed.values, 0);
            compare(c, &whole, &within, nets[_i].name);
            trained_close(&whole);
            trained_close(&within);
            options.lower.memory_limit = 0;
            whole = trained_open(c, net, spec, &options);
        }
        trained_close(&whole);
        compilation_free(c);
    }
}
END_TEST

START_TEST(leaves_what_fits)
{
    Compilation *c = compilation_new();
    TrainSpec *spec = NULL;
    Graph *net = net_of_text(c, nets[_i].text, &spec);
    EmitOptions options = options_of(spec, false);
    const EmitResult *without = emit_c(net, spec, &options);
    options.lower.memory_limit = without->model_bytes + without->train_scratch;
    const EmitResult *with = emit_c(net, spec, &options);
    ck_assert_str_eq(with->source, without->source);
    ck_assert_int_eq(with->limited.recomputed.values, 0);
    options.lower.memory_limit--;
    const EmitResult *less = emit_c(net, spec, &options);
    ck_assert_int_le(less->model_bytes + less->train_scratch, options.lower.memory_limit);
    compilation_free(c);
}
END_TEST

/* The net trained once more with these options: the same numbers to 1e-4 of the largest. */
static Trained like(Compilation *c, Graph *net, const TrainSpec *spec, const EmitOptions *options, const float *want)
{
    size_t count;
    Trained t = trained_open(c, net, spec, options);
    const float *numbers = train(c, &t, &count);
    float most = 0;
    for (size_t i = 0; i < count; i++) most = fmaxf(most, fabsf(want[i]));
    for (size_t i = 0; i < count; i++) ck_assert_float_eq_tol(numbers[i], want[i], 1e-4f * most);
    return t;
}

static bool mixes_samples(const Graph *program)
{
    for (int i = 0; i < program->nodes.count; i++)
        if (((const Node *)program->nodes.at[i])->op->traits & OP_BATCH_COUPLED) return true;
    return false;
}

START_TEST(cuts_the_batch_first)
{
    size_t count;
    Compilation *c = compilation_new();
    TrainSpec *spec = NULL;
    Graph *net = net_of_text(c, nets[_i].text, &spec);
    EmitOptions options = options_of(spec, false);
    options.lower.batch = 16;
    Trained whole = trained_open(c, net, spec, &options);
    const float *want = train(c, &whole, &count);
    options.lower.memory_limit = whole.emitted->model_bytes + whole.emitted->train_scratch / 4 * 3;
    Trained cut = like(c, net, spec, &options, want);
    const MemoryLimitResult *limited = &cut.emitted->limited;
    if (mixes_samples(whole.emitted->step_program)) {
        ck_assert_int_eq(limited->micro_batch, 0);
        ck_assert_int_gt(limited->recomputed.values, 0);
    } else {
        ck_assert_int_gt(limited->micro_batch, 0);
        ck_assert_int_lt(limited->micro_batch, 16);
        ck_assert_int_eq(limited->recomputed.values, 0);
        ck_assert_int_eq(cut.emitted->step_program->micro_batches * limited->micro_batch, 16);
    }
    options.threads = 3;
    Trained threads = like(c, net, spec, &options, want);
    ck_assert_mem_eq(cut.block, threads.block, cut.info->train_bytes);
    trained_close(&whole);
    trained_close(&cut);
    trained_close(&threads);
    compilation_free(c);
}
END_TEST

/* More than 256 MB of values: not all relus are kept, and no bit is another. */
START_TEST(large_steps_keep_less)
{
    Compilation *c = compilation_new();
    TrainSpec *spec = NULL;
    Graph *net = net_of_text(c,
                             "net t { input(3x128x128) repeat(8) { conv(32, 3, pad=1, bias=no) batchnorm relu } "
                             "global_avgpool flatten dense(5) }\n"
                             "train t { optimizer sgd(0.1, momentum=0.9) batch 10 }\n",
                             &spec);
    EmitOptions options = options_of(spec, false);
    options.poison = false; /* it would fill all of that with NaN after every call */
    Trained less = trained_open(c, net, spec, &options);
    options.lower.disabled = PASS_BIT(REMATERIALIZATION);
    Trained whole = trained_open(c, net, spec, &options);
    const MemoryLimitResult *limited = &less.emitted->limited;
    ck_assert_int_gt(limited->recomputed.values, 0);
    ck_assert_int_eq(limited->recomputed.macs, 0);
    ck_assert_int_eq(whole.emitted->limited.recomputed.values, 0);
    compare(c, &less, &whole, "a large step");
    trained_close(&less);
    trained_close(&whole);
    compilation_free(c);
}
END_TEST

START_TEST(refuses_too_little)
{
    Compilation *c = compilation_new();
    TrainSpec *spec = NULL;
    Graph *net = net_of_text(c, nets[_i].text, &spec);
    EmitOptions options = options_of(spec, false);
    options.lower.memory_limit = lower_least_memory(net, spec, &options.lower) - 1;
    ck_assert_ptr_null(emit_c(net, spec, &options));
    ck_assert_int_eq(c->errors, 1);
    compilation_free(c);
}
END_TEST

Suite *rematerialize_suite(void)
{
    Suite *suite = suite_create("rematerialize");
    TCase *tests = tcase_create("rematerialize");
    int count = sizeof nets / sizeof *nets;
    tcase_add_loop_test(tests, keeps_bits, 0, count);
    tcase_add_loop_test(tests, leaves_what_fits, 0, count);
    tcase_add_loop_test(tests, cuts_the_batch_first, 0, count);
    tcase_add_loop_test(tests, refuses_too_little, 0, count);
    suite_add_tcase(suite, tests);
    TCase *large = tcase_create("large");
    tcase_set_timeout(large, 900); /* under sanitizers */
    tcase_add_test(large, large_steps_keep_less);
    suite_add_tcase(suite, large);
    return suite;
}
