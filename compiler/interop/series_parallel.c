/*
 * series_parallel: a graph of layers → statements.
 *
 * A combinator's branches begin at its dominator: the last value that everything it takes
 * comes from.  As long as no other value is used twice the graph is series-parallel, and
 * branches are all that is needed.  A value that would have to be computed in two places gets
 * a label instead, is computed before, at the outer level, and is read by `from`.  So does one
 * that would be nested deeper than a person reads.  Each round finds some of them; what is not
 * done after a certain work gets a label wherever one may be needed: plain statements.
 */
#include <stdio.h>
#include <string.h>

#include "interop/source_tree.h"

enum { ROOT = -1, DEEPEST = 16 };

enum { ROUNDS = 16, LEAST_WORK = 100000 }; /* so many times the layers, or items, are made at most */

extern const Op op_identity, op_add;

typedef struct Reduction {
    SourceTree *tree;
    const SourceGraph *g;
    int *dominator;    /* of each layer: the layer its branches begin at, ROOT if there is none */
    int *level;        /* of each layer: the most layers on a way from an input */
    int *depth;        /* in the tree of dominators; of a labelled layer 1: there it begins anew */
    bool *labelled;    /* is read by its label */
    bool *independent; /* depends on no input: made by sources alone */
    bool *skips;       /* a combinator of something long with something that passes it by */
    SourceItem **item; /* made in this round; NULL: not yet */
    int single_input;  /* −1: there are several */
    int reached;       /* layers in `order` */
    int nesting;       /* combinators around the statement */
    int64_t work;      /* items made in all rounds */
    bool conflict;     /* a value was needed twice: once more, with a label for it */
} Reduction;

/* ---- dominators -------------------------------------------------------- */

static int parent_of(const Reduction *r, int layer) { return r->labelled[layer] ? ROOT : r->dominator[layer]; }

static int depth_of(const Reduction *r, int layer)
{
    return layer == ROOT ? 0 : r->labelled[layer] ? 1 : r->depth[layer];
}

static int common_dominator(const Reduction *r, int a, int b)
{
    while (a != b) {
        if (depth_of(r, a) >= depth_of(r, b))
            a = parent_of(r, a);
        else
            b = parent_of(r, b);
    }
    return a;
}

static void find_dominators(Reduction *r)
{
    for (int i = 0; i < r->g->count; i++) {
        const SourceLayer *layer = &r->g->layers[i];
        int found = ROOT;
        bool first = true;
        for (int k = 0; k < layer->in_count; k++) {
            if (r->independent[layer->in[k]]) continue;
            found = first ? layer->in[k] : common_dominator(r, found, layer->in[k]);
            first = false;
        }
        r->dominator[i] = found;
        r->depth[i] = depth_of(r, found) + 1;
    }
}

/* …, and levels. */
static void find_independent(Reduction *r)
{
    for (int i = 0; i < r->g->count; i++) {
        const SourceLayer *layer = &r->g->layers[i];
        r->independent[i] = layer->op != NULL;
        for (int k = 0; k < layer->in_count; k++) {
            r->independent[i] &= r->independent[layer->in[k]];
            if (r->level[i] <= r->level[layer->in[k]]) r->level[i] = r->level[layer->in[k]] + 1;
        }
    }
}

/* ---- items ------------------------------------------------------------- */

static SourceValue value_of(Arena *arena, const char *text)
{
    SourceValue value = {.text = text};
    int length = 0;
    long long number;
    if (sscanf(text, "%lld%n", &number, &length) == 1 && !text[length]) {
        value.is_int = true;
        value.number = number;
        value.text = arena_printf(arena, "%lld", number);
    }
    return value;
}

/* [1, 2, 0, 3] for 1x2x0x3: axes are no dimensions. */
static const char *list_text(Arena *arena, const char *dims)
{
    Text text;
    if (!strchr(dims, 'x')) return dims;
    text_init(&text, arena);
    text_add(&text, "[");
    for (; *dims; dims++) {
        if (*dims == 'x')
            text_add(&text, ", ");
        else
            text_add_bytes(&text, dims, 1);
    }
    text_add(&text, "]");
    return text.data;
}

