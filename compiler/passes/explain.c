/* --explain: for each node with a choice, the rows of its table, what they cost, and which was taken. */
#include "passes/passes.h"

#include <string.h>

typedef struct Explanation {
    const Graph *graph;
    CostModel model;
    FILE *out;
    int name_width, op_width; /* of the first two columns */
} Explanation;

static bool has_choice(const Node *n) { return n->op->variants && n->op->variants[1].name && node_is_called(n); }

static void widen(int *width, const char *text)
{
    int length = (int)strlen(text);
    if (length > *width) *width = length;
}

/* "nchw|nhwc" */
static const char *layouts_text(Arena *arena, unsigned layouts)
{
    const char *text = "";
    for (int i = 0; i < LAYOUT_COUNT; i++)
        if (layouts >> i & 1) text = arena_printf(arena, "%s%s%s", text, *text ? "|" : "", layout_name((Layout)i));
    return text;
}

/* Why the row cannot be taken in any of its layouts, or NULL. */
static const char *refusal(const Explanation *e, const Node *n, const Variant *v)
{
    const char *why = NULL;
    for (int i = 0; i < LAYOUT_COUNT; i++) {
        if (!(v->layouts >> i & 1)) continue;
        why = variant_refusal(v, n, (Layout)i, e->model.target);
        if (!why) return NULL;
    }
    return why;
}

/* Batch-blocked is a layout of whole programs: a cheaper row is not enough. */
static const char *condition(const Variant *v)
{
    return v->layouts == IN_NCHW16N ? " if the whole program is batch-blocked" : "";
}

/* One row: marked with a star where it was taken; its cost in millions of multiply-adds, or why it
 * cannot be taken. */
static void put_variant(const Explanation *e, const Node *n, const Variant *v, bool first)
{
    const bool taken = v == n->variant;
    const char *why = taken ? NULL : refusal(e, n, v);
    const char *layouts = taken ? layout_name(n->layout) : layouts_text(e->graph->compilation->arena, v->layouts);
    fprintf(e->out, "%-*s  %-*s  %c %-21s %-13s", e->name_width, first ? n->name : "", e->op_width,
            first ? n->op->name : "", taken ? '*' : ' ', v->name, layouts);
    if (why)
        fprintf(e->out, "          - %s\n", why);
    else
        fprintf(e->out, " %10.3f%s\n", variant_cost(v, n, &e->model) / 1e6,
                taken ? epilogue_text(n->epilogue) : condition(v));
}

static void put_node(const Explanation *e, const Node *n)
{
    bool first = true;
    for (const Variant *v = n->op->variants; v->name; v++) {
        if (v != n->variant && refusal(e, n, v) == variant_other_weights) continue;
        put_variant(e, n, v, first);
        first = false;
    }
    if (n->variant) return;
    fprintf(e->out, "%-*s  %-*s  * %-21s nchw\n", e->name_width, "", e->op_width, "", "plain");
}

static bool has_constant_weights(const Graph *g)
{
    for (int i = 0; i < g->tensors.count; i++)
        if (((const Tensor *)g->tensors.at[i])->kind == TENSOR_PREPACKED) return true;
    return false;
}

void explain_variants(const Graph *g, Target target, FILE *out)
{
    Explanation e = {.graph = g,
                     .model = {target, machine_costs(target), g->batch, has_constant_weights(g)},
                     .out = out,
                     .name_width = (int)strlen("layer"),
                     .op_width = (int)strlen("operator")};
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        if (!has_choice(n)) continue;
        widen(&e.name_width, n->name);
        widen(&e.op_width, n->op->name);
    }
    fprintf(out, "%s of %s, %lld samples: * is taken; costs in millions of multiply-adds, reorders apart\n",
            g->kind == PROGRAM_INFER ? "inference" : "training step", g->name, (long long)g->batch);
    fprintf(out, "%-*s  %-*s    %-21s %-13s %10s\n", e.name_width, "layer", e.op_width, "operator", "variant", "layout",
            "cost");
    for (int i = 0; i < g->nodes.count; i++)
        if (has_choice(g->nodes.at[i])) put_node(&e, g->nodes.at[i]);
    fprintf(out, "\n");
}
