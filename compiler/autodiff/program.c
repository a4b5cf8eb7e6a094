/*
 * From a net to a program: what is to be run, and nothing else.
 *
 * Enters: a net, the kind of program, the train section.  Leaves: a graph of
 * its own with copies of the forward nodes that the ends need (in their
 * training form where the program trains), the losses, the backward pass and
 * the updates, in execution order.
 *
 * A parameter is updated as soon as its gradient is final, which is right after
 * the gradient rule of the one layer that uses it; so the gradient's memory is
 * free again for the next layer.  Only clipping by the norm of all gradients
 * has to wait for the last one.
 *
 * In micro-batches, updates wait for the last of them: each gradient is added to a
 * sum, which is cleared before the first.  Sums over several batches are the caller's, and
 * the update is a program of its own (program_sums.c).
 */
#include "autodiff/program.h"

#include <assert.h>
#include <string.h>

#include "autodiff/backward.h"
#include "autodiff/differentiate.h"
#include "autodiff/program_parts.h"
#include "autodiff/training.h"

/* ---- the forward part -------------------------------------------------- */

static void need(Build *b, const Tensor *t)
{
    if (!t->producer || b->needed[t->producer->id]) return;
    b->needed[t->producer->id] = true;
}

/* Nodes stand in execution order, so one walk from the end reaches all. */
static void need_all(Build *b)
{
    for (int i = b->net->nodes.count - 1; i >= 0; i--) {
        const Node *n = b->net->nodes.at[i];
        if (!b->needed[i]) continue;
        for (int k = 0; k < n->in_count; k++) need(b, n->in[k]);
    }
}

static void copy_outputs(Build *b, const Node *from, Node *to)
{
    for (int i = 0; i < from->out_count; i++) {
        const Tensor *t = from->out[i];
        Tensor *made = node_out_as(b->graph, to, t->dtype, t->batched, t->shape);
        memcpy(made->field, t->field, sizeof made->field);
        made->scale = t->scale;
        made->zero_point = t->zero_point;
    }
}

/* It has running statistics and nothing to train: all its parameters are frozen, or where it
 * has none its buffers. */
static bool is_frozen_norm(const Node *n)
{
    int params = 0, buffers = 0, trained = 0, fixed = 0;
    for (int i = n->data_count; i < n->in_count; i++) {
        const Tensor *t = n->in[i];
        params += t->kind == TENSOR_PARAM;
        trained += t->kind == TENSOR_PARAM && t->trainable;
        buffers += t->kind == TENSOR_BUFFER;
        fixed += t->kind == TENSOR_BUFFER && t->fixed;
    }
    return buffers > 0 && (params ? trained == 0 : fixed == buffers);
}

/* A gradient may come to what is computed of something that is trained, or of the input where its gradient
 * is asked for. */
static void find_reached(Build *b)
{
    for (int i = 0; i < b->net->tensors.count; i++) {
        const Tensor *t = b->net->tensors.at[i];
        b->reached[i] =
            (t->kind == TENSOR_PARAM && t->trainable) || (t->kind == TENSOR_INPUT && b->graph->kind == PROGRAM_VJP);
    }
    for (int i = 0; i < b->net->nodes.count; i++) {
        const Node *n = b->net->nodes.at[i];
        bool reached = false;
        for (int k = 0; k < n->in_count; k++) reached = reached || b->reached[n->in[k]->id];
        for (int k = 0; k < n->out_count; k++) b->reached[n->out[k]->id] = reached;
    }
}

/* The training form computes the same, and keeps what gradients need of it. */
static bool only_keeps(const Op *training)
{
    return !(training->uses & USES_SEED) && !training->mutates && !(training->traits & OP_BATCH_COUPLED);
}

/* Integers are not trained: what computes with them stays as it is. */
static const Op *training_form(const Build *b, const Node *n)
{
    const Op *op = n->in_count && !dtype_is_real(n->in[0]->dtype) ? NULL : n->op->training;
    if (op && is_frozen_norm(n)) return n->op;
    if (op && only_keeps(op) && !b->reached[n->out[0]->id]) return n->op;
    bool random = op && op->uses & USES_SEED, passes_gradients = n->op->grad || n->op->traits & OP_VIEW;
    bool still = random && passes_gradients && b->spec && b->spec->no_dropout;
    return !op || still ? n->op : op;
}

