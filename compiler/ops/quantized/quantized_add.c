/*
 * quantized_add: the sum of int8 numbers at scales of their own, TensorFlow Lite's ADD.
 *
 *   term_i = ((x_i − zero_i) · 2^20) · (scale_i / (2 · largest scale)), rounded
 *   y = clamp(Σ term_i · (2 · largest scale / (2^20 · scale_y)) + zero_y, low, high)
 */
#include "ops/shared/quantized.h"

#include <stdio.h>
#include <string.h>

#include "ops/shared/combine.h"

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

static void quantized_add_emit(Writer *w, const Node *n)
{
    char arrays[QUANTIZED_BRANCHES * 8] = "", array[16];
    for (int i = 0; i < n->in_count; i++) {
        snprintf(array, sizeof array, "%sx%d", i ? ", " : "", i);
        strcat(arrays, array);
    }
    quantized_put_add(w, n, 0);
    writer_bind(w, "arrays", "%s", arrays);
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "const int8_t *const x[] = {$arrays};\n"
                  "nn_int8_sum(&add, branch, (long)$N * $elements, x, y, $t, $T);");
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
    .epilogue = EPILOGUE_ADD,
    .plain = quantized_add_plain,
    .variants = quantized_add_variants,
};

bool quantized_add_branches(Quantizer *q, const Node *n)
{
    Graph *g = quantizer_graph(q);
    if (n->in_count > QUANTIZED_BRANCHES || !combine_is_even(n)) return false;
    QuantizedAdd *a = arena_alloc(g->compilation->arena, sizeof *a);
    Tensor *branch[QUANTIZED_BRANCHES];
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
    a->sum = multiplier_of(2 * largest / ((1 << QUANTIZED_HEADROOM) * y->scale));
    quantizer_levels(&f, y, &a->low, &a->high);
    return true;
}
