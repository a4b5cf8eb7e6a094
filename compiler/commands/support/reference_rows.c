/*
 * Rows of outputs and targets in a reference file.
 *
 * Enters: a net.  Leaves: what a sample's row of outputs and its row of targets consist of, and
 * copies between whole rows and arrays of one part.
 */
#include "commands/support/reference_rows.h"

#include <string.h>

RowParts rows_of_outputs(const Model *m)
{
    RowParts parts = {.count = net_output_parts(m->net), .row = (size_t)net_output_count(m->net)};
    parts.at = arena_alloc(m->c->arena, (size_t)parts.count * sizeof *parts.at);
    for (int i = 0; i < parts.count; i++) {
        const OutputPart p = net_output_part(m->net, i);
        parts.at[i] = (RowPart){p.name, p.output->shape, (size_t)p.offset, (size_t)p.count, 0, 0};
    }
    return parts;
}

/* A class of each sample has no axis of its own. */
static Shape target_shape_in_file(const TargetPart *p)
{
    return p->is.classes && p->first->output->shape.rank == 1 ? (Shape){0} : p->is.shape;
}

RowParts rows_of_targets(const Model *m)
{
    const Objectives all = train_objectives(m->spec, m->net);
    RowParts parts = {.count = all.targets, .row = (size_t)all.target_count};
    parts.at = arena_alloc(m->c->arena, (size_t)parts.count * sizeof *parts.at);
    for (int i = 0; i < parts.count; i++) {
        const TargetPart *p = &all.target[i];
        const int64_t classes = p->is.classes ? p->first->output->shape.dim[0] : 0;
        parts.at[i] =
            (RowPart){p->name, target_shape_in_file(p), (size_t)p->offset, (size_t)p->count, classes, p->is.ignored};
    }
    return parts;
}

const char *row_part_name(Arena *arena, const char *prefix, const RowPart *part)
{
    return part->name ? arena_printf(arena, "%s.%s", prefix, part->name) : prefix;
}

bool row_part_is(const RowParts *parts, const char *prefix, const char *name)
{
    const size_t length = strlen(prefix);
    if (strncmp(name, prefix, length) != 0) return false;
    for (int i = 0; i < parts->count; i++) {
        const char *part = parts->at[i].name;
        if (part ? name[length] == '.' && strcmp(name + length + 1, part) == 0 : !name[length]) return true;
    }
    return false;
}

void row_part_take(const RowParts *parts, int part, size_t samples, const float *rows, float *out)
{
    const RowPart *p = &parts->at[part];
    for (size_t i = 0; i < samples; i++)
        memcpy(out + i * p->count, rows + i * parts->row + p->offset, p->count * sizeof *out);
}

void row_part_put(const RowParts *parts, int part, size_t samples, const float *values, float *rows)
{
    const RowPart *p = &parts->at[part];
    for (size_t i = 0; i < samples; i++)
        memcpy(rows + i * parts->row + p->offset, values + i * p->count, p->count * sizeof *rows);
}
