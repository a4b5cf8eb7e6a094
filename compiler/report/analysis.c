/*
 * The analysis: a net, counted.
 *
 * Enters: a net with shapes and receptive fields.  Leaves: one record per layer
 * and the totals.  Costs and fields are those of the graph; what is found out
 * here is what belongs to inference (the output is reachable from it; what
 * nothing needs is counted there too, as `params` of the language does),
 * how deep the net is, which map is the last one, and what memory the plans of
 * both programs take.  The plans are made by the code that compiles the net, so
 * these bytes are the bytes that will be used.
 */
#include <assert.h>
#include <string.h>

#include "report/report.h"

enum { REAL_SIZE = 4 }; /* float */

/* ---- which layers inference keeps -------------------------------------- */

/* Marks what `output` is computed from.  Nodes stand in execution order, so
 * one pass from the end is enough. */
static void mark_from(const Graph *net, const Tensor *output, bool *kept)
{
    if (!output || !output->producer) return;
    kept[output->producer->id] = true;
    for (int id = output->producer->id; id >= 0; id--) {
        const Node *n = net->nodes.at[id];
        if (!kept[id]) continue;
        for (int i = 0; i < n->data_count; i++) {
            if (n->in[i]->producer) kept[n->in[i]->producer->id] = true;
        }
    }
}

static void set_parts(const Graph *net, Analysis *a)
{
    Arena *arena = net->compilation->arena;
    size_t bytes = (size_t)net->nodes.count * sizeof(bool);
    bool *kept = arena_alloc(arena, bytes);
    mark_from(net, net->output, kept);
    for (int i = 0; i < a->layer_count; i++) a->layers[i].part = kept[i] ? LAYER_MAIN : LAYER_UNUSED;
    for (int h = 0; h < net->heads.count; h++) {
        const Head *head = net->heads.at[h];
        memset(kept, 0, bytes);
        mark_from(net, head->output, kept);
        for (int i = 0; i < a->layer_count; i++) {
            LayerReport *l = &a->layers[i];
            if (!kept[i] || l->part != LAYER_UNUSED) continue;
            l->part = LAYER_HEAD;
            l->head = head;
        }
    }
}

/* ---- one layer ---------------------------------------------------------- */

static int64_t buffer_elements(const Node *n)
{
    int64_t count = 0;
    for (int i = n->data_count; i < n->in_count; i++) {
        if (n->in[i]->kind == TENSOR_BUFFER) count += shape_count(n->in[i]->shape);
    }
    return count;
}

static int64_t activation_bytes(const Node *n, int64_t batch)
{
    if (n->op->traits & OP_VIEW) return 0;
    int64_t bytes = 0;
    for (int i = 0; i < n->out_count; i++) {
        int64_t size = n->out[i]->dtype == DTYPE_UINT8 ? 1 : REAL_SIZE;
        bytes += size * tensor_count(n->out[i], batch);
    }
    return bytes;
}

static void layer_fill(LayerReport *l, const Node *n, int64_t batch, Arena *arena)
{
    l->node = n;
    l->name = n->name;
    l->kind = n->op->name;
    l->arguments = n->op->attrs ? attrs_text(arena, n->op->attrs, n->attrs) : "";
    l->shape = n->out[0]->shape;
    l->trained = node_params(n, true);
    l->frozen = node_params(n, false);
    l->buffers = buffer_elements(n);
    l->macs = node_macs(n);
    l->flops = node_flops(n);
    l->activation = activation_bytes(n, batch);
    l->field[0] = n->out[0]->field[0];
    l->field[1] = n->out[0]->field[1];
}

/* depth(n) = max over its inputs, plus one for a layer with weights. */
static void set_depth(LayerReport *layers, LayerReport *l)
{
    for (int i = 0; i < l->node->data_count; i++) {
        const Node *before = l->node->in[i]->producer;
        if (before && layers[before->id].depth > l->depth) l->depth = layers[before->id].depth;
    }
    if (l->node->op->traits & OP_WEIGHTED) l->depth++;
}

/* ---- the net -------------------------------------------------------------- */