static void copy_node(Build *b, const Node *n)
{
    const Op *op = b->training ? training_form(b, n) : n->op;
    Node *made = graph_node(b->graph, op, n->attrs, n->name, n->span);
    made->frozen = n->frozen;
    for (int i = 0; i < n->in_count; i++) node_in(b->graph, made, build_copy(b, n->in[i]));
    made->data_count = n->data_count;
    if (op == n->op) {
        copy_outputs(b, n, made);
    } else {
        bool fits = op->shape(b->graph, made);
        assert(fits && "a training form refuses what the layer took");
        (void)fits;
    }
    for (int i = 0; i < n->out_count; i++) b->copy[n->out[i]->id] = made->out[i];
}

static void copy_forward(Build *b)
{
    for (int i = 0; i < b->net->inputs.count; i++) build_copy(b, b->net->inputs.at[i]);
    for (int i = 0; i < b->net->nodes.count; i++) {
        if (b->needed[i]) copy_node(b, b->net->nodes.at[i]);
    }
}

/* ---- micro-batches ------------------------------------------------------ */

static void append_phase(Build *b, List *nodes, bool before)
{
    for (int i = 0; i < b->graph->nodes.count; i++) {
        Node *n = b->graph->nodes.at[i];
        if ((n->phase == PHASE_BEFORE) == before) list_push(b->arena, nodes, n);
    }
}

/* The nodes of PHASE_BEFORE come first; those from b->after on are of PHASE_AFTER. */
static void order_phases(Build *b)
{
    List nodes = {0};
    for (int i = b->after; b->after && i < b->graph->nodes.count; i++) {
        Node *n = b->graph->nodes.at[i];
        if (n->phase == PHASE_EACH) n->phase = PHASE_AFTER;
    }
    append_phase(b, &nodes, true);
    append_phase(b, &nodes, false);
    b->graph->nodes = nodes;
    for (int i = 0; i < nodes.count; i++) ((Node *)nodes.at[i])->id = i;
}

/* ---- gradients and updates --------------------------------------------- */

static Node *training_node(Build *b, const char *op, void *attrs, Tensor *param, Tensor *gradient)
{
    Node *n = graph_node(b->graph, op_find(op, OP_INTERNAL), attrs, param->name, param->span);
    node_in(b->graph, n, gradient);
    return n;
}

static Tensor *regularize(Build *b, Tensor *param, Tensor *gradient)
{
    if (b->graph->kind == PROGRAM_VJP || !param->regularized || (b->spec->l1 == 0 && b->spec->l2 == 0)) return gradient;
    RegularizeAttrs *attrs = arena_alloc(b->arena, sizeof *attrs);
    *attrs = (RegularizeAttrs){.l1 = b->spec->l1, .l2 = b->spec->l2};
    Node *n = training_node(b, "regularize", attrs, param, gradient);
    node_in(b->graph, n, param);
    n->op->shape(b->graph, n);
    list_push(b->arena, &b->losses, n->out[1]);
    return n->out[0];
}

static Tensor *clip_value(Build *b, Tensor *param, Tensor *gradient)
{
    if (b->spec->clip_value == 0) return gradient;
    ClipAttrs *attrs = arena_alloc(b->arena, sizeof *attrs);
    attrs->limit = b->spec->clip_value;
    Node *n = training_node(b, "clip_value", attrs, param, gradient);
    n->op->shape(b->graph, n);
    return n->out[0];
}

/* The cycled form where the schedule changes the momentum. */
static const Op *update_op(const TrainSpec *spec)
{
    return spec->schedule.cycle_momentum ? spec->optimizer.op->cycled : spec->optimizer.op;
}

/* An optimizer's rule checks its arguments; what it refuses is the train section's mistake. */
static void check_optimizer(Build *b, Node *update)
{
    const OpCall *optimizer = &b->spec->optimizer;
    if (!update->op->shape) return;
    Span span = update->span;
    update->span = optimizer->span;
    if (!update->op->shape(b->graph, update)) b->failed = true;
    update->span = span;
}

