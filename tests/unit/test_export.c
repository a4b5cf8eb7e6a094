/*
 * ONNX models that nnc writes: read back, they are the net that they were made of, to the bit in
 * the plain form, and with the same report.
 *
 * With ALL=1 all examples, or those that EXAMPLES names; with FAST=1 in the fast form, and so in a minute and not to the bit.
 * EXPORT_TO=FOLDER leaves the models there, with inputs and outputs as
 * raw floats, for tests/export/run.sh, which shows them to other readers.
 */
#include <check.h>
#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interop/export_onnx.h"
#include "interop/import_onnx.h"
#include "interop/write_source.h"
#include "libraries.h"
#include "nets.h"
#include "tests/unit/export_cases.h"
#include "tests/unit/files.h"

/* ---- weights ------------------------------------------------------------------------- */

/* Numbers with which values stay of one size: what a trained net has, but for their meaning. */
static float some_weight(const Tensor *t, unsigned stream, unsigned k)
{
    const double u = 2 * (double)uniform(stream, k) - 1;
    const char *name = strrchr(t->name, '.') ? strrchr(t->name, '.') + 1 : t->name;
    if (strcmp(name, "running_var") == 0) return (float)(1 + 0.5 * u);
    if (strcmp(name, "num_batches_tracked") == 0) return 7;
    if (t->shape.rank == 1) return (float)(strcmp(name, "weight") == 0 ? 1 + 0.25 * u : 0.1 * u);
    const double fan_in = (double)shape_count(t->shape) / (double)t->shape.dim[0];
    return (float)(u * sqrt(3 / fan_in));
}

static Map *make_weights(Arena *arena, const Graph *net)
{
    Map *weights = map_new(arena);
    for (int i = 0; i < net->model.count; i++) {
        const Tensor *t = net->model.at[i];
        float *values = arena_alloc(arena, (size_t)shape_count(t->shape) * sizeof *values);
        for (int64_t k = 0; k < shape_count(t->shape); k++) values[k] = some_weight(t, (unsigned)i + 10, (unsigned)k);
        map_put(weights, t->name, values);
    }
    return weights;
}

static const float *weights_of(const void *weights, const Tensor *t) { return map_get(weights, t->name); }

/* ---- running ---------------------------------------------------------------------------- */

/* The net's plain form, or with FAST=1 the fast one, on numbers from −1 to 1. */
static float *plain_outputs(Graph *net, const Map *weights, JitKind kind, size_t batch)
{
    Compilation *c = net->compilation;
    const EmitOptions options = {.prefix = "net",
                                 .lower.batch = (int64_t)batch,
                                 .lower.infer = true,
                                 .lower.plain = !getenv("FAST"),
                                 .lower.target = target_native(),
                                 .standalone = true,
                                 .paste_kernels = kind == JIT_CC,
                                 .threads = 1};
    const char *error = "";
    EmitResult *emitted = emit_c(net, NULL, &options);
    if (!emitted) diag_print(c, stderr, false);
    ck_assert_ptr_nonnull(emitted);
    Jit *jit = jit_compile(kind, emitted->source, c->arena, &error);
    ck_assert_msg(jit != NULL, "%s", error);
    const nn_model_info *info = ((const nn_model_info *(*)(void))jit_symbol(jit, "net_info"))();
    void *block = zeroed(info->model_bytes + 64), *scratch = zeroed(info->infer_scratch + 64);
    void *model = info->init(block, 0, 0);
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        const float *values = map_get(weights, t->name);
        ck_assert_msg(values != NULL, "no weights for %s", t->name);
        ck_assert_int_eq(info->set(model, t->name, values, t->count), 0);
    }
    float *x = zeroed(batch * info->inputs * sizeof *x), *y = zeroed(batch * info->outputs * sizeof *y);
    for (size_t k = 0; k < batch * info->inputs; k++) x[k] = 2 * uniform(1, (unsigned)k) - 1;
    info->infer(model, x, y, scratch);
    free(x);
    free(block);
    free(scratch);
    jit_free(jit);
    return y;
}

/* ---- there and back ------------------------------------------------------------------------ */

