/*
 * The drawing of a net, block by block.
 *
 * In: the tree of blocks and the layers' inputs.  Out: for every block its
 * children as boxes, the tensors that enter and leave it as small ends, and the
 * edges between them.  Each block is laid out on its own, with inner blocks
 * closed.
 */
#include "report/diagram.h"

#include <math.h>
#include <string.h>

#include "report/diagram_layout.h"
#include "report/number_text.h"
#include "report/report_json.h"

enum { TEXT_MAX = 40, BOX_HEIGHT = 36, END_HEIGHT = 20, END_SIZE = 9, WIDTH_MIN = 84, MARGIN = 20, MARK_WIDTH = 8 };

typedef enum BoxKind { BOX_LAYER, BOX_BLOCK, BOX_IN, BOX_OUT } BoxKind;

typedef struct Box {
    BoxKind kind;
    const Block *block;   /* of BOX_LAYER and BOX_BLOCK */
    const Tensor *source; /* of BOX_IN: what comes in; of BOX_OUT: NULL, or a head's output */
    const char *text, *under;
} Box;

typedef struct DiagramScope {
    const Block *block;
    List boxes; /* of Box, as in the layout */
    DiagramLayout layout;
} DiagramScope;

typedef struct Diagram {
    const Analysis *a;
    Arena *arena;
    Block **leaf; /* by layer */
    List scopes;  /* of DiagramScope */
} Diagram;

/* ---- boxes ----------------------------------------------------------------------- */

static const char *truncate_text(Arena *arena, const char *text)
{
    return text_columns(text) <= TEXT_MAX ? text : arena_printf(arena, "%.*s…", TEXT_MAX - 1, text);
}

static int add_box(Diagram *d, DiagramScope *s, Box box, double width, double height)
{
    Box *b = arena_alloc(d->arena, sizeof *b);
    LayoutBox *l = arena_alloc(d->arena, sizeof *l);
    *b = box;
    *l = (LayoutBox){.width = width, .height = height};
    list_push(d->arena, &s->boxes, b);
    list_push(d->arena, &s->layout.boxes, l);
    return s->boxes.count - 1;
}

/* Approximate text widths at 12 and 11 pixels, sans serif. */
static double box_width(const char *text, const char *under)
{
    double width = fmax(6.4 * text_columns(text), 5.9 * text_columns(under)) + MARGIN;
    return fmax(width, WIDTH_MIN);
}

/* Its name; where that is only a number, with the name before it: layer1.0 */
static const char *block_title(const Block *b)
{
    bool number = b->name[strspn(b->name, "0123456789")] == '\0';
    return number && b->parent && b->parent->parent
               ? b->path + (strlen(b->path) - strlen(b->name) - strlen(b->parent->name) - 1)
               : b->name;
}

static void add_child(Diagram *d, DiagramScope *s, const Block *b)
{
    Box box = {.kind = b->layer ? BOX_LAYER : BOX_BLOCK, .block = b};
    const char *shape = shape_text(d->arena, b->last->shape);
    if (b->layer) {
        const char *arguments = b->layer->arguments;
        box.text = *arguments ? arena_printf(d->arena, "%s(%s)", b->layer->kind, arguments) : b->layer->kind;
        box.under = shape;
    } else {
        box.text = block_title(b);
        box.under = arena_printf(d->arena, "%d layers, %s", b->total.layers, shape);
    }
    box.text = truncate_text(d->arena, box.text);
    double mark = b->layer ? 0 : 2 * MARK_WIDTH; /* of a block: beside its title, which stays centred */
    add_box(d, s, box, box_width(box.text, box.under) + mark, BOX_HEIGHT);
}

/* Ends of the net say what they are; ends of a block only where there are several. */
static int find_end(Diagram *d, DiagramScope *s, BoxKind kind, const Tensor *source, const char *text)
{
    for (int i = 0; i < s->boxes.count; i++) {
        const Box *b = s->boxes.at[i];
        if (b->kind == kind && b->source == source) return i;
    }
    const char *shown = truncate_text(d->arena, text);
    bool root = s->block->parent == NULL;
    double width = root ? box_width(shown, "") : END_SIZE, height = root ? END_HEIGHT : END_SIZE;
    return add_box(d, s, (Box){kind, NULL, source, shown, ""}, width, height);
}

/* ---- lines ------------------------------------------------------------------------- */

static void add_edge(Diagram *d, DiagramScope *s, int from, int to)
{
    for (int i = 0; i < s->layout.edges.count; i++) {
        const LayoutEdge *e = s->layout.edges.at[i];
        if (e->from == from && e->to == to) return;
    }
    LayoutEdge *e = arena_alloc(d->arena, sizeof *e);
    *e = (LayoutEdge){.from = from, .to = to};
    list_push(d->arena, &s->layout.edges, e);
}

/* The box of the scope that contains a layer, or −1. */
static int box_of(Diagram *d, const DiagramScope *s, int layer)
{
    const Block *b = d->leaf[layer];
    while (b && b->parent != s->block) b = b->parent;
    for (int i = 0; b && i < s->block->children.count; i++) {
        if (s->block->children.at[i] == b) return i; /* children are the first boxes */
    }
    return -1;
}

