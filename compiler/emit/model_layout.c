/*
 * The model's block: where each parameter, buffer and optimizer state stands in it, and what it is called.
 *
 * Every array starts on a 64-byte boundary of the block, which is done by
 * rounding the lengths up: it needs no attribute of any compiler.  States stand
 * last, so that a block for inference alone ends before them.
 */
#include "emit/c_names.h"
#include "emit/emitter.h"

#include <assert.h>
#include <string.h>

bool model_is_constant(const Emitter *e, const Tensor *t)
{
    const Tensor *own = t->model ? t->model : t;
    return e->options->lower.constants && tensor_in_model(own->kind) && !own->updated;
}

bool model_has(const Emitter *e, DType type)
{
    for (int i = 0; i < e->net->model.count; i++)
        if (((const Tensor *)e->net->model.at[i])->dtype == type) return true;
    return false;
}

int model_index(const Emitter *e, const Tensor *t)
{
    const Tensor *own = t->model ? t->model : t;
    int index = e->model_index[own->id];
    assert(e->net->model.at[index] == own && "a program's parameter is not the net's");
    return index;
}

const char *model_member(const Emitter *e, const Tensor *t)
{
    if (t->kind != TENSOR_PREPACKED) return e->member[model_index(e, t)];
    int i = 0;
    while (i < e->prepared.count && e->prepared.at[i] != t) i++;
    assert(i < e->prepared.count && "a prepared tensor is not of the inference program");
    return e->prepared_member[i];
}

static const char *member_name(Emitter *e, Map *taken, const Tensor *t)
{
    const char *wanted = c_identifier(e->arena, t->name);
    static const char *const others[] = {"seed",     "step",    "momentum",
                                         "reserved", "batches", NULL}; /* of this struct and of the gradients' */
    for (const char *const *other = others; *other; other++)
        if (strcmp(wanted, *other) == 0) wanted = arena_printf(e->arena, "%s_", wanted);
    const char *name = wanted;
    for (int i = 2; map_get(taken, name); i++) name = arena_printf(e->arena, "%s_%d", wanted, i);
    map_put(taken, name, e);
    return name;
}

/* What inference prepares; returns its bytes. */
static int64_t layout_prepared(Emitter *e, Map *taken)
{
    const Entry *infer = entry_of(e, PROGRAM_INFER);
    int64_t bytes = 0;
    for (int i = 0; infer && i < infer->program->tensors.count; i++) {
        Tensor *t = infer->program->tensors.at[i];
        if (t->kind != TENSOR_PREPACKED) continue;
        list_push(e->arena, &e->prepared, t);
        bytes += model_padded_bytes(t);
    }
    e->prepared_member = arena_alloc(e->arena, (size_t)(e->prepared.count + 1) * sizeof *e->prepared_member);
    for (int i = 0; i < e->prepared.count; i++) e->prepared_member[i] = member_name(e, taken, e->prepared.at[i]);
    return bytes;
}

void model_layout(Emitter *e)
{
    int count = e->net->model.count;
    e->member = arena_alloc(e->arena, (size_t)(count + 1) * sizeof *e->member);
    e->offset = arena_alloc(e->arena, (size_t)(count + 1) * sizeof *e->offset);
    e->model_index = arena_alloc(e->arena, (size_t)(e->net->tensors.count + 1) * sizeof *e->model_index);
    Map *taken = map_new(e->arena);
    int64_t bytes = model_head_bytes(e->net); /* the head: seed and step */
    for (int i = 0; i < count; i++) {
        const Tensor *t = e->net->model.at[i];
        e->model_index[t->id] = i;
        e->member[i] = member_name(e, taken, t);
        if (model_is_constant(e, t)) continue;
        e->offset[i] = bytes;
        bytes += model_padded_bytes(t);
        if (t->kind != TENSOR_STATE) e->infer_bytes = bytes;
    }
    if (!e->infer_bytes) e->infer_bytes = model_head_bytes(e->net);
    int64_t prepared = layout_prepared(e, taken);
    assert((prepared == 0 || e->infer_bytes == bytes) && "a model that is trained prepares nothing");
    e->infer_bytes += prepared;
    e->train_bytes = bytes + prepared;
}

ArrayShape model_array_shape(const Emitter *e, const Tensor *t)
{
    const int64_t count = model_padded_count(t);
    return e->team || !t->shape.rank ? array_shape(1, &count) : array_shape(t->shape.rank, t->shape.dim);
}

/* What is prepared stands last. */
int64_t model_prepared_offset(const Emitter *e, int i)
{
    int64_t offset = e->infer_bytes;
    for (int k = i; k < e->prepared.count; k++) offset -= model_padded_bytes(e->prepared.at[k]);
    return offset;
}

/* In the fast form an array with its padding; in the plain form one of the tensor's shape,
 * and the padding after it. */
void model_write_member(Emitter *e, const Tensor *t, const char *member)
{
    Text *out = &e->source;
    const ArrayShape shape = model_array_shape(e, t);
    const int64_t padding = model_padded_count(t) - (t->shape.rank ? shape_count(t->shape) : 1);
    text_addf(out, "    %s %s", dtype_c_type(t->dtype), member);
    for (int i = 0; i < shape.rank; i++) text_addf(out, "[%lld]", (long long)shape.dim[i]);
    if (!e->team && t->shape.rank && padding) text_addf(out, ", %s_padding[%lld]", member, (long long)padding);
    text_add(out, ";");
    if (e->team && t->kind != TENSOR_PREPACKED) text_addf(out, " /* %s */", shape_text(e->arena, t->shape));
    text_add(out, "\n");
}
