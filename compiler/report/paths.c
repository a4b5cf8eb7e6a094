/*
 * All paths from the inputs to the output: how many, how long.
 *
 * A path goes from layer to layer along the values; its length is the number of
 * its layers with weights.  The number of paths to a layer is the sum over its
 * inputs, and it doubles with every block that has a shortcut: DenseNet-201 has
 * more than 2^98.  So it is kept exactly, as digits in base 10^9; only addition
 * is needed.
 */
#include <math.h>

#include "report/analysis_stages.h"

enum { BASE = 1000000000 };

typedef struct Big { /* least digit first */
    int count;
    uint32_t *digit;
} Big;

typedef struct PathStats { /* of one tensor */
    Big paths;
    double number, length; /* of paths, and the sum of their lengths, as far as a double goes */
    int shortest, longest;
} PathStats;

static Big big_add(Arena *arena, Big a, Big b)
{
    int longer = a.count > b.count ? a.count : b.count;
    Big sum = {longer, arena_alloc(arena, (size_t)(longer + 1) * sizeof(uint32_t))};
    uint32_t carry = 0;
    for (int i = 0; i < longer; i++) {
        uint32_t d = carry + (i < a.count ? a.digit[i] : 0) + (i < b.count ? b.digit[i] : 0);
        carry = d >= BASE;
        sum.digit[i] = carry ? d - BASE : d;
    }
    if (carry) sum.digit[sum.count++] = carry;
    return sum;
}

static const char *big_text(Arena *arena, Big a)
{
    if (a.count == 0) return "0";
    Text text;
    text_init(&text, arena);
    text_addf(&text, "%u", a.digit[a.count - 1]);
    for (int i = a.count - 2; i >= 0; i--) text_addf(&text, "%09u", a.digit[i]);
    return text.data;
}

static void merge_paths(Arena *arena, PathStats *to, const PathStats *from)
{
    bool first = to->paths.count == 0;
    if (first || from->shortest < to->shortest) to->shortest = from->shortest;
    if (first || from->longest > to->longest) to->longest = from->longest;
    to->paths = first ? from->paths : big_add(arena, to->paths, from->paths);
    to->number += from->number;
    to->length += from->length;
}

static PathStats after_node(Arena *arena, const PathStats *stats, const Node *n)
{
    PathStats out = {0};
    for (int i = 0; i < n->data_count; i++) merge_paths(arena, &out, &stats[n->in[i]->id]);
    if (n->op->traits & OP_WEIGHTED) {
        out.shortest++;
        out.longest++;
        out.length += out.number;
    }
    return out;
}

void analyse_paths(Analysis *a)
{
    const Graph *net = a->net;
    Arena *arena = net->compilation->arena;
    PathStats *stats = arena_alloc(arena, (size_t)net->tensors.count * sizeof *stats);
    uint32_t *one = arena_alloc(arena, sizeof *one);
    *one = 1;
    for (int i = 0; i < net->inputs.count; i++) {
        const Tensor *t = net->inputs.at[i];
        stats[t->id] = (PathStats){.paths = {1, one}, .number = 1};
    }
    for (int i = 0; i < a->layer_count; i++) {
        const Node *n = net->nodes.at[i];
        PathStats out = after_node(arena, stats, n);
        for (int k = 0; k < n->out_count; k++) stats[n->out[k]->id] = out;
    }
    const PathStats *r = &stats[net->output->id];
    a->paths = (PathReport){
        .count = big_text(arena, r->paths),
        .shortest = r->shortest,
        .longest = r->longest,
        .mean = isfinite(r->length) ? known(r->length / r->number) : unknown("more than 1e308 paths"),
    };
}
