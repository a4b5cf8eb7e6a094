/*
 * export: `nnc export NET.nn --weights W -o MODEL.onnx`, and weights from one file to another.
 *
 * Enters: a net and its weights, or a weights file alone.  Leaves: an ONNX model, or the weights as
 * safetensors, .npz or PyTorch's form; or nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "commands/support/feeding.h"
#include "commands/support/file_use.h"
#include "commands/support/imported.h"
#include "commands/support/net_weights.h"
#include "commands/support/weighted.h"
#include "interop/export_onnx.h"
#include "runtime/core/tensors_save.h"

enum { EXPORT_WEIGHTS = OPTION_FIRST_OWN, EXPORT_NORMALIZE };

static const Option options[] = {
    {'o', "output", "FILE", "MODEL.onnx; or weights alone: .safetensors, .npz, .pth (.pt, .th)"},
    {EXPORT_WEIGHTS, "weights", "FILE", "the weights: safetensors, .npz or a PyTorch file"},
    {EXPORT_NORMALIZE, "normalize", NULL, "build the normalization in: the model takes pixels from 0 to 1"},
    OPTION_ROW_MAP,
    OPTION_ROW_NET,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    OPTION_ROW_SET,
    {0},
};

typedef struct ExportRun {
    LoadOptions load;
    Arena *arena; /* of weights and of what is written: larger than descriptions of nets may be */
    const char *output, *weights;
    bool normalize, onnx;
    NnTensorFile kind;
    Model model;
    WeightedModel file;
} ExportRun;

/* ---- the command line --------------------------------------------------------------- */

static bool take_export_option(ExportRun *r, int id, const char *value)
{
    switch (id) {
    case 'o': r->output = value; return true;
    case EXPORT_WEIGHTS: r->weights = value; return true;
    case EXPORT_NORMALIZE: r->normalize = true; return true;
    default: return load_option(&r->load, &command_export, id, value) == TAKEN_YES;
    }
}

static int check_export_request(ExportRun *r, const OptionReader *reader)
{
    const Command *c = &command_export;
    if (reader->operand_count > 1) return options_one_file(reader) ? STATUS_OK : STATUS_USAGE;
    if (!r->output) return usage_error(c, "no output file (use -o MODEL.onnx, or a weights file)");
    r->onnx = is_model_file(r->output);
    if (!r->onnx && !nn_tensor_file_of(r->output, &r->kind))
        return usage_error(c, "-o %s: its name ends in none of .onnx, .safetensors, .npz, .pth, .pt, .th", r->output);
    if (reader->operand_count == 1) r->load.path = reader->operands[0];
    if (r->onnx && !r->load.path) return usage_error(c, "missing input file: a model needs NET.nn besides the weights");
    if (r->normalize && !r->onnx) return usage_error(c, "--normalize is for MODEL.onnx: weights have no layers");
    if (!r->weights && !is_model_file(r->load.path)) return usage_error(c, "no weights (use --weights FILE)");
    return files_apart((FileUse[]){{"the source", r->load.path, false}, {"-o", r->output, true}}, 2);
}

static int read_export_request(ExportRun *r, int argc, char **argv)
{
    OptionReader reader;
    options_begin(&reader, &command_export, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_export_option(r, id, reader.value)) return STATUS_USAGE;
    return check_export_request(r, &reader);
}

/* ---- metadata ------------------------------------------------------------------------- */

/* What a run of training was doing is no property of weights. */
static bool is_of_training(const char *key) { return strncmp(key, "state.", 6) == 0 || strcmp(key, "data.hash") == 0; }

static NnFileNote *kept_notes(ExportRun *r)
{
    int count = 0;
    const char *value, *key;
    while (nn_tensors_metadata_at(r->file.file, count, &value)) count++;
    NnFileNote *notes = arena_alloc(r->arena, (size_t)(count + 1) * sizeof *notes);
    for (int i = 0, kept = 0; i < count; i++) {
        key = nn_tensors_metadata_at(r->file.file, i, &value);
        if (r->load.path && is_of_training(key)) continue;
        notes[kept++] = (NnFileNote){arena_strdup(r->arena, key), arena_strdup(r->arena, value)};
    }
    return notes;
}

/* What inference needs besides the weights. */
static bool is_of_inference(const char *key)
{
    static const char *const keys[] = {"normalize.mean", "normalize.std", "fit", "classes"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i], key) == 0) return true;
    return false;
}

static void tell_lost_notes(const ExportRun *r, const NnFileNote *notes)
{
    Text lost;
    text_init(&lost, r->arena);
    for (const NnFileNote *n = notes; n->key; n++)
        if (is_of_inference(n->key)) text_addf(&lost, "%s%s", lost.length ? ", " : "", n->key);
    if (lost.length)
        fprintf(stderr, "nnc: note: %s has no place for metadata: %s of %s are not in it\n", r->output, lost.data,
                r->file.path);
}

/* ---- weights alone ----------------------------------------------------------------------- */

