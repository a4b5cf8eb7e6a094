/* Text and rules of the operators over int8 numbers. */
#include "ops/shared/quantized.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ------------------------------------------------------------------------------------ */

void quantized_put_table(Writer *w, const char *type, const char *name, const int32_t *values, int64_t count)
{
    enum { PER_LINE = 8 };
    writer_bind(w, "table_type", "%s", type);
    writer_bind(w, "table_name", "%s", name);
    writer_bind_int(w, "table_count", count);
    writer_put(w, "static const $table_type $table_name[$table_count] = {");
    for (int64_t k = 0; k < count; k += PER_LINE) {
        char line[PER_LINE * 16];
        size_t length = 0;
        for (int64_t i = k; i < count && i < k + PER_LINE; i++)
            length +=
                (size_t)snprintf(line + length, sizeof line - length, "%s%ld,", i > k ? " " : "", (long)values[i]);
        writer_put(w, line);
    }
    writer_put(w, "};");
}

void quantized_bind_factor(Writer *w, Multiplier factor)
{
    writer_bind_int(w, "multiplier", factor.value);
    writer_bind_int(w, "shift", factor.shift);
}

void quantized_put_factor_tables(Writer *w, const Multiplier *factor, int64_t count)
{
    int32_t *values = calloc((size_t)count, sizeof *values);
    if (!values) abort();
    for (int64_t i = 0; i < count; i++) values[i] = factor[i].value;
    quantized_put_table(w, "int32_t", "multiplier", values, count);
    for (int64_t i = 0; i < count; i++) values[i] = factor[i].shift;
    quantized_put_table(w, "int8_t", "shift", values, count);
    free(values);
}

void quantized_put_factors(Writer *w, const Multiplier *factor, int64_t count, const char *row)
{
    bool same = true;
    for (int64_t i = 1; i < count; i++)
        same = same && factor[i].value == factor[0].value && factor[i].shift == factor[0].shift;
    if (same) {
        quantized_bind_factor(w, factor[0]);
        return;
    }
    quantized_put_factor_tables(w, factor, count);
    writer_bind(w, "multiplier", "multiplier[%s]", row);
    writer_bind(w, "shift", "shift[%s]", row);
}

void quantized_bind_offset(Writer *w, const char *name, int offset)
{
    if (offset)
        writer_bind(w, name, offset > 0 ? " + %d" : " - %d", abs(offset));
    else
        writer_bind(w, name, "%s", "");
}

/* ---- rules --------------------------------------------------------------------------------------- */

static Arena *arena_of(Quantizer *q) { return quantizer_graph(q)->compilation->arena; }

bool quantized_correlation(Quantizer *q, const Node *n, const Correlation *c, WeightRequest r)
{
    if (c->large.dim[0] / c->groups * c->slide[0].k * c->slide[1].k > QUANTIZED_PRODUCTS) return false;
    QuantizedSums *a = arena_alloc(arena_of(q), sizeof *a);
    a->c = *c;
    r.of = n;
    r.x = quantizer_int8(q, n->in[0]);
    /* A batchnorm that is a layer itself is its own affine part. */
    Followers f = quantizer_followers(q, n, !r.affine);
    if (!r.affine) r.affine = f.affine;
    Node *made = quantizer_node(q, op_find("quantized_conv", OP_INTERNAL), a, n);
    node_in(quantizer_graph(q), made, (Tensor *)r.x);
    made->data_count = 1;
    r.y = quantizer_result(q, made, f.value);
    r.value = f.value;
    a->factor = quantizer_weights(q, made, &r);
    quantizer_levels(&f, r.y, &a->low, &a->high);
    return true;
}

/* Of an element-wise function, at x. */
static double function_value(const Node *n, double x)
{
    double bounds[2];
    if (n->op->value) return n->op->value(n, x);
    n->op->clamp(n, bounds);
    return fmin(fmax(x, bounds[0]), bounds[1]);
}

bool quantized_function(Quantizer *q, const Node *n)
{
    int32_t *table = arena_alloc(arena_of(q), 256 * sizeof *table);
    Tensor *x = quantizer_int8(q, n->in[0]);
    Node *made = quantizer_node(q, op_find("quantized_table", OP_INTERNAL), table, n);
    node_in(quantizer_graph(q), made, x);
    made->data_count = 1;
    const Tensor *y = quantizer_result(q, made, n->out[0]);
    for (int i = 0; i < 256; i++)
        table[i] = affine_quantize(tensor_affine(y), function_value(n, x->scale * (i - 128 - x->zero_point)));
    return true;
}

static bool same_size(const PoolRegions *r)
{
    return !r->region && r->slide.before <= 0 && r->slide.after <= 0 &&
           (r->slide.small - 1) * r->slide.stride - r->slide.before + r->slide.k <= r->slide.large;
}

bool quantized_average(Quantizer *q, const Node *n, const PoolRegions regions[2], bool own_scale)
{
    const int64_t count = pool_regions_reach(&regions[0]) * pool_regions_reach(&regions[1]);
    if (count > QUANTIZED_PRODUCTS || regions[0].fixed) return false;
    QuantizedScale *a = arena_alloc(arena_of(q), sizeof *a);
    memcpy(a->regions, regions, sizeof a->regions);
    Tensor *x = quantizer_int8(q, n->in[0]);
    Node *made = quantizer_node(q, op_find("quantized_average", OP_INTERNAL), a, n);
    node_in(quantizer_graph(q), made, x);
    made->data_count = 1;
    a->divides = !own_scale || !same_size(&regions[0]) || !same_size(&regions[1]);
    const Tensor *y = a->divides ? quantizer_result_like(q, made, n->out[0], x) : quantizer_result(q, made, n->out[0]);
    if (!a->divides) a->factor = multiplier_of(x->scale / (y->scale * (double)count));
    if (!a->divides) quantizer_averages(q, n->out[0], count);
    if (a->divides && !regions[0].padding_counts && !regions[1].padding_counts)
        quantizer_averages_integers(q, n->out[0]);
    return true;
}

bool quantized_movement(Quantizer *q, const Node *n)
{
    if (n->in_count != 1 || n->out_count != 1) return false;
    Tensor *x = quantizer_int8(q, n->in[0]);
    Node *made = quantizer_node(q, n->op, n->attrs, n);
    node_in(quantizer_graph(q), made, x);
    made->data_count = 1;
    quantizer_result_like(q, made, n->out[0], x);
    return true;
}
