/*
 * Training code whose weights are built in.
 *
 * What steps write, trained parameters, running statistics and the optimizer's states, is in the
 * model's block, and NET_init copies its first values from a constant, NET_start.  All other
 * tensors are members of the constant NET_frozen, which the code reads where it is, in
 * flash.  Both constants are defined at the end of the text.
 */
#include "emit/emitter.h"

static bool has_constants(const Emitter *e) { return e->options->lower.constants; }

int64_t constants_bytes(const Emitter *e)
{
    int64_t bytes = 0;
    for (int i = 0; i < e->net->model.count; i++) {
        const Tensor *t = e->net->model.at[i];
        if (model_is_constant(e, t)) bytes += model_padded_bytes(t);
    }
    return bytes;
}

/* A state has no first value of the weights' file. */
static bool is_started(const Emitter *e, const Tensor *t)
{
    return t->kind != TENSOR_STATE && !model_is_constant(e, t);
}

static bool is_left_alone(const Emitter *e, const Tensor *t) { return model_is_constant(e, t); }

static void write_constant_struct(Emitter *e, const char *name, bool (*has)(const Emitter *, const Tensor *))
{
    text_addf(&e->source, "struct %s_%s {\n", e->prefix, name);
    for (int i = 0; i < e->net->model.count; i++)
        if (has(e, e->net->model.at[i])) model_write_member(e, e->net->model.at[i], e->member[i]);
    emitter_put_parts(e, &e->source, "};\nstatic const struct {prefix}_{name} {prefix}_{name};\n\n",
                      PARTS({"name", name}));
}

void constants_write_structs(Emitter *e)
{
    if (!has_constants(e)) return;
    comment_write_section(e, "constants: what steps leave as it is, and where the rest starts");
    if (constants_bytes(e)) write_constant_struct(e, "frozen", is_left_alone);
    write_constant_struct(e, "start", is_started);
}

/* Bytes before the tensor in the block in which the weights were set, which has no states. */
static int64_t given_offset(const Emitter *e, int index)
{
    int64_t offset = model_head_bytes(e->net);
    for (int i = 0; i < index; i++) offset += model_padded_bytes(e->net->model.at[i]);
    return offset;
}

static void write_constant_values(Emitter *e, const char *name, bool (*has)(const Emitter *, const Tensor *))
{
    bool first = true;
    text_addf(&e->source, "static const struct %s_%s %s_%s%s = {", e->prefix, name, e->prefix, name,
              e->team ? " __attribute__((aligned(64)))" : "");
    for (int i = 0; i < e->net->model.count; i++) {
        const Tensor *t = e->net->model.at[i];
        if (!has(e, t)) continue;
        if (!first) text_add(&e->source, ",");
        initializer_write_trained(e, t, given_offset(e, i));
        first = false;
    }
    text_add(&e->source, "\n};\n\n");
}

void constants_write_values(Emitter *e)
{
    if (!has_constants(e) || !e->options->trained) return;
    if (constants_bytes(e)) write_constant_values(e, "frozen", is_left_alone);
    write_constant_values(e, "start", is_started);
}

/* ---- access by name ------------------------------------------------------------------------ */

void constants_write_table(Emitter *e)
{
    enum { IN_LINE = 32 };
    if (!has_constants(e)) return;
    emitter_put(e, &e->source,
                "/* 1: it is a constant, and its offset is that in {prefix}_frozen. */\n"
                "static const unsigned char {prefix}_is_constant[] = {");
    for (int i = 0; i < e->net->model.count; i++)
        text_addf(&e->source, "%s%d",
                  i % IN_LINE ? ", "
                  : i         ? ",\n    "
                              : "\n    ",
                  model_is_constant(e, e->net->model.at[i]));
    text_add(&e->source, "\n};\n\n");
}

const char *constants_place(const Emitter *e, bool set)
{
    const char *in_block =
        arena_printf(e->arena, set ? "(char *)m + %s_offset[i]" : "(const char *)m + %s_offset[i]", e->prefix);
    if (set || !constants_bytes(e)) return in_block;
    return arena_printf(e->arena, "(%s_is_constant[i] ? (const char *)&%s_frozen : (const char *)m) + %s_offset[i]",
                        e->prefix, e->prefix, e->prefix);
}
