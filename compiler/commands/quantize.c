/*
 * quantize: `nnc quantize NET.nn --weights W --data D -o W8`.
 *
 * Enters: a net, its weights, data.  Leaves: the weights as int8 with the scales of all values, and
 * the certificate.  The f32 net, with all those values as further outputs, runs on samples of the
 * training part; from what is seen come the scales.  Then both nets run side by side on the same
 * samples, and on the validation part, where there is none on the test part.
 */
#include <stdlib.h>
#include <string.h>

#include "commands/certificate.h"
#include "commands/feeding.h"
#include "commands/output.h"
#include "commands/weighted.h"

enum {
    QUANTIZE_DATA = OPTION_FIRST_OWN,
    QUANTIZE_WEIGHTS,
    QUANTIZE_SAMPLES,
    QUANTIZE_CALIBRATION,
    QUANTIZE_CERTIFICATE
};
enum { QUANTIZE_SAMPLES_USUAL = 512 };

static const Option options[] = {
    {QUANTIZE_WEIGHTS, "weights", "FILE", "the trained weights (MODEL.onnx has its own)", false},
    {QUANTIZE_DATA, "data", "PATH", "the data: a folder, a file or a name (default: the shipped digits)", false},
    {'o', "output", "FILE", "the int8 weights (.safetensors)", false},
    {QUANTIZE_SAMPLES, "samples", "N", "samples of the training part that the scales are found by (512)", false},
    {QUANTIZE_CALIBRATION, "calibration", "range|percentile|mse|entropy",
     "what of the values that are seen is kept (mse)", false},
    {QUANTIZE_CERTIFICATE, "certificate", "FILE.json", "write what was measured as JSON", false},
    OPTION_ROWS_COLUMN,
    OPTION_ROWS_SAMPLES,
    OPTION_ROWS_LOADING,
    OPTION_ROW_BATCH,
    OPTION_ROW_JIT,
    OPTION_ROW_THREADS,
    OPTION_ROW_NET,
    OPTION_ROW_SET,
    OPTION_ROW_MAP,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    {0},
};

typedef struct QuantizeRequest {
    LoadOptions load;
    const char *weights, *output, *certificate;
    DataRequest data;
    RangeChoice method;
    int64_t samples;
} QuantizeRequest;

/* A model that runs, and where each of the values stands in a row of its outputs. */
typedef struct ShownNet {
    Model m;
    const void *model;
    int64_t *offset;
    float *y;
    void *scratch;
    void *block; /* of the model; NULL: it is another's */
} ShownNet;

typedef struct Quantization {
    const QuantizeRequest *request;
    Arena *arena;
    WeightedModel weights;
    Feeding feeding;
    DataPart samples_part;
    const QuantizedNet *recorded, *net; /* with scales of 1, and with those that were found */
    Observer *observers;                /* by value of `recorded` */
    List layers;                        /* of LayerNumbers */
    ShownNet f32, int8;
    ValueError *errors;
    int64_t seen; /* samples */
    size_t bad;   /* values that are no numbers */
} Quantization;

/* ---- the command line --------------------------------------------------------------------------- */

static bool take_calibration(QuantizeRequest *r, const char *text)
{
    if (calibration_named(text, &r->method)) return true;
    usage_error(&command_quantize, "--calibration takes range, percentile, mse or entropy, not '%s'", text);
    return false;
}

static bool take_quantize_option(QuantizeRequest *r, int id, const char *value)
{
    switch (id) {
    case 'o': r->output = value; return true;
    case QUANTIZE_WEIGHTS: r->weights = value; return true;
    case QUANTIZE_DATA: r->data.path = value; return true;
    case QUANTIZE_SAMPLES: return option_int(&command_quantize, "samples", value, 1, INT32_MAX, &r->samples);
    case QUANTIZE_CALIBRATION: return take_calibration(r, value);
    case QUANTIZE_CERTIFICATE: r->certificate = value; return true;
    default: break;
    }
    const Taken taken = data_option(&r->data, &command_quantize, id, value);
    return (taken == TAKEN_NO ? load_option(&r->load, &command_quantize, id, value) : taken) == TAKEN_YES;
}

