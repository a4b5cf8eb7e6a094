/*
 * The backward pass of each layer as an operation of its own, and the Jacobian that
 * nobody forms.
 *
 * A convolution that takes a map of L elements to one of S, with a window of k (dilation
 * included), stride s and padding p, has as its gradient with respect to the input a
 * convolution by the mirrored window of the output gradient with s − 1 zeros between its
 * elements and a padding of k − 1 − p: valid (p = 0) and full (p = k − 1) change places, same
 * stays same (V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning,
 * 2016).  A transposed convolution is the same pair the other way round.
 *
 * The Jacobian dy/dx of a sample has elements(y) rows and elements(x) columns.
 */
#include <math.h>

#include "report/analysis_stages.h"
#include "report/number_text.h"
#include "report/summary.h"

/* Along one axis: a convolution from `large` elements to `small`. */
typedef struct Sliding {
    int64_t size, stride, before, after; /* the padding on either side */
    int64_t large, small;
} Sliding;

typedef struct AxisPair {
    Sliding axis[2];
    bool transposed; /* the layer itself goes from small to large */
} AxisPair;

static const char *form_name(int64_t size, int64_t before, int64_t after, bool keeps)
{
    if (before <= 0 && after <= 0) return "valid";
    if (before == size - 1 && after == size - 1) return "full";
    return keeps ? "same" : "padded";
}

static const char *down_form(const Sliding *s)
{
    return form_name(s->size, s->before, s->after, s->small == (s->large + s->stride - 1) / s->stride);
}

static const char *up_form(const Sliding *s)
{
    int64_t spread = (s->small - 1) * s->stride + 1;
    return form_name(s->size, s->size - 1 - s->before, s->size - 1 - s->after, spread == s->large);
}

/* "valid", or "valid x same" where the axes differ. */
static const char *pair_form(Arena *arena, const AxisPair *p, const char *(*form)(const Sliding *))
{
    const char *h = form(&p->axis[0]), *w = form(&p->axis[1]);
    return h == w ? h : arena_printf(arena, "%s x %s", h, w);
}

static const char *size_text(Arena *arena, int64_t h, int64_t w)
{
    return arena_printf(arena, "%lldx%lld", (long long)h, (long long)w);
}

/* same 3x3/2, 32x32 -> 16x16 */
static const char *down_text(Arena *arena, const AxisPair *p)
{
    const Sliding *h = &p->axis[0], *w = &p->axis[1];
    bool strided = h->stride > 1 || w->stride > 1;
    return arena_printf(arena, "%s %s%s%s, %s -> %s", pair_form(arena, p, down_form),
                        size_text(arena, h->size, w->size), strided ? "/" : "",
                        strided ? number_pair(arena, (double)h->stride, (double)w->stride) : "",
                        size_text(arena, h->large, w->large), size_text(arena, h->small, w->small));
}

/* same 3x3, 16x16 with 1 zero between -> 32x32 */
static const char *up_text(Arena *arena, const AxisPair *p)
{
    const Sliding *h = &p->axis[0], *w = &p->axis[1];
    const char *zeros = "";
    if (h->stride > 1 || w->stride > 1)
        zeros =
            arena_printf(arena, " zeros between %s,", number_pair(arena, (double)h->stride - 1, (double)w->stride - 1));
    return arena_printf(arena, "%s %s,%s %s -> %s", pair_form(arena, p, up_form), size_text(arena, h->size, w->size),
                        zeros, size_text(arena, h->small, w->small), size_text(arena, h->large, w->large));
}

/* ---- of a layer --------------------------------------------------------------------- */

/* Of a transposed convolution with stride s, window k and padding p: before = (k − 1 − p) / s,
 * after = p / s. */
static Sliding axis_sliding(const Node *n, int axis)
{
    Window w = {.size = 1, .stride = 1};
    n->op->window(n, axis, &w);
    int64_t in = field_extent(n->in[0]->shape, axis), out = field_extent(n->out[0]->shape, axis);
    bool up = w.stride < 1 || w.uneven;
    int64_t stride = llround(up ? 1 / w.stride : w.stride);
    Sliding s = {.stride = stride, .large = up ? out : in, .small = up ? in : out};
    s.size = up ? llround((w.before + w.after) * (double)stride) + 1 : llround(w.size);
    s.before = up ? llround(w.after * (double)stride) : llround(w.pad);
    s.after = (s.small - 1) * stride + s.size - s.before - s.large;
    return s;
}

static bool is_convolution(const Node *n)
{
    return n->op->traits & OP_WEIGHTED && n->op->window && n->in[0]->shape.rank == 3 && n->out[0]->shape.rank == 3;
}

static AxisPair layer_sliding(const Node *n)
{
    Window w = {.size = 1, .stride = 1};
    n->op->window(n, 0, &w);
    return (AxisPair){{axis_sliding(n, 0), axis_sliding(n, 1)}, w.uneven || w.stride < 1};
}

static void describe(const Node *n, Arena *arena, const char **forward, const char **backward)
{
    *forward = *backward = "";
    if (is_convolution(n)) {
        AxisPair p = layer_sliding(n);
        const char *down = down_text(arena, &p), *up = up_text(arena, &p);
        *forward = p.transposed ? up : down;
        *backward = p.transposed ? down : up;
    } else if (n->op->traits & OP_WEIGHTED) {
        *forward = "W x";
        *backward = "W' dy";
    } else if (n->op->slope) {
        *forward = "f(x)";
        *backward = "f'(x) dy";
    }
}

ReportTable *backward_table(const Analysis *a, Arena *arena)
{
    static const char *const heads[] = {"layer", "forward", "backward, dy -> dx", "Jacobian", "bytes"};
    ReportTable *t =
        report_table_new(arena, "backward pass, and the size of each layer's Jacobian dy/dx of one sample");
    for (int i = 0; i < 5; i++) report_table_column(t, heads[i], i < 3);
    for (int i = 0; i < a->layer_count; i++) {
        const LayerReport *l = &a->layers[i];
        if (l->part != LAYER_MAIN) continue;
        const char **row = report_table_row(t);
        row[0] = l->name;
        describe(l->node, arena, &row[1], &row[2]);
        row[3] = arena_printf(arena, "%lldx%lld", (long long)l->jacobian[0], (long long)l->jacobian[1]);
        row[4] = number_units(arena, REAL_SIZE * l->jacobian[0] * l->jacobian[1]);
    }
    return t;
}
