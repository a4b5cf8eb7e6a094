/*
 * Storage in bf16: weights are read rounded, and what layers and their gradients hand to each
 * other is stored in two bytes.  docs/precision.md defines it.
 *
 * Values that are one memory (views) have one format, and so have both sides of a reorder, which
 * legalization makes of the format that it finds.  Floats stay
 *
 *   - what the caller gives and gets,
 *   - what a loss or a softmax reads and makes, and the gradients of these,
 *   - what is selected of floats (OP_SELECTS),
 *   - outputs of a node after the first: statistics, and memory to work in,
 *   - whatever is not of samples.
 *
 * Formats are decided before variants are selected, since some are for one format alone.  A node
 * computes in floats.  Where its variant does not read and write bf16 itself
 * (Variant.dtypes), its inputs are widened before it and its result is rounded after it.  In a batch-blocked
 * program all values are stored as floats; what is defined to be bf16 is rounded all the same.
 */
#include "graph/rewrite.h"
#include "passes/passes.h"

/* ---- weights ----------------------------------------------------------------------- */

static bool reads_weights(const Node *n, int index)
{
    const Tensor *t = n->in[index];
    const Node *layer = n->origin;
    return t->kind == TENSOR_PARAM && layer->op->traits & OP_WEIGHTED && layer->in_count > 1 && layer->in[1] == t;
}

static bool computes_samples(const Node *n) { return n->out_count > 0 && n->out[0]->batched; }

/* A kernel of its own reads weights in bf16. */
static bool has_bf16_kernel(const Op *op, Target target)
{
    for (const Variant *v = op->variants; v && v->name; v++)
        if (v->weights >> DTYPE_BF16 & 1 && !(v->traits & VARIANT_STORED_WEIGHTS) &&
            (!v->targets || v->targets >> target & 1))
            return true;
    return false;
}

/* Right before the node, so that they need not be kept: in bf16 where there is a kernel that reads
 * them so, else as floats. */
static void round_weights(GraphRewriter *r, Node *user, int index, Target target)
{
    Tensor *weights = user->in[index];
    const bool narrow = has_bf16_kernel(user->op, target);
    const Op *op = op_find(narrow ? "narrow" : "round_bf16", OP_INTERNAL);
    Node *n = rewriter_node(r, user, op, NULL, user->name, user->span);
    n->origin = user->origin;
    rewriter_add_input(r, n, weights);
    node_out_as(rewriter_graph(r), n, narrow ? DTYPE_BF16 : weights->dtype, false, weights->shape);
    rewriter_set_input(r, user, index, n->out[0]);
}

void pass_bf16_weights(Graph *g, Target target)
{
    GraphRewriter *r = rewriter_begin(g);
    for (int i = g->nodes.count - 1; i >= 0; i--) {
        Node *n = g->nodes.at[i];
        for (int k = 0; k < n->in_count && computes_samples(n); k++)
            if (reads_weights(n, k)) round_weights(r, n, k, target);
    }
    rewriter_end(r);
}

/* ---- which values ------------------------------------------------------------------ */

typedef struct Formats {
    Graph *graph;
    int *group;   /* by tensor id: another tensor of the same format, or itself; see group_of */
    bool *floats; /* by group: they stay floats */
    const Op *join;
} Formats;

static int group_of(const Formats *v, const Tensor *t)
{
    int i = t->id;
    while (v->group[i] != i) i = v->group[i];
    return i;
}

static void join_groups(Formats *v, const Tensor *a, const Tensor *b)
{
    const int i = group_of(v, a), k = group_of(v, b);
    v->group[k] = i;
    v->floats[i] = v->floats[i] || v->floats[k];
}

static void keep_floats(Formats *v, const Tensor *t) { v->floats[group_of(v, t)] = true; }

static bool computes_floats(const Op *op) { return op->class == OP_LOSS || op->traits & OP_OUTPUTS_PROBABILITIES; }

/* A loss, a softmax, their gradients, and what the caller gets or the chunks of a batch mix. */
static bool is_between_floats(const Formats *v, const Node *n)
{
    return computes_floats(n->op) || computes_floats(n->origin->op) || n->op == v->join || n == v->graph->joined ||
           n->op->collective;
}

