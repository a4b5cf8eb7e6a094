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
    text_addf(&p->text, "hooks->ready(hooks->ctx, %d, (%s *)gradients->%s, %lld);\n", tensor, p->e->real, member,
              (long long)count);
    entry_point_uses(p, NAME_HOOKS | NAME_GRADIENTS);
}

static void write_ready_sums(EntryPoint *p, const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        const Tensor *param = summed_param(n, i);
        if (!param || !is_last_to_add(p->program, n, param)) continue;
        assert(p->program->micro_batches == 1 || p->phase == PHASE_AFTER);
        barrier_before_read(p, n->in[i]);
        statement_begin(p, true);
        write_ready(p, model_index(p->e, param), model_member(p->e, param), shape_count(param->shape));
    }
}

/* ---- the same for a chunk, slice by slice --------------------------------------------- */

/* The parameter that input i of the node is, or a view of it, or NULL. */
static const Tensor *read_param(const EntryPoint *p, const Node *n, int i)
{
    const Tensor *root = p->plan->place[tensor_storage(n->in[i])->id].root;
    return root && root->kind == TENSOR_PARAM ? root : NULL;
}

static bool reads(const EntryPoint *p, const Node *n, const Tensor *param)
{
    for (int i = 0; i < n->in_count; i++) {
        const Tensor *read = read_param(p, n, i);
        if (read && read->model == param) return true;
    }
    return false;
}

/* As the program has it. */
static const Tensor *param_here(const EntryPoint *p, const Tensor *param)
{
    for (int i = 0; i < p->program->tensors.count; i++) {
        const Tensor *t = p->program->tensors.at[i];
        if (t->kind == TENSOR_PARAM && t->model == param && p->plan->place[t->id].root == t) return t;
    }
    return NULL;
}

/* The slice of the parameter's sum of gradients that the node adds to, or NULL. */
static const Tensor *added_slice(const Node *n, const Tensor *param)
{
    for (int i = 0; i < n->in_count; i++)
        if (summed_param(n, i) == param) return n->in[i];
    return NULL;
}

/* Nothing after node `at` reads the parameter, or adds to these elements of its sum. */
static bool is_final_after(const EntryPoint *p, int at, const Tensor *param, const Tensor *slice)
{
    const int64_t begin = slice->slice_offset, end = begin + shape_count(slice->shape);
    for (int i = p->program->nodes.count - 1; i > at; i--) {
        const Node *n = p->program->nodes.at[i];
        const Tensor *other = added_slice(n, param);
        const bool adds = other && other->slice_offset < end && other->slice_offset + shape_count(other->shape) > begin;
        if (adds || reads(p, n, param)) return false;
    }
    return true;
}

static void write_ready_slice(EntryPoint *p, const Tensor *param, const Tensor *slice)
{
    const Tensor *here = param_here(p, param);
    assert(p->program->micro_batches == 1 || p->phase == PHASE_AFTER);
    barrier_before_read(p, slice);
    if (here) barrier_before_write(p, here); /* whoever is called may do so */
    statement_begin(p, true);
    text_addf(&p->text, "chunk->ready(chunk->ctx, %d, (%s *)%s, %lld);\n", model_index(p->e, param), p->e->real,
              place_of_sum(p, slice), (long long)shape_count(slice->shape));
    entry_point_uses(p, NAME_CHUNK);
}

/* Slices that have waited for the last reader of their parameter. */
static void write_ready_before(EntryPoint *p, int at, const Tensor *param)
{
    for (int i = 0; i < at; i++) {
        const Tensor *slice = added_slice(p->program->nodes.at[i], param);
        if (slice && !is_final_after(p, i, param, slice) && is_final_after(p, at, param, slice))
            write_ready_slice(p, param, slice);
    }
}

static void write_ready_slices(EntryPoint *p, const Node *n)
{
    const int at = n->id;
    for (int i = 0; i < n->in_count; i++) {
        const Tensor *read = read_param(p, n, i), *added = summed_param(n, i);
        if (read) write_ready_before(p, at, read->model);
        if (added && is_final_after(p, at, added, n->in[i])) write_ready_slice(p, added, n->in[i]);
    }
}

void hooks_write_after(EntryPoint *p, const Node *n)
{
    if (p->program->kind == PROGRAM_GRAD_CHUNK)
        write_ready_slices(p, n);
    else
        write_ready_sums(p, n);
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
