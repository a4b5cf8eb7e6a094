/*
 * permute_steps: a permutation of more axes than a shape can have.
 *
 * Runs of axes move one after the other to where they are to be.  Each move concerns four axes:
 * those before, those that are passed, those that move, those behind.
 */
#include <string.h>

#include "interop/importer.h"

typedef struct AxisOrder {
    const int64_t *dims; /* by axis */
    int rank, order[ONNX_MAX_RANK];
} AxisOrder;

static int64_t size_between(const AxisOrder *o, int begin, int end)
{
    int64_t size = 1;
    for (int i = begin; i < end; i++) size *= o->dims[o->order[i]];
    return size;
}

/* The node with places [from, from + length) before [to, from); parts of one element are no axes. */
static ImportNode *move_node(Conversion *c, ImportNode *n, const AxisOrder *o, int to, int from, int length)
{
    static const int part_at[] = {0, 2, 1, 3}; /* the order of the parts afterwards */
    const int bounds[] = {0, to, from, from + length, o->rank};
    int axis_of[4], axes[4], count = 0;
    Shape s = {0};
    for (int i = 0; i < 4; i++) {
        const int64_t size = size_between(o, bounds[i], bounds[i + 1]);
        axis_of[i] = size > 1 ? s.rank : -1;
        if (size > 1) s.dim[s.rank++] = size;
    }
    for (int i = 0; i < 4; i++)
        if (axis_of[part_at[i]] >= 0) axes[count++] = axis_of[part_at[i]];
    return s.rank ? permuted(c, reshaped(c, n, s), axes) : n;
}

static void move_axes(AxisOrder *o, int to, int from, int length)
{
    int run[ONNX_MAX_RANK];
    memcpy(run, o->order + from, (size_t)length * sizeof *run);
    memmove(o->order + to + length, o->order + to, (size_t)(from - to) * sizeof *run);
    memcpy(o->order + to, run, (size_t)length * sizeof *run);
}

ImportNode *permuted_in_steps(Conversion *c, ImportNode *n, int rank, const int64_t *dims, const int *axes)
{
    AxisOrder o = {.dims = dims, .rank = rank};
    for (int i = 0; i < rank; i++) o.order[i] = i;
    for (int to = 0, length; to < rank; to += length) {
        int from = to;
        while (o.order[from] != axes[to]) from++;
        for (length = 1; from + length < rank && o.order[from + length] == axes[to + length];) length++;
        if (from == to) continue;
        n = move_node(c, n, &o, to, from, length);
        move_axes(&o, to, from, length);
    }
    return n;
}
