/*
 * Calls: the statements of an entry point, a call for each node of its program.
 *
 * Enters: a program and its plan.  Leaves: the text of the calls with barriers between
 * them, and the names that it uses.
 */
#include "emit/entry_point.h"

#include <string.h>

/* ---- the time of calls ------------------------------------------------------- */

/* All threads have come to the end of what is before it. */
static void write_lap(EntryPoint *p)
{
    barrier_write(p);
    statement_begin(p, true);
    text_addf(&p->text, "spent[%d] += nn_lap(&since);\n", p->laps++);
    entry_point_uses(p, NAME_SPENT);
}

/* ---- one call ------------------------------------------------------------------ */

/* What follows is left out where the tensor is not wanted; where all gradients are needed, only the optimizer is. */
static void write_skip(EntryPoint *p, const Node *n)
{
    if (n->op->class != OP_OPTIMIZER && !chunks_update_is_local(p->e)) return;
    const Tensor *of = n->in[n->op->class == OP_OPTIMIZER], *whole = of->slice_of ? of->slice_of : of;
    const Tensor *param = whole->kind == TENSOR_GRADIENT_SUM ? whole->model : whole;
    text_addf(&p->text, "    if (!share->skip[%d])\n    ", model_index(p->e, param));
    entry_point_uses(p, NAME_SHARE);
}

/* Part t of T, of the caller's share. */
static void write_part_arguments(EntryPoint *p)
{
    const bool shared = p->partial && chunks_update_is_local(p->e);
    text_add(&p->text, shared ? ", share->part * T + t, share->parts * T" : ", t, T");
    entry_point_uses(p, NAME_THREAD | NAME_THREADS | (shared ? NAME_SHARE : 0));
}

static void write_call(EntryPoint *p, const Node *n)
{
    const Function *f = function_for(p->e, p->program, n);
    if (p->watched) watch_write_before(p, n);
    barrier_before_node(p, n, f->share);
    if (p->partial) write_skip(p, n);
    factors_write_before(p, n);
    statement_begin(p, f->share == SHARE_NONE);
    statement_write_arrays(p, n, f);
    statement_write_scalars(p, n);
    if (f->share == SHARE_SAMPLES) text_add(&p->text, ", samples");
    if (f->share == SHARE_PARTS) write_part_arguments(p);
    entry_point_uses(p, f->share == SHARE_SAMPLES ? NAME_SAMPLES : 0);
    text_add(&p->text, ");\n");
    if (p->timed) write_lap(p);
    if (p->traced) trace_write_copies(p, n);
    if (p->watched) watch_write_after(p, n);
    if (p->hooked || p->program->kind == PROGRAM_GRAD_CHUNK) hooks_write_after(p, n);
}

/* Tests of the plan: the first thread fills a region with NaN. */
static void write_fill(EntryPoint *p, int64_t offset, int64_t bytes)
{
    barrier_before_fill(p, offset, bytes);
    statement_begin(p, true);
    entry_point_uses(p, NAME_SCRATCH);
    text_addf(&p->text, "memset((%s *)scratch + %lld, 0xff, %lld);\n", p->e->real, scratch_elements(p, offset),
              (long long)bytes);
}

/* Whatever is dead holds NaN. */
static void write_poison(EntryPoint *p, const Node *n)
{
    const Graph *g = p->program;
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *t = g->tensors.at[i];
        const Place *place = &p->plan->place[i];
        if (place->root != t || place->offset < 0 || place->last != n->id) continue;
        bool held = t == g->loss || place->last == g->nodes.count - 1;
        if (!held) write_fill(p, place->offset, place->bytes);
    }
}

/* Tests of what rounding may do: the first thread moves what a layer has made. */
static void write_noise(EntryPoint *p, const Node *n)
{
    bool layer = n->origin == n && n->op->class != OP_LOSS && n->op->class != OP_OPTIMIZER;
    for (int i = 0; layer && i < n->out_count; i++) {
        const Tensor *t = n->out[i];
        if (!t->batched || t->dtype != p->program->real || t->kind != TENSOR_LOCAL || t->parent) continue;
        barrier_before_write(p, t);
        statement_begin(p, true);
        text_addf(&p->text, "nn_noise(%s, %lld, %d);\n",
                  p->e->team ? place_text(p, t) : plain_argument(p, t, true, (ArrayShape){0}),
                  (long long)tensor_count(t, p->program->batch), n->stream);
    }
}

/* A round begins when all threads have ended the one before. */
static void open_rounds(EntryPoint *p)
{
    const Graph *g = p->program;
    long long batch = (long long)g->batch;
    text_addf(&p->text, "    for (int round = 0; round < %lld; round++) { /* micro-batches of %lld samples */\n",
              (long long)g->micro_batches, batch);
    p->outside = p->text;
    text_init(&p->text, p->e->arena);
    barrier_write(p);
    if (g->kind == PROGRAM_EVAL) {
        entry_point_uses(p, NAME_COUNT);
        text_addf(&p->text, "    const int left = count - round * %lld;\n", batch);
        text_addf(&p->text, "    const int part = left < 0 ? 0 : left < %lld ? left : %lld;\n", batch, batch);
    }
}

static void close_rounds(EntryPoint *p)
{
    statements_indent(p);
    text_add(&p->text, "    }\n");
}

/* Calls of PHASE_EACH stand in a loop over the micro-batches. */
static void enter_phase(EntryPoint *p, Phase phase)
{
    if (p->program->micro_batches == 1 || p->phase == phase) return;
    if (p->phase == PHASE_EACH) close_rounds(p);
    if (phase == PHASE_EACH) open_rounds(p);
    p->phase = phase;
}

void calls_write(EntryPoint *p)
{
    p->phase = PHASE_BEFORE;
    p->names = map_new(p->e->arena);
    p->value_of = arena_alloc(p->e->arena, (size_t)(p->program->tensors.count + 1) * sizeof *p->value_of);
    text_init(&p->text, p->e->arena);
    const Graph *g = p->program;
    bool poison = p->e->options->poison;
    if (p->timed) {
        barrier_write(p);
        text_add(&p->text, "    int64_t since = nn_now();\n");
    }
    chunks_open(p);
    if (poison && p->plan->arena_bytes) write_fill(p, 0, p->plan->arena_bytes);
    for (int i = 0; i < g->nodes.count; i++) {
        enter_phase(p, ((const Node *)g->nodes.at[i])->phase);
        if (((const Node *)g->nodes.at[i])->op->collective) chunks_next_segment(p);
        if (node_is_called(g->nodes.at[i])) write_call(p, g->nodes.at[i]);
        if (p->e->options->noise && node_is_called(g->nodes.at[i])) write_noise(p, g->nodes.at[i]);
        if (poison) write_poison(p, g->nodes.at[i]);
    }
    enter_phase(p, PHASE_AFTER);
    chunks_close(p);
}