/* The optimizer's arguments, with another weight_decay if it has one. */
static void *with_decay_factor(Build *b, const OpCall *optimizer, double factor)
{
    if (factor == 1) return optimizer->attrs;
    char *attrs = arena_alloc(b->arena, optimizer->op->attrs_size);
    memcpy(attrs, optimizer->attrs, optimizer->op->attrs_size);
    for (const Attr *a = optimizer->op->attrs; a && a->name; a++)
        if (strcmp(a->name, "weight_decay") == 0) *(double *)(attrs + a->offset) *= factor;
    return attrs;
}

static void update(Build *b, Tensor *param, Tensor *gradient)
{
    const OpCall *optimizer = &b->spec->optimizer;
    const ParamFactors factors = train_factors(b->spec, param->name);
    void *attrs = with_decay_factor(b, optimizer, param->undecayed ? 0 : factors.weight_decay);
    Node *n = graph_node(b->graph, update_op(b->spec), attrs, param->name, param->span);
    n->lr_scale = factors.lr;
    node_in(b->graph, n, gradient);
    node_in(b->graph, n, param);
    check_optimizer(b, n);
    if (n->op->states) n->op->states(b->graph, n);
}

static void measure_norm(Build *b, Tensor *param, Tensor *gradient)
{
    Node *n = training_node(b, "square_norm", NULL, param, gradient);
    n->op->shape(b->graph, n);
    list_push(b->arena, &b->norms, n->out[0]);
}

static void keep_gradient(Build *b, Tensor *param, Tensor *gradient)
{
    ParamGrad *pair = arena_alloc(b->arena, sizeof *pair);
    *pair = (ParamGrad){.param = param, .gradient = gradient};
    list_push(b->arena, &b->graph->gradients, pair);
}

/* Of a step, or of the mean of what several batches have added. */
static void clip_and_update(Build *b, Tensor *param, Tensor *gradient)
{
    gradient = clip_value(b, param, gradient);
    if (b->spec->clip_norm > 0) {
        measure_norm(b, param, gradient);
        keep_gradient(b, param, gradient);
    } else {
        update(b, param, gradient);
    }
}

static void gradient_is_final(Build *b, Tensor *param, Tensor *gradient)
{
    const ProgramKind kind = b->graph->kind;
    if (kind != PROGRAM_VJP) gradient = regularize(b, param, gradient);
    if (kind == PROGRAM_STEP)
        clip_and_update(b, param, gradient);
    else if (kind == PROGRAM_GRAD_ADD || kind == PROGRAM_GRAD_CHUNK)
        build_add_to_sum(b, param, gradient);
    else
        keep_gradient(b, param, gradient);
}

/* All micro-batches are over. */
static void update_pending(Build *b)
{
    for (int i = 0; i < b->pending.count; i++) {
        const ParamGrad *pair = b->pending.at[i];
        gradient_is_final(b, pair->param, pair->gradient);
    }
}

static void gradient_is_made(Build *b, Tensor *param, Tensor *gradient)
{
    if (b->graph->micro_batches == 1) {
        gradient_is_final(b, param, gradient);
        return;
    }
    ParamGrad *pair = arena_alloc(b->arena, sizeof *pair);
    *pair = (ParamGrad){.param = param, .gradient = build_summed(b, gradient, param->name)};
    list_push(b->arena, &b->pending, pair);
}

/* All gradients wait for the last: scale each by the norm of all, then update. */
static void clip_norm_and_update(Build *b)
{
    Graph *g = b->graph;
    ClipAttrs *attrs = arena_alloc(b->arena, sizeof *attrs);
    attrs->limit = b->spec->clip_norm;
    Tensor *sum = build_total(b, &b->norms, "norm");
    for (int i = 0; i < g->gradients.count; i++) {
        const ParamGrad *pair = g->gradients.at[i];
        Node *n = training_node(b, "clip_norm", attrs, pair->param, pair->gradient);
        node_in(g, n, sum);
        n->op->shape(g, n);
        update(b, pair->param, n->out[0]);
    }
    g->gradients.count = 0;
}

