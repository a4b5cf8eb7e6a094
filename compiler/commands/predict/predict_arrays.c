/*
 * Rows of outputs → files.
 */
#include "commands/predict/predict_arrays.h"

#include <stdlib.h>
#include <string.h>

#include "commands/predict/predict_pictures.h"
#include "commands/support/output.h"
#include "commands/support/reference_rows.h"

int output_files_init(OutputFiles *o, const Model *m, const char *path)
{
    *o = (OutputFiles){.m = m, .path = path};
    o->pictures = path && path_has_ending(path, ".png");
    if (!o->pictures || output_picture_kind(m) != OUTPUT_PICTURE_NONE) return STATUS_OK;
    const Shape shape = m->net->output->shape;
    return fail(STATUS_INPUT, "the outputs of %s are no picture (%s); use -o FILE.npy", m->info->name,
                shape_text(m->c->arena, shape));
}

void output_files_free(OutputFiles *o) { free(o->rows); }

void output_files_add(OutputFiles *o, const float *row)
{
    const size_t outputs = o->m->info->outputs;
    if (!o->path) return;
    if (o->count == o->room) {
        o->room = 2 * o->room + 16;
        o->rows = realloc(o->rows, o->room * outputs * sizeof *o->rows);
        if (!o->rows) exit(fail(STATUS_SYSTEM, "out of memory for the outputs of %zu samples", o->room));
    }
    memcpy(o->rows + o->count++ * outputs, row, outputs * sizeof *row);
}

/* FILE.png, "x" → FILE + x + .png */
static const char *path_with(const OutputFiles *o, const char *part)
{
    const int stem = (int)strlen(o->path) - 4;
    return arena_printf(o->m->c->arena, "%.*s%s%s", stem, o->path, part, o->path + stem);
}

/* ---- arrays ------------------------------------------------------------------------ */

/* NumPy's format 1.0: the header is padded so that the data begins at a multiple of 64. */
static Text npy_header(const OutputFiles *o, Shape shape)
{
    Text text;
    text_init(&text, o->m->c->arena);
    text_addf(&text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu,", o->count);
    for (int i = 0; i < shape.rank; i++) text_addf(&text, "%s%lld", i ? ", " : " ", (long long)shape.dim[i]);
    text_add(&text, "), }");
    while ((10 + text.length + 1) % 64) text_add(&text, " ");
    text_add(&text, "\n");
    return text;
}

static OutputFile npy_file(const OutputFiles *o, const RowParts *parts, int part)
{
    const RowPart *p = &parts->at[part];
    const Text header = npy_header(o, p->shape);
    const size_t data = 10 + header.length, size = data + o->count * p->count * sizeof(float);
    char *bytes = block_alloc(size);
    float *values = block_alloc((o->count * p->count + 1) * sizeof *values);
    memcpy(bytes, "\x93NUMPY\x01\x00", 8);
    bytes[8] = (char)(header.length & 0xff);
    bytes[9] = (char)(header.length >> 8);
    memcpy(bytes + 10, header.data, header.length);
    row_part_take(parts, part, o->count, o->rows, values);
    memcpy(bytes + data, values, size - data);
    free(values);
    const char *path = p->name ? path_with(o, arena_printf(o->m->c->arena, ".%s", p->name)) : o->path;
    return (OutputFile){path, bytes, size};
}

static int write_arrays(const OutputFiles *o)
{
    const RowParts parts = rows_of_outputs(o->m);
    OutputFile *files = arena_alloc(o->m->c->arena, (size_t)parts.count * sizeof *files);
    for (int i = 0; i < parts.count; i++) files[i] = npy_file(o, &parts, i);
    int status = output_write(files, parts.count);
    for (int i = 0; i < parts.count; i++) free((char *)files[i].text);
    return status;
}

/* ---- pictures ---------------------------------------------------------------------- */

static int write_picture(const OutputFiles *o, const Fitting *f, size_t sample)
{
    Arena *arena = arena_new();
    const Canvas *picture = output_picture(arena, o->m, f, o->rows + sample * o->m->info->outputs);
    const char *path = o->count == 1 ? o->path : path_with(o, arena_printf(o->m->c->arena, "-%zu", sample));
    int status = canvas_write(picture, path);
    arena_free(arena);
    return status;
}

int output_files_write(const OutputFiles *o, const Fitting *f)
{
    if (!o->path) return STATUS_OK;
    if (!o->pictures) return write_arrays(o);
    int status = STATUS_OK;
    for (size_t i = 0; !status && i < o->count; i++) status = write_picture(o, f, i);
    return status;
}
