/* copy: y = x.  Puts a value into memory of its own where a view of the caller's
 * input would be the caller's output. */
#include "ops/elementwise.h"

static void copy_plain(Writer *w, const Node *n)
{
    elementwise_forward(w, n, "$x");
}

const Op op_copy = {
    .name = "copy",
    .summary = "the same values in other memory",
    .formula = "y = x",
    .class = OP_INTERNAL,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .plain = copy_plain,
};
