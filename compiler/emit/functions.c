/*
 * Functions for the layers.
 *
 * Enters: nodes.  Leaves: one C function for each distinct computation, under a
 * comment on every node it serves (comments.c).  Layers with the same shapes and attributes share a function, since
 * what differs between them, where their values lie, is passed to it.
 */
#include "base/writer_device.h"
#include "emit/c_names.h"
#include "emit/emitter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- arrays --------------------------------------------------------------- */

static void bind_array(Emitter *e, const Graph *g, const char *name, const Tensor *t, bool staged)
{
    int64_t dim[MAX_RANK + 1];
    int rank = 0;
    if (t->batched) dim[rank++] = g->batch;
    for (int i = 0; i < t->shape.rank; i++) dim[rank++] = t->shape.dim[i];
    writer_bind_array(e->writer, name, name, rank, dim);
    if (t->dtype == DTYPE_BF16 && !staged) writer_read_through(e->writer, name, "nn_from_bf16");
}

/* ---- signature ---------------------------------------------------------- */

static void add_scalars(Emitter *e, Text *signature, const Node *n, int64_t micro_batches, Share share)
{
    if (n->op->uses & USES_LR) text_addf(signature, ", %s lr", e->real);
    if (n->op->uses & USES_STEP) text_add(signature, ", int64_t step");
    if (n->op->uses & USES_MOMENTUM) text_addf(signature, ", %s momentum", e->real);
    if (n->op->uses & USES_SEED) text_add(signature, ", uint64_t seed");
    if (n->op->uses & USES_FIRST) text_add(signature, ", int first");
    if (n->op->uses & USES_COUNT) text_add(signature, micro_batches > 1 ? ", int count, int all" : ", int count");
    if (share == SHARE_SAMPLES) text_add(signature, ", int samples");
    if (share == SHARE_PARTS) text_add(signature, ", int t, int T");
}

/* By input, then output: how the body sees it. */
static const ArrayShape *array_shapes(Emitter *e, const Node *n)
{
    ArrayShape *shapes = arena_alloc(e->arena, (size_t)(n->in_count + n->out_count + 1) * sizeof *shapes);
    for (int i = 0; i < n->in_count + n->out_count; i++)
        shapes[i] = writer_array_shape(e->writer, function_array_name(e, n, i));
    return shapes;
}

/* "const float x[64][6][14][14]", "float *y" */
static void add_array(Emitter *e, Text *text, const Graph *g, const Node *n, int i, ArrayShape shape)
{
    const Tensor *t = function_array(n, i);
    const bool written = i >= n->in_count || node_mutates(n, i);
    text_add(text, i ? ", " : "");
    text_add(text, written ? "" : "const ");
    text_addf(text, shape.rank ? "%s %s%s" : "%s *%s%s", dtype_c_type(t->dtype), function_array_name(e, n, i),
              staging_suffix(n, t));
    if (!shape.rank) return;
    shape.dim[0] = t->batched ? g->batch : t->shape.dim[0];
    for (int k = 0; k < shape.rank; k++) text_addf(text, "[%lld]", (long long)shape.dim[k]);
}

static const char *signature_of(Emitter *e, const Graph *g, const Node *n, Share share, const ArrayShape *shapes)
{
    Text text;
    text_init(&text, e->arena);
    for (int i = 0; i < n->in_count + n->out_count; i++) add_array(e, &text, g, n, i, shapes[i]);
    add_scalars(e, &text, n, g->micro_batches, share);
    return text.data;
}

/* ---- body --------------------------------------------------------------- */

static const char *index_type(const Graph *g, const Node *n)
{
    int64_t largest = 0;
    for (int i = 0; i < n->in_count; i++) {
        if (tensor_count(n->in[i], g->batch) > largest) largest = tensor_count(n->in[i], g->batch);
    }
    for (int i = 0; i < n->out_count; i++) {
        if (tensor_count(n->out[i], g->batch) > largest) largest = tensor_count(n->out[i], g->batch);
    }
    return largest < INT32_MAX / 2 ? "int" : "int64_t";
}

