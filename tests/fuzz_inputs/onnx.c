/* An ONNX model, to its source. */
#include "interop/import_onnx.h"
#include "interop/write_source.h"
#include "tests/fuzz_inputs/fuzz_inputs.h"

enum { MODEL_BYTES = 1 << 14 }; /* of what is tried */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > MODEL_BYTES) return 0;
    Arena *arena = arena_new();
    const char *path = arena_printf(arena, "%s/fuzz.onnx", fuzz_file("fuzz.onnx", bytes, size));
    const OnnxImportOptions options = {0};
    OnnxImport import;
    NnError error = {0};
    Text source;
    text_init(&source, arena);
    if (onnx_import(arena, path, &options, &import, &error) == 0) write_source(import.graph, &source, &error);
    onnx_import_free(&import);
    arena_free(arena);
    return 0;
}
