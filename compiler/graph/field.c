/*
 * Receptive fields on the whole graph.
 *
 * Along each axis, element u of a tensor depends on the input rows
 * first + u·stride … last + u·stride.  A window of `size` at `stride` after
 * `pad` maps (j, first, last) to
 *
 *   stride' = j · stride;  first' = first − pad · j;  last' = last + (size − 1 − pad) · j
 *
 * and where paths meet the field is their union (Araujo, Norris and Sim,
 * "Computing receptive fields of convolutional neural networks", 2019).  Paths
 * with different strides or centres are misaligned: u means different places.
 */
#include "graph/graph.h"

#include <math.h>

static Field through_window(Field in, Window w)
{
    Field out = in;
    out.stride = in.stride * w.stride;
    out.first = in.first - w.pad * in.stride;
    out.last = in.last + (w.size - 1 - w.pad) * in.stride;
    out.whole = in.whole || w.whole;
    return out;
}

static Field join_fields(Field a, Field b)
{
    bool same_stride = fabs(a.stride - b.stride) < 1e-9;
    bool same_centre = fabs(a.first + a.last - b.first - b.last) < 1e-9;
    return (Field){
        .stride = fmax(a.stride, b.stride),
        .first = fmin(a.first, b.first),
        .last = fmax(a.last, b.last),
        .whole = a.whole || b.whole,
        .misaligned = a.misaligned || b.misaligned || !same_stride || !same_centre,
    };
}

static bool depends_on_no_input(const Node *n)
{
    for (int i = 0; i < n->data_count; i++)
        if (!n->in[i]->constant) return false;
    return n->data_count > 0 || n->op->traits & OP_SOURCE;
}

void field_compute(Node *n)
{
    const bool constant = depends_on_no_input(n);
    for (int i = 0; i < n->out_count; i++) n->out[i]->constant = constant;
    for (int axis = 0; axis < 2; axis++) {
        Window window = {.size = 1, .stride = 1};
        if (n->op->window) n->op->window(n, axis, &window);
        Field field = {.stride = 1, .whole = n->data_count == 0};
        for (int i = 0, joined = 0; i < n->data_count; i++) {
            if (n->in[i]->constant && n->data_count > 1) continue;
            Field of_branch = through_window(n->in[i]->field[axis], window);
            field = joined++ ? join_fields(field, of_branch) : of_branch;
        }
        for (int i = 0; i < n->out_count; i++) {
            n->out[i]->field[axis] = field;
            if (!field_exists(n->out[i]->shape)) n->out[i]->field[axis].whole = true;
        }
    }
}
