/*
 * imported: models of other tools in the place of NET.nn.
 *
 * Enters: MODEL.onnx.  Leaves: the source and the weights that `nnc import` writes, in
 * memory: the source is parsed as if it were a file, the weights are a file without a name.
 */
#define _GNU_SOURCE
#include "commands/support/imported.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "commands/support/feeding.h"
#include "elab/input_size.h"
#include "interop/write_source.h"
#include "interop/write_weights.h"

bool is_model_file(const char *path) { return path && path_has_ending(path, ".onnx"); }

static int read_model(Arena *arena, const char *path, const OnnxImportOptions *options, OnnxImport *out)
{
    NnError error = {0};
    if (!onnx_import(arena, path, options, out, &error)) return STATUS_OK;
    const int status = fail_error(&error);
    return out->refused.count ? STATUS_REFUSED : status;
}

static int put_source(const OnnxImport *import, Text *source)
{
    NnError error = {0};
    if (write_source(import->graph, source, &error) == 0) return STATUS_OK;
    fail_error(&error);
    return STATUS_REFUSED;
}

int imported_read(Arena *arena, const char *path, const OnnxImportOptions *options, OnnxImport *out, Text *source)
{
    text_init(source, arena);
    const int status = read_model(arena, path, options, out);
    return status ? status : put_source(out, source);
}

int imported_net(Arena *arena, const char *path, const OnnxImportOptions *options, OnnxImport *out, Text *source,
                 ImportedInt8 **int8)
{
    const char *why = NULL;
    *int8 = NULL;
    text_init(source, arena);
    const int status = read_model(arena, path, options, out);
    if (status) return status;
    *int8 = imported_int8(arena, out->graph, &why);
    if (why) fprintf(stderr, "nnc: note: %s: its integers are simulated in f32, since %s\n", path, why);
    if (!*int8) return put_source(out, source);
    text_add(source, imported_int8_source(*int8));
    return STATUS_OK;
}

bool imported_input(Arena *arena, const char *text, OnnxInputShape *s)
{
    const char *equals = strrchr(text, '='), *p = equals ? equals + 1 : text;
    *s = (OnnxInputShape){.name = equals ? arena_strndup(arena, text, (size_t)(equals - text)) : NULL};
    for (char *end; s->rank < ONNX_MAX_RANK; p = end + 1) {
        s->dims[s->rank++] = strtoll(p, &end, 10);
        if (end == p || s->dims[s->rank - 1] < 1 || (*end && *end != 'x')) return false;
        if (!*end) return true;
    }
    return false;
}

/* --input of a net is per sample: of a model it is the shape with the batch of 1 before it. */
static OnnxImportOptions import_options_of(const LoadOptions *o)
{
    OnnxImportOptions options = {0};
    for (int i = 0; i < o->inputs.count; i++) {
        const InputSize *size = o->inputs.at[i];
        OnnxInputShape *s = arena_alloc(o->compilation->arena, sizeof *s);
        *s = (OnnxInputShape){size->label, size->shape.rank + 1, {1}};
        for (int a = 0; a < size->shape.rank; a++) s->dims[a + 1] = size->shape.dim[a];
        list_push(o->compilation->arena, &options.inputs, s);
    }
    return options;
}

/* The weights in memory, as a path under which they are opened. */
static int keep_weights(Arena *arena, const ImportGraph *g, const ImportedInt8 *int8, const char **path)
{
    NnError error = {0};
    const int file = memfd_create("weights", MFD_CLOEXEC);
    if (file < 0) return fail(STATUS_SYSTEM, "out of memory for the weights");
    *path = arena_printf(arena, "/dev/fd/%d", file);
    if (int8) return imported_int8_save(int8, *path);
    return write_weights(g, *path, &error) ? fail_error(&error) : STATUS_OK;
}

int imported_parse(const LoadOptions *o, File **file, const char **weights)
{
    Compilation *c = o->compilation;
    Arena *arena = arena_new(); /* c's is limited to what describes a net: weights may be larger */
    const OnnxImportOptions options = import_options_of(o);
    OnnxImport import;
    Text source;
    ImportedInt8 *int8 = NULL;
    /* Commands that take no int8 weights take what simulates them. */
    const bool simulated = o->own_weights && !o->weights;
    int status = simulated ? imported_read(arena, o->path, &options, &import, &source)
                           : imported_net(arena, o->path, &options, &import, &source, &int8);
    if (!status && o->own_weights) status = keep_weights(c->arena, import.graph, int8, weights);
    const char *text = status ? NULL : arena_strdup(c->arena, source.data);
    imported_int8_free(int8);
    onnx_import_free(&import);
    arena_free(arena);
    *file = text ? front_parse_text(c, o->path, text, strlen(text)) : NULL;
    return status;
}
