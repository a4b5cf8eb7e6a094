/*
 * The report as a Graphviz graph: one box per layer, with its output shape and
 * parameters; one cluster per block, or one box where --depth folds it.
 */
#include <string.h>

#include "report/columns.h"
#include "report/number_text.h"
#include "report/report_formats.h"

typedef struct DotWriter {
    const Analysis *a;
    Arena *arena;
    FILE *out;
    int *box; /* by layer: the box that it is drawn in */
    int boxes;
    int clusters;
} DotWriter;

static void indent(DotWriter *d, int level) { fprintf(d->out, "%*s", 4 * level, ""); }

static void put_quoted(DotWriter *d, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', d->out);
        fputc(*text, d->out);
    }
}

static void claim(DotWriter *d, const Block *b)
{
    if (b->layer) d->box[b->layer->node->id] = d->boxes;
    for (int i = 0; i < b->children.count; i++) claim(d, b->children.at[i]);
}

static void put_box(DotWriter *d, const Block *b, int level)
{
    CellContext cells = {.arena = d->arena, .a = d->a};
    int64_t params = b->total.trained + b->total.frozen;
    claim(d, b);
    indent(d, level);
    fprintf(d->out, "n%d [label=\"", d->boxes++);
    put_quoted(d, b->path);
    fputs("\\n", d->out);
    put_quoted(d, column_cell(&cells, b, COLUMN_LAYER));
    fprintf(d->out, "\\n%s", shape_text(d->arena, b->last->shape));
    if (params) fprintf(d->out, ", %s params", number_grouped(d->arena, params));
    fprintf(d->out, "\"%s];\n", b->last->part == LAYER_HEAD ? ", style=\"filled,dashed\"" : "");
}

static void put_blocks(DotWriter *d, const Block *b, int depth, int level)
{
    for (int i = 0; i < b->children.count; i++) {
        const Block *child = b->children.at[i];
        if (child->layer || depth <= 1) {
            put_box(d, child, level);
            continue;
        }
        indent(d, level);
        fprintf(d->out, "subgraph cluster%d {\n", d->clusters++);
        indent(d, level + 1);
        fputs("label=\"", d->out);
        put_quoted(d, child->path);
        fputs("\";\n", d->out);
        put_blocks(d, child, depth - 1, level + 1);
        indent(d, level);
        fputs("}\n", d->out);
    }
}

/* ---- edges ---------------------------------------------------------------------- */

static const char *source_box(DotWriter *d, const Tensor *t)
{
    if (t->producer) return arena_printf(d->arena, "n%d", d->box[t->producer->id]);
    for (int i = 0; i < d->a->net->inputs.count; i++) {
        if (d->a->net->inputs.at[i] == t) return arena_printf(d->arena, "input%d", i);
    }
    return "input0";
}

static void put_dot_edges(DotWriter *d)
{
    Map *drawn = map_new(d->arena);
    for (int i = 0; i < d->a->layer_count; i++) {
        const Node *n = d->a->layers[i].node;
        const char *to = arena_printf(d->arena, "n%d", d->box[i]);
        for (int k = 0; k < n->data_count; k++) {
            const char *from = source_box(d, n->in[k]);
            const char *edge =
                arena_printf(d->arena, "%s -> %s [label=\"%s\"]", from, to, shape_text(d->arena, n->in[k]->shape));
            if (strcmp(from, to) == 0 || map_get(drawn, edge)) continue;
            map_put(drawn, edge, d);
            fprintf(d->out, "    %s;\n", edge);
        }
    }
}

static void put_graph(const Report *r, const Analysis *a, Arena *arena, FILE *out)
{
    DotWriter d = {
        .a = a, .arena = arena, .out = out, .box = arena_alloc(arena, (size_t)(a->layer_count + 1) * sizeof(int))};
    fprintf(out, "digraph \"%s\" {\n", a->net->name);
    fputs("    node [shape=box, style=filled, fillcolor=\"#f4f4f0\", fontname=\"Helvetica\", fontsize=10];\n"
          "    edge [fontname=\"Helvetica\", fontsize=8];\n"
          "    graph [fontname=\"Helvetica\", fontsize=10];\n",
          out);
    for (int i = 0; i < a->net->inputs.count; i++) {
        const Tensor *t = a->net->inputs.at[i];
        fprintf(out, "    input%d [label=\"%s\\n%s\", shape=ellipse];\n", i, t->name, shape_text(arena, t->shape));
    }
    put_blocks(&d, block_tree(a, arena, LAYER_ANY, NULL), r->depth, 1);
    put_dot_edges(&d);
    fputs("}\n", out);
}

static void print_dot(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    for (int i = 0; i < r->count; i++) put_graph(r, r->net[i], arena, out);
    arena_free(arena);
}

const ReportFormat report_dot = {"dot", print_dot, NULL};
