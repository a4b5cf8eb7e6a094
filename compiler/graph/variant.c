/* Rows of operators' tables: which serve a node, and what they cost. */
#include "graph/graph.h"

const char *layout_name(Layout layout)
{
    static const char *const names[LAYOUT_COUNT] = {"nchw", "nhwc", "nchw16n"};
    return names[layout];
}

const MachineCosts *machine_costs(void)
{
    static const MachineCosts measured = {
        .element = 20,
        .weight_read = 12,
        .weight_pack = 25,
        .tile_2_3 = 100,
        .tile_4_3 = 300,
        .tile_2_5 = 600,
        .transform_rate = 0.9,
        .wgrad_product = 1.3,
        .wgrad_transform = 300,
        .wgrad_rate = 0.8,
        .blocked_product = 0.5,
    };
    return &measured;
}

static double memory_cost(const Node *n, const CostModel *m)
{
    double elements = 0;
    if (n->op->traits & OP_VIEW) return 0;
    for (int i = 0; i < n->in_count; i++) elements += (double)tensor_count(n->in[i], m->batch);
    for (int i = 0; i < n->out_count; i++) elements += (double)tensor_count(n->out[i], m->batch);
    return m->machine->element * elements;
}

double variant_cost(const Variant *v, const Node *n, const CostModel *m)
{
    return v && v->cost ? v->cost(n, m) : memory_cost(n, m);
}

/* Of its data, the first input. */
static DType data_format(const Node *n) { return n->in_count > 0 ? n->in[0]->dtype : DTYPE_F32; }

static bool serves(const Variant *v, const Node *n, Layout layout)
{
    unsigned formats = v->dtypes ? v->dtypes : OF_F32;
    bool format = formats >> data_format(n) & 1, in_layout = v->layouts >> layout & 1;
    return format && in_layout && (!v->serves || v->serves(n));
}

const Variant *variant_find(const Node *n, Layout layout, unsigned without, const CostModel *m)
{
    const Variant *best = NULL;
    double least = 0;
    for (const Variant *v = n->op->variants; v && v->name; v++) {
        if (v->traits & without || !serves(v, n, layout)) continue;
        double cost = variant_cost(v, n, m);
        if (!best || cost < least) best = v, least = cost;
    }
    return best;
}
