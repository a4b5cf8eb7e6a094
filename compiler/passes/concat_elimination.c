/*
 * Concat elimination: the inputs of a concat are written where its output needs them.
 *
 * In NHWC the branches of a concat are some channels of every pixel of its output.  A
 * variant that takes a pixel stride (VARIANT_STRIDED_CHANNELS) writes its output straight into
 * the larger image, and other users of the branch read it there.  All layers of a dense
 * block share one image this way, each adding its channels.  A branch that cannot be
 * written there, or is int8 at a scale of its own, is copied by a node of its own.
 *
 * Backward, the gradient of a branch is a slice of the gradient of the concat's output and is
 * read in place.  A node that adds a gradient of its own to such a slice (passes/fuse.c)
 * overwrites it where no later node reads these channels.
 *
 * Tensor.parent and Tensor.channel_offset hold the result; graph/liveness.c and the kernels'
 * pixel strides follow from them.
 */
#include "graph/rewrite.h"
#include "passes/passes.h"

typedef struct ConcatElimination {
    Graph *graph;
    GraphRewriter *rewriter;
    const Op *copy, *scaled_copy; /* of floats, and of int8 from its scale to the concat's */
} ConcatElimination;

/* ---- images and their users ---------------------------------------------------- */

/* Some channels of it are not contiguous in memory. */
static bool interleaves_channels(const Tensor *t)
{
    return tensor_is_image(t) && t->kind == TENSOR_LOCAL && (dtype_is_real(t->dtype) || t->dtype == DTYPE_I8) &&
           t->layout == LAYOUT_NHWC && t->shape.dim[1] * t->shape.dim[2] > 1;
}

/* It computes with floats that are made of bf16, or made into it: whole images (passes/bf16_values.c). */
static bool is_converted(const Node *n)
{
    bool narrow = false;
    for (int i = 0; i < n->in_count; i++) narrow = narrow || tensor_is_bf16_value(n->in[i]);
    for (int i = 0; i < n->out_count; i++) narrow = narrow || tensor_is_bf16_value(n->out[i]);
    return narrow && !variant_takes_bf16(n);
}

static bool takes_pixel_stride(const Node *n)
{
    return n->layout == LAYOUT_NHWC && n->variant && n->variant->traits & VARIANT_STRIDED_CHANNELS && !is_converted(n);
}

/* The residual of its epilogue, which has the pixel stride of the output; or NULL. */
static const Tensor *residual_of(const Node *n)
{
    return n->epilogue && n->epilogue->add ? n->in[n->in_count - 1] : NULL;
}

static bool reads_strided(const Node *n, const Tensor *t) { return takes_pixel_stride(n) && residual_of(n) != t; }
static bool writes_strided(const Node *n) { return takes_pixel_stride(n) && !residual_of(n); }

static bool all_read_strided(const ConcatElimination *e, const Tensor *t)
{
    const List *users = rewriter_users(e->rewriter, t);
    for (int i = 0; i < users->count; i++)
        if (!reads_strided(users->at[i], t)) return false;
    return true;
}

static void place_within(Tensor *t, const Tensor *larger, int64_t channel)
{
    t->parent = larger->parent ? larger->parent : (Tensor *)larger;
    t->channel_offset = larger->channel_offset + channel;
}

/* ---- inputs of a concat ------------------------------------------------------------ */

static bool occurs_once(const Node *concat, const Tensor *t)
{
    int count = 0;
    for (int i = 0; i < concat->in_count; i++) count += concat->in[i] == t;
    return count == 1;
}

static bool same_scale(const Tensor *a, const Tensor *b)
{
    return a->scale == b->scale && a->zero_point == b->zero_point;
}

/* The branch can be written straight into the concat's output. */
static bool can_write_in_place(const ConcatElimination *e, const Node *concat, const Tensor *t)
{
    const Node *producer = t->producer;
    if (!interleaves_channels(t) || t->parent || graph_is_io(e->graph, t) || !occurs_once(concat, t)) return false;
    if (!producer || producer->out[0] != t || producer->op->traits & OP_SLICE || !writes_strided(producer))
        return false;
    if (!same_scale(t, concat->out[0])) return false;
    return all_read_strided(e, t);
}

static void copy_branch(ConcatElimination *e, Node *concat, int i, int64_t channel)
{
    const bool scaled = concat->in[i]->dtype == DTYPE_I8;
    Node *n = rewriter_node(e->rewriter, concat, scaled ? e->scaled_copy : e->copy, scaled ? concat->attrs : NULL,
                            concat->name, concat->span);
    n->origin = concat->origin;
    rewriter_add_input(e->rewriter, n, concat->in[i]);
    node_set_layout(n, LAYOUT_NHWC);
    n->data_count = 1;
    Tensor *copy = node_out_as(e->graph, n, concat->in[i]->dtype, true, concat->in[i]->shape);
    copy->scale = concat->out[0]->scale, copy->zero_point = concat->out[0]->zero_point;
    copy->layout = LAYOUT_NHWC;
    place_within(copy, concat->out[0], channel);
    rewriter_set_input(e->rewriter, concat, i, copy);
}