static const char *source_text(Diagram *d, const Tensor *t)
{
    if (t->producer) return t->producer->name;
    return arena_printf(d->arena, "%s %s", strcmp(t->name, "x") == 0 ? "input" : t->name,
                        shape_text(d->arena, t->shape));
}

static void connect_layer(Diagram *d, DiagramScope *s, const Tensor *t, int layer)
{
    int to = box_of(d, s, layer), from = t->producer ? box_of(d, s, t->producer->id) : -1;
    if (from < 0 && to < 0) return;
    if (from < 0) from = find_end(d, s, BOX_IN, t, source_text(d, t));
    if (to < 0) to = find_end(d, s, BOX_OUT, NULL, "");
    if (from != to) add_edge(d, s, from, to);
}

static void connect_output(Diagram *d, DiagramScope *s, const Tensor *t, const Tensor *end, const char *text)
{
    int from = t->producer ? box_of(d, s, t->producer->id) : -1;
    if (from >= 0) add_edge(d, s, from, find_end(d, s, BOX_OUT, s->block->parent ? NULL : end, text));
}

static void connect_scope(Diagram *d, DiagramScope *s)
{
    const Graph *net = d->a->net;
    for (int i = 0; i < d->a->layer_count; i++) {
        const Node *n = d->a->layers[i].node;
        for (int k = 0; k < n->data_count; k++) connect_layer(d, s, n->in[k], i);
    }
    connect_output(d, s, net->output, NULL,
                   arena_printf(d->arena, "output %s", shape_text(d->arena, net->output->shape)));
    for (int i = 0; i < net->outputs.count; i++) {
        const Head *o = net->outputs.at[i];
        connect_output(d, s, o->output, o->output, arena_printf(d->arena, "output %s", o->name));
    }
    for (int i = 0; i < net->heads.count; i++) {
        const Head *h = net->heads.at[i];
        connect_output(d, s, h->output, h->output, arena_printf(d->arena, "head %s", h->name));
    }
}

static void add_scopes(Diagram *d, const Block *b)
{
    DiagramScope *s = arena_alloc(d->arena, sizeof *s);
    s->block = b;
    list_push(d->arena, &d->scopes, s);
    for (int i = 0; i < b->children.count; i++) add_child(d, s, b->children.at[i]);
    for (int i = 0; i < b->children.count; i++) {
        Block *child = b->children.at[i];
        if (child->layer)
            d->leaf[child->layer->node->id] = child;
        else
            add_scopes(d, child);
    }
}

/* ---- the value -------------------------------------------------------------------------- */

static double tenth(double x) { return floor(x * 10 + 0.5) / 10; }

static json_t *box_value(const DiagramScope *s, int i)
{
    static const char *const kinds[] = {"layer", "block", "in", "out"};
    const Box *b = s->boxes.at[i];
    const LayoutBox *l = s->layout.boxes.at[i];
    json_t *value = json_object();
    json_put_text(value, "kind", kinds[b->kind]);
    json_put_real(value, "x", tenth(l->x));
    json_put_real(value, "y", tenth(l->y));
    json_put_real(value, "w", tenth(l->width));
    json_put_real(value, "h", tenth(l->height));
    json_put_text(value, "text", b->text);
    json_put_text(value, "under", b->under);
    if (b->kind == BOX_LAYER) json_put_integer(value, "layer", b->block->layer->node->id);
    if (b->kind == BOX_BLOCK) json_put_text(value, "block", b->block->path);
    return value;
}

static json_t *edge_value(const LayoutEdge *e)
{
    json_t *points = json_array();
    for (int i = 0; i < e->points; i++) {
        json_array_append_new(points, json_real(tenth(e->at[i][0])));
        json_array_append_new(points, json_real(tenth(e->at[i][1])));
    }
    return json_pack("{s:i, s:i, s:o}", "from", e->from, "to", e->to, "points", points);
}

static json_t *scope_value(const DiagramScope *s)
{
    json_t *boxes = json_array(), *lines = json_array();
    for (int i = 0; i < s->boxes.count; i++) json_array_append_new(boxes, box_value(s, i));
    for (int i = 0; i < s->layout.edges.count; i++) json_array_append_new(lines, edge_value(s->layout.edges.at[i]));
    return json_pack("{s:f, s:f, s:o, s:o}", "w", tenth(s->layout.width), "h", tenth(s->layout.height), "boxes", boxes,
                     "lines", lines);
}

json_t *diagram_value(const Analysis *a, Arena *arena, bool graphviz)
{
    Diagram d = {.a = a, .arena = arena, .leaf = arena_alloc(arena, (size_t)(a->layer_count + 1) * sizeof(Block *))};
    List layouts = {0};
    add_scopes(&d, block_tree(a, arena, LAYER_ANY, NULL));
    for (int i = 0; i < d.scopes.count; i++) {
        DiagramScope *s = d.scopes.at[i];
        connect_scope(&d, s);
        list_push(arena, &layouts, &s->layout);
    }
    bool drawn = graphviz && layout_graphviz(arena, &layouts);
    json_t *value = json_object();
    for (int i = 0; i < d.scopes.count; i++) {
        DiagramScope *s = d.scopes.at[i];
        if (!drawn) layout_layered(arena, &s->layout);
        json_object_set_new(value, s->block->path, scope_value(s));
    }
    return value;
}
