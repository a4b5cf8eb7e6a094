/*
 * row_units: what 1 of the int32 sums of a layer in int8 stands for.
 *
 *   unit[r] = scale[0] · |rows[r]| / divisor
 *
 * where scale is that of the layer's input; rows are the scales of the weight's rows, or with a divisor of 127
 * weights that are the only ones of their rows, or without rows 1.  It has no gradient.
 */
#include "graph/graph.h"
#include "quantize/simulate.h"

static const char *const units_in[] = {"scale", "rows", NULL};
static const char *const units_out[] = {"unit", NULL};

static void units_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "count", shape_count(n->out[0]->shape));
    writer_bind_real(w, "divisor", ((const RowUnitsAttrs *)n->attrs)->divisor);
    writer_put(w, node_has(n, 1) ? "for ($int r = 0; r < $count; r++) {\n"
                                   "    unit[r] = scale[0] * $fabs(rows[r]) / $divisor;\n"
                                   "}\n"
                                 : "unit[0] = scale[0] / $divisor;\n");
}

const Op op_row_units = {
    .name = "row_units",
    .summary = "what 1 of a layer's int32 sums stands for",
    .formula = "unit[r] = scale * rows[r] / divisor",
    .class = OP_INTERNAL,
    .in = units_in,
    .out = units_out,
    .plain = units_plain,
};
