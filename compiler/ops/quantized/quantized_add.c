/*
 * quantized_add: the sum of int8 numbers at scales of their own, TensorFlow Lite's ADD.
 *
 *   term_i = ((x_i − zero_i) · 2^20) · (scale_i / (2 · largest scale)), rounded
 *   y = clamp(Σ term_i · (2 · largest scale / (2^20 · scale_y)) + zero_y, low, high)
 */
#include "ops/shared/quantized.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/shared/combine.h"
#include "runtime/kernels/system/fixed_point.h"

enum { HEADROOM = 20, BRANCHES = 15 }; /* a term has 28 bits at most, and half of them after its factor */

typedef struct QuantizedAdd {
    Multiplier branch[BRANCHES], sum;
    int low, high;
} QuantizedAdd;

/* ---- two branches as a linear function ---------------------------------------------------------- */

/* (x0 · factor[0] + x1 · factor[1] + offset) >> shift, in 32 bits, before it is cut off; shift 0: there is none. */
typedef struct LinearSum {
    int64_t factor[2], offset;
    int shift;
} LinearSum;

/* By x0 + 128 and x1 + 128. */
typedef int8_t PairResults[256][256];

static void pair_results(const Node *n, PairResults y)
{
    const QuantizedAdd *a = n->attrs;
    int32_t term[2][256];
    for (int b = 0; b < 2; b++)
        for (int k = 0; k < 256; k++)
            term[b][k] =
                nn_rescale((k - 128 - n->in[b]->zero_point) * (1 << HEADROOM), a->branch[b].value, a->branch[b].shift);
    for (int i = 0; i < 256; i++)
        for (int k = 0; k < 256; k++)
            y[i][k] =
                nn_clamp_int8(nn_rescale(term[0][i] + term[1][k], a->sum.value, a->sum.shift) + n->out[0]->zero_point,
                              a->low, a->high);
}

/* The offset with which these factors give every pair its result: it lies between what the results ask
 * for that are not cut off. */
static bool find_offset(const QuantizedAdd *a, PairResults y, LinearSum *l)
{
    const int64_t unit = (int64_t)1 << l->shift;
    int64_t least = -((int64_t)1 << 40), most = (int64_t)1 << 40;
    for (int i = 0; i < 256; i++) {
        for (int k = 0; k < 256; k++) {
            const int64_t below = y[i][k] * unit - ((i - 128) * l->factor[0] + (k - 128) * l->factor[1]);
            if (y[i][k] > a->low && below > least) least = below;
            if (y[i][k] < a->high && below + unit - 1 < most) most = below + unit - 1;
        }
        if (least > most) return false;
    }
    l->offset = least + (most - least) / 2;
    const int64_t reach = 128 * (llabs(l->factor[0]) + llabs(l->factor[1])) + llabs(l->offset);
    return reach <= INT32_MAX;
}

/* Every pair of numbers is tried, so that the integers are those of the definition.  Factors that are
 * rounded a little differently are tried as well: some pairs are near ties. */
static LinearSum linear_sum(const Node *n)
{
    enum { AROUND = 3, LARGEST_SHIFT = 23, SMALLEST_SHIFT = 12 };
    const LinearSum none = {.shift = 0};
    if (n->in_count != 2) return none;
    PairResults *y = malloc(sizeof *y);
    if (!y) abort();
    pair_results(n, *y);
    const double scale[2] = {n->in[0]->scale / n->out[0]->scale, n->in[1]->scale / n->out[0]->scale};
    LinearSum l = {.shift = LARGEST_SHIFT};
    while (l.shift > SMALLEST_SHIFT && (scale[0] + scale[1]) * 256 * (double)((int64_t)1 << l.shift) > INT32_MAX)
        l.shift--;
    const int64_t first[2] = {llround(ldexp(scale[0], l.shift)), llround(ldexp(scale[1], l.shift))};
    bool found = false;
    for (int around = 0; around <= AROUND && !found; around++)
        for (int i = -around; i <= around && !found; i++)
            for (int k = -around; k <= around && !found; k++) {
                if (abs(i) != around && abs(k) != around) continue;
                l.factor[0] = first[0] + i, l.factor[1] = first[1] + k;
                found = find_offset(n->attrs, *y, &l);
            }
    free(y);
    return found ? l : none;
}

/* ---- text ----------------------------------------------------------------------------------------- */