/* Every argument, those that are not given with their defaults. */
static void set_args(Arena *arena, SourceItem *item, const SourceLayer *layer)
{
    const Attr *attr = layer->op->attrs;
    while (attr && attr[item->arg_count].name) item->arg_count++;
    item->args = arena_alloc(arena, (size_t)(item->arg_count + 1) * sizeof *item->args);
    for (int i = 0; i < item->arg_count; i++) {
        const char *text = layer->args ? layer->args[i] : NULL;
        if (!text) text = attr[i].initial;
        if (strcmp(attr[i].name, "axes") == 0) text = list_text(arena, text);
        item->args[i] = value_of(arena, text);
        for (int k = 0; k < i; k++)
            if (strcmp(attr[k].name, text) == 0) item->args[i] = item->args[k];
    }
}

static SourceItem *layer_item(Reduction *r, int index)
{
    const SourceLayer *layer = &r->g->layers[index];
    Arena *arena = r->tree->arena;
    SourceItem *item = arena_alloc(arena, sizeof *item);
    item->kind = layer->op->class == OP_COMBINE ? ITEM_COMBINE : ITEM_LAYER;
    item->op = layer->op;
    item->layer = index;
    item->path = layer->name;
    item->shape = layer->shape;
    set_args(arena, item, layer);
    r->work++;
    r->item[index] = item;
    r->tree->order[r->reached++] = index;
    return item;
}

static void add_from(Reduction *r, List *list, int layer)
{
    SourceItem *item = arena_alloc(r->tree->arena, sizeof *item);
    item->kind = ITEM_FROM;
    item->target = r->item[layer];
    item->shape = r->g->layers[layer].shape;
    r->item[layer]->referenced = true;
    list_push(r->tree->arena, list, item);
}

/* ---- chains ------------------------------------------------------------ */

/* The input of a combinator that is computed before it, outside of its branches: the longest. */
static int pipelined_input(const Reduction *r, int index)
{
    const SourceLayer *layer = &r->g->layers[index];
    int best = ROOT;
    for (int k = 0; k < layer->in_count; k++)
        if (!r->independent[layer->in[k]] && (best == ROOT || r->level[layer->in[k]] > r->level[best]))
            best = layer->in[k];
    return best;
}

/* The value that is current when the statement of the layer begins; ROOT: none is needed. */
static int base_of(const Reduction *r, int index)
{
    const SourceLayer *layer = &r->g->layers[index];
    if (layer->in_count == 0 || r->independent[index]) return ROOT;
    if (layer->op->class != OP_COMBINE) return layer->in[0];
    bool structured = r->dominator[index] != ROOT && !r->skips[index];
    return structured ? r->dominator[index] : pipelined_input(r, index);
}

static void reach_value(Reduction *r, List *list, int target, int current);

/* The input of a branch.  The longer one of two terms comes first: add { … } { }. */
static int branch_input(const Reduction *r, const SourceLayer *layer, int k)
{
    bool sum = layer->in_count == 2 && layer->op == &op_add;
    return layer->in[sum && r->level[layer->in[0]] < r->level[layer->in[1]] ? 1 - k : k];
}

/* How many inputs of a concat from number k on, more than one, come from a value of their own
 * behind its base, *from: they are a concat in a branch, which exporters have merged with the
 * outer one.  Else 1. */
static int grouped_inputs(const Reduction *r, int index, int k, int base, int *from)
{
    const SourceLayer *layer = &r->g->layers[index];
    int count = 1, all = layer->in_count;
    if (!(layer->op->traits & OP_CONCAT) || base == ROOT || base != r->dominator[index]) return 1;
    for (int found = layer->in[k]; k + count < all && !r->independent[layer->in[k + count]]; count++) {
        found = common_dominator(r, found, layer->in[k + count]);
        if (found == ROOT || found == base || r->labelled[found]) break;
        *from = found;
    }
    return r->independent[layer->in[k]] || count == all ? 1 : count;
}

