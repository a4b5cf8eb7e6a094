/*
 * Weights as the generated C expects them.
 *
 * The net is compiled in this process in the form that will be written, but with the
 * kernels of this program: that lays the model's block out and packs what inference packs.
 * The weights are set in it, and the block is what is built in.
 */
#include "commands/train/trained.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/predict/predict_output.h"
#include "commands/support/feeding.h"
#include "commands/support/weighted.h"

/*
 * A C compiler reads weights at about a second and 70 MB of memory (clang: 140) for each
 * megabyte: gcc 12 takes 11 s and 570 MB for 8 MB.
 */
enum { CONSTANT_LIMIT = 32 << 20 };

static int check_size(const TrainedRequest *r, const char *prefix, int64_t bytes)
{
    if (r->weights_out || bytes <= CONSTANT_LIMIT) return STATUS_OK;
    return fail(STATUS_INPUT,
                "the model is %lld MB, and constants of more than %d MB take C compilers minutes and gigabytes; "
                "write it beside the C with --weights-out %s.bin",
                (long long)(bytes >> 20), CONSTANT_LIMIT >> 20, prefix);
}

/* What is not finite has no constant in C, and no model that works has it. */
static int check_weights_finite(const nn_model_info *info, const void *model, Arena *arena)
{
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float *values = arena_alloc(arena, (t->count + 1) * sizeof *values);
        info->get(model, t->name, values, t->count);
        for (size_t k = 0; k < t->count; k++)
            if (!isfinite(values[k]))
                return fail(STATUS_INPUT, "%s[%zu] is %g: such weights cannot be built in", t->name, k,
                            (double)values[k]);
    }
    return STATUS_OK;
}

/* To train on: what is not in the file, or has another shape there, starts as the source says. */
static int load_start(WeightedModel *w, const nn_model_info *info)
{
    NnError error = {0};
    for (int i = 0; i < info->tensor_count; i++)
        if (info->tensors[i].kind == NN_FROZEN && !nn_weights_have(w->file, &info->tensors[i]))
            return fail(STATUS_INPUT, "%s is not trained, and %s has no tensor of its name and shape",
                        info->tensors[i].name, w->path);
    w->block = block_for_model(info);
    w->model = info->init(w->block, 0, 0);
    const int failed = nn_weights_load(info, w->model, w->file, w->path, NN_LOAD_MATCHING, stderr, &error);
    return failed ? fail_error(&error) : STATUS_OK;
}

static int fill_block(const TrainedRequest *r, WeightedModel *w, const nn_model_info *info, Arena *arena,
                      TrainedModel *out)
{
    if (check_size(r, info->name, (int64_t)info->model_bytes)) return STATUS_INPUT;
    int status = r->train ? load_start(w, info) : weighted_load(w, info);
    if (!status) status = check_weights_finite(info, w->model, arena);
    if (status) return status;
    void *kept = arena_alloc(arena, info->model_bytes);
    memcpy(kept, w->block, info->model_bytes);
    out->block = kept;
    out->bytes = (int64_t)info->model_bytes;
    return STATUS_OK;
}

/*
 * Outputs are compared to a thousandth of the largest.  Another order of sums moves them by about
 * 1e-5 of it, Winograd's algorithm by 1e-4 in deep nets; values that are rounded to bf16 (2^-9)
 * can fall on either side.
 */
static float self_test_tolerance(const SelfTest *test, const EmitOptions *options)
{
    float largest = 0;
    for (int64_t i = 0; i < test->count; i++) largest = fmaxf(largest, fabsf(test->outputs[i]));
    return (options->lower.bf16_values ? 0.03125f : 1e-3f) * largest;
}

static void fill_self_test_inputs(const TrainedModel *t, const nn_model_info *info, float *x)
{
    uint32_t state = 0;
    for (size_t i = 0; i < info->inputs; i++) {
        float value = (float)self_test_pixel(&state) / 255.0f;
        if (t->mean) {
            const size_t c = i / (info->inputs / (size_t)t->channels);
            value = (value - t->mean[c]) / t->std[c];
        }
        for (int n = 0; n < info->batch; n++) x[(size_t)n * info->inputs + i] = value;
    }
}

/* Of up to SELF_TEST_OUTPUTS outputs. */
static int take_self_test_outputs(const nn_model_info *info, const float *y, SelfTest *test, Arena *arena)
{
    enum { SELF_TEST_OUTPUTS = 1000 };
    const int64_t outputs = (int64_t)info->outputs;
    test->step = (outputs + SELF_TEST_OUTPUTS - 1) / SELF_TEST_OUTPUTS;
    test->count = (outputs + test->step - 1) / test->step;
    float *kept = arena_alloc(arena, (size_t)test->count * sizeof *kept);
    for (int64_t i = 0; i < test->count; i++) {
        kept[i] = y[i * test->step];
        if (!isfinite(kept[i]))
            return fail(STATUS_INPUT, "--self-test: of its made-up inputs output %lld is %g: nothing can be compared",
                        (long long)(i * test->step), (double)kept[i]);
    }
    test->outputs = kept;
    return STATUS_OK;
}

