/* copy: y = x.  Puts a value into memory of its own where a view of the caller's
 * input would be the caller's output. */
#include "ops/elementwise.h"

static void copy_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x"); }

static bool copy_fast(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "nn_copy_rows($N, $elements, x, $elements, y, $elements, $t, $T);");
    return true;
}

const Op op_copy = {
    .name = "copy",
    .summary = "the same values in other memory",
    .formula = "y = x",
    .class = OP_INTERNAL,
    .traits = OP_FAST_SAMPLES | OP_POINTWISE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .plain = copy_plain,
    .fast = copy_fast,
    .kernel = "combine",
};