/* A concat of `count` inputs from number k on, behind the value that they come from. */
static void add_inner_concat(Reduction *r, List *list, int index, int k, int count, int from)
{
    Arena *arena = r->tree->arena;
    const SourceLayer *layer = &r->g->layers[index];
    SourceItem *item = arena_alloc(arena, sizeof *item);
    *item = (SourceItem){.kind = ITEM_COMBINE, .op = layer->op, .in = r->g->layers[from].shape};
    set_args(arena, item, layer);
    int axis = (int)item->args[0].number;
    item->shape = r->g->layers[layer->in[k]].shape;
    item->shape.dim[axis] = 0;
    for (int i = k; i < k + count; i++) {
        List *branch = arena_alloc(arena, sizeof *branch);
        reach_value(r, branch, layer->in[i], from);
        list_push(arena, &item->branches, branch);
        item->shape.dim[axis] += r->g->layers[layer->in[i]].shape.dim[axis];
    }
    r->tree->order[r->reached++] = -1;
    list_push(arena, list, item);
}

static void add_branches(Reduction *r, List *branches, int index, int base)
{
    const SourceLayer *layer = &r->g->layers[index];
    for (int k = 0, count, from = ROOT; k < layer->in_count; k += count) {
        List *branch = arena_alloc(r->tree->arena, sizeof *branch);
        count = grouped_inputs(r, index, k, base, &from);
        reach_value(r, branch, count > 1 ? from : branch_input(r, layer, k), base);
        if (count > 1) add_inner_concat(r, branch, index, k, count, from);
        list_push(r->tree->arena, branches, branch);
    }
}

static void add_layer_item(Reduction *r, List *list, int index, int base)
{
    const SourceLayer *layer = &r->g->layers[index];
    bool combines = layer->op->class == OP_COMBINE;
    List branches = {0};
    if (combines) {
        r->nesting++;
        add_branches(r, &branches, index, base);
        r->nesting--;
    }
    if (r->independent[index] && !combines && layer->in_count > 0) reach_value(r, list, layer->in[0], ROOT);
    SourceItem *item = layer_item(r, index);
    item->branches = branches;
    if (base != ROOT) item->in = r->g->layers[base].shape;
    list_push(r->tree->arena, list, item);
}

/* Whether the chain backwards from `layer` ends here: with nothing, or with a `from`. */
static bool chain_ends(Reduction *r, List *list, int layer, int target, int current)
{
    if (layer == current) return true;
    bool input = !r->g->layers[layer].op;
    if (r->labelled[layer]) {
        if (r->item[layer]) add_from(r, list, layer);
        return r->item[layer] || layer != target;
    }
    if (!r->item[layer] && !input && (layer != target || r->nesting < DEEPEST)) return false;
    r->conflict = r->labelled[layer] = true;
    return true;
}

/* Appends statements that make the value of `target` the current one, where that of `current` is. */
static void reach_value(Reduction *r, List *list, int target, int current)
{
    int *chain = NULL;
    int count = 0, capacity = 0, layer = target;
    while (layer != ROOT && !chain_ends(r, list, layer, target, current)) {
        chain = array_grow(r->tree->arena, chain, &capacity, count + 1, sizeof *chain);
        chain[count++] = layer;
        layer = base_of(r, layer);
    }
    while (count-- > 0) add_layer_item(r, list, chain[count], base_of(r, chain[count]));
}

/* ---- the whole net ------------------------------------------------------- */

static bool holds_names(const SourceItem *item)
{
    bool found = item->path != NULL;
    for (int k = 0; k < item->branches.count && !found; k++)
        for (int i = 0; i < item_branch(item, k)->count && !found; i++)
            found = holds_names(item_at(item_branch(item, k), i));
    return found;
}

