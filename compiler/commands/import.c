/*
 * import: `nnc import MODEL.onnx -o NET.nn`.
 *
 * Enters: a model.  Leaves: its source and its weights, or neither.
 */
#include <string.h>

#include "commands/support/feeding.h"
#include "commands/support/imported.h"
#include "commands/support/file_use.h"
#include "commands/support/output.h"
#include "interop/write_weights.h"
#include "runtime/core/new_file.h"

enum { IMPORT_WEIGHTS = 256, IMPORT_INPUT };

static const Option options[] = {
    {'o', "output", "NET.nn", "write the source to NET.nn ('-': standard output, without weights)"},
    {IMPORT_WEIGHTS, "weights", "FILE", "write the weights to FILE (default: NET.safetensors)"},
    {IMPORT_INPUT, "input", "NAME=SHAPE", "the shape of an input, with its batch: data=1x3x224x224"},
    {0},
};

typedef struct ImportRequest {
    Arena *arena;
    const char *model, *source, *weights;
    OnnxImportOptions options;
} ImportRequest;

static bool take_import_option(ImportRequest *r, int id, const char *value)
{
    OnnxInputShape *shape = arena_alloc(r->arena, sizeof *shape);
    switch (id) {
    case 'o': r->source = value; return true;
    case IMPORT_WEIGHTS: r->weights = value; return true;
    default: list_push(r->arena, &r->options.inputs, shape);
    }
    if (imported_input(r->arena, value, shape)) return true;
    usage_error(&command_import, "--input takes NAME=SHAPE such as data=1x3x224x224, not '%s'", value);
    return false;
}

/* NET.nn → NET.safetensors */
static const char *weights_beside(Arena *arena, const char *source)
{
    const size_t length = strlen(source) - (path_has_ending(source, ".nn") ? 3 : 0);
    return arena_printf(arena, "%.*s.safetensors", (int)length, source);
}

static int save_weights(const OnnxImport *import, const ImportedInt8 *int8, const char *path)
{
    NnError error = {0};
    if (int8) return imported_int8_save(int8, path);
    return write_weights(import->graph, path, &error) ? fail_error(&error) : STATUS_OK;
}

static int save_import(const ImportRequest *r, const OnnxImport *import, const ImportedInt8 *int8, const Text *source)
{
    NnError error = {0};
    const bool to_stdout = strcmp(r->source, "-") == 0;
    const char *weights = r->weights || to_stdout ? r->weights : weights_beside(r->arena, r->source);
    const FileUse files[] = {{"the model", r->model, false}, {"-o", r->source, true}, {"the weights", weights, true}};
    if (files_apart(files, sizeof files / sizeof *files)) return STATUS_USAGE;
    if (!to_stdout && nn_file_check(r->source, source->length, &error)) return fail_error(&error);
    const int status = weights ? save_weights(import, int8, weights) : STATUS_OK;
    if (status) return status;
    if (to_stdout) {
        fwrite(source->data, 1, source->length, stdout);
        return finish_output();
    }
    return output_write(&(OutputFile){r->source, source->data, source->length}, 1);
}

static int import_model(ImportRequest *r, const OptionReader *reader)
{
    OnnxImport import;
    Text source;
    if (!options_one_file(reader)) return STATUS_USAGE;
    r->model = reader->operands[0];
    if (!r->source) return usage_error(&command_import, "no output file (use -o NET.nn)");
    ImportedInt8 *int8;
    int status = imported_net(r->arena, r->model, &r->options, &import, &source, &int8);
    if (status == STATUS_OK) status = save_import(r, &import, int8, &source);
    imported_int8_free(int8);
    onnx_import_free(&import);
    return status;
}

static int import_run(int argc, char **argv)
{
    ImportRequest r = {.arena = arena_new()};
    OptionReader reader;
    int status = STATUS_OK;
    options_begin(&reader, &command_import, argc, argv);
    for (int id; status == STATUS_OK && (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_import_option(&r, id, reader.value)) status = STATUS_USAGE;
    if (status == STATUS_OK) status = import_model(&r, &reader);
    arena_free(r.arena);
    return status;
}

const Command command_import = {
    .name = "import",
    .summary = "turn an ONNX model into a source file and a weights file",
    .usage = "import MODEL.onnx -o NET.nn [options]",
    .options = options,
    .details = "All commands that take NET.nn take MODEL.onnx as well, with its weights.\n"
               "Operators that cannot be expressed are listed, and nothing is written.\n",
    .run = import_run,
};
