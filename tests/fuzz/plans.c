/*
 * Memory plans, played.
 *
 * Enters: a net.  Leaves: failures, where a program on its plan would read what
 * is no longer there.  The plan's own lifetimes are not believed: each node is
 * played in order on a picture of the memory, in which every stretch of bytes
 * knows whose value it holds.  A node's outputs take their bytes from whatever
 * was there; a node's inputs must be there still, and what the caller reads must
 * be there at the end.
 */
#include "autodiff/program.h"

#include <stdlib.h>

#include "fuzz.h"

/* The value of one tensor in memory.  Views hold the value they are views of. */
typedef struct Holding {
    const Tensor *value;
    const Tensor *root;    /* of what is outside the arena: its memory */
    int64_t offset, bytes; /* offset −1: outside */
    bool lost;
} Holding;

typedef struct Play {
    Verdict *verdict;
    const Plan *plan;
    const Graph *program;
    Holding *held;        /* by tensor id */
    const Tensor **value; /* by tensor id: what the tensor is a view of, or itself */
    const char *kind;
} Play;

static int64_t bytes_of(const Play *p, const Tensor *t)
{
    int64_t size = dtype_size(t->dtype);
    return tensor_count(t, p->program->batch) * size;
}

static bool same_memory(const Holding *a, const Holding *b)
{
    if (a->offset < 0 || b->offset < 0) return a->offset == b->offset && a->root == b->root;
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static void complain(const Play *p, const Node *n, const Tensor *t, const char *what)
{
    verdict_fail(p->verdict, "plan of %s: node %d (%s %s), tensor %d %s: %s", p->kind, n ? n->id : -1,
                 n ? n->op->name : "end", n ? n->name : "", t->id, t->name, what);
}

/* ---- one node -------------------------------------------------------------- */

static void read_tensor(const Play *p, const Node *n, const Tensor *t)
{
    if (t->kind == TENSOR_LOCAL && p->held[p->value[t->id]->id].lost) complain(p, n, t, "its value is gone");
}

static bool is_input(const Play *p, const Node *n, const Tensor *value, int from)
{
    for (int i = from; i < n->in_count; i++) {
        if (p->value[n->in[i]->id] == value) return true;
    }
    return false;
}

/* What lies there is lost; an input of this very node must not, unless the
 * operator may write over its first. */
static void write_tensor(Play *p, const Node *n, const Tensor *t)
{
    Holding *mine = &p->held[t->id];
    bool over_first = n->op->traits & OP_INPLACE && t == n->out[0];
    for (int i = 0; i < p->program->tensors.count; i++) {
        Holding *other = &p->held[i];
        if (!other->value || other == mine || !same_memory(mine, other)) continue;
        if (is_input(p, n, other->value, over_first ? 1 : 0)) complain(p, n, t, "is written over an input of the node");
        bool exact = other->offset == mine->offset && other->bytes == mine->bytes;
        if (is_input(p, n, other->value, 0) && !exact) complain(p, n, t, "is written over a part of its input");
        for (int k = 0; k < n->out_count; k++) {
            if (n->out[k] == other->value) complain(p, n, t, "shares bytes with another output of the node");
        }
        other->lost = true;
    }
    mine->value = t;
    mine->lost = false;
}

static void place_tensor(Play *p, const Node *n, const Tensor *t)
{
    const Place *place = &p->plan->place[t->id];
    p->held[t->id] = (Holding){.root = place->root, .offset = place->offset, .bytes = bytes_of(p, t)};
    if (place->offset < 0) return;
    if (place->offset % PLAN_ALIGN) complain(p, n, t, "is not aligned");
    if (place->offset + bytes_of(p, t) > p->plan->arena_bytes) complain(p, n, t, "lies beyond the arena");
}

static void play_view(Play *p, const Node *n)
{
    const Tensor *t = n->out[0], *of = n->in[0];
    read_tensor(p, n, of);
    p->value[t->id] = p->value[of->id];
    const Place *mine = &p->plan->place[t->id], *its = &p->plan->place[of->id];
    if (mine->root != its->root || mine->offset != its->offset) complain(p, n, t, "is not where it is a view of");
}

static void play_node(Play *p, const Node *n)
{
    if (n->op->traits & OP_VIEW) {
        play_view(p, n);
        return;
    }
    for (int i = 0; i < n->in_count; i++) read_tensor(p, n, n->in[i]);
    for (int i = 0; i < n->out_count; i++) {
        place_tensor(p, n, n->out[i]);
        write_tensor(p, n, n->out[i]);
    }
}

/* ---- one program --------------------------------------------------------------- */

static void read_ends(const Play *p)
{
    const Graph *g = p->program;
    const Tensor *ends[] = {g->output, g->loss, g->input_gradient};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends[i]) read_tensor(p, NULL, ends[i]);
    }
    for (int i = 0; i < g->gradients.count; i++) read_tensor(p, NULL, ((ParamGrad *)g->gradients.at[i])->gradient);
}

static void play(Verdict *v, const Graph *program, const char *kind)
{
    const Plan *plan = plan_build(program);
    if (!plan) {
        verdict_fail(v, "plan of %s: refused", kind);
        return;
    }
    size_t count = (size_t)program->tensors.count;
    Play p = {.verdict = v, .plan = plan, .program = program, .kind = kind};
    p.held = calloc(count + 1, sizeof *p.held);
    p.value = calloc(count + 1, sizeof *p.value);
    for (size_t i = 0; i < count; i++) p.value[i] = program->tensors.at[i];
    for (int i = 0; i < program->nodes.count; i++) play_node(&p, program->nodes.at[i]);
    read_ends(&p);
    if (plan->arena_bytes < plan->lower_bound)
        verdict_fail(v, "plan of %s: %lld bytes are below the bound of %lld", kind, (long long)plan->arena_bytes,
                     (long long)plan->lower_bound);
    free(p.held);
    free(p.value);
}

void check_plans(Verdict *v)
{
    static const char *const names[] = {"net", "infer",    "eval",       "step",  "grad",
                                        "vjp", "grad_add", "grad_chunk", "update"};
    for (ProgramKind kind = PROGRAM_INFER; kind <= PROGRAM_UPDATE; kind++) {
        const Graph *program = program_build(v->net->net, kind, v->net->spec, v->net->batch, 1);
        if (program)
            play(v, program, names[kind]);
        else
            verdict_fail(v, "no program for %s", names[kind]);
    }
}