static void bind_node(Emitter *e, const Graph *g, const Node *n)
{
    Writer *w = e->writer;
    writer_unbind_all(w);
    writer_bind_int(w, "N", n->chunk ? n->chunk : g->batch);
    writer_bind(w, "int", "%s", index_type(g, n));
    writer_bind_real(w, "scale", n->scale);
    writer_bind(w, "lr", "lr");
    writer_bind(w, "step", "step");
    writer_bind(w, "momentum", "momentum");
    writer_bind(w, "seed", "seed");
    writer_bind(w, "first", "first");
    writer_bind(w, "uniform", "nn_uniform");
    writer_bind(w, "count", "count");
    if (n->op->uses & USES_COUNT)
        writer_bind(w, "all", g->micro_batches > 1 ? "all" : "count");
    else
        writer_bind_int(w, "all", g->batch * g->micro_batches);
    for (int i = 0; i < n->in_count; i++) bind_array(e, g, function_input_name(e, n, i), n->in[i], n->chunk);
    for (int i = 0; i < n->out_count; i++) bind_array(e, g, node_out_name(n, i), n->out[i], n->chunk);
}

/* Calls of the kernels of the node's variant. */
static const char *variant_body(Emitter *e, const Graph *g, const Node *n, Share share)
{
    e->writer = writer_new(e->arena, false);
    bind_node(e, g, n);
    const bool parts = share == SHARE_PARTS && !n->chunk;
    writer_bind(e->writer, "t", parts ? "t" : "0");
    writer_bind(e->writer, "T", parts ? "T" : "1");
    if (share == SHARE_SAMPLES) writer_bind(e->writer, "N", "samples");
    writer_put(e->writer, "{");
    const Node inner = staging_inner(n);
    n->variant->emit(e->writer, &inner);
    writer_put(e->writer, "}");
    map_put(e->kernels, n->variant->kernel, e);
    emitter_uses_names(e, e->writer);
    return writer_text(e->writer);
}

const char *functions_rows_body(Emitter *e, const Graph *g, const Node *n)
{
    e->writer = writer_new(e->arena, false);
    bind_node(e, g, n);
    writer_bind(e->writer, "t", "t");
    writer_bind(e->writer, "T", "T");
    writer_put(e->writer, "{");
    n->op->outer_rows(e->writer, n);
    writer_put(e->writer, "}");
    map_put(e->kernels, n->variant->kernel, e);
    emitter_uses_names(e, e->writer);
    return writer_text(e->writer);
}

/* Arrays are arrays of arrays, but those in `flat` (NULL: none); in the fast form, all are flat. */
static void put_plain(Emitter *e, const Graph *g, const Node *n, Share share, const Map *flat)
{
    e->writer = writer_new(e->arena, e->options->lower.use_double);
    if (!e->team) writer_shape_arrays(e->writer, flat);
    if (target_is_plain(e->options->target)) writer_use_own_math(e->writer);
    if (device_model(e->options->target)->dual_products) writer_use_dual_products(e->writer);
    bind_node(e, g, n);
    if (share == SHARE_SAMPLES) writer_bind(e->writer, "N", "samples");
    writer_put(e->writer, "{");
    assert(n->op->plain && "an operator of the fast form has no plain one");
    const Node inner = staging_inner(n);
    n->op->plain(e->writer, &inner);
    writer_put(e->writer, "}");
}

static const char *plain_body(Emitter *e, const Graph *g, const Node *n, Share share)
{
    put_plain(e, g, n, share, NULL);
    const Map *mixed = writer_mixed_arrays(e->writer);
    if (mixed && map_count(mixed)) put_plain(e, g, n, share, mixed);
    emitter_uses_names(e, e->writer);
    return writer_text(e->writer);
}

/* ---- sharing the work ------------------------------------------------------- */

/* From this batch on threads divide the samples of a layer rather than the work
 * in it: no barrier is needed then between one such layer and the next. */
enum { SAMPLES_TO_DIVIDE = 16 };

