/* The size of the block that holds a model. */
#include "plan/plan.h"

/* Of elements of less than four bytes more of them fill the 64 bytes. */
int64_t model_padded_count(const Tensor *t)
{
    const int size = dtype_size(t->dtype);
    return round_up(shape_count(t->shape), size < 4 ? MODEL_ALIGN * 4 / size : MODEL_ALIGN);
}

int64_t model_padded_bytes(const Tensor *t) { return model_padded_count(t) * dtype_size(t->dtype); }

int64_t model_head_bytes(const Graph *net) { return (int64_t)MODEL_ALIGN * dtype_size(net->real); }

int64_t model_bytes(const Graph *net)
{
    int64_t bytes = model_head_bytes(net);
    for (int i = 0; i < net->model.count; i++) bytes += model_padded_bytes(net->model.at[i]);
    return bytes;
}

void model_mark_updated(const Graph *step)
{
    for (int i = 0; i < step->nodes.count; i++) {
        const Node *n = step->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) {
            Tensor *t = n->in[k]->slice_of ? n->in[k]->slice_of : n->in[k];
            if (node_mutates(n, k) && tensor_in_model(t->kind)) (t->model ? t->model : t)->updated = true;
        }
    }
}

int64_t model_updated_bytes(const Graph *net)
{
    int64_t bytes = model_head_bytes(net);
    for (int i = 0; i < net->model.count; i++) {
        const Tensor *t = net->model.at[i];
        if (t->updated) bytes += model_padded_bytes(t);
    }
    return bytes;
}