/* They are values that a layer could hand to another. */
static bool may_be_stored_narrow(const Graph *g, const Tensor *t)
{
    return t->kind == TENSOR_LOCAL && t->batched && t->dtype == DTYPE_F32 && t->layout != LAYOUT_NCHW16N &&
           !graph_is_io(g, t) && !t->parent;
}

static void find_formats_of_node(Formats *v, const Node *n)
{
    for (int k = 1; k < n->out_count; k++) keep_floats(v, n->out[k]);
    if (is_between_floats(v, n)) {
        for (int k = 0; k < n->in_count; k++) keep_floats(v, n->in[k]);
        if (n->out_count) keep_floats(v, n->out[0]);
    }
    if (n->op->traits & OP_VIEW) join_groups(v, n->in[0], n->out[0]);
}

static void find_formats(Formats *v)
{
    const Graph *g = v->graph;
    for (int i = 0; i < g->tensors.count; i++) {
        v->group[i] = i;
        v->floats[i] = !may_be_stored_narrow(g, g->tensors.at[i]);
    }
    for (int i = 0; i < g->nodes.count; i++) find_formats_of_node(v, g->nodes.at[i]);
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        if (n->op->traits & OP_SELECTS && v->floats[group_of(v, n->in[0])]) keep_floats(v, n->out[0]);
    }
}

void pass_bf16_formats(Graph *g)
{
    Arena *arena = g->compilation->arena;
    Formats v = {.graph = g,
                 .group = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof(int)),
                 .floats = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof(bool)),
                 .join = op_find("join", OP_INTERNAL)};
    find_formats(&v);
    for (int i = 0; i < g->tensors.count; i++) {
        Tensor *t = g->tensors.at[i];
        if (!v.floats[group_of(&v, t)]) t->dtype = DTYPE_BF16;
    }
}

/* ---- conversions ------------------------------------------------------------------- */

typedef struct Values {
    Graph *graph;
    GraphRewriter *rewriter;
    bool fast; /* nodes have variants */
    const Op *narrow, *widen, *round;
} Values;

/* y of x, as a node of the same layer. */
static Node *conversion(Values *v, const Op *op, Node *of, Node *before, Tensor *x)
{
    Node *n = rewriter_node(v->rewriter, before, op, NULL, of->name, of->span);
    if (of->origin != of || before) n->origin = of->origin;
    n->phase = of->phase;
    rewriter_add_input(v->rewriter, n, x);
    n->data_count = 1;
    return n;
}

static Tensor *widened_before(Values *v, Node *user, Tensor *t)
{
    Node *n = conversion(v, v->widen, user, user, t);
    Tensor *made = rewriter_clone_output(v->rewriter, n, t);
    made->dtype = v->graph->real;
    return made;
}

static void widen_inputs(Values *v, Node *n)
{
    for (int k = 0; k < n->in_count; k++) {
        Tensor *t = n->in[k], *floats = NULL;
        if (!tensor_is_bf16_value(t)) continue;
        for (int i = k; i < n->in_count; i++) {
            if (n->in[i] != t) continue;
            if (!floats) floats = widened_before(v, n, t);
            rewriter_set_input(v->rewriter, n, i, floats);
        }
    }
}

/* The node makes floats, and another one of them what it made before. */
static void narrow_output(Values *v, Node *n, const Op *op)
{
    Tensor *t = n->out[0];
    if (!tensor_is_bf16_value(t)) return;
    Tensor *floats = graph_tensor(v->graph, TENSOR_LOCAL, v->graph->real, true, t->shape, t->name, t->span);
    floats->layout = t->layout;
    floats->producer = n;
    n->out[0] = floats;
    Node *rounding = conversion(v, op, n, NULL, floats);
    rewriter_move_after(v->rewriter, rounding, n);
    rewriter_clone_output(v->rewriter, rounding, t);
    rounding->out[0] = t;
    t->producer = rounding;
}

/* ---- in chunks ---------------------------------------------------------------------- */

enum {
    CHUNK_FLOATS = 1 << 18, /* of a chunk, at most, where it has several samples: they stay in a cache */
    CHUNKS = 16,            /* of a batch, at least, where it has so many samples */
    LEAST_CHUNKS = 8        /* for all threads to have some */
};

/* Floats of a sample of all that is converted. */
static int64_t sample_floats(const Node *n)
{
    int64_t floats = 0;
    for (int i = 0; i < n->in_count; i++) floats += tensor_is_bf16_value(n->in[i]) ? shape_count(n->in[i]->shape) : 0;
    for (int i = 0; i < n->out_count; i++)
        floats += tensor_is_bf16_value(n->out[i]) ? shape_count(n->out[i]->shape) : 0;
    return floats;
}

