/* Sizes and receptive fields of transposed convolutions. */
#include "ops/shared/transposed.h"

/* Elements that the windows cover before any is taken away. */
static int64_t covered(const Slide *s, int64_t output_pad)
{
    return (s->small - 1) * s->stride + window_reach(s) + output_pad;
}

static bool resolve_pad(Graph *g, Node *n, int axis, Slide *s, PadKind kind, int64_t output_pad)
{
    if (kind == PAD_VALID) s->before = s->after = 0;
    if (kind == PAD_FULL) s->before = s->after = window_reach(s) - 1;
    if (kind != PAD_SAME) return true;
    int64_t total = covered(s, output_pad) - s->small * s->stride;
    s->before = total / 2;
    s->after = total - total / 2;
    if (total >= 0) return true;
    diag_error(g->compilation, n->span,
               "%s: pad=same asks for an output %s of %lld, but windows of %lld with stride %lld cover only %lld",
               n->op->name, window_axis_name(n, axis), (long long)(s->small * s->stride), (long long)window_reach(s),
               (long long)s->stride, (long long)covered(s, output_pad));
    return false;
}

static bool output_pad_fits(Graph *g, Node *n, int axis, const Slide *s, int64_t output_pad)
{
    if (output_pad < s->stride || output_pad < s->dilation) return true;
    diag_error(g->compilation, n->span,
               "%s: output_pad is %lld along the %s; it must be below the stride (%lld) or the dilation (%lld)",
               n->op->name, (long long)output_pad, window_axis_name(n, axis), (long long)s->stride,
               (long long)s->dilation);
    return false;
}

bool transposed_size(Graph *g, Node *n, int axis, Slide *s, PadKind kind, int64_t output_pad)
{
    if (!resolve_pad(g, n, axis, s, kind, output_pad) || !output_pad_fits(g, n, axis, s, output_pad)) return false;
    s->large = covered(s, output_pad) - s->before - s->after;
    if (s->large >= 1) return true;
    diag_error(g->compilation, n->span,
               "%s: the output %s would be (%lld-1)*%lld - %lld - %lld + %lld*(%lld-1) + %lld + 1 = %lld; it must be 1 "
               "or more",
               n->op->name, window_axis_name(n, axis), (long long)s->small, (long long)s->stride, (long long)s->before,
               (long long)s->after, (long long)s->dilation, (long long)s->k, (long long)output_pad,
               (long long)s->large);
    return false;
}

/* Output u comes from the inputs (u + pad − t·dilation) / stride, 0 ≤ t < k, where that is whole: at
 * most floor(span / stride) + 1 of them, taken about the middle of the interval. */
void transposed_field(const Slide *s, Window *window)
{
    int64_t span = window_reach(s) - 1;
    double stride = (double)s->stride;
    window->size = (double)(span / s->stride + 1);
    window->stride = 1 / stride;
    window->pad = ((double)span / 2 - (double)s->before) / stride + (window->size - 1) / 2;
    window->uneven = s->stride > 1;
    window->before = (double)(span - s->before) / stride;
    window->after = (double)s->before / stride;
}
