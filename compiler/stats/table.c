/*
 * The table of layers, at most 79 columns wide where names are short.
 */
#include <math.h>
#include <string.h>

#include "stats/parts.h"

static int layer_name_width(const Stats *s)
{
    int width = (int)strlen("layer");
    for (int i = 0; i < stats_layers(s); i++) {
        const int length = (int)strlen(stats_layer(s, i)->node->name);
        if (length > width) width = length;
    }
    return width;
}

static int column_width_of(const LayerColumn *c) { return (int)strlen(c->head) > 9 ? (int)strlen(c->head) : 9; }

static bool is_share(const LayerColumn *c) { return !strcmp(c->name, "dead") || !strcmp(c->name, "saturated"); }

/* room: columns that are still empty before it; no blanks end a line. */
static void put_layer_number(FILE *out, const LayerColumn *c, double value, int *room)
{
    *room += 2 + column_width_of(c);
    if (isnan(value)) return;
    if (is_share(c))
        fprintf(out, "%*.1f %%", *room - 2, 100 * value);
    else
        fprintf(out, "%*.3g", *room, value);
    *room = 0;
}

static void put_layer_row(FILE *out, const LayerStats *l, int64_t steps, int width)
{
    int room = 0;
    fprintf(out, "%-*s", width, l->node->name);
    for (int k = 0; k < LAYER_COLUMNS; k++)
        put_layer_number(out, &layer_columns[k], layer_columns[k].value(l, steps), &room);
    fputc('\n', out);
}

void stats_print_table(const Stats *s, FILE *out)
{
    const int width = layer_name_width(s);
    const long long steps = (long long)stats_watched_steps(s), samples = (long long)stats_watched_samples(s);
    if (!steps) return;
    fprintf(out, "\nlayers, of %lld samples in %lld step%s:\n%-*s", samples, steps, steps == 1 ? "" : "s", width,
            "layer");
    for (int k = 0; k < LAYER_COLUMNS; k++)
        fprintf(out, "  %*s", column_width_of(&layer_columns[k]), layer_columns[k].head);
    fputc('\n', out);
    for (int i = 0; i < stats_layers(s); i++) put_layer_row(out, stats_layer(s, i), steps, width);
    fputc('\n', out);
}
