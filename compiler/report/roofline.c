/*
 * Bytes moved, arithmetic intensity, and the least time that a machine needs.
 *
 * A layer reads its inputs and its weights and writes its result, each once per
 * batch; a view moves nothing.  By the roofline (Williams, Waterman and
 * Patterson, 2009) a layer takes at least
 *
 *   max(FLOPs / peak, bytes / bandwidth)
 *
 * and a net the sum over its layers, since one runs after the other.
 */
#include "report/analysis_stages.h"

static int64_t tensor_traffic(const Tensor *t, int64_t batch)
{
    int64_t size = dtype_size(t->dtype);
    return size * tensor_count(t, batch);
}

static int64_t node_traffic(const Node *n, int64_t batch)
{
    int64_t bytes = 0;
    for (int i = 0; i < n->in_count; i++) bytes += tensor_traffic(n->in[i], batch);
    for (int i = 0; i < n->out_count; i++) bytes += tensor_traffic(n->out[i], batch);
    return bytes;
}

void analyse_roofline(Analysis *a)
{
    const ReportOptions *o = &a->options;
    for (int i = 0; i < a->layer_count; i++) {
        LayerReport *l = &a->layers[i];
        if (l->node->op->traits & OP_VIEW) {
            l->intensity = unknown("it is a view of its input: it moves no data");
            continue;
        }
        l->traffic = node_traffic(l->node, a->batch);
        double flops = (double)l->flops * (double)a->batch, bytes = (double)l->traffic;
        l->intensity = known(flops / bytes);
        l->memory_bound = bytes / o->bandwidth > flops / o->peak;
        l->seconds = l->memory_bound ? bytes / o->bandwidth : flops / o->peak;
    }
}