static void write_model(const Graph *net, const Map *weights, const char *path)
{
    NnError error = {0};
    Arena *arena = arena_new();
    const OnnxExportRequest request = {.net = net, .version = "test", .values = weights_of, .user = weights};
    const Onnx__ModelProto *model = onnx_export(arena, &request);
    if (!model) diag_print(net->compilation, stderr, false);
    ck_assert_ptr_nonnull(model);
    ck_assert_msg(onnx_export_write(model, path, &error) == 0, "%s", error.text);
    arena_free(arena);
}

/* The net of the file; *weights are its own. */
static Graph *read_model(Compilation *c, Arena *arena, const char *path, OnnxImport *import, Map **weights)
{
    const OnnxImportOptions options = {0};
    NnError error = {0};
    Text text;
    ck_assert_msg(onnx_import(arena, path, &options, import, &error) == 0, "%s", error.text);
    text_init(&text, arena);
    ck_assert_msg(write_source(import->graph, &text, &error) == 0, "%s", error.text);
    *weights = map_new(arena);
    for (int i = 0; i < import->graph->nodes.count; i++) {
        const ImportNode *n = import->graph->nodes.at[i];
        for (int k = 0; k < n->params.count; k++) {
            const ImportParam *p = n->params.at[k];
            map_put(*weights, import_param_name(import->graph, n, p), (void *)p->data);
        }
    }
    if (getenv("SHOW")) fputs(text.data, stderr);
    return net_of_text(c, text.data, NULL);
}

/* The first place where they differ, or −1; NaN is NaN. */
static int64_t first_difference(const float *a, const float *b, int64_t count, double tolerance)
{
    for (int64_t i = 0; i < count; i++) {
        if (isnan(a[i]) && isnan(b[i])) continue;
        if (tolerance == 0 ? memcmp(&a[i], &b[i], sizeof *a) != 0
                           : !(fabs((double)a[i] - (double)b[i]) <= tolerance * fmax(1, fabs((double)a[i]))))
            return i;
    }
    return -1;
}

typedef struct Totals {
    int64_t params, macs;
} Totals;

/* Of what the outputs need: heads, which training alone has, are not exported. */
static Totals inference_totals(const Graph *g)
{
    Totals t = {0};
    bool *needed = zeroed((size_t)g->nodes.count);
    needed[g->output->producer->id] = true;
    for (int i = 0; i < g->outputs.count; i++) needed[((const Head *)g->outputs.at[i])->output->producer->id] = true;
    for (int i = g->nodes.count - 1; i >= 0; i--) {
        const Node *n = g->nodes.at[i];
        if (!needed[i]) continue;
        for (int k = 0; k < n->data_count; k++)
            if (n->in[k]->producer) needed[n->in[k]->producer->id] = true;
        t.params += node_params(n, true) + node_params(n, false);
        t.macs += node_macs(n);
    }
    free(needed);
    return t;
}

static void same_report(const Graph *a, const Graph *b, const char *what)
{
    const Totals x = inference_totals(a), y = inference_totals(b);
    ck_assert_msg(x.params == y.params, "%s: %lld parameters, not %lld", what, (long long)y.params,
                  (long long)x.params);
    ck_assert_msg(x.macs == y.macs, "%s: %lld MACs, not %lld", what, (long long)y.macs, (long long)x.macs);
    for (int axis = 0; axis < 2; axis++) {
        const Field f = a->output->field[axis], g = b->output->field[axis];
        const bool same = f.whole ? g.whole : f.stride == g.stride && f.first == g.first && f.last == g.last;
        ck_assert_msg(f.whole == g.whole && same, "%s: another receptive field", what);
    }
}

