#include "source_graphs.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "elab/attribute_text.h"
#include "nets.h"

/* ---- from a net ---------------------------------------------------------- */

static const char *const *argument_texts(Arena *arena, const Node *n)
{
    int count = 0;
    while (n->op->attrs && n->op->attrs[count].name) count++;
    const char **args = arena_alloc(arena, (size_t)(count + 1) * sizeof *args);
    for (int k = 0; k < count; k++) args[k] = attr_text(arena, &n->op->attrs[k], n->attrs);
    return args;
}

static void set_layer_of_node(Arena *arena, SourceLayer *layer, const Node *n, const int *place, bool named)
{
    int *in = arena_alloc(arena, (size_t)(n->data_count + 1) * sizeof *in);
    for (int k = 0; k < n->data_count; k++) in[k] = place[n->in[k]->id];
    *layer = (SourceLayer){.op = n->op,
                           .args = argument_texts(arena, n),
                           .in = in,
                           .in_count = n->data_count,
                           .shape = n->out[0]->shape,
                           .name = named ? n->name : NULL};
}

static void set_outputs(Arena *arena, SourceGraph *g, const Graph *net, const int *place)
{
    int *outputs = arena_alloc(arena, (size_t)(net->outputs.count + 1) * sizeof *outputs);
    const char **names = arena_alloc(arena, (size_t)(net->outputs.count + 1) * sizeof *names);
    outputs[0] = place[net->output->id];
    for (int i = 0; i < net->outputs.count; i++) {
        const Head *head = net->outputs.at[i];
        outputs[i + 1] = place[head->output->id];
        names[i + 1] = head->name;
    }
    g->outputs = outputs;
    g->output_names = names;
    g->output_count = net->outputs.count + 1;
}

SourceGraph *source_of_net(const Graph *net, bool named)
{
    Arena *arena = net->compilation->arena;
    SourceGraph *g = arena_alloc(arena, sizeof *g);
    int *place = arena_alloc(arena, (size_t)net->tensors.count * sizeof *place);
    g->name = net->name;
    g->params = -1;
    g->layers = arena_alloc(arena, (size_t)(net->nodes.count + net->inputs.count) * sizeof *g->layers);
    for (int i = 0; i < net->inputs.count; i++) {
        const Tensor *input = net->inputs.at[i];
        place[input->id] = g->count;
        g->layers[g->count++] =
            (SourceLayer){.shape = input->shape, .name = net->inputs.count > 1 ? input->name : NULL};
    }
    for (int i = 0; i < net->nodes.count; i++) {
        const Node *n = net->nodes.at[i];
        place[n->out[0]->id] = g->count;
        set_layer_of_node(arena, &g->layers[g->count++], n, place, named);
    }
    set_outputs(arena, g, net, place);
    return g;
}

/* ---- comparing ------------------------------------------------------------- */

static bool same_arguments(Arena *arena, const Node *n, const SourceLayer *layer)
{
    const char *const *args = argument_texts(arena, n);
    bool same = true;
    for (int i = 0; layer->args && n->op->attrs && n->op->attrs[i].name; i++)
        same &= !layer->args[i] || strcmp(layer->args[i], args[i]) == 0;
    return same;
}

static int compare_ints(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* The layers that a node takes: those the graph says, of what adds up in any order. */
static void check_inputs(Arena *arena, const Node *n, const SourceLayer *layer, const int *place)
{
    ck_assert_int_eq(n->data_count, layer->in_count);
    int *expected = arena_alloc(arena, (size_t)(layer->in_count + 1) * sizeof *expected);
    int *found = arena_alloc(arena, (size_t)(layer->in_count + 1) * sizeof *found);
    for (int k = 0; k < layer->in_count; k++) {
        expected[k] = layer->in[k];
        found[k] = place[n->in[k]->id];
    }
    if (strcmp(n->op->name, "add") == 0) {
        qsort(expected, (size_t)layer->in_count, sizeof *expected, compare_ints);
        qsort(found, (size_t)layer->in_count, sizeof *found, compare_ints);
    }
    for (int k = 0; k < layer->in_count; k++) ck_assert_int_eq(expected[k], found[k]);
}

/* The place in the graph of every tensor of the net. */
static int *check_layers(const Graph *net, const SourceGraph *g, const WrittenSource *written)
{
    Arena *arena = net->compilation->arena;
    int *place = arena_alloc(arena, (size_t)net->tensors.count * sizeof *place), inputs = 0;
    bool *seen = arena_alloc(arena, (size_t)g->count * sizeof *seen);
    for (int i = 0; i < g->count; i++)
        if (!g->layers[i].op) place[((const Tensor *)net->inputs.at[inputs++])->id] = i;
    ck_assert_int_eq(inputs, net->inputs.count);
    ck_assert_int_eq(net->nodes.count, written->count);
    for (int i = 0; i < written->count; i++) {
        const Node *n = net->nodes.at[i];
        int at = written->order[i];
        place[n->out[0]->id] = at < 0 ? place[n->in[0]->id] : at;
        if (at < 0) continue;
        const SourceLayer *layer = &g->layers[at];
        ck_assert(!seen[at]);
        seen[at] = true;
        ck_assert_ptr_eq(n->op, layer->op);
        ck_assert(shape_equal(n->out[0]->shape, layer->shape));
        ck_assert_msg(same_arguments(arena, n, layer), "%s has other arguments", n->name);
        if (!(n->op->traits & OP_CONCAT)) check_inputs(arena, n, layer, place);
    }
    return place;
}

/* In `nnc fmt`'s layout. */
static void check_layout(Compilation *c, const char *text)
{
    static const char *const no_keys[] = {NULL};
    Text out;
    text_init(&out, c->arena);
    ck_assert(front_format(c, "written.nn", text, strlen(text), no_keys, &out));
    ck_assert_str_eq(out.data, text);
}

const char *check_written(Compilation *c, const SourceGraph *g)
{
    WrittenSource written = source_of_graph(c, g);
    Graph *net = net_of_text(c, written.text, NULL);
    const int *place = check_layers(net, g, &written);
    ck_assert_int_eq(place[net->output->id], g->outputs[0]);
    ck_assert_int_eq(net->outputs.count, g->output_count - 1);
    for (int i = 0; i < net->outputs.count; i++) {
        const Head *head = net->outputs.at[i];
        bool found = false;
        for (int k = 1; k < g->output_count; k++)
            found |= strcmp(head->name, g->output_names[k]) == 0 && place[head->output->id] == g->outputs[k];
        ck_assert_msg(found, "output %s is another value", head->name);
    }
    check_layout(c, written.text);
    return written.text;
}