/* `identity` behind a value, which is current: the same value, by a layer that no graph has. */
static SourceItem *add_identity(Reduction *r, int layer)
{
    Shape shape = r->g->layers[layer].shape;
    SourceItem *item = arena_alloc(r->tree->arena, sizeof *item);
    *item = (SourceItem){.kind = ITEM_LAYER, .op = &op_identity, .in = shape, .shape = shape};
    r->tree->order[r->reached++] = -1;
    list_push(r->tree->arena, &r->tree->body, item);
    return item;
}

/* The label of a combinator would be a scope of the names in it: `identity` has the label instead. */
static void label_behind(Reduction *r, int layer)
{
    if (r->item[layer]->kind == ITEM_COMBINE && holds_names(r->item[layer])) r->item[layer] = add_identity(r, layer);
}

/* An output has to come after a layer. */
static void pass_input(Reduction *r, int layer, int current)
{
    if (layer != current) add_from(r, &r->tree->body, layer);
    add_identity(r, layer);
}

static void add_inputs(Reduction *r, int *current)
{
    Arena *arena = r->tree->arena;
    for (int i = 0; i < r->g->count; i++) {
        if (r->g->layers[i].op) continue;
        SourceItem *item = arena_alloc(arena, sizeof *item);
        item->kind = ITEM_LAYER;
        item->path = r->labelled[i] ? r->g->layers[i].name : NULL;
        item->shape = r->g->layers[i].shape;
        item->referenced = r->single_input < 0;
        r->item[i] = item;
        list_push(arena, &r->tree->body, item);
        *current = i;
    }
}

static void add_outputs(Reduction *r, int layer, int *current)
{
    bool input = !r->g->layers[layer].op;
    for (int k = 1; k < r->g->output_count; k++) {
        if (r->g->outputs[k] != layer) continue;
        if (input) pass_input(r, layer, *current);
        input = false;
        *current = layer;
        SourceItem *item = arena_alloc(r->tree->arena, sizeof *item);
        item->kind = ITEM_OUTPUT;
        item->label = r->g->output_names[k];
        item->shape = r->g->layers[layer].shape;
        list_push(r->tree->arena, &r->tree->body, item);
    }
}

/* The labelled values in order, then the net's own output. */
static void reduce_once(Reduction *r)
{
    SourceTree *tree = r->tree;
    memset(r->item, 0, (size_t)r->g->count * sizeof *r->item);
    tree->body = (List){0};
    r->reached = 0;
    r->conflict = false;
    find_dominators(r);
    int current = ROOT, last = r->g->outputs[0];
    add_inputs(r, &current);
    for (int i = 0; i < r->g->count; i++) {
        if (!r->labelled[i]) continue;
        if (r->g->layers[i].op) {
            reach_value(r, &tree->body, i, current);
            label_behind(r, i);
            current = i;
        }
        add_outputs(r, i, &current);
    }
    if (!r->g->layers[last].op)
        pass_input(r, last, current);
    else if (current == last)
        return;
    else if (r->labelled[last])
        add_from(r, &tree->body, last);
    else
        reach_value(r, &tree->body, last, current);
}

/* ---- long ways ----------------------------------------------------------- */

/* An image of a lower resolution than `in`: along both axes, unlike what attention makes of an image. */
static bool is_lower(Shape s, Shape in) { return s.rank == 3 && s.dim[1] < in.dim[1] && s.dim[2] < in.dim[2]; }

static void measure_branch(const List *branch, Shape in, int *count, int64_t *lowest)
{
    for (int i = 0; i < branch->count; i++) {
        const SourceItem *item = item_at(branch, i);
        ++*count;
        int64_t ignored = 0; /* a gate pools to 1x1 beside the way */
        if (is_lower(item->shape, in) && item->shape.dim[1] < *lowest) *lowest = item->shape.dim[1];
        for (int k = 0; k < item->branches.count; k++) measure_branch(item_branch(item, k), in, count, &ignored);
    }
}