static void quantized_add_plain(Writer *w, const Node *n)
{
    const QuantizedAdd *a = n->attrs;
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "for ($int k = 0; k < $N * $elements; k++) {\n"
                  "int32_t sum = 0;");
    for (int i = 0; i < n->in_count; i++) {
        writer_bind_int(w, "branch", i);
        quantized_bind_offset(w, "less_zero", -n->in[i]->zero_point);
        quantized_bind_factor(w, a->branch[i]);
        writer_put(w, "sum += nn_rescale((x$branch[k]$less_zero) * 1048576, $multiplier, $shift);");
    }
    quantized_bind_factor(w, a->sum);
    quantized_bind_offset(w, "plus_zero", n->out[0]->zero_point);
    writer_bind_int(w, "low", a->low);
    writer_bind_int(w, "high", a->high);
    writer_put(w, "y[k] = nn_clamp_int8(nn_rescale(sum, $multiplier, $shift)$plus_zero, $low, $high);\n}");
}

enum { FACTOR_TEXT = 48 };

static void int8_factor_text(char text[FACTOR_TEXT], int zero, Multiplier m)
{
    snprintf(text, FACTOR_TEXT, "{%d, %ld, %d}", zero, (long)m.value, m.shift);
}

/* Binds $factors, $arrays and $sum. */
static void bind_added(Writer *w, const Node *n)
{
    const QuantizedAdd *a = n->attrs;
    char factors[BRANCHES * (FACTOR_TEXT + 2)] = "", arrays[BRANCHES * 8] = "", text[FACTOR_TEXT];
    for (int i = 0; i < n->in_count; i++) {
        char array[16];
        int8_factor_text(text, n->in[i]->zero_point, a->branch[i]);
        snprintf(array, sizeof array, "x%d", i);
        strcat(strcat(factors, i ? ", " : ""), text);
        strcat(strcat(arrays, i ? ", " : ""), array);
    }
    int8_factor_text(text, n->out[0]->zero_point, a->sum);
    writer_bind(w, "factors", "%s", factors);
    writer_bind(w, "arrays", "%s", arrays);
    writer_bind(w, "sum", "%s", text);
}

static void quantized_add_emit(Writer *w, const Node *n)
{
    const QuantizedAdd *a = n->attrs;
    bind_added(w, n);
    writer_bind_int(w, "branches", n->in_count);
    writer_bind_int(w, "low", a->low);
    writer_bind_int(w, "high", a->high);
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    const LinearSum l = linear_sum(n);
    writer_bind(w, "linear", "%s", "");
    if (l.shift)
        writer_bind(w, "linear", ",\n    .linear = {{%ld, %ld}, %ld, %d}", (long)l.factor[0], (long)l.factor[1],
                    (long)l.offset, l.shift);
    writer_put(w, "static const nn_int8_add size = {\n"
                  "    .branches = $branches, .low = $low, .high = $high, .sum = $sum$linear};\n"
                  "static const nn_int8_factor branch[] = {$factors};\n"
                  "const int8_t *const x[] = {$arrays};\n"
                  "nn_int8_sum(&size, branch, (long)$N * $elements, x, y, $t, $T);");
}

static const Variant quantized_add_variants[] = {{.name = "simd",
                                                  .layouts = IN_NCHW | IN_NHWC,
                                                  .dtypes = OF_I8,
                                                  .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                  .emit = quantized_add_emit,
                                                  .kernel = "quantized_map"},
                                                 {0}};

const Op op_quantized_add = {
    .name = "quantized_add",
    .summary = "sum of int8 branches",
    .formula = "y = x0 + x1 + ...",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .flops = combine_flops,
    .plain = quantized_add_plain,
    .variants = quantized_add_variants,
};

bool quantized_add_branches(Quantizer *q, const Node *n)
{
    Graph *g = quantizer_graph(q);
    if (n->in_count > BRANCHES || !combine_is_even(n)) return false;
    QuantizedAdd *a = arena_alloc(g->compilation->arena, sizeof *a);
    Tensor *branch[BRANCHES];
    double largest = 0;
    for (int i = 0; i < n->in_count; i++) {
        branch[i] = quantizer_int8(q, n->in[i]);
        largest = branch[i]->scale > largest ? branch[i]->scale : largest;
    }
    const Followers f = quantizer_followers(q, n, false);
    Node *made = quantizer_node(q, &op_quantized_add, a, n);
    for (int i = 0; i < n->in_count; i++) node_in(g, made, branch[i]);
    made->data_count = n->in_count;
    const Tensor *y = quantizer_result(q, made, f.value);
    for (int i = 0; i < n->in_count; i++) a->branch[i] = multiplier_of(branch[i]->scale / (2 * largest));
    a->sum = multiplier_of(2 * largest / ((1 << HEADROOM) * y->scale));
    quantizer_levels(&f, y, &a->low, &a->high);
    return true;
}