/* The channel begins at a whole float of the arena, which is what offsets count. */
static bool begins_at_float(const Tensor *t, int64_t channel)
{
    return (t->channel_offset + channel) * dtype_size(t->dtype) % (int64_t)sizeof(float) == 0;
}

static bool branches_begin_at_floats(const Node *concat)
{
    int64_t channel = 0;
    for (int i = 0; i < concat->in_count; i++) {
        if (!begins_at_float(concat->out[0], channel)) return false;
        channel += concat->in[i]->shape.dim[0];
    }
    return true;
}

/* Branches are copied only where at least one is not. */
static void eliminate_concat(ConcatElimination *e, Node *concat)
{
    if (concat->layout != LAYOUT_NHWC || !interleaves_channels(concat->out[0]) || is_converted(concat)) return;
    if (!branches_begin_at_floats(concat)) return;
    bool *in_place = arena_alloc(e->graph->compilation->arena, (size_t)concat->in_count * sizeof *in_place);
    bool any = false;
    for (int i = 0; i < concat->in_count; i++)
        any = (in_place[i] = can_write_in_place(e, concat, concat->in[i])) || any;
    int64_t channel = 0;
    for (int i = 0; any && i < concat->in_count; i++) {
        int64_t channels = concat->in[i]->shape.dim[0];
        if (in_place[i])
            place_within(concat->in[i], concat->out[0], channel);
        else
            copy_branch(e, concat, i, channel);
        channel += channels;
    }
}

/* ---- slices of a gradient ------------------------------------------------------------- */

static bool overlap(const Tensor *a, const Tensor *b)
{
    int64_t a_end = a->channel_offset + a->shape.dim[0], b_end = b->channel_offset + b->shape.dim[0];
    return tensor_storage(a) == tensor_storage(b) && a->channel_offset < b_end && b->channel_offset < a_end;
}

/* Nodes that read images of the program are not moved by this pass, so that ids give the order;
 * the copies it adds are forward nodes. */
static bool is_read_after(const ConcatElimination *e, const Tensor *t, const Node *n)
{
    const List *users = rewriter_users(e->rewriter, t);
    for (int i = 0; i < users->count; i++)
        if (((const Node *)users->at[i])->id > n->id) return true;
    return false;
}

/* The node adds to `t`, which is to be placed like `slice`, and may leave the sum there. */
static bool can_accumulate(const ConcatElimination *e, const Node *n, const Tensor *t, const Tensor *slice)
{
    const Graph *g = e->graph;
    const Tensor *sum = n->out[0];
    if (!takes_pixel_stride(n) || residual_of(n) != t || graph_is_io(g, sum) || sum->parent) return false;
    if (sum->dtype != t->dtype) return false;
    if (!interleaves_channels(sum) || !all_read_strided(e, sum) || is_read_after(e, t, n)) return false;
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *other = g->tensors.at[i];
        if (other != t && overlap(other, slice) && is_read_after(e, other, n)) return false;
    }
    return true;
}

static void eliminate_slice(ConcatElimination *e, Node *slice)
{
    Tensor *t = slice->out[0], placed = *t;
    const Tensor *larger = slice->in[0];
    Node *sum = NULL;
    if (slice->layout != LAYOUT_NHWC || is_converted(slice)) return;
    if (!interleaves_channels(larger) || !interleaves_channels(t)) return;
    if (!larger->producer || t->parent || !begins_at_float(larger, slice->op->channel(slice))) return;
    place_within(&placed, larger, slice->op->channel(slice));
    const List *users = rewriter_users(e->rewriter, t);
    for (int i = 0; i < users->count; i++) {
        Node *user = users->at[i];
        if (reads_strided(user, t)) continue;
        if (sum || !can_accumulate(e, user, t, &placed)) return;
        sum = user;
    }
    *t = placed;
    if (sum) place_within(sum->out[0], t->parent, t->channel_offset);
}

/* ---- the pass ---------------------------------------------------------------------- */

/* Slices come first: a branch that is a slice of a gradient has its place by that.  Of nested
 * concats the outermost comes first. */
void pass_concat_elimination(Graph *g)
{
    ConcatElimination e = {g, rewriter_begin(g), op_find("copy", OP_INTERNAL),
                           op_find("quantized_branch", OP_INTERNAL)};
    int count = g->nodes.count;
    for (int i = 0; i < count; i++) {
        Node *n = g->nodes.at[i];
        if (n->op->traits & OP_SLICE) eliminate_slice(&e, n);
    }
    for (int i = count - 1; i >= 0; i--) {
        Node *n = g->nodes.at[i];
        if (n->op->traits & OP_CONCAT) eliminate_concat(&e, n);
    }
    rewriter_end(e.rewriter);
}