/* A branch that goes to a lower resolution and comes back: the way down and up of a U-Net. */
static bool is_long_way(const List *branch, Shape in)
{
    enum { LONG = 7 };
    int count = 0;
    if (branch->count == 0 || in.rank != 3) return false;
    int64_t lowest = in.dim[1];
    Shape out = item_at(branch, branch->count - 1)->shape;
    measure_branch(branch, in, &count, &lowest);
    return count >= LONG && out.rank == 3 && 3 * lowest <= 2 * in.dim[1] && 3 * lowest <= 2 * out.dim[1];
}

static bool passes_long_way(const SourceItem *item)
{
    bool found = false;
    for (int k = 0; item->kind == ITEM_COMBINE && k < item->branches.count; k++)
        found |= is_long_way(item_branch(item, k), item->in);
    return found;
}

/* What a long way is joined with is read by a label: branches would hold half of the net. */
static bool find_skips(Reduction *r)
{
    bool found = false;
    for (int i = 0; i < r->tree->body.count; i++) {
        const SourceItem *item = item_at(&r->tree->body, i);
        if (!passes_long_way(item)) continue;
        int layer = item->layer;
        if (r->skips[layer] || r->dominator[layer] == ROOT) continue;
        r->skips[layer] = r->labelled[r->dominator[layer]] = found = true;
    }
    return found;
}

static Reduction reduction_new(SourceTree *tree)
{
    Arena *arena = tree->arena;
    size_t count = (size_t)tree->graph->count + 1;
    size_t edges = 0;
    for (int i = 0; i < tree->graph->count; i++) edges += (size_t)tree->graph->layers[i].in_count;
    Reduction r = {.tree = tree, .g = tree->graph, .single_input = -1};
    r.dominator = arena_alloc(arena, count * sizeof *r.dominator);
    r.level = arena_alloc(arena, count * sizeof *r.level);
    r.depth = arena_alloc(arena, count * sizeof *r.depth);
    r.labelled = arena_alloc(arena, count * sizeof *r.labelled);
    r.independent = arena_alloc(arena, count * sizeof *r.independent);
    r.skips = arena_alloc(arena, count * sizeof *r.skips);
    r.item = arena_alloc(arena, count * sizeof *r.item);
    tree->order = arena_alloc(arena, (2 * count + edges) * sizeof *tree->order);
    return r;
}

/* A label for every value that a combinator takes, or that several layers take: no round finds more. */
static void label_all(Reduction *r)
{
    int *uses = arena_alloc(r->tree->arena, (size_t)(r->g->count + 1) * sizeof *uses);
    for (int i = 0; i < r->g->count; i++) {
        const SourceLayer *layer = &r->g->layers[i];
        for (int k = 0; k < layer->in_count; k++) uses[layer->in[k]] += layer->op->class == OP_COMBINE ? 2 : 1;
    }
    for (int i = 0; i < r->g->count; i++) r->labelled[i] |= uses[i] > 1;
}

void build_statements(SourceTree *tree)
{
    Reduction r = reduction_new(tree);
    int inputs = 0;
    for (int i = 0; i < r.g->count; i++) {
        if (r.g->layers[i].op) continue;
        inputs++;
        r.single_input = i;
    }
    if (inputs > 1) r.single_input = -1;
    for (int i = 0; i < r.g->count; i++) r.labelled[i] = !r.g->layers[i].op && inputs > 1;
    for (int k = 1; k < r.g->output_count; k++) r.labelled[r.g->outputs[k]] = true;
    find_independent(&r);
    for (bool again = true; again;) {
        if (r.work > LEAST_WORK && r.work / ROUNDS > r.g->count) label_all(&r);
        reduce_once(&r);
        again = r.conflict || find_skips(&r);
    }
    tree->order_count = r.reached;
}
