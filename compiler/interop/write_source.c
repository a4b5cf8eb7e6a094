/*
 * write_source: an imported network → the text of a .nn file.
 *
 * The text is elaborated again: what comes out must be the imported layers, and its names are
 * those of the weights file.
 */
#include "interop/write_source.h"

#include <stdlib.h>
#include <string.h>

#include "elab/elaborate.h"
#include "elab/value.h"
#include "interop/labels.h"
#include "interop/recognize.h"
#include "interop/source_graph.h"

/* ---- arguments ------------------------------------------------------------------- */

static void add_value_text(Text *text, const ImportValue *value);

static void add_list_text(Text *text, const ImportValue *value)
{
    text_add(text, "[");
    for (int i = 0; i < value->items.count; i++) {
        text_add(text, i ? ", " : "");
        add_value_text(text, value->items.at[i]);
    }
    text_add(text, "]");
}

/* 3x3; a list where that is no token of the language. */
static void add_dims_text(Text *text, const ImportValue *value)
{
    bool plain = value->items.count > 1;
    for (int i = 0; i < value->items.count; i++) plain &= ((const ImportValue *)value->items.at[i])->integer >= 0;
    if (!plain) {
        add_list_text(text, value);
        return;
    }
    for (int i = 0; i < value->items.count; i++)
        text_addf(text, "%s%lld", i ? "x" : "", (long long)((const ImportValue *)value->items.at[i])->integer);
}

static const char *float_text(Arena *arena, double value)
{
    for (int digits = 1; digits < 9; digits++) {
        double shorter = strtod(arena_printf(arena, "%.*g", digits, value), NULL);
        if ((float)shorter == (float)value) return real_text(arena, shorter);
    }
    return real_text(arena, value);
}

static void add_value_text(Text *text, const ImportValue *value)
{
    switch (value->kind) {
    case IMPORT_INT: text_addf(text, "%lld", (long long)value->integer); break;
    case IMPORT_REAL: text_add(text, float_text(text->arena, value->real)); break;
    case IMPORT_BOOL: text_add(text, value->integer ? "yes" : "no"); break;
    case IMPORT_SYMBOL: text_add(text, value->text); break;
    case IMPORT_STRING: text_addf(text, "\"%s\"", value->text); break;
    case IMPORT_DIMS: add_dims_text(text, value); break;
    case IMPORT_LIST: add_list_text(text, value); break;
    }
}

static bool all_equal(const List *items)
{
    bool equal = items->count > 0;
    for (int i = 0; i < items->count && equal; i++) {
        const ImportValue *value = items->at[i], *first = items->at[0];
        equal = value->kind == IMPORT_INT && value->integer == first->integer;
    }
    return equal;
}

/* The shortest text for the attribute: 3 for 3x3, 1 for [1, 1, 1, 1]. */
static const char *text_of_argument(Arena *arena, const Attr *attr, const ImportValue *value)
{
    Text text;
    text_init(&text, arena);
    bool sides = attr->type == ATTR_PAD || attr->type == ATTR_BOX;
    bool collapses = attr->type == ATTR_PAIR || attr->type == ATTR_PAD;
    const List *items = &value->items;
    const ImportValue *const *at = (const ImportValue *const *)items->at;
    if (attr->type == ATTR_REALS && items->count == 1)
        add_value_text(&text, at[0]);
    else if (collapses && all_equal(items))
        text_addf(&text, "%lld", (long long)at[0]->integer);
    else if (attr->type == ATTR_PAD && items->count == 4 && at[0]->integer == at[2]->integer &&
             at[1]->integer == at[3]->integer)
        text_addf(&text, "[%lld, %lld]", (long long)at[0]->integer, (long long)at[1]->integer);
    else if (sides && items->count > 0)
        add_list_text(&text, value);
    else
        add_value_text(&text, value);
    return text.data;
}

/* ---- the graph ------------------------------------------------------------------- */

/* The name in "Conv '/layer1/layer1.0/conv1/Conv'", or NULL. */
static const char *name_in_origin(Arena *arena, const char *origin)
{
    const char *begin = origin ? strchr(origin, '\'') : NULL;
    size_t length = begin ? strlen(begin) : 0;
    return length > 2 ? arena_strndup(arena, begin + 1, length - 2) : NULL;
}

/* Inputs and `param` keep their label: it is seen from outside. */
static const char *name_of_node(Arena *arena, const ImportNode *node)
{
    bool seen = strcmp(node->op, "input") == 0 || strcmp(node->op, "param") == 0;
    if (seen || node->params.count == 0) return node->label;
    return label_of_layer(arena, node->label, name_in_origin(arena, node->origin));
}

