/*
 * hooks: gradient accumulation that tells its caller when each gradient is final.
 *
 * Enters: a node of PREFIX_grad_add_hooked or PREFIX_grad_chunk that is called.  Leaves: where it is the last to add to a
 * parameter's sum, a call of hooks->ready by the first thread, which is the caller's.  The other
 * statements are those of PREFIX_grad_add but for barriers, so the results are bitwise the same.
 */
#include <assert.h>

#include "emit/entry_point.h"

/* The parameter whose sum of gradients input i of the node adds to, or NULL. */
static const Tensor *summed_param(const Node *n, int i)
{
    const Tensor *whole = n->in[i]->slice_of ? n->in[i]->slice_of : n->in[i];
    return whole->kind == TENSOR_GRADIENT_SUM && node_mutates(n, i) ? whole->model : NULL;
}

static bool adds_to(const Node *n, const Tensor *param)
{
    for (int i = 0; i < n->in_count; i++)
        if (summed_param(n, i) == param) return true;
    return false;
}

/* Slices of a large gradient are added by several nodes. */
static bool is_last_to_add(const Graph *g, const Node *n, const Tensor *param)
{
    int i = g->nodes.count - 1;
    while (!adds_to(g->nodes.at[i], param)) i--;
    return g->nodes.at[i] == n;
}

static void write_ready(EntryPoint *p, int tensor, const char *member, int64_t count)
{
    const bool chunk = p->program->kind == PROGRAM_GRAD_CHUNK;
    const char *hooks = chunk ? "chunk" : "hooks";
    text_addf(&p->text, "%s->ready(%s->ctx, %d, (%s *)gradients->%s, %lld);\n", hooks, hooks, tensor, p->e->real,
              member, (long long)count);
    entry_point_uses(p, (chunk ? NAME_CHUNK : NAME_HOOKS) | NAME_GRADIENTS);
}

void hooks_write_after(EntryPoint *p, const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        const Tensor *param = summed_param(n, i);
        if (!param || !is_last_to_add(p->program, n, param)) continue;
        assert(p->program->micro_batches == 1 || p->phase == PHASE_AFTER);
        barrier_before_read(p, n->in[i]);
        calls_begin_statement(p, true);
        write_ready(p, model_index(p->e, param), model_member(p->e, param), shape_count(param->shape));
    }
}

void hooks_write_at_end(EntryPoint *p)
{
    text_add(&p->text, "    ");
    write_ready(p, -1, "batches", 1);
}

/* ---- the interface ------------------------------------------------------------- */

static bool has_hooks(const Emitter *e) { return e->options->hooks && entry_of(e, PROGRAM_GRAD_ADD); }

void hooks_write_prototypes(Emitter *e)
{
    if (!has_hooks(e)) return;
    emitter_put(e, &e->header,
                "/* grad_add that calls hooks->ready for each sum as soon as it is final; and step by way of a block, "
                "which is\n"
                " * zeros before and after: grad_add_hooked, hooks->before_update, update. */\n"
                "float {prefix}_grad_add_hooked({prefix} *, const float *x, const {target} *target, "
                "{prefix}_gradients *, void *scratch, const nn_hooks *hooks);\n"
                "float {prefix}_step_hooked({prefix} *, const float *x, const {target} *target, float lr, "
                "{prefix}_gradients *, void *scratch, const nn_hooks *hooks);\n\n");
}

void hooks_write_step(Emitter *e)
{
    if (!has_hooks(e)) return;
    emitter_put(e, &e->source,
                "float {prefix}_step_hooked(struct {prefix} *m, const float *x, const {target} *target, float lr, "
                "struct {prefix}_gradients *gradients, void *scratch, const nn_hooks *hooks)\n{\n"
                "    const float loss = {prefix}_grad_add_hooked(m, x, target, gradients, scratch, hooks);\n"
                "    if (hooks->before_update) {\n"
                "        hooks->before_update(hooks->ctx);\n"
                "    }\n"
                "    {prefix}_update(m, gradients, lr, scratch);\n"
                "    return loss;\n}\n\n");
}

void hooks_write_wrappers(Emitter *e)
{
    if (!has_hooks(e)) return;
    emitter_put(e, &e->source,
                "static float {prefix}_any_grad_add_hooked(void *m, const float *x, const void *target, "
                "void *gradients, void *scratch, const nn_hooks *hooks)\n{\n"
                "    return {prefix}_grad_add_hooked((struct {prefix} *)m, x, (const {target} *)target, "
                "(struct {prefix}_gradients *)gradients, scratch, hooks);\n}\n\n");
}

void hooks_write_info_members(Emitter *e)
{
    emitter_put(e, &e->source, has_hooks(e) ? "        {prefix}_any_grad_add_hooked,\n" : "        NULL,\n");
}
