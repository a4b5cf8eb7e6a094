/* Rows of operators' tables: which serve a node, and what they cost. */
#include "graph/graph.h"

const char variant_other_weights[] = "it is for weights in another number format";

const char *layout_name(Layout layout)
{
    static const char *const names[LAYOUT_COUNT] = {"nchw", "nhwc", "nchw16n"};
    return names[layout];
}

const char *epilogue_text(const Epilogue *e)
{
    static const char *const texts[] = {"",          " + relu",          " + add",          " + add + relu",
                                        " + affine", " + affine + relu", " + affine + add", " + affine + add + relu"};
    return e ? texts[4 * e->affine + 2 * e->add + e->relu] : "";
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

/* Sequences may be for some; values of four axes have no channels that could come last. */
static bool may_be_nhwc(const Variant *v, const Tensor *t)
{
    if (!t->batched || t->shape.rank % 2 == 1) return true;
    return t->shape.rank == 2 && v->traits & VARIANT_SEQUENCES;
}

static bool has_nhwc(const Variant *v, const Node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (!may_be_nhwc(v, n->in[i])) return false;
    for (int i = 0; i < n->out_count; i++)
        if (!may_be_nhwc(v, n->out[i])) return false;
    return true;
}

/* What the row gets are floats, unless it is for another format. */
static bool takes_weights(const Variant *v, const Node *n)
{
    return !v->weights || (n->in_count > 1 && v->weights >> n->in[1]->dtype & 1);
}

const char *variant_refusal(const Variant *v, const Node *n, Layout layout, Target target)
{
    unsigned formats = v->dtypes ? v->dtypes : OF_F32;
    if (v->targets && !(v->targets >> target & 1)) return "it is for another target";
    if (!(formats >> data_format(n) & 1)) return "it does not have the number format";
    if (!takes_weights(v, n)) return variant_other_weights;
    if (!(v->layouts >> layout & 1) || (layout == LAYOUT_NHWC && !has_nhwc(v, n))) return "it does not have the layout";
    return v->refuses ? v->refuses(n) : NULL;
}

const Variant *variant_find(const Node *n, Layout layout, unsigned without, const CostModel *m)
{
    const Variant *best = NULL;
    double least = 0;
    for (const Variant *v = n->op->variants; v && v->name; v++) {
        if (v->traits & without || variant_refusal(v, n, layout, m->target)) continue;
        double cost = variant_cost(v, n, m);
        if (!best || cost < least) best = v, least = cost;
    }
    return best;
}
