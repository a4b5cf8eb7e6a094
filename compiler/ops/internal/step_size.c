/*
 * step_size: the scale of a value, or those of a weight's rows, as training with simulated int8 learns it.
 *
 *   step[r] = scale[r] · max(factor[r], 2^-10)
 *   dfactor[r] = gradient_factor · dstep[r] / scale[r]
 *
 * The gradient is not that of factor, but that of the step by scale: so gradient descent changes the
 * step as if it were the parameter, with the gradient factor of LSQ (Esser et al., 2020),
 * and Adam, whose steps do not depend on the size of gradients, changes it by shares of itself.
 */
#include "autodiff/backward.h"
#include "ops/shared/elementwise.h"
#include "quantize/simulate.h"

static const char *const step_size_in[] = {"scale", "factor", NULL};
static const char *const step_size_out[] = {"step", NULL};
static const char *const factor_in[] = {"dstep", "scale", NULL};
static const char *const factor_out[] = {"dfactor", NULL};

static void step_size_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "rows", shape_count(n->out[0]->shape));
    writer_bind_real(w, "least", 1.0 / 1024);
    writer_put(w, "for ($int r = 0; r < $rows; r++) {\n"
                  "    step[r] = scale[r] * (factor[r] > $least ? factor[r] : $least);\n"
                  "}\n");
}

static void factor_plain(Writer *w, const Node *n)
{
    const StepSizeAttrs *a = n->attrs;
    writer_bind_int(w, "rows", shape_count(n->out[0]->shape));
    writer_bind_real(w, "weight", a->gradient_factor);
    writer_put(w, "for ($int r = 0; r < $rows; r++) {\n"
                  "    dfactor[r] = $weight * dstep[r] / scale[r];\n"
                  "}\n");
}

static const Op step_size_factor = {
    .name = "step_size.dfactor",
    .class = OP_INTERNAL,
    .in = factor_in,
    .out = factor_out,
    .plain = factor_plain,
};

static void step_size_grad(Backward *b, const Node *n) { backward_give_by(b, &step_size_factor, n, 1, 1, &n->in[0]); }

const Op op_step_size = {
    .name = "step_size",
    .summary = "a learned scale of int8 numbers",
    .formula = "step = scale * factor",
    .class = OP_INTERNAL,
    .in = step_size_in,
    .out = step_size_out,
    .shape = model_value_shape,
    .grad = step_size_grad,
    .plain = step_size_plain,
};
