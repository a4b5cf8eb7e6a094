/*
 * Gradient accumulation in the interface: the caller's block of sums, and the functions around it.
 *
 * Enters: the update program, which says of which parameters there are gradients.  Leaves: struct
 * PREFIX_gradients, laid out as the model's struct is, and what reads it.  It is floats throughout,
 * the number of batches too, so that blocks of several processes may be added element by element.
 */
#include "emit/entry_point.h"

static bool accumulates(const Emitter *e) { return entry_of(e, PROGRAM_UPDATE) != NULL; }

void accumulate_list_sums(Emitter *e)
{
    if (!accumulates(e)) return;
    const Graph *update = entry_of(e, PROGRAM_UPDATE)->program;
    bool *has_sum = arena_alloc(e->arena, (size_t)e->net->tensors.count * sizeof *has_sum + 1);
    for (int i = 0; i < update->tensors.count; i++) {
        const Tensor *t = update->tensors.at[i];
        if (t->kind == TENSOR_GRADIENT_SUM && t->model) has_sum[t->model->id] = true; /* else their number */
    }
    for (int i = 0; i < e->net->model.count; i++) {
        Tensor *t = e->net->model.at[i];
        if (t->kind == TENSOR_PARAM && has_sum[t->id]) list_push(e->arena, &e->sums, t);
    }
}

int64_t accumulate_bytes(const Emitter *e)
{
    if (!accumulates(e)) return 0;
    int64_t bytes = MODEL_ALIGN * dtype_size(lower_real(&e->options->lower));
    for (int i = 0; i < e->sums.count; i++) bytes += model_padded_bytes(e->sums.at[i]);
    return bytes;
}

/* ---- the source ----------------------------------------------------------------- */

void accumulate_write_struct(Emitter *e)
{
    if (!accumulates(e)) return;
    emitter_put_parts(e, &e->source,
                      "/* Sums of gradients, laid out as the model is. */\n"
                      "struct {prefix}_gradients {\n"
                      "    {real} batches[{align}]; /* [0]: how many batches were added */\n",
                      PARTS({"align", emitter_number(e, MODEL_ALIGN)}));
    for (int i = 0; i < e->sums.count; i++) model_write_member(e, e->sums.at[i], model_member(e, e->sums.at[i]));
    emitter_put_parts(
        e, &e->source,
        "};\n\n"
        "typedef char {prefix}_gradients_have_their_size[sizeof(struct {prefix}_gradients) == {bytes} ? 1 : -1];\n\n",
        PARTS({"bytes", emitter_number(e, accumulate_bytes(e))}));
}

static void write_sum_offsets(Emitter *e)
{
    emitter_put(e, &e->source,
                "static const struct {\n"
                "    int tensor;\n"
                "    size_t offset;\n"
                "} {prefix}_sum_offset[] = {\n");
    for (int i = 0; i < e->sums.count; i++)
        emitter_put_parts(e, &e->source, "    {{tensor}, offsetof(struct {prefix}_gradients, {member})},\n",
                          PARTS({"tensor", emitter_number(e, model_index(e, e->sums.at[i]))},
                                {"member", model_member(e, e->sums.at[i])}));
    text_add(&e->source, e->sums.count ? "};\n\n" : "    {-1, 0} /* there is none */\n};\n\n");
}

void accumulate_write_access(Emitter *e)
{
    if (!accumulates(e)) return;
    write_sum_offsets(e);
    emitter_put_parts(e, &e->source,
                      "int {prefix}_get_grad_sum(const struct {prefix}_gradients *gradients, const char *name, "
                      "{real} *values, size_t count)\n"
                      "{\n"
                      "    const int i = {prefix}_find(name, count);\n"
                      "    for (int k = 0; k < {rows}; k++) {\n"
                      "        if (i >= 0 && {prefix}_sum_offset[k].tensor == i) {\n"
                      "            memcpy(values, (const char *)gradients + {prefix}_sum_offset[k].offset, "
                      "count * sizeof *values);\n"
                      "            return 0;\n"
                      "        }\n"
                      "    }\n"
                      "    return -1;\n"
                      "}\n\n",
                      PARTS({"rows", emitter_number(e, e->sums.count ? e->sums.count : 1)}));
}

