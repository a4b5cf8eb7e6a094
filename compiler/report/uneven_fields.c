/*
 * Exact receptive fields where elements of one map see different amounts of the
 * input.
 *
 * Behind a deconvolution, an upsampling or pooling into unequal parts, the field
 * of an element depends on its position, and the affine form of the graph is
 * only its trend.  Here the interval that one element needs is followed back,
 * layer by layer, to the input; that is done for as many neighbouring elements
 * as a pattern of strides takes to repeat.  In: layers in order.  Out:
 * the largest and the smallest field of a layer behind such an operator.
 */
#include <math.h>

#include "report/analysis_stages.h"

enum { ELEMENTS = 64 }; /* in a row from the middle of the map */

static const double slack = 1e-9; /* of bounds that are whole but for rounding */

typedef struct Need { /* of a tensor along one axis */
    double low, high;
    bool any;
} Need;

typedef struct FieldTrace {
    const Analysis *a;
    Window *window; /* by layer, of the axis at hand */
    bool *uneven;   /* by layer: one before it or itself is uneven */
    Need *need;     /* by tensor id */
} FieldTrace;

static Need through(const Window *w, Need n)
{
    if (!w->uneven) return (Need){n.low * w->stride - w->pad, n.high * w->stride - w->pad + w->size - 1, true};
    return (Need){ceil(n.low * w->stride - w->before - slack), floor(n.high * w->stride + w->after + slack), true};
}

static void widen_field(Need *to, Need n)
{
    if (n.high < n.low) return; /* it reads nothing there: a gap of a deconvolution */
    *to = to->any ? (Need){fmin(to->low, n.low), fmax(to->high, n.high), true} : n;
}

/* How much of the input element u of the layer needs. */
static double size_at(FieldTrace *r, int layer, int64_t u)
{
    const Graph *net = r->a->net;
    for (int i = 0; i < net->tensors.count; i++) r->need[i].any = false;
    r->need[r->a->layers[layer].node->out[0]->id] = (Need){(double)u, (double)u, true};
    for (int i = layer; i >= 0; i--) {
        const Node *n = r->a->layers[i].node;
        Need out = r->need[n->out[0]->id];
        for (int k = 0; out.any && k < n->data_count; k++)
            widen_field(&r->need[n->in[k]->id], through(&r->window[i], out));
    }
    Need all = {0};
    for (int i = 0; i < net->inputs.count; i++) {
        Need n = r->need[((const Tensor *)net->inputs.at[i])->id];
        if (n.any) widen_field(&all, n);
    }
    return all.any ? all.high - all.low + 1 : 0;
}

/* The largest field about the trend's centre. */
static void set_field(LayerReport *l, int axis, double smallest, double largest)
{
    Field *f = &l->field[axis];
    double centre = (f->first + f->last) / 2;
    l->smallest[axis] = smallest;
    f->first = centre - (largest - 1) / 2;
    f->last = centre + (largest - 1) / 2;
}

static void measure_layer(FieldTrace *r, LayerReport *l, int axis)
{
    int64_t size = field_extent(l->shape, axis), from = size > ELEMENTS ? (size - ELEMENTS) / 2 : 0;
    double smallest = INFINITY, largest = 0;
    for (int64_t u = from; u < size && u < from + ELEMENTS; u++) {
        double here = size_at(r, l->node->id, u);
        smallest = fmin(smallest, here);
        largest = fmax(largest, here);
    }
    set_field(l, axis, smallest, largest);
}

static void find_windows(FieldTrace *r, int axis)
{
    for (int i = 0; i < r->a->layer_count; i++) {
        const Node *n = r->a->layers[i].node;
        r->window[i] = (Window){.size = 1, .stride = 1};
        if (n->op->window) n->op->window(n, axis, &r->window[i]);
        r->uneven[i] = r->window[i].uneven;
        for (int k = 0; k < n->data_count; k++) {
            if (n->in[k]->producer && r->uneven[n->in[k]->producer->id]) r->uneven[i] = true;
        }
    }
}

void analyse_uneven_fields(Analysis *a)
{
    Arena *arena = a->net->compilation->arena;
    FieldTrace r = {
        .a = a,
        .window = arena_alloc(arena, (size_t)a->layer_count * sizeof(Window)),
        .uneven = arena_alloc(arena, (size_t)a->layer_count * sizeof(bool)),
        .need = arena_alloc(arena, (size_t)a->net->tensors.count * sizeof(Need)),
    };
    for (int axis = 0; axis < 2; axis++) {
        find_windows(&r, axis);
        for (int i = 0; i < a->layer_count; i++) {
            LayerReport *l = &a->layers[i];
            l->smallest[axis] = field_size(l->field[axis]);
            if (r.uneven[i] && field_axis(l->shape, axis) >= 0 && !l->field[axis].whole) measure_layer(&r, l, axis);
        }
    }
}
