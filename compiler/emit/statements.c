/*
 * Statements of an entry point: how one begins, and what a call is passed.
 */
#include "emit/entry_point.h"

#include <string.h>

/* Where the threads of a team must not all do it, the first does. */
void statement_begin(EntryPoint *p, bool alone)
{
    bool first_thread = p->e->team && alone;
    if (first_thread) entry_point_uses(p, NAME_THREAD);
    text_add(&p->text, first_thread ? "    if (t == 0) " : "    ");
}

void statements_indent(EntryPoint *p)
{
    Text inside = p->text;
    p->text = p->outside;
    for (const char *line = inside.data; *line;) {
        const char *next = strchr(line, '\n') + 1;
        text_addf(&p->text, "    %.*s", (int)(next - line), line);
        line = next;
    }
}

/* $count, and $all where there are micro-batches. */
static void write_counts(EntryPoint *p)
{
    const Graph *g = p->program;
    bool eval = g->kind == PROGRAM_EVAL;
    if (eval) entry_point_uses(p, NAME_COUNT);
    const char *all = eval ? "count" : arena_printf(p->e->arena, "%lld", (long long)(g->batch * g->micro_batches));
    if (g->micro_batches == 1)
        text_addf(&p->text, ", %s", all);
    else if (eval)
        text_addf(&p->text, ", part, %s", all);
    else
        text_addf(&p->text, ", %lld, %s", (long long)g->batch, all);
}

/* How many times as many samples as the node sees came before, in this step: "round"; NULL: none. */
static const char *samples_before(EntryPoint *p)
{
    const Graph *g = p->program;
    const char *round = g->micro_batches > 1 ? "(uint64_t)round" : NULL;
    const bool chunk = g->kind == PROGRAM_GRAD_CHUNK;
    if (g->kind != PROGRAM_GRAD_ADD && !chunk) return round;
    entry_point_uses(p, chunk ? NAME_CHUNK : NAME_GRADIENTS);
    const char *batches = chunk ? "chunk->before" : "(uint64_t)gradients->batches[0]";
    if (!round) return batches;
    return arena_printf(p->e->arena, "(%s * %lld + (uint64_t)round)", batches, (long long)g->micro_batches);
}

/* After other samples of the step, on with the numbers where these ended. */
static void write_seed(EntryPoint *p, const Node *n)
{
    const char *before = samples_before(p);
    emitter_uses(p->e, "nn_mix");
    emitter_uses(p->e, "nn_mix_at");
    if (before) emitter_uses(p->e, "nn_skip");
    text_addf(&p->text, ", %snn_mix_at(nn_mix(m->seed) + %d, (uint64_t)m->step)", before ? "nn_skip(" : "",
              n->origin->stream + 1000000);
    if (before) text_addf(&p->text, ", %s * %lld)", before, (long long)tensor_count(n->out[0], p->program->batch));
}

void statement_write_scalars(EntryPoint *p, const Node *n)
{
    Text *out = &p->text;
    const unsigned uses = n->op->uses;
    entry_point_uses(p, (uses & USES_LR ? NAME_LR : 0) | (uses & (USES_STEP | USES_SEED | USES_MOMENTUM) ? NAME_M : 0) |
                            (uses & USES_FIRST ? NAME_CHUNK : 0));
    if (uses & USES_LR) text_addf(out, ", %slr", lr_factor(p->e, n));
    if (uses & USES_STEP) text_add(out, ", m->step");
    if (uses & USES_MOMENTUM) text_add(out, ", m->momentum");
    if (uses & USES_SEED) write_seed(p, n);
    if (uses & USES_FIRST) text_add(out, ", chunk->first");
    if (uses & USES_COUNT) write_counts(p);
}

const char *statement_argument(EntryPoint *p, const Node *n, const Function *f, int i)
{
    const bool input = i < n->in_count;
    const Tensor *t = input ? n->in[i] : n->out[i - n->in_count];
    if (p->e->team) return place_of_samples(p, t, f->share);
    return plain_argument(p, t, !input || node_mutates(n, i), f->shapes[i]);
}

/* name(inputs, outputs: what follows stands to the caller. */
void statement_write_arrays(EntryPoint *p, const Node *n, const Function *f)
{
    text_addf(&p->text, "%s(", f->name);
    for (int i = 0; i < n->in_count + n->out_count; i++)
        text_addf(&p->text, "%s%s", i ? ", " : "", statement_argument(p, n, f, i));
}