static int read_quantize_request(QuantizeRequest *r, int argc, char **argv)
{
    const Command *self = &command_quantize;
    OptionReader reader;
    options_begin(&reader, self, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_quantize_option(r, id, reader.value)) return STATUS_USAGE;
    if (!options_one_file(&reader)) return STATUS_USAGE;
    r->load.path = reader.operands[0];
    r->weights = weighted_path(&r->load, r->weights);
    if (!r->weights) return usage_error(self, "missing weights (use --weights FILE)");
    if (!r->output) return usage_error(self, "no output file (use -o FILE.safetensors)");
    if (!path_has_ending(r->output, ".safetensors"))
        return usage_error(self, "-o %s: the name must end in .safetensors", r->output);
    r->load.train = true;
    r->data.divide = true;
    return STATUS_OK;
}

/* ---- values as outputs ------------------------------------------------------------------------------ */

static int value_count(const Quantization *q) { return q->recorded->values.count; }

static const QuantizedValue *value_at(const QuantizedNet *net, int i) { return net->values.at[i]; }

/* The code of the net with the values as further outputs; the net is as before afterwards. */
static int show_net_values(Quantization *q, ShownNet *s, Tensor *const *values)
{
    Graph *net = s->m.net;
    const List own = net->outputs;
    const int first = net_output_parts(net);
    s->offset = arena_alloc(q->arena, (size_t)(value_count(q) + 1) * sizeof *s->offset);
    for (int i = 0; i < value_count(q); i++) graph_add_output(net, values[i], arena_printf(q->arena, "value %d", i));
    for (int i = 0; i < value_count(q); i++) s->offset[i] = net_output_part(net, first + i).offset;
    const int status = load_code(&q->request->load, &s->m);
    net->outputs = own;
    if (status) return status;
    const nn_model_info *info = s->m.info;
    s->y = block_alloc((size_t)info->batch * info->outputs * sizeof *s->y);
    s->scratch = block_for_scratch(info);
    return STATUS_OK;
}

static int show_f32(Quantization *q)
{
    Tensor **values = arena_alloc(q->arena, (size_t)(value_count(q) + 1) * sizeof *values);
    for (int i = 0; i < value_count(q); i++) values[i] = (Tensor *)value_at(q->recorded, i)->value;
    int status = show_net_values(q, &q->f32, values);
    if (!status) status = weighted_open(&q->weights, q->request->weights, &q->f32.m);
    if (!status) status = weighted_load(&q->weights, q->f32.m.info);
    q->f32.model = q->weights.model;
    return status;
}

static Tensor *dequantized(Quantization *q, Tensor *int8)
{
    Graph *g = q->net->graph;
    Node *n = graph_node(g, op_find("dequantize", OP_INTERNAL), NULL, arena_printf(q->arena, "%s.shown", int8->name),
                         int8->span);
    node_in(g, n, int8);
    n->data_count = 1;
    return node_out(g, n, int8->shape);
}

static void set_integers(const Quantization *q, void *model)
{
    const nn_model_info *from = q->f32.m.info, *to = q->int8.m.info;
    for (int i = 0; i < to->tensor_count; i++) {
        const nn_tensor_info *t = &to->tensors[i];
        float *values = arena_alloc(q->arena, (t->count + 1) * sizeof *values);
        if (!from->get(q->f32.model, t->name, values, t->count)) to->set(model, t->name, values, t->count);
    }
    for (int i = 0; i < q->layers.count; i++) {
        const LayerNumbers *l = q->layers.at[i];
        float *values = arena_alloc(q->arena, (size_t)(l->count + l->rows) * sizeof *values);
        for (int64_t k = 0; k < l->count; k++) values[k] = (float)l->weight[k];
        to->set(model, arena_printf(q->arena, "%s.qweight", l->layer), values, (size_t)l->count);
        for (int64_t k = 0; k < l->rows; k++) values[k] = (float)l->bias[k];
        to->set(model, arena_printf(q->arena, "%s.qbias", l->layer), values, (size_t)l->rows);
    }
}