static void total_add(ReportTotals *t, const LayerReport *l)
{
    t->layers++;
    t->trained += l->trained;
    t->frozen += l->frozen;
    t->buffers += l->buffers;
    t->macs += l->macs;
    t->flops += l->flops;
    t->activation += l->activation;
}

static bool whole(const Tensor *t) { return t->field[0].whole && t->field[1].whole; }

/* Global pooling and its like: what comes out has seen all, what goes in has not. */
static bool pools_all(const Node *n) { return n->data_count == 1 && whole(n->out[0]) && !whole(n->in[0]); }

/* Back from the output past the classifier, the pooling that takes the whole
 * image, and maps of one pixel that have seen all of it.  A map may have seen
 * all of it before: a gate of squeeze and excitation looks at everything. */
static const LayerReport *find_last_map(const Analysis *a)
{
    const Tensor *t = a->net->output;
    for (const Node *n; (n = t->producer); t = n->in[0]) {
        bool pixel = t->shape.rank == 3 && t->shape.dim[1] * t->shape.dim[2] == 1;
        if (t->shape.rank != 3 || pools_all(n) || (pixel && whole(t))) continue;
        return &a->layers[n->id];
    }
    return NULL;
}

/* ---- memory --------------------------------------------------------------- */

static int64_t model_bytes(const Graph *g, TensorKind kind)
{
    int64_t elements = 0;
    for (int i = 0; i < g->model.count; i++) {
        const Tensor *t = g->model.at[i];
        if (t->kind == kind) elements += shape_count(t->shape);
    }
    return elements * REAL_SIZE;
}

static bool plan_program(Graph *net, ProgramKind kind, const TrainSpec *spec, int64_t batch, ReportMemory *memory)
{
    Graph *program = program_build(net, kind, spec, batch);
    const Plan *plan = program ? plan_build(program, REAL_SIZE) : NULL;
    if (!plan) return false;
    *memory = (ReportMemory){true, plan->arena_bytes, plan->lower_bound};
    return true;
}

/* The generated code asks for one block for all that training calls. */
static bool plan_training(Graph *net, const TrainSpec *spec, Analysis *a)
{
    ReportMemory grad, eval;
    if (!plan_program(net, PROGRAM_STEP, spec, a->batch, &a->step)) return false;
    if (!plan_program(net, PROGRAM_GRAD, spec, a->batch, &grad)) return false;
    if (!plan_program(net, PROGRAM_EVAL, spec, a->batch, &eval)) return false;
    a->train_arena = a->step.arena;
    if (grad.arena > a->train_arena) a->train_arena = grad.arena;
    if (eval.arena > a->train_arena) a->train_arena = eval.arena;
    return true;
}

static bool plan_memory(Graph *net, const TrainSpec *spec, Analysis *a)
{
    if (!plan_program(net, PROGRAM_INFER, spec, a->batch, &a->infer)) return false;
    if (spec && !plan_training(net, spec, a)) return false;
    a->parameter_bytes = model_bytes(net, TENSOR_PARAM);
    a->buffer_bytes = model_bytes(net, TENSOR_BUFFER);
    a->optimizer_bytes = model_bytes(net, TENSOR_STATE);
    return true;
}

Analysis *analysis_build(Graph *net, const TrainSpec *spec, int64_t batch)
{
    Arena *arena = net->compilation->arena;
    Analysis *a = arena_alloc(arena, sizeof *a);
    a->net = net;
    a->batch = batch;
    a->layer_count = net->nodes.count;
    a->layers = arena_alloc(arena, (size_t)a->layer_count * sizeof *a->layers);
    set_parts(net, a);
    for (int i = 0; i < a->layer_count; i++) {
        LayerReport *l = &a->layers[i];
        const Node *n = net->nodes.at[i];
        assert(n->id == i && n->out_count > 0);
        layer_fill(l, n, batch, arena);
        set_depth(a->layers, l);
        if (l->part == LAYER_HEAD)
            total_add(&a->heads, l);
        else
            total_add(&a->total, l);
    }
    if (net->output->producer) a->depth = a->layers[net->output->producer->id].depth;
    a->last_map = find_last_map(a);
    return plan_memory(net, spec, a) ? a : NULL;
}