static void keep_for_others(const char *name, const char *model, const float *y, const Graph *net, int64_t batch)
{
    const char *folder_of_models = getenv("EXPORT_TO");
    char path[512], command[1100];
    int64_t outputs = shape_count(net->output->shape), inputs = 0;
    if (!folder_of_models) return;
    for (int i = 0; i < net->outputs.count; i++)
        outputs += shape_count(((const Head *)net->outputs.at[i])->output->shape);
    for (int i = 0; i < net->inputs.count; i++) inputs += shape_count(((const Tensor *)net->inputs.at[i])->shape);
    snprintf(command, sizeof command, "cp %s %s/%s.onnx", model, folder_of_models, name);
    ck_assert_int_eq(system(command), 0);
    for (int output = 0; output < 2; output++) {
        snprintf(path, sizeof path, "%s/%s.%s", folder_of_models, name, output ? "y" : "x");
        FILE *f = fopen(path, "wb");
        ck_assert_ptr_nonnull(f);
        for (int64_t k = 0; !output && k < batch * inputs; k++) {
            const float value = 2 * uniform(1, (unsigned)k) - 1;
            fwrite(&value, sizeof value, 1, f);
        }
        if (output) fwrite(y, sizeof *y, (size_t)(batch * outputs), f);
        fclose(f);
    }
}

static void there_and_back(Graph *net, const char *name, Comeback comes_back, JitKind kind, int64_t batch)
{
    Arena *arena = arena_new();
    Compilation *c = compilation_new();
    OnnxImport import;
    Map *own;
    const bool exact = comes_back == SAME_NET || comes_back == SAME_BITS;
    const double tolerance = getenv("FAST") ? 1e-5 : exact ? 0 : 1e-6;
    const char *path = in_folder("model.onnx");
    const Map *weights = make_weights(arena, net);
    write_model(net, weights, path);
    float *before = plain_outputs(net, weights, kind, (size_t)batch);
    keep_for_others(name, path, before, net, batch);
    Graph *read = read_model(c, arena, path, &import, &own);
    float *after = plain_outputs(read, own, kind, (size_t)batch);
    const int64_t count = batch * shape_count(net->output->shape);
    const int64_t at = first_difference(before, after, count, tolerance);
    ck_assert_msg(at < 0, "%s: output %lld is %.9g, not %.9g", name, (long long)at, (double)after[at < 0 ? 0 : at],
                  (double)before[at < 0 ? 0 : at]);
    if (comes_back == SAME_NET || comes_back == CLOSE_NET) same_report(net, read, name);
    free(before);
    free(after);
    onnx_import_free(&import);
    compilation_free(c);
    arena_free(arena);
}

/* ---- layers ---------------------------------------------------------------------------------- */

START_TEST(layers_come_back)
{
    const LayerCase *k = &export_cases[_i];
    Compilation *c = compilation_new();
    Graph *net = net_of_text(c, arena_printf(c->arena, "net a { %s }", k->layers), NULL);
    there_and_back(net, k->name, k->comes_back, JIT_TCC, 2);
    compilation_free(c);
}
END_TEST

/* ---- examples ---------------------------------------------------------------------------------- */

static glob_t examples; /* those that are chosen come first */

/* Without ALL=1 those that plain loops without optimisation run in a moment. */
static bool is_chosen(const char *path)
{
    static const char *const few[] = {"lenet.nn", "resnet_cifar.nn", "xor.nn"};
    for (size_t i = 0; !getenv("EXAMPLES") && i < sizeof few / sizeof *few; i++)
        if (strcmp(path_file_name(path), few[i]) == 0) return true;
    return getenv("ALL") && (!getenv("EXAMPLES") || strstr(getenv("EXAMPLES"), path_file_name(path)));
}

/* How many of them. */
static int choose_examples(void)
{
    int chosen = 0;
    if (!examples.gl_pathc && glob("dsl_examples/*.nn", 0, NULL, &examples)) abort();
    for (size_t i = 0; i < examples.gl_pathc; i++) {
        char *path = examples.gl_pathv[i];
        if (!is_chosen(path)) continue;
        examples.gl_pathv[i] = examples.gl_pathv[chosen];
        examples.gl_pathv[chosen++] = path;
    }
    return chosen;
}

START_TEST(examples_come_back)
{
    const char *path = examples.gl_pathv[_i], *file = path_file_name(path);
    char name[64];
    Compilation *c = compilation_new();
    Graph *net = net_of_file(c, front_parse_file(c, path), NULL, NULL);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(file, "."), file);
    there_and_back(net, name, SAME_NET, getenv("ALL") && !getenv("FAST") ? JIT_CC : JIT_TCC, 1);
    compilation_free(c);
}
END_TEST

