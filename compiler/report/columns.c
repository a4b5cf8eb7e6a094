/*
 * The cells of a layer or a block.
 *
 * In: a block of the tree and a column.  Out: text.  A block shows its sums, and
 * its last layer for what does not add up.  A missing quantity is n/a, and the
 * reason is collected for a note below the table.
 */
#include "report/columns.h"

#include <string.h>

#include "report/number_text.h"

const char *const column_titles[COLUMNS] = {
    "name",   "layer",   "output", "params", "MACs", "FLOPs", "field", "stride", "pad",
    "centre", "covered", "bytes",  "FLOP/B", "time", "grad",  "dead",  "slope",
};

/* ---- fields ------------------------------------------------------------------- */

/* A sequence has one axis. */
bool field_is_whole(const LayerReport *l) { return l->field[1].whole && (l->field[0].whole || l->shape.rank == 2); }

/* `h` and `w` belong to the axes; an axis with an unbounded field has none. */
static const char *axes_text(Arena *arena, const LayerReport *l, double h, double w, const char *whole)
{
    const Field *f = l->field;
    if (field_is_whole(l)) return whole;
    if (l->shape.rank == 2) return number_pair(arena, w, w);
    if (f[0].whole) return arena_printf(arena, "%sx%s", *whole ? whole : "-", number_pair(arena, w, w));
    if (f[1].whole) return arena_printf(arena, "%sx%s", number_pair(arena, h, h), *whole ? whole : "-");
    return number_pair(arena, h, w);
}

const char *field_text(Arena *arena, const LayerReport *l)
{
    return axes_text(arena, l, field_size(l->field[0]), field_size(l->field[1]), "all");
}

const char *stride_text(Arena *arena, const LayerReport *l)
{
    return axes_text(arena, l, l->field[0].stride, l->field[1].stride, "");
}

const char *padding_text(Arena *arena, const LayerReport *l)
{
    return axes_text(arena, l, -l->field[0].first, -l->field[1].first, "");
}

const char *centre_text(Arena *arena, const LayerReport *l)
{
    const Field *f = l->field;
    return axes_text(arena, l, (f[0].first + f[0].last) / 2, (f[1].first + f[1].last) / 2, "");
}

/* ---- missing quantities ---------------------------------------------------------- */

static const char *missing_cell(CellContext *c, Column column, const char *why)
{
    const char *note = arena_printf(c->arena, "%s: %s", column_titles[column], why);
    for (int i = 0; i < c->notes.count; i++) {
        if (strcmp(c->notes.at[i], note) == 0) return "n/a";
    }
    list_push(c->arena, &c->notes, (void *)note);
    return "n/a";
}

static const char *known_cell(CellContext *c, Column column, Known k)
{
    return k.why ? missing_cell(c, column, k.why) : number_real(c->arena, k.value);
}

/* ---- cells ------------------------------------------------------------------------ */

static const char *layer_text(CellContext *c, const Block *b)
{
    if (!b->layer) return arena_printf(c->arena, "%d layers", b->total.layers);
    if (!*b->layer->arguments) return b->layer->kind;
    return arena_printf(c->arena, "%s(%s)", b->layer->kind, b->layer->arguments);
}

/* A count; empty for 0, which is most of them. */
static const char *count_text(CellContext *c, int64_t value)
{
    if (value == 0) return "";
    return c->units ? number_units(c->arena, value) : number_grouped(c->arena, value);
}

/* Frozen parameters have a star; numbers below each other stay aligned. */
static const char *params_text(CellContext *c, const Block *b)
{
    const ReportTotals *t = &b->total;
    if (t->trained + t->frozen == 0) return "";
    const char *count = number_grouped(c->arena, t->trained + t->frozen);
    if (c->a->total.frozen + c->a->heads.frozen == 0) return count;
    return arena_printf(c->arena, "%s%s", count, t->frozen ? "*" : " ");
}

static const char *field_cell(CellContext *c, const LayerReport *l, Column column)
{
    if (l->field_why) return missing_cell(c, column, l->field_why);
    switch (column) {
    case COLUMN_FIELD:
        return l->misaligned ? arena_printf(c->arena, "%s!", field_text(c->arena, l)) : field_text(c->arena, l);
    case COLUMN_STRIDE: return stride_text(c->arena, l);
    case COLUMN_PAD: return padding_text(c->arena, l);
    default: return centre_text(c->arena, l);
    }
}

static const char *covered_cell(CellContext *c, const LayerReport *l)
{
    if (l->covered.why) return missing_cell(c, COLUMN_COVERED, l->covered.why);
    return number_percent(c->arena, l->covered.value);
}

/* Only activations have a slope: elsewhere the cell is empty. */
static const char *slope_cell(CellContext *c, const Block *b)
{
    return b->layer && b->layer->node->op->slope ? known_cell(c, COLUMN_SLOPE, b->layer->slope) : "";
}

static const char *intensity_cell(CellContext *c, const Block *b)
{
    if (b->layer) return known_cell(c, COLUMN_INTENSITY, b->layer->intensity);
    if (b->total.traffic == 0) return missing_cell(c, COLUMN_INTENSITY, "it moves no bytes");
    double flops = (double)b->total.flops * (double)c->a->batch;
    return number_real(c->arena, flops / (double)b->total.traffic);
}

const char *column_cell(CellContext *c, const Block *b, Column column)
{
    const LayerReport *l = b->last;
    switch (column) {
    case COLUMN_NAME: return b->path;
    case COLUMN_LAYER: return layer_text(c, b);
    case COLUMN_OUTPUT: return shape_text(c->arena, l->shape);
    case COLUMN_PARAMS: return params_text(c, b);
    case COLUMN_MACS: return count_text(c, b->total.macs);
    case COLUMN_FLOPS: return count_text(c, b->total.flops);
    case COLUMN_FIELD:
    case COLUMN_STRIDE:
    case COLUMN_PAD:
    case COLUMN_CENTRE: return field_cell(c, l, column);
    case COLUMN_COVERED: return covered_cell(c, l);
    case COLUMN_BYTES: return count_text(c, b->total.activation);
    case COLUMN_INTENSITY: return intensity_cell(c, b);
    case COLUMN_TIME: return b->total.seconds > 0 ? number_seconds(c->arena, b->total.seconds) : "";
    case COLUMN_BOUND: return known_cell(c, column, l->bound);
    case COLUMN_DEAD: return known_cell(c, column, l->dead);
    case COLUMN_SLOPE: return slope_cell(c, b);
    case COLUMNS: break;
    }
    return "";
}
