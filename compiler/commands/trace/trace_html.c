/*
 * A trace as one self-contained HTML page: what --format json prints, the places of the boxes,
 * and the windows that slide; the script draws the rest.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/trace/trace.h"
#include "report/diagram_layout.h"
#include "report/number_text.h"
#include "report/page.h"
#include "report/page_text.h"
#include "report/report_json.h"

/* Under a box is room for its value and its gradient, beside the edge. */
enum { BOX_SIDE = 40, LABEL_ROOM = 34, BOX_MIN_WIDTH = 240, BOX_MARGIN = 24 };

typedef struct TraceDiagram {
    const Trace *t;
    DiagramLayout layout;
    int *box_of; /* by tensor id: 1 + the box that makes it */
} TraceDiagram;

/* ---- the diagram ---------------------------------------------------------------------- */

static void add_trace_box(TraceDiagram *d, const Tensor *makes, const char *name, const char *op)
{
    LayoutBox *box = arena_alloc(d->t->arena, sizeof *box);
    const double text = 7.5 * fmax(text_columns(name), text_columns(op)) + BOX_MARGIN;
    *box = (LayoutBox){.width = fmax(BOX_MIN_WIDTH, text), .height = BOX_SIDE + LABEL_ROOM};
    list_push(d->t->arena, &d->layout.boxes, box);
    d->box_of[makes->id] = d->layout.boxes.count;
}

static void add_trace_edges(TraceDiagram *d, const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        if (!d->box_of[n->in[i]->id]) continue; /* a parameter, a target */
        LayoutEdge *edge = arena_alloc(d->t->arena, sizeof *edge);
        *edge = (LayoutEdge){.from = d->box_of[n->in[i]->id] - 1, .to = d->box_of[n->out[0]->id] - 1};
        list_push(d->t->arena, &d->layout.edges, edge);
    }
}

/* The boxes are those of `steps` in the JSON, in the same order. */
static void add_trace_boxes(TraceDiagram *d)
{
    const Graph *g = d->t->program;
    for (int i = 0; i < g->inputs.count; i++) {
        const Tensor *x = g->inputs.at[i];
        add_trace_box(d, x, x->name, "input");
    }
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        if (!trace_is_step(d->t, n)) continue;
        add_trace_box(d, n->out[0], n->name, trace_op_name(n));
        add_trace_edges(d, n);
    }
}

/* It begins in the middle below its box, where the labels are. */
static json_t *trace_line_value(const DiagramLayout *l, const LayoutEdge *e)
{
    json_t *points = json_array();
    if (e->points) e->at[0][0] = ((const LayoutBox *)l->boxes.at[e->from])->x;
    for (int i = 0; i < e->points; i++) {
        json_array_append_new(points, json_real(e->at[i][0]));
        json_array_append_new(points, json_real(e->at[i][1]));
    }
    return points;
}

static json_t *trace_diagram(const Trace *t)
{
    TraceDiagram d = {.t = t, .box_of = arena_alloc(t->arena, (size_t)(t->program->tensors.count + 1) * sizeof(int))};
    List layouts = {0};
    json_t *boxes = json_array(), *lines = json_array();
    add_trace_boxes(&d);
    list_push(t->arena, &layouts, &d.layout);
    if (!layout_graphviz(t->arena, &layouts)) layout_layered(t->arena, &d.layout);
    for (int i = 0; i < d.layout.boxes.count; i++) {
        const LayoutBox *b = d.layout.boxes.at[i];
        json_array_append_new(boxes, json_pack("{s:f, s:f, s:f, s:f}", "x", b->x - b->width / 2, "y",
                                               b->y - b->height / 2, "w", b->width, "h", (double)BOX_SIDE));
    }
    for (int i = 0; i < d.layout.edges.count; i++)
        json_array_append_new(lines, trace_line_value(&d.layout, d.layout.edges.at[i]));
    return json_pack("{s:f, s:f, s:i, s:o, s:o}", "w", d.layout.width, "h", d.layout.height, "room", LABEL_ROOM,
                     "boxes", boxes, "lines", lines);
}

/* ---- windows ---------------------------------------------------------------------------- */

/* An argument of that name and of a type that has two axes: rows, columns. */
static bool pair_argument(const Node *n, const char *name, double pair[2])
{
    for (const Attr *a = n->op->attrs; a && a->name; a++) {
        const char *at = (const char *)n->attrs + a->offset;
        if (strcmp(a->name, name) != 0) continue;
        if (a->type == ATTR_PAIR) pair[0] = (double)((const Pair *)at)->h, pair[1] = (double)((const Pair *)at)->w;
        if (a->type == ATTR_PAD) pair[0] = (double)((const Pad *)at)->top, pair[1] = (double)((const Pad *)at)->left;
        return a->type == ATTR_PAIR || a->type == ATTR_PAD;
    }
    return false;
}

static json_t *two_numbers(const double pair[2]) { return json_pack("[f, f]", pair[0], pair[1]); }

/* Of an image's kernel; `transposed`: it paints the output instead of reading the input.  NULL: none. */
static json_t *window_value(const Node *n)
{
    double k[2], stride[2] = {1, 1}, pad[2] = {0, 0}, dilation[2] = {1, 1};
    bool uneven = false;
    if (!n->op->window || node_shape_out(n).rank != 3 || !pair_argument(n, "k", k)) return NULL;
    pair_argument(n, "dilation", dilation);
    for (int axis = 0; axis < 2; axis++) {
        Window w = {0};
        n->op->window(n, axis, &w);
        stride[axis] = w.stride;
        pad[axis] = w.pad;
        uneven |= w.uneven;
    }
    if (uneven) pair_argument(n, "stride", stride), pair_argument(n, "pad", pad);
    return json_pack("{s:o, s:o, s:o, s:o, s:b}", "k", two_numbers(k), "stride", two_numbers(stride), "pad",
                     two_numbers(pad), "dilation", two_numbers(dilation), "transposed", uneven);
}

/* Steps of layers follow those of the inputs.  The page shows parameters as they are made and
 * updated. */
static void put_windows(const Trace *t, json_t *steps)
{
    for (size_t i = 0; i < json_array_size(steps); i++) json_object_del(json_array_get(steps, i), "parameters");
    size_t at = (size_t)t->program->inputs.count;
    for (int i = 0; i < t->program->nodes.count; i++) {
        const Node *n = t->program->nodes.at[i];
        if (!trace_is_step(t, n)) continue;
        json_t *window = window_value(n), *step = json_array_get(steps, at++);
        if (window) json_put(step, "window", window);
    }
}

/* ---- the page ----------------------------------------------------------------------------- */

static void print_trace_html(const Trace *t, FILE *out)
{
    json_t *value = trace_to_json(t);
    json_put(value, "diagram", trace_diagram(t));
    json_put_integer(value, "digits", t->digits);
    put_windows(t, json_object_get(value, "steps"));
    char *json = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(t->digits + 4));
    const Page page = {trace_html_text, t->m->net->name, "trace", trace_style_text, trace_script_text, json};
    if (json) page_write(&page, out);
    free(json);
    json_decref(value);
}

const TraceFormat trace_html = {"html", print_trace_html};