static int show_int8(Quantization *q)
{
    Tensor **values = arena_alloc(q->arena, (size_t)(value_count(q) + 1) * sizeof *values);
    q->int8.m = q->f32.m;
    q->int8.m.net = q->net->graph;
    q->int8.m.jit = NULL;
    q->int8.m.info = q->int8.m.functions = NULL;
    for (int i = 0; i < value_count(q); i++) values[i] = dequantized(q, value_at(q->net, i)->made);
    const int status = show_net_values(q, &q->int8, values);
    if (status) return status;
    const nn_model_info *info = q->int8.m.info;
    q->int8.block = block_for_model(info);
    void *model = info->init(q->int8.block, 0, 0);
    set_integers(q, model);
    q->int8.model = model;
    return STATUS_OK;
}

/* ---- samples ---------------------------------------------------------------------------------------- */

typedef void (*SampleVisitor)(Quantization *, int value, const float *f32, const float *int8, size_t count);

static void visit_batch(Quantization *q, const Batch *batch, SampleVisitor visit)
{
    ShownNet *both[2] = {&q->f32, &q->int8};
    const int runs = q->int8.model ? 2 : 1;
    for (int k = 0; k < runs; k++) both[k]->m.info->infer(both[k]->model, batch->x, both[k]->y, both[k]->scratch);
    for (int s = 0; s < batch->count; s++) {
        const float *row[2] = {NULL, NULL};
        for (int k = 0; k < runs; k++) row[k] = both[k]->y + (size_t)s * both[k]->m.info->outputs;
        for (int i = 0; i < value_count(q); i++)
            visit(q, i, row[0] + q->f32.offset[i], row[1] ? row[1] + q->int8.offset[i] : NULL,
                  (size_t)shape_count(value_at(q->recorded, i)->value->shape));
    }
    q->seen += batch->count;
}

static int visit_samples(Quantization *q, SampleVisitor visit)
{
    NnError error = {0};
    const int have = q->feeding.data->part[q->samples_part].count;
    const int wanted = q->request->samples < have ? (int)q->request->samples : have;
    Batcher *batcher = batcher_new_some(&q->feeding.feed, q->samples_part, q->f32.m.info->batch, wanted, &error);
    const Batch *batch;
    if (!batcher) return fail_error(&error);
    q->seen = 0;
    batcher_begin(batcher, 0);
    while ((batch = batcher_next(batcher))) visit_batch(q, batch, visit);
    const int failed = batcher_failed(batcher, &error);
    batcher_free(batcher);
    return failed ? fail_error(&error) : STATUS_OK;
}

static void see_range(Quantization *q, int value, const float *f32, const float *int8, size_t count)
{
    (void)int8;
    q->bad += observer_range(&q->observers[value], f32, count);
}

static void see_counts(Quantization *q, int value, const float *f32, const float *int8, size_t count)
{
    (void)int8;
    observer_count(&q->observers[value], f32, count);
}

static void see_errors(Quantization *q, int value, const float *f32, const float *int8, size_t count)
{
    ValueError *e = &q->errors[value];
    const Affine a = tensor_affine(value_at(q->net, value)->made);
    const double least = a.scale * (-128.5 - a.zero), most = a.scale * (127.5 - a.zero);
    for (size_t i = 0; i < count; i++) {
        const double x = (double)f32[i], y = (double)int8[i], difference = x > y ? x - y : y - x;
        const int level = affine_quantize(a, y);
        e->signal += x * x;
        e->noise += difference * difference;
        if (difference > e->largest) e->largest = difference;
        e->ends += level == -128 || level == 127;
        e->cut += x < least || x > most;
    }
    e->count += (int64_t)count;
}

/* ---- scales --------------------------------------------------------------------------------------------- */

static bool no_scale_yet(void *user, const Tensor *value, Affine *a)
{
    (void)user, (void)value;
    *a = (Affine){1, 0};
    return true;
}

static const double *no_weight_scales_yet(void *user, const WeightRequest *r)
{
    const Quantization *q = user;
    double *ones = arena_alloc(q->arena, (size_t)r->shape.dim[0] * sizeof *ones);
    for (int64_t i = 0; i < r->shape.dim[0]; i++) ones[i] = 1;
    return ones;
}

