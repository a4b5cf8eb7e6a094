/*
 * What a node reads: its inputs and its parameters, in floats or, in an int8 net, quantized.
 */
#include "interop/exporter.h"

#include <string.h>

const char *export_in(Export *e, int input)
{
    return e->int8 ? export_quantized_in(e, input) : e->ex->value[e->node->in[input]->id].name;
}

/* Of a layer in integers: it always has a bias. */
static const char *quantized_param(Export *e, const char *suffix)
{
    if (strcmp(suffix, "bias") == 0) return export_quantized_bias(e);
    const Tensor *p = export_param_tensor(e, suffix);
    return p ? export_param_values(e, suffix, export_values(e, p)) : NULL;
}

const char *export_param(Export *e, const char *suffix, int rank, const int64_t *dims)
{
    if (e->layer) return quantized_param(e, suffix);
    const Tensor *p = export_param_tensor(e, suffix);
    if (!p) return NULL;
    const OnnxExportRequest *r = e->ex->request;
    if (!rank) return export_floats(e, p, p->shape.rank, p->shape.dim, r->values(r->user, p));
    return export_floats(e, p, rank, dims, r->values(r->user, p));
}

const char *export_param_values(Export *e, const char *suffix, const float *values)
{
    const Tensor *p = export_param_tensor(e, suffix);
    if (e->layer) {
        ExportArray a = {.rank = p->shape.rank, .values = values};
        memcpy(a.dims, p->shape.dim, sizeof p->shape.dim);
        return export_quantized_weight(e, a, 0);
    }
    return export_floats(e, p, p->shape.rank, p->shape.dim, values);
}

/* [C][1][1] of an image, as many 1s as the sample has axes after the channels. */
static int channel_dims(const Export *e, int64_t count, int64_t dims[MAX_RANK])
{
    const int rank = count == 1 ? 1 : node_shape_in(e->node).rank;
    for (int i = 0; i < rank; i++) dims[i] = i ? 1 : count;
    return rank;
}

const char *export_channel_param(Export *e, const char *suffix)
{
    const Tensor *p = export_param_tensor(e, suffix);
    int64_t dims[MAX_RANK];
    return p ? export_param(e, suffix, channel_dims(e, shape_count(p->shape), dims), dims) : NULL;
}

const char *export_channel_reals(Export *e, const char *what, const Reals *list)
{
    int64_t dims[MAX_RANK];
    if (list->count == 1) return export_reals(e, what, 0, NULL, list->at);
    return export_reals(e, what, channel_dims(e, list->count, dims), dims, list->at);
}
