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

#include "commands/quantize/quantization.h"
#include "commands/support/file_use.h"
#include "commands/support/output.h"
#include "runtime/core/new_file.h"

enum {
    QUANTIZE_DATA = OPTION_FIRST_OWN,
    QUANTIZE_WEIGHTS,
    QUANTIZE_SAMPLES,
    QUANTIZE_CALIBRATION,
    QUANTIZE_KEEP,
    QUANTIZE_MAX_DROP,
    QUANTIZE_CERTIFICATE
};
enum { QUANTIZE_SAMPLES_USUAL = 512 };

static const Option options[] = {
    {QUANTIZE_WEIGHTS, "weights", "FILE", "the trained weights (MODEL.onnx has its own)"},
    {QUANTIZE_DATA, "data", "PATH", "the data: a folder, a file or a name (default: the shipped digits)"},
    {'o', "output", "FILE", "the int8 weights (.safetensors)"},
    {QUANTIZE_SAMPLES, "samples", "N", "samples of the training part that the scales are found by (512)"},
    {QUANTIZE_CALIBRATION, "calibration", "range|percentile|mse|entropy",
     "what of the values that are seen is kept (mse)"},
    {QUANTIZE_KEEP, "keep", "LAYERS", "names, with commas between them: these layers stay in f32"},
    {QUANTIZE_MAX_DROP, "max-drop", "POINTS",
     "as few layers stay in f32 as it takes for the accuracy to drop by no more, in percentage points"},
    {QUANTIZE_CERTIFICATE, "certificate", "FILE.json|FILE.html", "write what was measured as JSON, or as a page"},
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

/* ---- the command line --------------------------------------------------------------------------- */

static bool take_calibration(QuantizeRequest *r, const char *text)
{
    r->method_given = true;
    if (calibration_named(text, &r->method)) return true;
    usage_error(&command_quantize, "--calibration takes range, percentile, mse or entropy, not '%s'", text);
    return false;
}

static bool take_certificate(QuantizeRequest *r, const char *value)
{
    const bool page = path_has_ending(value, ".html");
    *(page ? &r->page : &r->certificate) = value;
    if (page || path_has_ending(value, ".json")) return true;
    usage_error(&command_quantize, "--certificate takes FILE.json or FILE.html, not '%s'", value);
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
    case QUANTIZE_CERTIFICATE: return take_certificate(r, value);
    case QUANTIZE_KEEP: r->keep = value; return true;
    case QUANTIZE_MAX_DROP: return option_real(&command_quantize, "max-drop", value, 0, 100, &r->max_drop);
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
    if (files_apart((FileUse[]){{"the source", r->load.path, false}, {"-o", r->output, true}}, 2)) return STATUS_USAGE;
    r->load.train = true;
    r->data.divide = true;
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

/* Of the scales. */
static const char *method_text(const Quantization *q)
{
    return q->learned ? "learned" : calibration_name(q->request->method);
}

static const char *how_quantized(const Quantization *q)
{
    const char *kept = "";
    for (int i = 0; i < q->kept.count; i++)
        kept = arena_printf(q->arena, "%s%s\"%s\"", kept, i ? ", " : "", (const char *)q->kept.at[i]);
    return arena_printf(q->arena,
                        "{\"version\": 1, \"format\": \"int8\", \"calibration\": \"%s\", \"samples\": %lld%s%s%s}",
                        method_text(q), (long long)q->seen, *kept ? ", \"in_f32\": [" : "", kept, *kept ? "]" : "");
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
    int status = quantize_save(&file, q->request->output);
    const QuantizeRequest *r = q->request;
    const OutputFile out = {.path = r->certificate, .text = text, .length = strlen(text)};
    if (!status && r->certificate) status = output_write(&out, 1);
    if (!status && r->page) status = certificate_write_page(r->page, facts->net, text);
    return status;
}

static int compare_and_write(Quantization *q)
{
    Agreement agreement = {0};
    const bool judged = quantization_is_judged(q);
    int status = quantization_errors(q);
    const int64_t compared = q->seen;
    if (!status && judged) status = quantization_agreement(q, &agreement);
    if (status) return status;
    const CertificateFacts facts = {.net = q->net->graph->name,
                                    .weights = path_file_name(q->request->weights),
                                    .data = path_file_name(q->feeding.data->path),
                                    .method = method_text(q),
                                    .calibration_samples = q->learned ? 0 : compared,
                                    .compared_samples = compared,
                                    .quantized = q->net,
                                    .errors = q->errors,
                                    .agreement = judged ? &agreement : NULL,
                                    .kept = &q->kept,
                                    .max_drop = q->request->max_drop,
                                    .bytes_before = bytes_of_tensors(q->f32.m.net),
                                    .bytes_after = bytes_of_tensors(q->net->graph)};
    status = write_quantized(q, &facts);
    if (status) return status;
    certificate_print(&facts);
    return finish_output();
}

/* ---- layers that stay in f32 ------------------------------------------------------------------------------------ */

static int no_such_layer(const Quantization *q, const char *name)
{
    const List *layers = &q->recorded->layers;
    const char **names = arena_alloc(q->arena, (size_t)layers->count * sizeof *names);
    for (int i = 0; i < layers->count; i++) names[i] = ((const QuantizedLayer *)layers->at[i])->name;
    const char *near = nearest_name(name, names, layers->count);
    return usage_error(&command_quantize, "--keep %s: no layer of that name would be in int8%s%s", name,
                       near ? "; did you mean " : "", near ? near : "");
}

static int read_kept_layers(Quantization *q)
{
    char *text = arena_strdup(q->arena, q->request->keep ? q->request->keep : ""), *rest = NULL;
    for (char *name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        bool there = false;
        for (int i = 0; i < q->recorded->layers.count; i++)
            there = there || strcmp(((const QuantizedLayer *)q->recorded->layers.at[i])->name, name) == 0;
        if (!there) return no_such_layer(q, name);
        list_push(q->arena, &q->kept, name);
    }
    return STATUS_OK;
}

/* The scales of the values are those that training has learned, also where a layer beside them stays in f32. */
static int check_learned(const Quantization *q)
{
    const QuantizeRequest *r = q->request;
    if (!q->learned || !r->method_given) return STATUS_OK;
    return usage_error(&command_quantize, "--calibration: %s has scales that were learned in training", r->weights);
}

/* Before minutes of work. */
static int check_outputs(const QuantizeRequest *r)
{
    const char *const paths[] = {r->output, r->certificate, r->page};
    NnError error = {0};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (paths[i] && nn_file_check(paths[i], 0, &error)) return fail_error(&error);
    return STATUS_OK;
}

static int quantize_model(Quantization *q)
{
    int status = check_outputs(q->request);
    if (!status) status = quantization_open(q);
    if (!status) status = check_learned(q);
    if (!status) status = read_kept_layers(q);
    if (!status) status = quantization_observe(q);
    if (!status && q->request->max_drop >= 0) status = quantization_search(q);
    if (!status) status = quantization_make(q, true);
    if (!status && !q->net->layers.count)
        status = fail(STATUS_INPUT, "no layer of %s is left for int8", q->f32.m.net->name);
    return status ? status : compare_and_write(q);
}

static int quantize_run(int argc, char **argv)
{
    QuantizeRequest r = {.method = CALIBRATE_MSE, .samples = QUANTIZE_SAMPLES_USUAL, .max_drop = -1};
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
        quantization_close(&q);
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
               "part, or where there is none (--valid) on the test part.  --max-drop needs a validation\n"
               "part: it looks for the layers that matter by what each costs, and keeps these in f32.\n",
    .run = quantize_run,
};