/* Of several inputs one after the other; NULL where nothing depends on any. */
static Tensor *input_gradient(Build *b, Backward *backward)
{
    Graph *g = b->graph;
    int count = g->inputs.count, found = 0;
    Tensor **gradient = arena_alloc(b->arena, (size_t)count * sizeof *gradient);
    int64_t *sizes = arena_alloc(b->arena, (size_t)count * sizeof *sizes);
    bool *given = arena_alloc(b->arena, (size_t)count * sizeof *given);
    for (int i = 0; i < count; i++) {
        gradient[i] = backward_of(backward, g->inputs.at[i]);
        sizes[i] = shape_count(((const Tensor *)g->inputs.at[i])->shape);
        given[i] = gradient[i] != NULL;
        found += given[i];
    }
    if (count == 1 || !found) return gradient[0];
    JoinAttrs *attrs = arena_alloc(b->arena, sizeof *attrs);
    *attrs = (JoinAttrs){count, sizes, given};
    Node *join = graph_node(g, op_find("join", OP_INTERNAL), attrs, "inputs", b->net->span);
    for (int i = 0; i < count; i++) {
        if (given[i]) node_in(g, join, gradient[i]);
    }
    join->op->shape(g, join);
    return join->out[0];
}

static void add_backward(Build *b)
{
    Graph *g = b->graph;
    bool vjp = g->kind == PROGRAM_VJP;
    int forward = g->nodes.count;
    Backward *backward = backward_new(g, vjp);
    if (vjp && backward_wants(backward, g->output)) backward_give(backward, g->output, g->output_gradient);
    for (int i = forward - 1; i >= 0; i--) {
        const Node *n = g->nodes.at[i];
        backward_visit(backward, n);
        for (int k = 0; k < n->in_count; k++) {
            Tensor *t = n->in[k];
            if (t->kind != TENSOR_PARAM || !backward_wants(backward, t)) continue;
            Tensor *gradient = backward_of(backward, t);
            if (gradient) gradient_is_made(b, t, gradient);
        }
    }
    if (g->micro_batches > 1) b->after = g->nodes.count;
    update_pending(b);
    if (vjp) g->input_gradient = input_gradient(b, backward);
    if (b->norms.count) clip_norm_and_update(b);
}

/* The program that returns the gradients says of which parameters there are any, and in which order. */
static void update_by_sums(Build *b)
{
    const Graph *grad = program_build(b->net, PROGRAM_GRAD, b->spec, b->graph->batch, 1);
    b->failed = b->failed || !grad;
    if (!grad) return;
    build_mean_gradients(b, &grad->gradients, clip_and_update);
    if (b->norms.count) clip_norm_and_update(b);
}

/* ---- the whole ---------------------------------------------------------- */

/* What the caller gets must not be a view of what the caller gave. */
static Tensor *owned(Build *b, Tensor *t)
{
    const Tensor *root = t;
    while (root->producer && root->producer->op->traits & OP_VIEW) root = root->producer->in[0];
    if (root->producer) return t;
    Node *n = graph_node(b->graph, op_find("copy", OP_INTERNAL), NULL, t->name, t->span);
    node_in(b->graph, n, t);
    n->data_count = 1;
    return node_out(b->graph, n, t->shape);
}

/* The net keeps one tensor for each state, however many programs are built. */
static void share_states(Build *b)
{
    Graph *net = b->net, *g = b->graph;
    Map *known = map_new(net->compilation->arena);
    for (int i = 0; i < net->model.count; i++) map_put(known, ((Tensor *)net->model.at[i])->name, net->model.at[i]);
    for (int i = 0; i < g->model.count; i++) {
        Tensor *t = g->model.at[i];
        if (t->kind != TENSOR_STATE) continue;
        if (!t->model) t->model = map_get(known, t->name);
        if (t->model) continue;
        t->model = graph_tensor(net, TENSOR_STATE, net->real, false, t->shape, t->name, t->span);
        t->model->init = t->init;
    }
}

