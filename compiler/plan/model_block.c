/* The size of the block that holds a model. */
#include "plan/plan.h"

int64_t model_padded_count(const Tensor *t) { return round_up(shape_count(t->shape), MODEL_ALIGN); }

int64_t model_bytes(const Graph *net, int real_size)
{
    int64_t elements = MODEL_ALIGN;
    for (int i = 0; i < net->model.count; i++) elements += model_padded_count(net->model.at[i]);
    return elements * real_size;
}
