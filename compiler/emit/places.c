/*
 * Places: the expressions for where an entry point's tensors are.
 *
 * Enters: a tensor and the plan.  Leaves: C text, a literal place in the arena or the
 * model, or one of the caller's pointers.
 */
#include "emit/entry_point.h"

#include <assert.h>

/* What the caller gives or gets: for each micro-batch the next samples of it. */
static const char *outside_place(EntryPoint *p, Name used, const char *name, const Tensor *t)
{
    const Graph *g = p->program;
    entry_point_uses(p, used);
    if (g->micro_batches == 1 || !t->batched) return name;
    return arena_printf(p->e->arena, "%s + round * %lld", name, (long long)tensor_count(t, g->batch));
}

/* Several inputs lie one after the other in x. */
static const char *input_place(EntryPoint *p, const Tensor *t)
{
    int64_t before = 0;
    for (int i = 0; i < p->program->inputs.count; i++) {
        if (p->program->inputs.at[i] == t) break;
        before += tensor_count(p->program->inputs.at[i], p->program->batch * p->program->micro_batches);
    }
    const char *place = before ? arena_printf(p->e->arena, "x + %lld", (long long)before) : "x";
    return outside_place(p, NAME_X, place, t);
}

static const char *arena_place(EntryPoint *p, const Tensor *t)
{
    const char *place = scratch_place(p, t);
    if (t->dtype == p->program->real) return place;
    return arena_printf(p->e->arena, "(%s *)(%s)", dtype_c_type(t->dtype), place);
}

static const char *model_place(EntryPoint *p, const Tensor *t, const Tensor *root)
{
    const char *member = arena_printf(p->e->arena, "m->%s", model_member(p->e, root));
    if (model_is_constant(p->e, root))
        member = arena_printf(p->e->arena, "%s_frozen.%s", p->e->prefix, model_member(p->e, root));
    else
        entry_point_uses(p, NAME_M);
    if (!t->slice_offset) return member;
    return arena_printf(p->e->arena, "%s + %lld", member, (long long)t->slice_offset);
}

bool place_is_callers_input(const Tensor *t)
{
    while (t->producer && t->producer->op->traits & OP_VIEW) t = t->producer->in[0];
    return t->kind == TENSOR_INPUT;
}

const char *place_outside(EntryPoint *p, const Tensor *root)
{
    const Graph *g = p->program;
    if (root->kind == TENSOR_INPUT) return input_place(p, root);
    if (root->kind == TENSOR_TARGET) return outside_place(p, NAME_TARGET, "target", root);
    if (root->kind == TENSOR_OUTPUT_GRADIENT) return outside_place(p, NAME_DY, "dy", root);
    if (g->output && p->plan->place[g->output->id].root == root) return outside_place(p, NAME_Y, "y", root);
    assert(g->input_gradient && p->plan->place[g->input_gradient->id].root == root);
    return outside_place(p, NAME_DX, "dx", root);
}

const char *place_text(EntryPoint *p, const Tensor *t)
{
    const Place *place = &p->plan->place[t->id];
    const Tensor *root = place->root;
    if (tensor_in_model(root->kind) || root->kind == TENSOR_PREPACKED) return model_place(p, t, root);
    if (root->kind == TENSOR_GRADIENT_SUM) return place_of_sum(p, t);
    if (place->offset >= 0) return arena_place(p, t);
    return place_outside(p, root);
}

const char *place_of_samples(EntryPoint *p, const Tensor *t, Share share)
{
    const char *place = place_text(p, t);
    if (share != SHARE_SAMPLES || !t->batched) return place;
    long long size = (long long)shape_count(tensor_storage(t)->shape);
    entry_point_uses(p, NAME_SAMPLES);
    return arena_printf(p->e->arena, size == 1 ? "%s + first" : "%s + first * %lld", place, size);
}

const char *place_of_sum(EntryPoint *p, const Tensor *t)
{
    const Tensor *whole = t->slice_of ? t->slice_of : t;
    const char *member = whole->model ? model_member(p->e, whole) : "batches";
    if (!whole->model && p->partial) {
        entry_point_uses(p, NAME_SHARE);
        return "share->batches";
    }
    entry_point_uses(p, NAME_GRADIENTS);
    if (!t->slice_offset) return arena_printf(p->e->arena, "gradients->%s", member);
    return arena_printf(p->e->arena, "gradients->%s + %lld", member, (long long)t->slice_offset);
}