/* ---- the model ------------------------------------------------------------------------------------ */

static Onnx__ModelProto *model_of(Compilation *c, const char *text, OnnxMemory *memory)
{
    NnError error = {0};
    Graph *net = net_of_text(c, text, NULL);
    write_model(net, make_weights(c->arena, net), in_folder("model.onnx"));
    Onnx__ModelProto *model =
        (Onnx__ModelProto *)onnx_message_read(in_folder("model.onnx"), &onnx__model_proto__descriptor, memory, &error);
    ck_assert_msg(model != NULL, "%s", error.text);
    return model;
}

START_TEST(names_are_kept)
{
    OnnxMemory memory;
    Compilation *c = compilation_new();
    const Onnx__ModelProto *m = model_of(c,
                                         "net a { input(2x4x4) as image  conv(3, 3) as \"features.0\"  relu as act  "
                                         "output early  dropout  flatten  dense(5) as fc  softmax  identity }",
                                         &memory);
    const Onnx__GraphProto *g = m->graph;
    ck_assert_int_eq(m->ir_version, 8);
    ck_assert_int_eq(m->opset_import[0]->version, 17);
    ck_assert_str_eq(g->input[0]->name, "image");
    ck_assert_str_eq(g->input[0]->type->tensor_type->shape->dim[0]->dim_param, "batch");
    ck_assert_str_eq(g->output[0]->name, "output");
    ck_assert_str_eq(g->output[1]->name, "early");
    ck_assert_int_eq(g->n_initializer, 4);
    ck_assert_str_eq(g->initializer[0]->name, "features.0.weight");
    ck_assert_str_eq(g->initializer[3]->name, "fc.bias");
    ck_assert_int_eq(g->n_node, 6); /* the last one is Identity: a view has no node */
    ck_assert_str_eq(g->node[0]->name, "features.0");
    ck_assert_str_eq(g->node[0]->output[0], "features.0");
    ck_assert_str_eq(g->node[1]->name, "act");
    ck_assert_str_eq(g->node[1]->output[0], "early");
    onnx_message_free((ProtobufCMessage *)m, &memory);
    compilation_free(c);
}
END_TEST

START_TEST(refusals_are_listed)
{
    Compilation *c = compilation_new();
    Graph *net = net_of_text(c,
                             "net a { input(1x600x600)  adaptive_avgpool(401) as a\n"
                             "adaptive_avgpool(301) as b  adaptive_maxpool(200x201) }",
                             NULL);
    const Map *weights = make_weights(c->arena, net);
    const OnnxExportRequest request = {.net = net, .version = "test", .values = weights_of, .user = weights};
    ck_assert_ptr_null(onnx_export(c->arena, &request));
    ck_assert_int_eq(c->errors, 3);
    const DiagnosticText first = diag_text(c, 0);
    ck_assert_int_eq(first.line, 1);
    ck_assert_has(first.text, "adaptive_avgpool cannot be expressed in ONNX: its 401x401 parts");
    compilation_free(c);
}
END_TEST

Suite *export_suite(void)
{
    Suite *s = suite_create("export");
    TCase *layers = tcase_create("exported layers"), *models = tcase_create("exported models");
    tcase_add_checked_fixture(layers, make_folder, remove_folder);
    tcase_add_checked_fixture(models, make_folder, remove_folder);
    tcase_add_loop_test(layers, layers_come_back, 0, export_case_count);
    tcase_add_test(models, names_are_kept);
    tcase_add_test(models, refusals_are_listed);
    suite_add_tcase(s, layers);
    suite_add_tcase(s, models);
    return s;
}

Suite *export_examples_suite(void)
{
    Suite *s = suite_create("export examples");
    TCase *nets = tcase_create("exported examples");
    tcase_add_checked_fixture(nets, make_folder, remove_folder);
    tcase_add_loop_test(nets, examples_come_back, 0, choose_examples());
    suite_add_tcase(s, nets);
    return s;
}
