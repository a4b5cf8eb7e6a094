/*
 * In-place forms: values that are written over what they are computed from, for machines of
 * little memory.
 *
 * An operator has such a form for some of its nodes (Op.in_place): a depthwise convolution that
 * computes a channel beside the image and then puts it there, a pointwise one that does so
 * with a pixel, a pool without padding.  It is taken where the liveness says that the input may
 * be written over and no step needs more memory for it: a value that shrinks in place keeps the
 * memory of the larger one, which may be needed elsewhere.
 */
#include "graph/liveness.h"
#include "passes/passes.h"

typedef struct Memory {
    bool shared; /* the node's first output lies in the memory of its first input */
    LiveBytes bytes;
} Memory;

static Memory memory_of(const Graph *g, const Node *n)
{
    ExecSchedule s;
    const Liveness l = liveness_of(g, g->compilation->arena, &s);
    return (Memory){.shared = l.root[n->out[0]->id] == l.root[n->in[0]->id], .bytes = liveness_most(&l, &s)};
}

/* Of two forms with the same maximum, the one that needs less elsewhere. */
static bool is_less(LiveBytes a, LiveBytes b) { return a.most < b.most || (a.most == b.most && a.total < b.total); }

static void try_in_place(Graph *g, Node *n)
{
    const Op *op = n->op, *other = op->in_place ? op->in_place(n, g->batch) : NULL;
    if (!other) return;
    const Memory before = memory_of(g, n);
    n->op = other;
    const Memory after = memory_of(g, n);
    if (!after.shared || !is_less(after.bytes, before.bytes))
        n->op = op;
    else if (other->shape)
        other->shape(g, n);
}

void pass_in_place(Graph *g)
{
    for (int i = 0; i < g->nodes.count; i++) try_in_place(g, g->nodes.at[i]);
}
