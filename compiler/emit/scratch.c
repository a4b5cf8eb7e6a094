/*
 * The scratch of an entry point: what stands where, by name.
 *
 * Enters: the values that its statements use, and the plan.  Leaves: a constant for each,
 * the element at which it starts: STEP_DX_CONV1.  The statements, the function that
 * returns a gradient and a reader who looks for what shares memory have them from there.
 * A text for the JIT, which nobody reads, has the numbers.
 */
#include "emit/c_names.h"
#include "emit/entry_point.h"

#include <string.h>

/* ---- names -------------------------------------------------------------------- */

/* conv1.dx → dx_conv1, loss.loss → loss */
static const char *wanted_name(EntryPoint *p, const Tensor *t)
{
    const char *dot = strrchr(t->name, '.');
    const bool twice = dot && strlen(dot + 1) == (size_t)(dot - t->name) && !strncmp(t->name, dot + 1, strlen(dot + 1));
    if (twice) return c_identifier(p->e->arena, dot + 1);
    if (!dot) return c_identifier(p->e->arena, t->name);
    return c_identifier(p->e->arena, arena_printf(p->e->arena, "%s_%.*s", dot + 1, (int)(dot - t->name), t->name));
}

static const char *constant_name(EntryPoint *p, const char *value)
{
    return emitter_upper(p->e, arena_printf(p->e->arena, "%s_%s", entry_point_name(p), value));
}

static bool is_taken(const EntryPoint *p, const char *name)
{
    return map_get(p->names, name) || map_get(p->e->function_names, name) || c_name_is_taken(p->e->prefix, name);
}

static void claim_name(EntryPoint *p, const char *name)
{
    map_put(p->names, name, p);
    map_put(p->e->value_names, name, p);
}

static ArrayShape own_shape(const EntryPoint *p, const Tensor *t)
{
    int64_t dim[ARRAY_MAX_RANK];
    int rank = 0;
    if (t->batched) dim[rank++] = p->program->batch;
    for (int i = 0; i < t->shape.rank; i++) dim[rank++] = t->shape.dim[i];
    if (!rank) dim[rank++] = 1;
    return array_shape(rank, dim);
}

const NamedValue *scratch_value(EntryPoint *p, const Tensor *t)
{
    if (p->value_of[t->id]) return p->value_of[t->id];
    const char *wanted = wanted_name(p, t), *name = wanted, *constant = constant_name(p, name);
    for (int i = 2; is_taken(p, name) || is_taken(p, constant); i++) {
        name = arena_printf(p->e->arena, "%s_%d", wanted, i);
        constant = constant_name(p, name);
    }
    claim_name(p, name);
    claim_name(p, constant);
    NamedValue *value = arena_alloc(p->e->arena, sizeof *value);
    *value = (NamedValue){t, name, constant, own_shape(p, t)};
    list_push(p->e->arena, &p->values, value);
    p->value_of[t->id] = value;
    return value;
}

/* ---- offsets ------------------------------------------------------------------ */

long long scratch_elements(const EntryPoint *p, int64_t bytes) { return bytes / dtype_size(p->program->real); }

static long long element_of(const EntryPoint *p, const Tensor *t)
{
    const int64_t bytes = p->plan->place[t->id].offset + t->slice_offset * dtype_size(t->dtype);
    return scratch_elements(p, bytes);
}

const char *scratch_place(EntryPoint *p, const Tensor *t)
{
    entry_point_uses(p, NAME_ARENA | NAME_SCRATCH);
    if (!p->e->options->standalone) return arena_printf(p->e->arena, "arena + %s", scratch_value(p, t)->constant);
    const long long element = element_of(p, t);
    return element ? arena_printf(p->e->arena, "arena + %lld", element) : "arena";
}

/* ---- the table ---------------------------------------------------------------- */

/* "[32][56][56][64]": as it is in memory */
static const char *memory_shape(const EntryPoint *p, const Tensor *t)
{
    Text out;
    text_init(&out, p->e->arena);
    const Tensor *image = t->parent ? t->parent : t;
    const Shape s = image->shape;
    const bool blocked = t->batched && t->layout == LAYOUT_NCHW16N;
    const bool pixels = t->batched && t->layout == LAYOUT_NHWC;
    if (t->batched) text_addf(&out, "[%lld]", (long long)(p->program->batch / (blocked ? 16 : 1)));
    for (int i = 0; i < s.rank; i++) text_addf(&out, "[%lld]", (long long)s.dim[pixels ? (i + 1) % s.rank : i]);
    if (blocked) text_add(&out, "[16]");
    return out.data ? out.data : "";
}

/* "uint8_t [64][6][14][14]"; of a branch of a concat "channels 64 to 95 of [32][56][56][256]" */
static const char *value_comment(const EntryPoint *p, const Tensor *t)
{
    const char *shape = memory_shape(p, t);
    const char *type = t->dtype == p->program->real ? "" : arena_printf(p->e->arena, "%s ", dtype_c_type(t->dtype));
    if (!t->parent) return arena_printf(p->e->arena, "%s%s", type, *shape ? shape : "[1]");
    const long long first = t->channel_offset, last = first + t->shape.dim[0] - 1;
    return arena_printf(p->e->arena, "channels %lld to %lld of %s", first, last, shape);
}

/* Constants of an enum are of the type int. */
static bool fit_an_enum(const EntryPoint *p) { return scratch_elements(p, p->plan->arena_bytes) <= INT32_MAX; }

/* "    STEP_Y_C1 = 301056," */
static const char *row_text(EntryPoint *p, int i, bool in_enum)
{
    const NamedValue *v = p->values.at[i];
    const long long element = element_of(p, v->tensor);
    if (!in_enum) return arena_printf(p->e->arena, "#define %s %lld", v->constant, element);
    const char *comma = i < p->values.count - 1 ? "," : "";
    return arena_printf(p->e->arena, "    %s = %lld%s", v->constant, element, comma);
}

/* Each with a comment; these are aligned. */
static void write_rows(EntryPoint *p, bool in_enum)
{
    int width = 0;
    for (int i = 0; i < p->values.count; i++) {
        const int length = (int)strlen(row_text(p, i, in_enum));
        if (length > width) width = length;
    }
    for (int i = 0; i < p->values.count; i++) {
        const NamedValue *v = p->values.at[i];
        text_addf(&p->e->source, "%-*s /* %s */\n", width, row_text(p, i, in_enum), value_comment(p, v->tensor));
    }
}

void scratch_write_table(EntryPoint *p)
{
    if (!p->values.count || p->e->options->standalone) return;
    emitter_put_parts(
        p->e, &p->e->source,
        "/* The scratch of {prefix}_{name}: the element at which each value starts.  Values that are not\n"
        " * needed at the same time share memory. */\n",
        PARTS({"name", entry_point_name(p)}));
    if (fit_an_enum(p)) {
        text_add(&p->e->source, "enum {\n");
        write_rows(p, true);
        text_add(&p->e->source, "};\n\n");
    } else {
        write_rows(p, false);
        text_add(&p->e->source, "\n");
    }
}
