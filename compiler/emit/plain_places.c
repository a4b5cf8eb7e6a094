/*
 * Places of the plain form.
 *
 * Enters: a tensor, the plan, and how a function sees the tensor.  Leaves: the argument of
 * the call.  Each value in the scratch has a name, y_conv1 or dx_conv1, a local pointer to
 * rows of its type.  Until C23, a pointer to rows does not convert to one to constant
 * rows, so inputs are cast, and the parameters are read through `w`, where `m` may be
 * written.
 */
#include "emit/c_names.h"
#include "emit/entry_point.h"

#include <assert.h>
#include <string.h>

static ArrayShape own_shape(const EntryPoint *p, const Tensor *t)
{
    int64_t dim[ARRAY_MAX_RANK];
    int rank = 0;
    if (t->batched) dim[rank++] = p->program->batch;
    for (int i = 0; i < t->shape.rank; i++) dim[rank++] = t->shape.dim[i];
    if (!rank) dim[rank++] = 1;
    return array_shape(rank, dim);
}

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

/* conv1.dx → dx_conv1 */
static const char *wanted_name(EntryPoint *p, const Tensor *t)
{
    const char *dot = strrchr(t->name, '.');
    if (!dot) return c_identifier(p->e->arena, t->name);
    return c_identifier(p->e->arena, arena_printf(p->e->arena, "%s_%.*s", dot + 1, (int)(dot - t->name), t->name));
}

static bool is_taken(const EntryPoint *p, const char *name)
{
    return map_get(p->names, name) || map_get(p->e->function_names, name) || c_name_is_taken(p->e->prefix, name);
}

static const NamedValue *value_of(EntryPoint *p, const Tensor *t)
{
    for (int i = 0; i < p->values.count; i++) {
        const NamedValue *value = p->values.at[i];
        if (value->tensor == t) return value;
    }
    Arena *arena = p->e->arena;
    NamedValue *value = arena_alloc(arena, sizeof *value);
    const char *wanted = wanted_name(p, t), *name = wanted;
    for (int i = 2; is_taken(p, name); i++) name = arena_printf(arena, "%s_%d", wanted, i);
    map_put(p->names, name, value);
    map_put(p->e->value_names, name, value);
    *value = (NamedValue){t, name, own_shape(p, t)};
    list_push(arena, &p->values, value);
    return value;
}

/* float (*const y_s2)[6][14][14] = (float (*)[6][14][14])(a + 301056); */
static void write_value(EntryPoint *p, const NamedValue *v)
{
    Text *out = &p->e->source;
    const char *type = dtype_c_type(v->tensor->dtype);
    const bool rows = is_pointer_to_rows(&v->shape);
    const long long offset = place_arena_elements(p, p->plan->place[v->tensor->id].offset);
    text_addf(out, rows ? "    %s (*const %s)" : "    %s *const %s", type, v->name);
    for (int i = 1; i < v->shape.rank; i++) text_addf(out, "[%lld]", (long long)v->shape.dim[i]);
    text_addf(out, " = %s", rows || !dtype_is_real(v->tensor->dtype) ? cast_text(p, v->tensor, true, &v->shape) : "");
    if (offset)
        text_addf(out, rows || !dtype_is_real(v->tensor->dtype) ? "(a + %lld);\n" : "a + %lld;\n", offset);
    else
        text_add(out, "a;\n");
}

void plain_write_values(EntryPoint *p)
{
    if (!p->values.count) return;
    text_addf(&p->e->source,
              "    /* Values that are not needed at the same time share memory. */\n    %s *const a = (%s *)scratch;\n",
              p->e->real, p->e->real);
    for (int i = 0; i < p->values.count; i++) write_value(p, p->values.at[i]);
    text_add(&p->e->source, "\n");
}

/* ---- arguments ------------------------------------------------------------------ */

static const char *member_of_model(EntryPoint *p, const Tensor *root, bool written)
{
    const bool constant = p->program->kind == PROGRAM_INFER || p->program->kind == PROGRAM_EVAL;
    const bool as_weights = !written && !constant;
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
    } else if (place->offset >= 0) {
        const NamedValue *value = value_of(p, t);
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
