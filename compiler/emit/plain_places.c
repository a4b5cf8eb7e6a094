/*
 * Places of the plain form.
 *
 * Enters: a tensor, the plan, and how a function sees the tensor.  Leaves: the argument of
 * the call.  Each value in the scratch has a name, y_conv1 or dx_conv1, a local pointer to
 * rows of its type.  Until C23, a pointer to rows does not convert to one to constant
 * rows, so inputs are cast, and the parameters are read through `w`, where `m` may be
 * written.
 */
#include "emit/entry_point.h"

#include <assert.h>
#include <string.h>

static bool is_pointer_to_rows(const ArrayShape *s) { return s->rank > 1; }

/* One converts to the other, but for `const`. */
static bool types_agree(const ArrayShape *a, const ArrayShape *b)
{
    return (!is_pointer_to_rows(a) && !is_pointer_to_rows(b)) || array_rows_agree(a, b);
}

/* "(const float (*)[6][14][14])", "(float *)" */
static const char *cast_text(EntryPoint *p, const Tensor *t, bool written, const ArrayShape *as)
{
    Text out;
    text_init(&out, p->e->arena);
    text_addf(&out, "(%s%s ", written ? "" : "const ", dtype_c_type(t->dtype));
    text_add(&out, is_pointer_to_rows(as) ? "(*)" : "*");
    for (int i = 1; i < as->rank; i++) text_addf(&out, "[%lld]", (long long)as->dim[i]);
    text_add(&out, ")");
    return out.data;
}

/* ---- values in the scratch ------------------------------------------------------ */

/* float (*const y_s2)[6][14][14] = (float (*)[6][14][14])(arena + STEP_Y_S2); */
static void write_value(EntryPoint *p, const NamedValue *v)
{
    Text *out = &p->e->source;
    const bool rows = is_pointer_to_rows(&v->shape), is_cast = rows || v->tensor->dtype != p->program->real;
    text_addf(out, rows ? "    %s (*const %s)" : "    %s *const %s", dtype_c_type(v->tensor->dtype), v->name);
    for (int i = 1; i < v->shape.rank; i++) text_addf(out, "[%lld]", (long long)v->shape.dim[i]);
    text_addf(out, is_cast ? " = %s(%s);\n" : " = %s%s;\n", is_cast ? cast_text(p, v->tensor, true, &v->shape) : "",
              scratch_place(p, v->tensor));
}

void plain_write_values(EntryPoint *p)
{
    if (!p->values.count) return;
    emitter_put(p->e, &p->e->source, "    {real} *const arena = ({real} *)scratch;\n");
    for (int i = 0; i < p->values.count; i++) write_value(p, p->values.at[i]);
    text_add(&p->e->source, "\n");
}

/* ---- arguments ------------------------------------------------------------------ */

static const char *member_of_model(EntryPoint *p, const Tensor *root, bool written)
{
    const bool constant = p->program->kind == PROGRAM_INFER || p->program->kind == PROGRAM_EVAL;
    const bool as_weights = !written && !constant;
    if (model_is_constant(p->e, root))
        return arena_printf(p->e->arena, "%s_frozen.%s", p->e->prefix, model_member(p->e, root));
    entry_point_uses(p, as_weights ? NAME_WEIGHTS | NAME_M : NAME_M);
    return arena_printf(p->e->arena, "%s->%s", as_weights ? "w" : "m", model_member(p->e, root));
}

const char *plain_argument(EntryPoint *p, const Tensor *t, bool written, ArrayShape as)
{
    const Place *place = &p->plan->place[t->id];
    const Tensor *root = place->root;
    assert(!t->slice_offset && !t->parent && "the plain form has no slices");
    const char *text;
    ArrayShape is = {0};
    bool is_const = true; /* as much as it has to be */
    if (tensor_in_model(root->kind)) {
        text = member_of_model(p, root, written);
        is = model_array_shape(p->e, root);
    } else if (root->kind == TENSOR_GRADIENT_SUM) {
        text = place_of_sum(p, t);
        is = model_array_shape(p->e, root);
        is_const = false;
    } else if (place->offset >= 0 && !place_is_callers_input(t)) {
        const NamedValue *value = scratch_value(p, t);
        entry_point_uses(p, NAME_SCRATCH);
        text = value->name;
        is = value->shape;
        is_const = false;
    } else {
        text = place_outside(p, root);
        if (is_pointer_to_rows(&as) && strchr(text, ' ')) text = arena_printf(p->e->arena, "(%s)", text);
    }
    const bool agrees = types_agree(&is, &as) && (written || is_const || !is_pointer_to_rows(&as));
    return agrees ? text : arena_printf(p->e->arena, "%s%s", cast_text(p, t, written, &as), text);
}
