/*
 * constant: given numbers as a value, the same for all samples; the lists of numbers give its shape.
 *
 *   constant([[1, 0], [0, 1]]) is a sequence 2x2
 */
#include <stdio.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/region.h"

typedef struct ConstantAttrs {
    Init values;
} ConstantAttrs;

static const Attr constant_attrs[] = {
    {"values", ATTR_INIT, offsetof(ConstantAttrs, values), NULL, 0, 0, NULL},
    {0},
};

static bool constant_shape(Graph *g, Node *n)
{
    const Init *values = &((const ConstantAttrs *)n->attrs)->values;
    if (values->kind != INIT_VALUES) {
        diag_error(g->compilation, n->span, "constant takes its numbers as nested lists: constant([[1, 0], [0, 1]])");
        return false;
    }
    node_out(g, n, values->shape);
    return true;
}

static void constant_plain(Writer *w, const Node *n)
{
    enum { PER_LINE = 8 };
    const Init *values = &((const ConstantAttrs *)n->attrs)->values;
    int64_t count = shape_count(values->shape);
    writer_bind_int(w, "elements", count);
    writer_put(w, "static const $real values[] = {");
    for (int64_t k = 0; k < count; k += PER_LINE) {
        char line[PER_LINE * 32];
        int length = 0;
        for (int64_t i = k; i < count && i < k + PER_LINE; i++)
            length += snprintf(line + length, sizeof line - (size_t)length, "%s%s,", i > k ? " " : "",
                               writer_real(w, values->values[i]));
        writer_put(w, line);
    }
    writer_put(w, "};\n"
                  "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int k = 0; k < $elements; k++) {\n"
                  "        y[n * $elements + k] = values[k];\n"
                  "    }\n"
                  "}\n");
}

const Op op_constant = {
    .name = "constant",
    .summary = "given numbers, the same for all samples",
    .formula = "y = values",
    .class = OP_LAYER,
    .traits = OP_SOURCE,
    .attrs = constant_attrs,
    .attrs_size = sizeof(ConstantAttrs),
    .out = elementwise_out,
    .shape = constant_shape,
    .flops = region_no_flops,
    .plain = constant_plain,
};