/* What the model makes of the inputs that NET_self_test makes up. */
static int read_self_test(const WeightedModel *w, const nn_model_info *info, const EmitOptions *options, Arena *arena,
                          TrainedModel *out)
{
    const size_t batch = (size_t)info->batch;
    SelfTest *test = arena_alloc(arena, sizeof *test);
    float *x = block_alloc(batch * info->inputs * sizeof *x), *y = block_alloc(batch * info->outputs * sizeof *y);
    void *scratch = block_for_scratch(info);
    fill_self_test_inputs(out, info, x);
    info->infer(w->model, x, y, scratch);
    const int status = take_self_test_outputs(info, y, test, arena);
    if (!status) test->tolerance = self_test_tolerance(test, options);
    out->self_test = test;
    free(scratch);
    free(y);
    free(x);
    return status;
}

/* The form of `final`, to run here. */
static EmitOptions options_to_run(const EmitOptions *final)
{
    EmitOptions options = *final;
    options.standalone = true;
    options.paste_kernels = false;
    options.trained = NULL;
    options.lower.infer = true;
    options.lower.train = options.lower.constants = false;
    options.lower.memory_limit = 0;
    options.main = false;
    options.threads = 1;
    return options;
}

static const float *kept_floats(Arena *arena, const float *values, int count)
{
    float *copy = values ? arena_alloc(arena, (size_t)count * sizeof *copy) : NULL;
    if (copy) memcpy(copy, values, (size_t)count * sizeof *copy);
    return copy;
}

static int read_normalisation(const TrainedRequest *r, NnTensors *weights, const Model *m, TrainedModel *out)
{
    NnError error = {0};
    Fitting f;
    if (feeding_fit(&f, m, weights, r->weights, &error)) return fail_error(&error);
    out->channels = f.channels;
    out->mean = kept_floats(m->c->arena, f.mean, f.channels);
    out->std = kept_floats(m->c->arena, f.std, f.channels);
    out->fit = f.fit == NN_FIT_RESIZE ? "r" : f.fit == NN_FIT_PAD ? "p" : "c";
    fitting_free(&f);
    return STATUS_OK;
}

static int read_block(const TrainedRequest *r, WeightedModel *w, const Model *m, const EmitOptions *final,
                      TrainedModel *out)
{
    const EmitOptions options = options_to_run(final);
    const char *error;
    EmitResult *e = emit_c(m->net, NULL, &options);
    if (!e) return STATUS_INPUT;
    Jit *jit = jit_compile(jit_kind_for(JIT_TCC, e->model_bytes), e->source, m->c->arena, &error);
    if (!jit) return fail(STATUS_SYSTEM, "%s", error);
    const nn_model_info *(*info)(void) =
        (const nn_model_info *(*)(void))jit_symbol(jit, arena_printf(m->c->arena, "%s_info", e->prefix));
    int status = fill_block(r, w, info(), m->c->arena, out);
    if (!status) status = read_normalisation(r, w->file, m, out);
    if (!status && r->self_test) status = read_self_test(w, info(), &options, m->c->arena, out);
    jit_free(jit);
    return status;
}

/* Training may go on with more classes than the weights know: these have numbers. */
static int read_classes(const TrainedRequest *r, NnTensors *weights, const Model *m, TrainedModel *out)
{
    NnError error = {0};
    out->meaning = output_meaning(m);
    if (r->train && output_has_other_classes(m, weights)) {
        out->class_count = (int)shape_count(m->net->output->shape);
        return STATUS_OK;
    }
    return output_class_names(m, weights, r->weights, &out->class_names, &out->class_count, &error) ? fail_error(&error)
                                                                                                    : STATUS_OK;
}

int trained_read(const TrainedRequest *r, const Model *m, const EmitOptions *options, TrainedModel *out)
{
    WeightedModel w;
    int status = weighted_open(&w, r->weights, m);
    if (status) return status;
    *out =
        (TrainedModel){.input_bytes = r->input_bytes, .beside = r->weights_out != NULL, .certificate = m->certificate};
    status = read_block(r, &w, m, options, out);
    if (!status) status = read_classes(r, w.file, m, out);
    weighted_close(&w);
    return status;
}
