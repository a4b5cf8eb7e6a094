/* widen: y = x, weights in a narrow number format as floats. */
#include "ops/shared/elementwise.h"

static void widen_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "for ($int i = 0; i < $elements; i++) {\n"
                  "    @y(i) = @x(i);\n"
                  "}\n");
}

const Op op_widen = {
    .name = "widen",
    .summary = "weights in a narrow number format as floats",
    .formula = "y = x",
    .class = OP_INTERNAL,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .plain = widen_plain,
};