static bool observed_scale(void *user, const Tensor *value, Affine *a)
{
    const Quantization *q = user;
    int i = 0;
    while (value_at(q->recorded, i)->value != value) i++;
    *a = observer_scale(&q->observers[i], q->request->method);
    return true;
}

static const double *own_weight_scales(void *user, const WeightRequest *r)
{
    Quantization *q = user;
    const F32Model f32 = {q->f32.m.info, q->f32.model, q->arena};
    const LayerNumbers *l = quantize_layer(&f32, r);
    if (l) list_push(q->arena, &q->layers, (LayerNumbers *)l);
    return l ? l->scale : NULL;
}

static int find_scales(Quantization *q)
{
    q->observers = arena_alloc(q->arena, (size_t)(value_count(q) + 1) * sizeof *q->observers);
    int status = visit_samples(q, see_range);
    if (!status && q->bad) return fail(STATUS_INPUT, "%zu values of the net are not finite on these samples", q->bad);
    if (!status && q->request->method != CALIBRATE_RANGE) status = visit_samples(q, see_counts);
    if (status) return status;
    q->net = quantize_net(q->f32.m.net, &(QuantizeSource){q, observed_scale, own_weight_scales});
    return q->net ? STATUS_OK : STATUS_INPUT;
}

/* ---- accuracy --------------------------------------------------------------------------------------------- */

typedef struct Judged {
    const Samples *samples;
    bool *right; /* by sample */
} Judged;

static void judge(void *user, int row, const float *y, const void *target, int predicted)
{
    const Judged *j = user;
    (void)y, (void)target;
    j->right[row] = predicted == j->samples->labels[row];
}

static int judge_all(const Quantization *q, const ShownNet *s, DataPart part, bool *right, NnScore *score)
{
    NnError error = {0};
    Judged j = {&q->feeding.data->part[part], right};
    return nn_evaluate(s->m.info, s->model, &q->feeding.feed, part, judge, &j, NULL, score, &error) ? fail_error(&error)
                                                                                                    : STATUS_OK;
}

static int measure_accuracy(const Quantization *q, Agreement *a, bool *there)
{
    const DataPart part = q->feeding.data->part[DATA_VALID].count ? DATA_VALID : DATA_TEST;
    const Samples *samples = &q->feeding.data->part[part];
    NnScore before, after;
    *there =
        samples->count && samples->labels && nn_score_kind(q->f32.m.info, &q->feeding.feed, part) == NN_SCORE_CLASS;
    if (!*there) return STATUS_OK;
    bool *right = arena_alloc(q->arena, 2 * (size_t)samples->count * sizeof *right),
         *right_after = right + samples->count;
    int status = judge_all(q, &q->f32, part, right, &before);
    if (!status) status = judge_all(q, &q->int8, part, right_after, &after);
    if (status) return status;
    *a = (Agreement){.part = dataset_part_name(part),
                     .samples = before.judged,
                     .before = before.right,
                     .after = after.right,
                     .loss_before = before.loss,
                     .loss_after = after.loss};
    for (int i = 0; i < samples->count; i++) {
        a->lost += right[i] && !right_after[i];
        a->won += !right[i] && right_after[i];
    }
    return STATUS_OK;
}

/* ---- the run -------------------------------------------------------------------------------------------------- */

static int64_t bytes_of_tensors(const Graph *g)
{
    int64_t bytes = 0;
    for (int i = 0; i < g->model.count; i++) {
        const Tensor *t = g->model.at[i];
        if (t->kind != TENSOR_STATE) bytes += tensor_bytes(t, 1);
    }
    return bytes;
}

static const char *how_quantized(const Quantization *q)
{
    return arena_printf(q->arena, "{\"version\": 1, \"format\": \"int8\", \"calibration\": \"%s\", \"samples\": %lld}",
                        calibration_name(q->request->method), (long long)q->seen);
}