static Share share_of(const Emitter *e, const Graph *g, const Node *n)
{
    if (n->chunk) return SHARE_PARTS;
    if (!n->variant) return e->team && node_is_per_sample(n) ? SHARE_SAMPLES : SHARE_NONE;
    bool by_samples = n->variant->traits & VARIANT_ANY_BATCH && g->batch >= SAMPLES_TO_DIVIDE &&
                      node_is_per_sample(n) && !n->variant->workspace;
    return by_samples ? SHARE_SAMPLES : SHARE_PARTS;
}

/* ---- one function ------------------------------------------------------- */

static const char *fresh_name(Emitter *e, const char *wanted)
{
    const char *name = wanted;
    for (int i = 2;
         map_get(e->function_names, name) || map_get(e->value_names, name) || c_name_is_taken(e->prefix, name); i++)
        name = arena_printf(e->arena, "%s_%d", wanted, i);
    map_put(e->function_names, name, e);
    return name;
}

/* conv1_forward, conv1_dx, conv1_weight_adam */
static const char *name_for(Emitter *e, const Node *n)
{
    const char *layer = c_identifier(e->arena, n->name);
    const char *op = n->op->name;
    const char *dot = strrchr(op, '.');
    bool forward = n->op->class == OP_LAYER || n->op->class == OP_COMBINE || n->op->class == OP_LOSS;
    if (forward && n->origin == n) return fresh_name(e, arena_printf(e->arena, "%s_forward", layer));
    return fresh_name(e, arena_printf(e->arena, "%s_%s", layer, c_identifier(e->arena, dot ? dot + 1 : op)));
}

Function *function_for(Emitter *e, const Graph *g, const Node *n)
{
    Share share = share_of(e, g, n);
    const char *body = n->variant ? variant_body(e, g, n, share) : plain_body(e, g, n, share);
    if (n->chunk) body = staging_body(e, g, n, body);
    const ArrayShape *shapes = array_shapes(e, n);
    const char *signature = signature_of(e, g, n, share, shapes);
    const char *key = arena_printf(e->arena, "%s\n%s", signature, body);
    Function *f = map_get(e->by_text, key);
    if (!f) {
        f = arena_alloc(e->arena, sizeof *f);
        f->name = name_for(e, n);
        f->signature = signature;
        f->body = body;
        f->share = share;
        f->shapes = shapes;
        list_push(e->arena, &e->functions, f);
        map_put(e->by_text, key, f);
    }
    list_push(e->arena, &f->users, (Node *)n);
    return f;
}

/* Inlined into every entry point that calls it, a layer's code would be there several times,
 * in functions of hundreds of calls, which take long to compile. */
static const char *declare_layer(Emitter *e)
{
    if (!e->team) return "static";
    text_add(&e->source,
             "/* Entry points share the layers: inlining them would only cost code and time to compile. */\n"
             "#define NN_LAYER static __attribute__((noinline))\n\n");
    return "NN_LAYER";
}

void functions_declare(Emitter *e)
{
    const char *kind = declare_layer(e);
    for (int i = 0; i < e->functions.count; i++) {
        const Function *f = e->functions.at[i];
        text_addf(&e->source, "%s void %s(%s);\n", kind, f->name, f->signature);
    }
    text_add(&e->source, "\n");
}

void functions_write(Emitter *e)
{
    comment_write_section(e, "layers: one function for all of the same shapes and arguments");
    for (int i = 0; i < e->functions.count; i++) {
        const Function *f = e->functions.at[i];
        comment_write(e, f);
        text_addf(&e->source, "static void %s(%s)\n%s\n", f->name, f->signature, f->body);
        code_count(&e->code, f->body);
        e->code.calls += f->users.count;
        for (int k = 0; k < f->users.count && strstr(f->body, "nn_dual_dot"); k++)
            e->code.dual_macs += node_macs(f->users.at[k]);
    }
}

const char *lr_factor(Emitter *e, const Node *n)
{
    return n->lr_scale == 1 ? "" : arena_printf(e->arena, "%s * ", writer_real(e->writer, n->lr_scale));
}
