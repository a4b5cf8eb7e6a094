/* Rows of operators' tables: which serve a node, and what they cost. */
#include "graph/graph.h"

const char variant_other_weights[] = "it is for weights in another number format";

const char *variant_input_in_f32(const Node *n)
{
    return tensor_is_bf16_value(n->in[0]) ? NULL : "its input is in f32";
}

const char *layout_name(Layout layout)
{
    static const char *const names[LAYOUT_COUNT] = {"nchw", "nhwc", "nchw16n"};
    return names[layout];
}

const char *epilogue_text(const Epilogue *e)
{
    static const char *const texts[2][2][3] = {
        {{"", " + relu", " + relu6"}, {" + add", " + add + relu", " + add + relu6"}},
        {{" + affine", " + affine + relu", " + affine + relu6"},
         {" + affine + add", " + affine + add + relu", " + affine + add + relu6"}}};
    return e ? texts[e->affine][e->add][e->relu] : "";
}

static double memory_cost(const Node *n, const CostModel *m)
{
    double elements = 0;
    if (n->op->traits & OP_VIEW) return 0;
    for (int i = 0; i < n->in_count; i++) elements += (double)tensor_count(n->in[i], m->batch);
    for (int i = 0; i < n->out_count; i++) elements += (double)tensor_count(n->out[i], m->batch);
    return m->machine->element * elements;
}

static unsigned formats_of(const Variant *v) { return v && v->dtypes ? v->dtypes : OF_F32; }

static double bf16_elements(const Tensor *t, int64_t batch)
{
    return tensor_is_bf16_value(t) ? (double)tensor_count(t, batch) : 0;
}

/* Of values in bf16, where the row computes with floats: of half as many bytes as an element has.  In a
 * batch-blocked program only what is made is rounded. */
static double conversion_cost(const Variant *v, const Node *n, const CostModel *m)
{
    double elements = 0;
    if (n->op->traits & OP_VIEW || formats_of(v) & OF_BF16) return 0;
    for (int i = 0; i < n->in_count && !(v && v->layouts == IN_NCHW16N); i++)
        elements += bf16_elements(n->in[i], m->batch);
    for (int i = 0; i < n->out_count; i++) elements += bf16_elements(n->out[i], m->batch);
    return m->machine->element / 2 * elements;
}

double variant_cost(const Variant *v, const Node *n, const CostModel *m)
{
    return (v && v->cost ? v->cost(n, m) : memory_cost(n, m)) + conversion_cost(v, n, m);
}

/* The formats of its data, the first input: a value in bf16 may be widened for the row. */
static unsigned data_formats(const Node *n)
{
    if (n->in_count == 0) return OF_F32;
    return tensor_is_bf16_value(n->in[0]) ? OF_BF16 | OF_F32 : 1u << n->in[0]->dtype;
}

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
    if (!v->weights) return true;
    if (n->in_count < 2 || !(v->weights >> n->in[1]->dtype & 1)) return false;
    return !(v->traits & VARIANT_STORED_WEIGHTS) || n->in[1]->kind == TENSOR_PARAM;
}

const char *variant_refusal(const Variant *v, const Node *n, Layout layout, Target target)
{
    if (v->targets && !(v->targets >> target & 1)) return "it is for another target";
    if (!(formats_of(v) & data_formats(n))) return "it does not have the number format";
    if (!takes_weights(v, n)) return variant_other_weights;
    if (!(v->layouts >> layout & 1) || (layout == LAYOUT_NHWC && !has_nhwc(v, n))) return "it does not have the layout";
    return v->refuses ? v->refuses(n) : NULL;
}

static bool takes(const Variant *v, const Tensor *t)
{
    const unsigned formats = v->traits & VARIANT_ANY_FORMATS ? v->dtypes : OF_BF16;
    return !t->batched || !dtype_is_real(t->dtype) || formats >> t->dtype & 1;
}

bool variant_takes_bf16(const Node *n)
{
    const Variant *v = n->variant;
    if (!v || !(v->dtypes & OF_BF16)) return false;
    for (int i = 0; i < n->in_count; i++)
        if (!takes(v, n->in[i])) return false;
    return n->out_count == 0 || takes(v, n->out[0]);
}

bool variant_is_of_bf16(const Node *n)
{
    bool all = variant_takes_bf16(n) && tensor_is_bf16_value(n->out[0]);
    for (int i = 0; i < n->in_count && all; i++)
        all = tensor_is_bf16_value(n->in[i]) || !dtype_is_real(n->in[i]->dtype);
    return all;
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
