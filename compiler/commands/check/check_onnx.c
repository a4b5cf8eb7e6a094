/*
 * check_onnx: `nnc check MODEL.onnx --reference FOLDER`.
 *
 * Enters: a model, and a folder as ONNX's backend tests have them: input_0.pb, …, output_0.pb, …
 * in it or in its test_data_set_*.  Leaves: each output compared, element by element, by
 * |y − expected| ≤ atol + rtol·|expected|.
 * The inputs say how large what the model leaves open is.  Where a layer needs numbers when the
 * net is made (weights, sizes, axes) that the model takes as inputs, the data set has them.
 */
#include <dirent.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/check/check.h"
#include "commands/support/feeding.h"
#include "commands/support/imported.h"
#include "commands/support/reference_rows.h"

/* A file of the data set, which its tensor lies in. */
typedef struct TensorFile {
    ProtobufCMessage *message;
    OnnxMemory memory;
} TensorFile;

typedef struct OnnxCase {
    CheckOptions *options;
    Arena *arena;
    List files; /* of TensorFile */
    const char *folder;
    Map *given; /* input → OnnxTensor */
    OnnxImport import;
    Text source;
    Model model;
    int compared, wrong;
} OnnxCase;

/* ---- files ------------------------------------------------------------------------ */

/* KIND_i.pb of the folder, or NULL where there is none. */
static OnnxTensor *read_pb(OnnxCase *k, const char *kind, int index, NnError *error)
{
    const char *path = arena_printf(k->arena, "%s/%s_%d.pb", k->folder, kind, index);
    TensorFile *file = arena_alloc(k->arena, sizeof *file);
    OnnxTensor *t = arena_alloc(k->arena, sizeof *t);
    FILE *exists = fopen(path, "r");
    if (!exists) return NULL;
    fclose(exists);
    file->message = onnx_message_read(path, &onnx__tensor_proto__descriptor, &file->memory, error);
    if (!file->message) return NULL;
    list_push(k->arena, &k->files, file);
    return onnx_tensor_read(k->arena, (Onnx__TensorProto *)file->message, k->folder, t, error) ? NULL : t;
}

static void free_files(OnnxCase *k)
{
    for (int i = 0; i < k->files.count; i++) {
        TensorFile *file = k->files.at[i];
        onnx_message_free(file->message, &file->memory);
    }
}

static bool is_initialiser(const Onnx__GraphProto *g, const char *name)
{
    for (size_t i = 0; i < g->n_initializer; i++)
        if (g->initializer[i]->name && strcmp(g->initializer[i]->name, name) == 0) return true;
    return false;
}

/* The data sets of ONNX have the bits of a bfloat16 as an uint16. */
static void take_bits(OnnxTensor *t, const Onnx__TypeProto *type)
{
    const bool tensor = type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE && type->tensor_type;
    if (tensor && t->type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT16 &&
        type->tensor_type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16)
        t->type = ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
}

/* The tensors of the data set, by the names of the model's inputs. */
static int read_given(OnnxCase *k, OnnxImportOptions *options)
{
    OnnxMemory memory;
    NnError error = {0};
    Onnx__ModelProto *m =
        (Onnx__ModelProto *)onnx_message_read(k->options->load.path, &onnx__model_proto__descriptor, &memory, &error);
    if (!m) return fail_error(&error);
    k->given = map_new(k->arena);
    for (size_t i = 0, file = 0; m->graph && i < m->graph->n_input; i++) {
        const char *name = m->graph->input[i]->name ? m->graph->input[i]->name : "";
        if (is_initialiser(m->graph, name)) continue;
        OnnxTensor *t = read_pb(k, "input", (int)file++, &error);
        if (!t) continue;
        take_bits(t, m->graph->input[i]->type);
        map_put(k->given, name, t);
        OnnxInputShape *s = arena_alloc(k->arena, sizeof *s);
        *s = (OnnxInputShape){.name = arena_strdup(k->arena, name), .rank = t->rank};
        memcpy(s->dims, t->dims, sizeof s->dims);
        list_push(k->arena, &options->inputs, s);
    }
    onnx_message_free(&m->base, &memory);
    options->given = k->given;
    return STATUS_OK;
}

/* ---- running ------------------------------------------------------------------------- */

static int set_weight(const OnnxCase *k, void *model, const char *name, const ImportParam *param)
{
    float *values = block_alloc(param->count * sizeof *values + 1);
    memcpy(values, param->data, param->count * sizeof *values);
    const int failed = k->model.info->set(model, name, values, param->count);
    free(values);
    return failed ? fail(STATUS_INPUT, "%s: there is no parameter %s of %zu numbers", k->options->load.path, name,
                         param->count)
                  : STATUS_OK;
}

static int set_weights(const OnnxCase *k, void *model)
{
    const ImportGraph *g = k->import.graph;
    int status = STATUS_OK;
    for (int i = 0; i < g->nodes.count; i++) {
        const ImportNode *n = g->nodes.at[i];
        for (int p = 0; p < n->params.count && !status; p++)
            status = set_weight(k, model, import_param_name(g, n, n->params.at[p]), n->params.at[p]);
    }
    return status;
}

/* All samples of an input, then those of the next. */
static void fill_inputs(const OnnxCase *k, float *x)
{
    for (int i = 0; i < k->import.bindings.count; i++) {
        const OnnxBinding *b = k->import.bindings.at[i];
        const OnnxTensor *t = b->is_input ? map_get(k->given, b->name) : NULL;
        const FileFloat *values = t && t->count == b->count ? onnx_tensor_floats(k->arena, t) : NULL;
        for (int64_t e = 0; b->is_input && e < b->count; e++) *x++ = values ? values[e] : 0;
    }
}

