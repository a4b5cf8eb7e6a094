/*
 * The analysis of a net: layers and totals.
 *
 * In: a net with shapes and receptive fields.  Out: one record per layer and the
 * totals.  Costs and fields come from the graph; this file finds which layers
 * belong to inference (those that reach the output; unused ones are counted too,
 * as `params` of the language does), the depth, and the last feature map.  Fields,
 * paths, gradients, memory and time have files of their own.
 */
#include "report/analysis_stages.h"

#include <assert.h>
#include <string.h>

#include "elab/attributes.h"

/* 100 GFLOP/s and 20 GB/s: about one core of a laptop. */
ReportOptions report_options(void)
{
    return (ReportOptions){.batch = 1, .gain = 0.5, .kill = 0.1, .peak = 100e9, .bandwidth = 20e9};
}

const char *machine_source_name(MachineSource source)
{
    static const char *const names[] = {"assumed", "measured", "given"};
    return names[source];
}

/* ---- which layers inference keeps -------------------------------------- */

/* Marks what `output` is computed from.  Nodes are in execution order, so
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
    for (int i = 0; i < net->outputs.count; i++) mark_from(net, ((const Head *)net->outputs.at[i])->output, kept);
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
        int64_t size = dtype_size(n->out[i]->dtype);
        bytes += size * tensor_count(n->out[i], batch);
    }
    return bytes;
}

static void layer_fill(LayerReport *l, const Node *n, const Analysis *a)
{
    Compilation *c = a->net->compilation;
    l->node = n;
    l->name = n->name;
    l->kind = n->op->name;
    l->arguments = n->op->attrs ? attrs_text(c->arena, n->op->attrs, n->attrs) : "";
    l->line = n->span.file >= 0 ? source_line(c, n->span) : 0;
    l->shape = n->out[0]->shape;
    l->trained = node_params(n, true);
    l->frozen = node_params(n, false);
    l->buffers = buffer_elements(n);
    l->macs = node_macs(n);
    l->flops = node_flops(n);
    l->activation = activation_bytes(n, a->batch);
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

static void fill_layers(Analysis *a)
{
    for (int i = 0; i < a->layer_count; i++) {
        const Node *n = a->net->nodes.at[i];
        assert(n->id == i && n->out_count > 0);
        layer_fill(&a->layers[i], n, a);
        set_depth(a->layers, &a->layers[i]);
    }
}

/* ---- the net -------------------------------------------------------------- */

void totals_add(ReportTotals *t, const LayerReport *l)
{
    t->layers++;
    t->trained += l->trained;
    t->frozen += l->frozen;
    t->buffers += l->buffers;
    t->macs += l->macs;
    t->flops += l->flops;
    t->activation += l->activation;
    t->traffic += l->traffic;
    t->seconds += l->seconds;
}

static void add_totals(Analysis *a)
{
    for (int i = 0; i < a->layer_count; i++) {
        const LayerReport *l = &a->layers[i];
        totals_add(l->part == LAYER_HEAD ? &a->heads : &a->total, l);
    }
}

static bool sees_all(const Tensor *t) { return t->field[0].whole && t->field[1].whole; }

/* Global pooling and its like: what comes out has seen all, what goes in has not. */
static bool pools_all(const Node *n) { return n->data_count == 1 && sees_all(n->out[0]) && !sees_all(n->in[0]); }

/* Back from the output past the classifier, the pooling that takes the whole
 * image, and maps of one pixel that have seen all of it.  A map may have seen
 * all of it before: a gate of squeeze and excitation looks at everything. */
static const LayerReport *find_last_map(const Analysis *a)
{
    const Tensor *t = a->net->output;
    const bool sequence = ((const Tensor *)a->net->inputs.at[0])->shape.rank == 2;
    for (const Node *n; (n = t->producer); t = n->in[0]) {
        bool pixel = field_extent(t->shape, 0) * field_extent(t->shape, 1) == 1;
        if (t->shape.rank != (sequence ? 2 : 3) || pools_all(n) || (pixel && sees_all(t))) continue;
        return &a->layers[n->id];
    }
    return NULL;
}

Analysis *analysis_build(Graph *net, const TrainSpec *spec, const ReportOptions *options)
{
    Arena *arena = net->compilation->arena;
    Analysis *a = arena_alloc(arena, sizeof *a);
    a->net = net;
    a->options = *options;
    a->batch = options->batch;
    a->layer_count = net->nodes.count;
    a->layers = arena_alloc(arena, (size_t)a->layer_count * sizeof *a->layers);
    set_parts(net, a);
    fill_layers(a);
    if (net->output->producer) a->depth = a->layers[net->output->producer->id].depth;
    a->last_map = find_last_map(a);
    analyse_uneven_fields(a);
    analyse_fields(a);
    analyse_paths(a);
    analyse_flow(a);
    analyse_slopes(a);
    analyse_roofline(a);
    add_totals(a);
    return analyse_memory(net, spec, a) && analyse_batches(net, spec, a) && analyse_device(net, spec, a) ? a : NULL;
}
