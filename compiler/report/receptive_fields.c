/*
 * Coverage of the input by receptive fields, and misaligned paths.
 *
 * In: layers with the fields of the graph: element u of a map sees the
 * input rows first + u·stride … last + u·stride.  Out: the share of the
 * input that the middle element sees, and every place where paths with other
 * strides or centres meet: there element u means different places of the input.
 */
#include <math.h>

#include "report/analysis_stages.h"

static const double tolerance = 1e-9; /* fields are small multiples of 1/stride: exact but for rounding */

/* ---- why there is none ----------------------------------------------------- */

static const char *why_no_fields(const Graph *net)
{
    const Tensor *first = net->inputs.at[0];
    for (int i = 0; i < net->inputs.count; i++) {
        const Tensor *t = net->inputs.at[i];
        if (t->shape.rank == 1) return "an input is a vector: it has no height and width";
        if (!field_exists(t->shape)) return "an input is no image and no sequence: it has no height and width";
        for (int axis = 0; axis < 2; axis++)
            if (field_extent(t->shape, axis) != field_extent(first->shape, axis))
                return "the inputs have different heights and widths";
    }
    return NULL;
}

/* ---- the share of the input -------------------------------------------------- */

/* Of `size` rows, how much does the middle one of `elements` see? */
static double axis_share(Field f, int64_t elements, int64_t size)
{
    if (f.whole) return 1;
    double u = (double)((elements - 1) / 2);
    double from = fmax(f.first + u * f.stride, 0), to = fmin(f.last + u * f.stride, (double)size - 1);
    double seen = fmax(to - from + 1, 0) / (double)size;
    return fmin(seen, 1);
}

static Known field_share(const LayerReport *l, Shape input)
{
    if (l->field_why) return unknown(l->field_why);
    if (!field_exists(l->shape)) return known(1);
    double share = 1;
    for (int axis = 0; axis < 2; axis++)
        share *= axis_share(l->field[axis], field_extent(l->shape, axis), field_extent(input, axis));
    return known(share);
}

/* ---- where paths disagree ------------------------------------------------------ */

/* Whether the field of input i says where its elements are: not of a map that has
 * seen everything, nor of one that is stretched over the others. */
static bool has_place(const Node *n, int i, int axis)
{
    const Tensor *t = n->in[i];
    return field_axis(t->shape, axis) >= 0 && !t->field[axis].whole &&
           field_extent(t->shape, axis) == field_extent(n->out[0]->shape, axis);
}

static bool disagree(Field a, Field b)
{
    return fabs(a.stride - b.stride) > tolerance || fabs(a.first + a.last - b.first - b.last) > 2 * tolerance;
}

static void compare_inputs(Analysis *a, LayerReport *l, int axis)
{
    const Node *n = l->node;
    Arena *arena = a->net->compilation->arena;
    int first = 0;
    while (first < n->data_count && !has_place(n, first, axis)) first++;
    for (int i = first + 1; i < n->data_count; i++) {
        if (!has_place(n, i, axis) || !disagree(n->in[first]->field[axis], n->in[i]->field[axis])) continue;
        Misalignment *m = arena_alloc(arena, sizeof *m);
        *m = (Misalignment){l, axis, first, i, n->in[first]->field[axis], n->in[i]->field[axis]};
        list_push(arena, &a->misalignments, m);
        l->misaligned = true;
        return;
    }
}

void analyse_fields(Analysis *a)
{
    const char *why = why_no_fields(a->net);
    Shape input = ((const Tensor *)a->net->inputs.at[0])->shape;
    for (int i = 0; i < a->layer_count; i++) {
        LayerReport *l = &a->layers[i];
        l->field_why = why;
        l->covered = field_share(l, input);
        for (int axis = 0; axis < 2 && !why; axis++) compare_inputs(a, l, axis);
    }
}
