/*
 * Inference on a machine without kernels: flash, RAM and cycles.
 *
 * The C is written as it would be for that machine, with one text for inference alone; so the
 * constants and the scratch are exact.  The size of the code is estimated from what the text
 * consists of, and the cycles from the layers' operations, both with the numbers on the
 * target's page.
 */
#include "emit/emit.h"
#include "report/analysis_stages.h"

static int64_t code_bytes(const DeviceModel *m, const CodeParts *p)
{
    const double layers = m->code_function * (double)p->functions + m->code_loop * (double)p->loops +
                          m->code_branch * (double)p->branches + m->code_index * (double)p->indices +
                          m->code_operation * (double)p->operations;
    const double integers = m->code_factors * (double)p->factors_of_tables + m->code_factor * (double)p->factors +
                            m->code_rounding * (double)p->roundings;
    return (int64_t)(layers + integers + m->code_entry + m->code_call * (double)p->calls + m->code_float);
}

/* FLOPs beyond two a multiply-add. */
static double cycles_of(const DeviceModel *m, const Analysis *a, const CodeParts *p)
{
    const double macs = (double)a->total.macs, others = (double)a->total.flops - 2 * macs, dual = (double)p->dual_macs;
    return (double)a->batch *
           (m->cycles_mac * (macs - dual) + m->cycles_dual * dual + m->cycles_flop * (others > 0 ? others : 0));
}

/* Parts of it are trained, and parts are not. */
static bool is_partly_trained(const Graph *net)
{
    int trained = 0, params = 0;
    for (int i = 0; i < net->model.count; i++) {
        const Tensor *t = net->model.at[i];
        params += t->kind == TENSOR_PARAM;
        trained += t->kind == TENSOR_PARAM && t->trainable;
    }
    return trained > 0 && trained < params;
}

/* What is not trained is constant: nnc NET.nn --train --weights FILE. */
static bool analyse_training(Graph *net, const TrainSpec *spec, const Analysis *a, DeviceReport *d)
{
    if (!spec || !is_partly_trained(net)) return true;
    const EmitOptions options = {.lower = {.batch = a->batch,
                                           .target = d->target,
                                           .train = true,
                                           .accumulate = true,
                                           .constants = true,
                                           .plain = true},
                                 .header = "net.h",
                                 .target = d->target};
    const EmitResult *e = emit_c(net, spec, &options);
    if (!e) return false;
    d->trains = true;
    d->train_constants = e->constant_bytes;
    d->train_block = e->model_bytes;
    d->train_scratch = e->train_scratch > e->infer_scratch ? e->train_scratch : e->infer_scratch;
    d->input = a->input_bytes;
    return true;
}

bool analyse_device(Graph *net, const TrainSpec *spec, Analysis *a)
{
    if (!a->options.device) return true;
    const Target target = (Target)(a->options.device - 1);
    const EmitOptions options = {.lower = {.batch = a->batch, .target = target, .infer = true, .plain = true},
                                 .header = "net.h",
                                 .target = target};
    Graph *own = a->options.device_net ? a->options.device_net : net;
    const EmitResult *e = emit_c(own, NULL, &options);
    if (!e) return false;
    DeviceReport *d = arena_alloc(net->compilation->arena, sizeof *d);
    const DeviceModel *m = device_model(target);
    *d = (DeviceReport){.target = target,
                        .constants = e->infer_bytes + e->code.tables,
                        .code = code_bytes(m, &e->code),
                        .scratch = e->infer_scratch,
                        .output = a->output_bytes,
                        .stack = (int64_t)m->stack + e->code.column,
                        .cycles = cycles_of(m, a, &e->code)};
    a->device = d;
    return analyse_training(own, spec, a, d);
}