/* Values are 32-bit floats: data of the model's doubles may be beyond them. */
static bool data_fits_floats(const OnnxCase *k)
{
    for (int i = 0; i < map_count(k->given); i++) {
        const OnnxTensor *t = map_value(k->given, i);
        for (int64_t e = 0; e < t->count; e++) {
            const double value = onnx_tensor_at(t, e);
            if (isfinite(value) && fabs(value) > (double)FLT_MAX) return false;
        }
    }
    return true;
}

static bool close_enough(const CheckOptions *o, double y, double expected)
{
    if (isnan(expected)) return isnan(y);
    return y == expected || fabs(y - expected) <= o->atol + o->rtol * fabs(expected);
}

/* One output: `y` is its first number of sample 0, and `step` numbers on are those of the next. */
static int compare_output(OnnxCase *k, const OnnxBinding *b, const OnnxTensor *t, const float *y, int64_t step)
{
    const int64_t batch = k->import.batch, count = b->count / batch;
    double worst = 0;
    int64_t wrong = 0;
    k->compared++;
    if (t->count != b->count) {
        k->wrong++;
        printf("%s: %lld numbers, expected %lld\n", b->name, (long long)b->count, (long long)t->count);
        return STATUS_OK;
    }
    for (int64_t i = 0; i < b->count; i++) {
        const double got = y[i / count * step + i % count], expected = onnx_tensor_at(t, i);
        worst = fmax(worst, got == expected ? 0 : fabs(got - expected));
        wrong += !close_enough(k->options, got, expected);
    }
    k->wrong += wrong > 0;
    printf("%s: %lld of %lld numbers wrong, largest error %.3g\n", b->name, (long long)wrong, (long long)b->count,
           worst);
    return STATUS_OK;
}

/* Where output number `index` of the model is in the rows of the net, which has them in the order of its text. */
static size_t output_offset(const OnnxCase *k, const RowParts *parts, int index)
{
    const ImportOutput *o = k->import.graph->outputs.at[index];
    for (int i = 0; i < parts->count; i++)
        if (parts->at[i].name ? index > 0 && strcmp(parts->at[i].name, o->name) == 0 : index == 0)
            return parts->at[i].offset;
    return 0;
}

static int compare_outputs(OnnxCase *k, const float *y)
{
    NnError error = {0};
    const RowParts parts = rows_of_outputs(&k->model);
    int index = 0;
    for (int i = 0; i < k->import.bindings.count; i++) {
        const OnnxBinding *b = k->import.bindings.at[i];
        if (b->is_input) continue;
        const size_t offset = output_offset(k, &parts, index);
        const OnnxTensor *t = read_pb(k, "output", index++, &error);
        if (!t && error.status) return fail_error(&error);
        if (t) compare_output(k, b, t, y + offset, (int64_t)parts.row);
    }
    return STATUS_OK;
}

static int run_case(OnnxCase *k)
{
    const nn_model_info *info = k->model.info;
    void *block = block_alloc(info->model_bytes), *scratch = block_alloc(info->infer_scratch);
    float *x = block_alloc(sizeof *x * (size_t)(info->inputs * k->import.batch + 1));
    float *y = block_alloc(sizeof *y * (size_t)(info->outputs * k->import.batch + 1));
    void *model = info->init(block, 0, 0);
    int status = set_weights(k, model);
    fill_inputs(k, x);
    if (!status) {
        info->infer(model, x, y, scratch);
        status = compare_outputs(k, y);
    }
    free(block);
    free(scratch);
    free(x);
    free(y);
    return status;
}

/* ---- data sets --------------------------------------------------------------------------- */

static int check_set(OnnxCase *k)
{
    OnnxImportOptions options = {0};
    LoadOptions *load = &k->options->load;
    int status = read_given(k, &options);
    if (status) return status;
    if (!data_fits_floats(k)) return fail(STATUS_REFUSED, "%s: its numbers are beyond 32-bit floats", k->folder);
    status = imported_read(k->arena, load->path, &options, &k->import, &k->source);
    load->text = k->source.data;
    load->batch = k->import.batch;
    if (!status) status = load_model(load, &k->model);
    if (!status) {
        status = run_case(k);
        model_free(&k->model);
    }
    onnx_import_free(&k->import);
    return status;
}

static int is_data_set(const struct dirent *e) { return strncmp(e->d_name, "test_data_set_", 14) == 0; }

static int check_sets(OnnxCase *k)
{
    struct dirent **sets;
    const char *folder = k->options->reference;
    const int count = scandir(folder, &sets, is_data_set, alphasort);
    if (count < 0) return fail(STATUS_INPUT, "cannot read the folder %s", folder);
    int status = count == 0 ? check_set(k) : STATUS_OK;
    for (int i = 0; i < count; i++) {
        k->folder = arena_printf(k->arena, "%s/%s", folder, sets[i]->d_name);
        if (!status) status = check_set(k);
        free(sets[i]);
    }
    free(sets);
    return status;
}

/* In an arena of its own: that of the compilation is limited to what describes a net. */
int check_onnx(CheckOptions *o)
{
    OnnxCase k = {.options = o, .arena = arena_new(), .folder = o->reference};
    const int status = check_sets(&k);
    free_files(&k);
    arena_free(k.arena);
    if (status) return status;
    if (!k.compared) return fail(STATUS_INPUT, "%s: there is nothing to compare", o->reference);
    printf("%s: %d compared, %d wrong\n", k.wrong ? "wrong" : "ok", k.compared, k.wrong);
    return k.wrong ? STATUS_INPUT : STATUS_OK;
}