static void set_layer(const ImportGraph *g, const ImportNode *node, SourceLayer *layer)
{
    bool input = strcmp(node->op, "input") == 0;
    int *in = arena_alloc(g->arena, (size_t)(node->inputs.count + 1) * sizeof *in);
    for (int i = 0; i < node->inputs.count; i++) in[i] = ((const ImportNode *)node->inputs.at[i])->index;
    layer->in = in;
    layer->in_count = node->inputs.count;
    layer->shape = node->shape;
    layer->name = name_of_node(g->arena, node);
    if (input) return;
    layer->op = op_find(node->op, OP_LAYER);
    if (!layer->op) layer->op = op_find(node->op, OP_COMBINE);
    int count = 0;
    while (layer->op->attrs && layer->op->attrs[count].name) count++;
    const char **args = arena_alloc(g->arena, (size_t)(count + 1) * sizeof *args);
    for (int i = 0; i < node->args.count; i++) {
        const ImportArg *arg = node->args.at[i];
        for (int k = 0; k < count; k++)
            if (strcmp(layer->op->attrs[k].name, arg->name) == 0)
                args[k] = text_of_argument(g->arena, &layer->op->attrs[k], arg->value);
    }
    layer->args = args;
}

static SourceGraph layers_of(const ImportGraph *g)
{
    Arena *arena = g->arena;
    SourceGraph s = {
        .name = g->name, .count = g->nodes.count, .output_count = g->outputs.count, .params = g->param_count};
    int *outputs = arena_alloc(arena, (size_t)(g->outputs.count + 1) * sizeof *outputs);
    const char **names = arena_alloc(arena, (size_t)(g->outputs.count + 1) * sizeof *names);
    s.layers = arena_alloc(arena, (size_t)(g->nodes.count + 1) * sizeof *s.layers);
    s.comment = arena_printf(arena, "Imported from %s.", g->source);
    for (int i = 0; i < g->nodes.count; i++) set_layer(g, g->nodes.at[i], &s.layers[i]);
    for (int i = 0; i < g->outputs.count; i++) {
        const ImportOutput *output = g->outputs.at[i];
        outputs[i] = output->node->index;
        names[i] = output->name;
    }
    s.outputs = outputs;
    s.output_names = names;
    return s;
}

/* ---- names ----------------------------------------------------------------------- */

static Graph *elaborate_text(Compilation *c, const char *text)
{
    List none = {0};
    File *file = front_parse_text(c, "imported.nn", text, strlen(text));
    return file ? elaborate(c, file, NULL, &none) : NULL;
}

/* The names of the elaborated layers; false where the text does not give the imported ones. */
static bool take_paths(ImportGraph *g, const SourceGraph *source, const WrittenSource *written, const Graph *net)
{
    if (!net || net->nodes.count != written->count) return false;
    for (int i = 0; i < written->count; i++) {
        const Node *node = net->nodes.at[i];
        if (written->order[i] < 0) continue;
        const SourceLayer *layer = &source->layers[written->order[i]];
        ImportNode *imported = g->nodes.at[written->order[i]];
        if (strcmp(layer->op->name, node->op->name) != 0) return false;
        if (!shape_equal(layer->shape, node->out[0]->shape)) return false;
        imported->path = arena_strdup(g->arena, node->name);
    }
    return true;
}

/* A text that elaborates to another net, without an error, is a mistake of the writer. */
static void stop_at_other_net(const ImportGraph *g, const char *text)
{
    fprintf(stderr, "%s\nnnc: internal error: this is not the net of %s\n", text, g->source);
    abort();
}

static const char *first_error(const Compilation *c)
{
    int i = 0;
    while (diag_text(c, i).severity != SEVERITY_ERROR) i++;
    return diag_text(c, i).text;
}

static bool write_checked(ImportGraph *g, const SourceGraph *source, Text *text, bool last_try, NnError *error)
{
    Compilation *writer = compilation_new(), *c = compilation_new();
    WrittenSource written = source_of_graph(writer, source);
    bool good = take_paths(g, source, &written, elaborate_text(c, written.text));
    if (good) text_add(text, written.text);
    if (!good && last_try && !c->errors) stop_at_other_net(g, written.text);
    if (!good && last_try) nn_fail(error, 1, "%s cannot be expressed: %s", g->source, first_error(c));
    compilation_free(c);
    compilation_free(writer);
    return good;
}

int write_source(ImportGraph *g, Text *text, NnError *error)
{
    recognize_layers(g);
    SourceGraph source = layers_of(g);
    if (write_checked(g, &source, text, false, error)) return 0;
    for (int i = 0; i < source.count; i++)
        if (source.layers[i].op && !(source.layers[i].op->traits & OP_SOURCE)) source.layers[i].name = NULL;
    return write_checked(g, &source, text, true, error) ? 0 : -1;
}