static int save_tensors(ExportRun *r, const NnTensor *at, int count, const NnFileNote *notes)
{
    NnError error = {0};
    const NnTensorsToSave all = {.at = at, .count = count, .notes = notes};
    if (r->kind != NN_FILE_SAFETENSORS) tell_lost_notes(r, notes);
    return nn_tensors_save(&all, r->kind, r->output, &error) ? fail_error(&error) : STATUS_OK;
}

/* As they are in the file. */
static int convert_file(ExportRun *r)
{
    NnError error = {0};
    const Model none = {.maps = r->load.maps};
    const int status = weighted_open(&r->file, r->weights, &none);
    if (status) return status;
    const int count = nn_tensors_count(r->file.file);
    NnTensor *at = arena_alloc(r->arena, (size_t)(count + 1) * sizeof *at);
    for (int i = 0; i < count; i++) {
        const NnTensor *t = nn_tensors_at(r->file.file, i);
        if (nn_tensors_fetch(r->file.file, t, &error)) return fail_error(&error);
        at[i] = *t;
    }
    return save_tensors(r, at, count, kept_notes(r));
}

/* ---- a net --------------------------------------------------------------------------------- */

static int read_normalization(ExportRun *r, Fitting *f)
{
    NnError error = {0};
    if (!r->normalize) return STATUS_OK;
    if (r->model.net->inputs.count > 1)
        return fail(STATUS_INPUT, "--normalize: the net has %d inputs, and pixels are those of one",
                    r->model.net->inputs.count);
    if (feeding_fit(f, &r->model, r->file.file, r->weights, &error)) return fail_error(&error);
    if (f->mean) return STATUS_OK;
    return fail(STATUS_INPUT, "--normalize: neither %s nor the train section says how inputs are normalized",
                r->weights);
}

/* Of the metadata what inference needs, without what is built in. */
static OnnxExportNote *model_notes(const ExportRun *r, const NnFileNote *notes)
{
    int count = 0, kept = 0;
    while (notes[count].key) count++;
    OnnxExportNote *out = arena_alloc(r->arena, (size_t)(count + 1) * sizeof *out);
    for (int i = 0; i < count; i++)
        if (is_of_inference(notes[i].key) && !(r->normalize && strncmp(notes[i].key, "normalize.", 10) == 0))
            out[kept++] = (OnnxExportNote){notes[i].key, notes[i].value};
    return out;
}

static int write_onnx(ExportRun *r, const NetWeights *w, const Fitting *f, const NnFileNote *notes)
{
    NnError error = {0};
    const OnnxExportRequest request = {.net = model_described(&r->model),
                                       .quantized = r->model.quantized,
                                       .version = NNC_VERSION,
                                       .values = net_weights_values,
                                       .user = w,
                                       .mean = f->mean,
                                       .std = f->std,
                                       .channels = f->channels,
                                       .notes = model_notes(r, notes)};
    const Onnx__ModelProto *model = onnx_export(r->arena, &request);
    if (!model) return load_status(&r->load), STATUS_REFUSED;
    return onnx_export_write(model, r->output, &error) ? fail_error(&error) : STATUS_OK;
}

static int export_net(ExportRun *r)
{
    NetWeights w;
    Fitting f = {0};
    r->weights = weighted_path(&r->load, r->weights);
    if (r->onnx) r->load.weights = r->weights;
    int status = load_net(&r->load, &r->model);
    if (!status) status = weighted_open(&r->file, r->weights, &r->model);
    if (!status) status = net_weights_load(&w, r->arena, &r->model, r->file.file, r->weights);
    if (!status) status = read_normalization(r, &f);
    const NnFileNote *notes = status ? NULL : kept_notes(r);
    if (!status && r->onnx) status = write_onnx(r, &w, &f, notes);
    if (!status && !r->onnx) status = save_tensors(r, w.at, w.count, notes);
    fitting_free(&f);
    return status;
}

static int export_run(int argc, char **argv)
{
    ExportRun r = {.arena = arena_new()};
    load_options_init(&r.load);
    int status = read_export_request(&r, argc, argv);
    if (!status) status = r.load.path ? export_net(&r) : convert_file(&r);
    weighted_close(&r.file);
    load_options_free(&r.load);
    arena_free(r.arena);
    return status;
}

const Command command_export = {
    .name = "export",
    .summary = "write a net with its weights as an ONNX model, or weights in another form",
    .usage = "export [NET.nn] --weights FILE -o MODEL.onnx|FILE.safetensors|FILE.npz|FILE.pth [options]",
    .options = options,
    .details = "The model is for inference: opset 17, IR version 8, parameters under their names, layers\n"
               "under their labels, an open batch.  Layers that ONNX cannot express are listed, and nothing\n"
               "is written.  MODEL.onnx in the place of NET.nn has its own weights.\n"
               "Of weights alone, NET.nn says which tensors are written, and checks their shapes; without\n"
               "it all are, with the types they have.\n",
    .run = export_run,
};