static int write_quantized(const Quantization *q, const CertificateFacts *facts)
{
    const char *text = certificate_text(q->arena, facts);
    const NnFileNote notes[] = {{"quantization", how_quantized(q)},
                                {"quantization.certificate", certificate_hash(q->arena, text)},
                                {NULL, NULL}};
    const QuantizedFile file = {.net = q->net,
                                .layers = q->layers,
                                .f32 = {q->f32.m.info, q->f32.model, q->arena},
                                .from = q->weights.file,
                                .notes = notes};
    const int status = quantize_save(&file, q->request->output);
    if (status || !q->request->certificate) return status;
    const OutputFile out = {.path = q->request->certificate, .text = text, .length = strlen(text)};
    return output_write(&out, 1);
}

static int compare_and_write(Quantization *q)
{
    Agreement agreement = {0};
    bool judged = false;
    q->errors = arena_alloc(q->arena, (size_t)(value_count(q) + 1) * sizeof *q->errors);
    int status = visit_samples(q, see_errors);
    if (!status) status = measure_accuracy(q, &agreement, &judged);
    if (status) return status;
    const CertificateFacts facts = {.net = q->net->graph->name,
                                    .weights = path_file_name(q->request->weights),
                                    .data = path_file_name(q->feeding.data->path),
                                    .method = calibration_name(q->request->method),
                                    .calibration_samples = q->seen,
                                    .compared_samples = q->seen,
                                    .quantized = q->net,
                                    .errors = q->errors,
                                    .agreement = judged ? &agreement : NULL,
                                    .bytes_before = bytes_of_tensors(q->f32.m.net),
                                    .bytes_after = bytes_of_tensors(q->net->graph)};
    status = write_quantized(q, &facts);
    if (status) return status;
    certificate_print(&facts);
    return finish_output();
}

static int quantize_model(Quantization *q)
{
    q->recorded = quantize_net(q->f32.m.net, &(QuantizeSource){q, no_scale_yet, no_weight_scales_yet});
    if (!q->recorded->layers.count)
        return fail(STATUS_INPUT, "%s has no layer that can be in int8", q->f32.m.net->name);
    int status = show_f32(q);
    if (!status) status = feeding_open(&q->feeding, &q->f32.m, &q->request->data, q->weights.file, q->weights.path);
    if (status) return status;
    q->samples_part = q->feeding.data->part[DATA_TRAIN].count ? DATA_TRAIN : DATA_TEST;
    status = find_scales(q);
    if (!status) status = show_int8(q);
    if (!status) status = compare_and_write(q);
    feeding_close(&q->feeding);
    return status;
}

static void shown_free(ShownNet *s)
{
    model_free(&s->m);
    free(s->y);
    free(s->scratch);
    free(s->block);
}

static int quantize_run(int argc, char **argv)
{
    QuantizeRequest r = {.method = CALIBRATE_MSE, .samples = QUANTIZE_SAMPLES_USUAL};
    Quantization q = {.request = &r};
    load_options_init(&r.load);
    r.load.default_batch = 16;
    int status = read_quantize_request(&r, argc, argv);
    if (!status) status = load_net(&r.load, &q.f32.m);
    if (!status) {
        q.arena = q.f32.m.c->arena;
        if (!r.load.batch) q.f32.m.batch = r.load.default_batch;
        if (q.f32.m.spec) q.f32.m.spec->teacher.path = NULL; /* only training follows it */
        status = quantize_model(&q);
        weighted_close(&q.weights);
        shown_free(&q.f32);
        shown_free(&q.int8);
    }
    load_options_free(&r.load);
    return status;
}

const Command command_quantize = {
    .name = "quantize",
    .summary = "trained weights as int8, with a certificate of what that costs",
    .usage = "quantize NET.nn --weights FILE -o FILE8.safetensors [options]",
    .options = options,
    .details = "The int8 weights take the place of the others for nnc NET.nn, eval and predict (--weights):\n"
               "these then compute in integers.  What has no integer form stays in f32.  Scales are found\n"
               "by samples of the training part; accuracy is measured before and after on the validation\n"
               "part, or where there is none (--valid) on the test part.\n",
    .run = quantize_run,
};