static bool has_losses(ProgramKind kind)
{
    return kind == PROGRAM_EVAL || kind == PROGRAM_STEP || kind == PROGRAM_GRAD || kind == PROGRAM_GRAD_ADD ||
           kind == PROGRAM_GRAD_CHUNK;
}

static bool has_outputs(ProgramKind kind)
{
    return kind == PROGRAM_INFER || kind == PROGRAM_EVAL || kind == PROGRAM_VJP;
}

static void find_needed(Build *b)
{
    const ProgramKind kind = b->graph->kind;
    for (int i = 0; has_outputs(kind) && i < net_output_parts(b->net); i++) need(b, net_output_part(b->net, i).output);
    for (int i = 0; has_losses(kind) && i < b->objectives.count; i++) need(b, objective_scores(&b->objectives.at[i]));
    need_all(b);
}

static Tensor *flattened(Build *b, Tensor *t)
{
    const Op *flatten = op_find("flatten", OP_LAYER);
    if (t->shape.rank == 1) return t;
    Node *n = graph_node(b->graph, flatten, arena_alloc(b->arena, flatten->attrs_size + 1), t->name, t->span);
    node_in(b->graph, n, t);
    n->data_count = 1;
    flatten->shape(b->graph, n);
    return n->out[0];
}

/* The row of outputs: all of them, one after the other. */
static Tensor *joined_outputs(Build *b)
{
    const int parts = net_output_parts(b->net);
    Tensor *first = b->copy[b->net->output->id];
    if (parts == 1) return first;
    Tensor **in = arena_alloc(b->arena, (size_t)parts * sizeof *in);
    for (int i = 0; i < parts; i++) in[i] = flattened(b, b->copy[net_output_part(b->net, i).output->id]);
    const Op *concat = op_find("concat", OP_COMBINE);
    void *attrs = arena_alloc(b->arena, concat->attrs_size + 1); /* axis 0 */
    Node *n = graph_node(b->graph, concat, attrs, "outputs", first->span);
    for (int i = 0; i < parts; i++) node_in(b->graph, n, in[i]);
    n->data_count = n->in_count;
    concat->shape(b->graph, n);
    b->graph->joined = n;
    return n->out[0];
}

static void add_ends(Build *b)
{
    Graph *g = b->graph;
    if (has_outputs(g->kind)) g->output = joined_outputs(b);
    if (g->kind == PROGRAM_VJP) {
        g->output_gradient =
            graph_tensor(g, TENSOR_OUTPUT_GRADIENT, g->real, true, g->output->shape, "dy", g->output->span);
        add_backward(b);
        if (g->input_gradient) g->input_gradient = owned(b, g->input_gradient);
    } else if (g->kind == PROGRAM_UPDATE) {
        update_by_sums(b);
    } else if (g->kind != PROGRAM_INFER) {
        build_losses(b);
        if (b->training && !b->failed) add_backward(b);
        if (!b->failed) g->loss = b->losses.count == 1 ? b->losses.at[0] : build_total(b, &b->losses, "loss.total");
    }
    if (g->output) g->output = owned(b, g->output);
}

Graph *program_build(Graph *net, ProgramKind kind, const TrainSpec *spec, int64_t batch, int64_t micro_batches)
{
    Arena *arena = net->compilation->arena;
    Build b = {
        .net = net,
        .graph = graph_new(net->compilation, net->name, kind),
        .spec = spec,
        .arena = arena,
        .training = kind != PROGRAM_INFER && kind != PROGRAM_EVAL,
        .needed = arena_alloc(arena, (size_t)net->nodes.count * sizeof(bool)),
        .reached = arena_alloc(arena, (size_t)(net->tensors.count + 1) * sizeof(bool)),
        .copy = arena_alloc(arena, (size_t)(net->tensors.count + 1) * sizeof(Tensor *)),
    };
    if (has_losses(kind)) b.objectives = train_objectives(spec, net);
    b.graph->span = net->span;
    b.graph->batch = batch;
    b.graph->micro_batches = micro_batches;
    find_needed(&b);
    find_reached(&b);
    copy_forward(&b);
    add_ends(&b);
    if (b.failed) return NULL;
    order_phases(&b);
    share_states(&b);
    graph_verify(b.graph);
    return b.graph;
}