/* ---- the header ----------------------------------------------------------------- */

void accumulate_write_constants(Emitter *e)
{
    if (!accumulates(e)) return;
    emitter_put_parts(e, &e->header, "#define {PREFIX}_GRADIENTS_BYTES {bytes}u /* sums of gradients */\n",
                      PARTS({"bytes", emitter_number(e, accumulate_bytes(e))}));
}

/* Statistics of the batches themselves are not those of one large batch. */
static const char *statistics_comment(const Emitter *e)
{
    const Graph *g = entry_of(e, PROGRAM_GRAD_ADD)->program;
    for (int i = 0; i < g->nodes.count; i++)
        if (((const Node *)g->nodes.at[i])->op->traits & OP_BATCH_COUPLED)
            return " * Each batch is normalised by its own statistics, and moves the running ones. */\n";
    return NULL;
}

static void write_add_prototype(Emitter *e)
{
    if (!entry_of(e, PROGRAM_GRAD_ADD)) return;
    const char *statistics = statistics_comment(e);
    emitter_put_parts(e, &e->header,
                      "/* Gradient accumulation, a step on several batches: a block of {PREFIX}_GRADIENTS_BYTES, zeros "
                      "at first, holds\n"
                      " * the sums of the gradients that grad_add has added, and their number.{end}",
                      PARTS({"end", statistics ? "\n" : " */\n"}));
    if (statistics) text_add(&e->header, statistics);
    emitter_put(e, &e->header,
                "float {prefix}_grad_add({prefix} *, const float *x, const {target} *target, {prefix}_gradients *, "
                "void *scratch);\n");
}

void accumulate_write_prototypes(Emitter *e)
{
    if (!accumulates(e)) return;
    emitter_put(e, &e->header, "typedef struct {prefix}_gradients {prefix}_gradients;\n");
    write_add_prototype(e);
    emitter_put(e, &e->header,
                "/* The optimizer's step by the mean of what was added, as in step; the sums are zeros again. */\n"
                "void {prefix}_update({prefix} *, {prefix}_gradients *, float lr, void *scratch);\n"
                "int {prefix}_get_grad_sum(const {prefix}_gradients *, const char *name, float *values, size_t "
                "count);\n\n");
}

/* ---- the record ------------------------------------------------------------------ */

void accumulate_write_wrappers(Emitter *e)
{
    if (!accumulates(e)) return;
    if (entry_of(e, PROGRAM_GRAD_ADD))
        emitter_put(e, &e->source,
                    "static float {prefix}_any_grad_add(void *m, const float *x, const void *target, void *gradients, "
                    "void *scratch)\n{\n"
                    "    return {prefix}_grad_add((struct {prefix} *)m, x, (const {target} *)target, "
                    "(struct {prefix}_gradients *)gradients, scratch);\n}\n\n");
    emitter_put(
        e, &e->source,
        "static void {prefix}_any_update(void *m, void *gradients, float lr, void *scratch)\n{\n"
        "    {prefix}_update((struct {prefix} *)m, (struct {prefix}_gradients *)gradients, lr, scratch);\n}\n\n"
        "static int {prefix}_any_grad_sum(const void *gradients, const char *name, float *values, "
        "size_t count)\n{\n"
        "    return {prefix}_get_grad_sum((const struct {prefix}_gradients *)gradients, name, values, count);\n}\n\n");
}

void accumulate_write_info_members(Emitter *e)
{
    if (accumulates(e))
        emitter_put_parts(
            e, &e->source, "        {bytes}u, {add}, {prefix}_any_update, {prefix}_any_grad_sum,\n",
            PARTS({"bytes", emitter_number(e, accumulate_bytes(e))},
                  {"add",
                   entry_of(e, PROGRAM_GRAD_ADD) ? arena_printf(e->arena, "%s_any_grad_add", e->prefix) : "NULL"}));
    else
        text_add(&e->source, "        0, NULL, NULL, NULL,\n");
}