/* What every chunk reads again. */
static int64_t model_floats(const Node *n)
{
    int64_t floats = 0;
    for (int i = 0; i < n->in_count; i++) floats += n->in[i]->batched ? 0 : tensor_count(n->in[i], 1);
    return floats;
}

/* Samples of a chunk; 0: all at once. */
static int64_t chunk_of(const Graph *g, const Node *n)
{
    const int64_t floats = sample_floats(n);
    if (!node_is_per_sample(n) || n->layout == LAYOUT_NCHW16N || g->batch < LEAST_CHUNKS) return 0;
    if (floats == 0 || model_floats(n) > floats) return 0;
    int64_t chunk = g->batch < CHUNKS ? 1 : g->batch / CHUNKS;
    while (chunk > 1 && (g->batch % chunk || chunk * floats > CHUNK_FLOATS)) chunk--;
    return chunk;
}

/* One more output, memory for the chunks of all threads. */
static void stage(Values *v, Node *n, int64_t chunk)
{
    int64_t floats = 0;
    for (int i = 0; i < n->in_count; i++) floats += staging_floats(n->in[i], chunk);
    for (int i = 0; i < n->out_count; i++) floats += staging_floats(n->out[i], chunk);
    Tensor *t =
        node_out_as(v->graph, n, v->graph->real, false, shape_vector(floats * staging_threads(v->graph, chunk)));
    t->name = arena_printf(v->graph->compilation->arena, "%s.staging", n->name);
    n->chunk = chunk;
}

static void convert(Values *v, Node *n)
{
    const bool moves = n->op->traits & OP_VIEW;
    const int64_t chunk = v->fast ? chunk_of(v->graph, n) : 0;
    if (moves || variant_takes_bf16(n)) return;
    if (chunk) {
        stage(v, n, chunk);
        return;
    }
    widen_inputs(v, n);
    if (n->out_count) narrow_output(v, n, v->narrow);
}

/* ---- batch-blocked --------------------------------------------------------------------- */

/* Kernels of this layout are of floats, and its nets are small: values stay floats, rounded where they are
 * made. */
static bool is_batch_blocked(const Graph *g) { return g->batch_multiple > 1; }

/* What the node makes of rounded numbers is rounded: a view, what is in another order (a reorder), or some of
 * them. */
static bool makes_rounded(const Node *n)
{
    if (n->op->traits & (OP_VIEW | OP_SELECTS)) return true;
    return n->in_count == 1 && n->in[0]->batched && n->in[0]->layout != n->out[0]->layout;
}

static void round_output(Values *v, Node *n)
{
    if (n->out_count && !makes_rounded(n)) narrow_output(v, n, v->round);
}

static void store_rounded(Values *v, int nodes)
{
    Graph *g = v->graph;
    const int tensors = g->tensors.count;
    for (int i = 0; i < nodes; i++) round_output(v, g->nodes.at[i]);
    for (int i = 0; i < tensors; i++) {
        Tensor *t = g->tensors.at[i];
        if (tensor_is_bf16_value(t)) t->dtype = g->real;
    }
}

/* As the passes before have done for other nodes: in the fast form those have a variant. */
static void choose_variants(Graph *g, int first, bool fast)
{
    for (int i = first; i < g->nodes.count && fast; i++) {
        Node *n = g->nodes.at[i];
        node_set_layout(n, n->in[0]->layout);
    }
}

static bool has_variants(const Graph *g)
{
    for (int i = 0; i < g->nodes.count; i++)
        if (((const Node *)g->nodes.at[i])->variant) return true;
    return false;
}

void pass_bf16_values(Graph *g)
{
    const int count = g->nodes.count;
    Values v = {.graph = g,
                .rewriter = rewriter_begin(g),
                .fast = has_variants(g),
                .narrow = op_find("narrow", OP_INTERNAL),
                .widen = op_find("widen", OP_INTERNAL),
                .round = op_find("round_bf16", OP_INTERNAL)};
    if (is_batch_blocked(g))
        store_rounded(&v, count);
    else
        for (int i = 0; i < count; i++) convert(&v, g->nodes.at[i]);
    choose_variants(g, count, v.fast);
    rewriter_end(v.rewriter);
}
