/*
 * chunks: gradients of a chunk of a batch, PREFIX_grad_chunk.
 *
 * Enters: a program with allreduce nodes (passes/synchronize.c).  Leaves: its statements in segments, a
 * case each; and a table that says where in the scratch the values are that the caller mixes between two
 * segments.  Where there is one segment, nothing is in cases.
 */
#include "emit/entry_point.h"

static const Entry *chunk_entry(const Emitter *e) { return entry_of(e, PROGRAM_GRAD_CHUNK); }

static int count_collectives(const Graph *g)
{
    int count = 0;
    for (int i = 0; i < g->nodes.count; i++) count += ((const Node *)g->nodes.at[i])->op->collective != 0;
    return count;
}

/* ---- the statements ------------------------------------------------------------- */

static bool has_segments(const EntryPoint *p)
{
    return p->program->kind == PROGRAM_GRAD_CHUNK && count_collectives(p->program) > 0;
}

void chunks_open(EntryPoint *p)
{
    if (!has_segments(p)) return;
    entry_point_uses(p, NAME_CHUNK);
    text_add(&p->text, "    switch (chunk->segment) {\n");
    p->outside = p->text;
    text_init(&p->text, p->e->arena);
    text_add(&p->text, "case 0:\n");
}

/* All threads have ended the one before. */
void chunks_next_segment(EntryPoint *p)
{
    text_addf(&p->text, "    break;\ncase %d:\n", ++p->segment);
    p->touched.count = 0;
}

void chunks_close(EntryPoint *p)
{
    if (!has_segments(p)) return;
    text_add(&p->text, "    break;\n");
    statements_indent(p);
    text_add(&p->text, "    default: break;\n    }\n");
}

void chunks_write_at_end(EntryPoint *p)
{
    if (!has_segments(p)) return;
    text_addf(&p->text, "    if (chunk->segment < %d) {\n        return 0;\n    }\n", count_collectives(p->program));
    entry_point_uses(p, NAME_CHUNK);
}

/* ---- the interface ---------------------------------------------------------------- */

void chunks_write_prototypes(Emitter *e)
{
    if (!chunk_entry(e)) return;
    emitter_put(e, &e->header,
                "/* One segment of a chunk of a batch, which writes its gradients; see nn_chunk.  The loss is "
                "that of the last. */\n"
                "float {prefix}_grad_chunk({prefix} *, const float *x, const {target} *target, {prefix}_gradients *, "
                "void *scratch, const nn_chunk *chunk);\n"
                "/* A share of an update, which leaves the gradients as they are then. */\n"
                "void {prefix}_update_some({prefix} *, {prefix}_gradients *, float lr, void *scratch, "
                "const nn_share *share);\n\n");
}

static long long scratch_element(const Emitter *e, const Tensor *t)
{
    return (long long)(chunk_entry(e)->plan->place[t->id].offset / dtype_size(lower_real(&e->options->lower)));
}

static void write_collective(Emitter *e, const Node *n)
{
    text_addf(&e->source, "    {%s, %d, {", n->op->collective == COLLECTIVE_MEAN ? "NN_MEAN" : "NN_MOMENTS",
              n->in_count);
    for (int i = 0; i < n->in_count; i++)
        text_addf(&e->source, "%s{%lld, %lld, %lld}", i ? ", " : "", scratch_element(e, n->in[i]),
                  scratch_element(e, n->out[i]), (long long)shape_count(n->in[i]->shape));
    text_add(&e->source, "}},\n");
}

static void write_collectives(Emitter *e)
{
    const Graph *g = chunk_entry(e)->program;
    if (!count_collectives(g)) return;
    emitter_put(e, &e->source, "static const nn_collective {prefix}_collectives[] = {\n");
    for (int i = 0; i < g->nodes.count; i++)
        if (((const Node *)g->nodes.at[i])->op->collective) write_collective(e, g->nodes.at[i]);
    text_add(&e->source, "};\n\n");
}

/* In it every operator computes a part of its elements by itself. */
bool chunks_update_is_local(const Emitter *e)
{
    const Graph *g = entry_of(e, PROGRAM_UPDATE)->program;
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        const bool on_sum = n->in_count && n->in[0]->kind == TENSOR_GRADIENT_SUM;
        if (!(n->op->traits & OP_SPLITTABLE) || !n->variant || !on_sum) return false;
    }
    return e->team;
}

static void write_places(Emitter *e)
{
    emitter_put_parts(e, &e->source,
                      "static int {prefix}_place(int tensor, size_t *in_model, size_t *in_gradients)\n"
                      "{\n"
                      "    for (int k = 0; k < {rows}; k++) {\n"
                      "        if ({prefix}_sum_offset[k].tensor == tensor) {\n"
                      "            *in_model = {prefix}_offset[tensor];\n"
                      "            *in_gradients = {prefix}_sum_offset[k].offset;\n"
                      "            return 0;\n"
                      "        }\n"
                      "    }\n"
                      "    return -1;\n"
                      "}\n\n",
                      PARTS({"rows", emitter_number(e, e->sums.count)}));
}

void chunks_write_wrappers(Emitter *e)
{
    if (!chunk_entry(e)) return;
    emitter_put(e, &e->source,
                "static float {prefix}_any_grad_chunk(void *m, const float *x, const void *target, void *gradients, "
                "void *scratch, const nn_chunk *chunk)\n{\n"
                "    return {prefix}_grad_chunk((struct {prefix} *)m, x, (const {target} *)target, "
                "(struct {prefix}_gradients *)gradients, scratch, chunk);\n}\n\n"
                "static void {prefix}_any_update_some(void *m, void *gradients, float lr, void *scratch, "
                "const nn_share *share)\n{\n"
                "    {prefix}_update_some((struct {prefix} *)m, (struct {prefix}_gradients *)gradients, lr, scratch, "
                "share);\n}\n\n");
    write_collectives(e);
    write_places(e);
    factors_write_table(e);
}

void chunks_write_info_members(Emitter *e)
{
    const int count = chunk_entry(e) ? count_collectives(chunk_entry(e)->program) : 0;
    emitter_put_parts(e, &e->source,
                      chunk_entry(e) ? "        {prefix}_any_grad_chunk, {count}, {list}, {prefix}_any_update_some, "
                                       "{local}, {prefix}_place,\n"
                                     : "        NULL, 0, NULL, NULL, 0, NULL,\n",
                      PARTS({"count", emitter_number(e, count)},
                            {"local", chunk_entry(e) && chunks_update_is_local(e) ? "1" : "0"},
                            {"list", count ? arena_printf(e->arena, "%s_collectives", e->prefix) : "NULL"}));
}
