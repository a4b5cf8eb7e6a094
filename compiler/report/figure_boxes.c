/*
 * The boxes of a figure and their sizes.
 *
 * In: the layers that lead to the output.  Out: a box for each layer that makes a new volume.
 * Element-wise layers and normalisations are slabs of the box that they read; views, dropout,
 * crops and slices are not drawn, nor is what depends on parameters alone.
 */
#include <math.h>
#include <string.h>

#include "report/figure.h"
#include "report/number_text.h"

enum { FACE = 150, FACE_RATE = 20, DEPTH = 64, DEPTH_RATE = 6, BAR = 160, BAR_RATE = 12 };
enum { BAR_DEPTH = 9, SLAB_DEPTH = 4, SIDE_MIN = 3 };
static const double recession = 0.35; /* of a pixel of width along each axis */

const FigureColour figure_colours[FIGURE_KINDS] = {
    [FIGURE_INPUT] = {"input", "9AA5B1", "7B8794"},
    [FIGURE_CONV] = {"convolution", "F2B84B", "C98F22"},
    [FIGURE_POOL] = {"pooling, resampling", "D9584A", "C04A3D"},
    [FIGURE_DENSE] = {"dense", "5B8FD6", "4678BD"},
    [FIGURE_COMBINE] = {"add, concat, product", "4FAE7B", "3C9365"},
    [FIGURE_NORM] = {"normalisation", "8E7CC3", "7F6CB8"},
    [FIGURE_ACTIVATION] = {"activation", "E07B39", "CC6A2A"},
    [FIGURE_OTHER] = {"other", "C3B9A8", "8F8674"},
};

typedef struct FigureBuilder {
    Figure *figure;
    Arena *arena;
    Map *box; /* by tensor: the box that it is drawn in */
    double face, depth, bar;
} FigureBuilder;

/* ---- kinds ---------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0) return true;
    return false;
}

static FigureKind figure_kind(const Op *op)
{
    static const char *const norms[] = {"batchnorm", "layernorm", "groupnorm", "instancenorm",
                                        "lrn",       "normalize", NULL};
    static const char *const maps[] = {"softmax", "log_softmax", "maxout", "prelu", "rrelu", NULL};
    if (op->class == OP_COMBINE) return FIGURE_COMBINE;
    if (op->traits & OP_WEIGHTED) return op->window && strcmp(op->name, "dense") != 0 ? FIGURE_CONV : FIGURE_DENSE;
    if (is_one_of(op->name, norms)) return FIGURE_NORM;
    if (op->slope || is_one_of(op->name, maps)) return FIGURE_ACTIVATION;
    return op->window ? FIGURE_POOL : FIGURE_OTHER;
}

static bool is_merged(const Node *n)
{
    const FigureKind kind = figure_kind(n->op);
    static const char *const parts[] = {"crop", "slice", NULL};
    if (n->data_count != 1 || kind == FIGURE_CONV || kind == FIGURE_DENSE) return false;
    if (is_one_of(n->op->name, parts)) return true;
    return kind != FIGURE_POOL && shape_equal(node_shape_in(n), node_shape_out(n));
}

/* ---- sizes ---------------------------------------------------------------------- */

static int64_t shape_extent(Shape s, int axis) { return axis < s.rank ? s.dim[axis] : 1; }

static bool is_vector(Shape s) { return shape_extent(s, 1) * shape_extent(s, 2) == 1; }

static double sized(double rate, int64_t n) { return fmax(SIDE_MIN, rate * sqrt((double)n)); }

static double rate_of(double most, double rate, int64_t largest)
{
    return fmin(rate, most / sqrt((double)(largest > 0 ? largest : 1)));
}

static int64_t larger_extent(int64_t a, int64_t b) { return a > b ? a : b; }

static Shape figure_shape(const Analysis *a, int i)
{
    const int inputs = a->net->inputs.count;
    return i < inputs ? ((const Tensor *)a->net->inputs.at[i])->shape : a->layers[i - inputs].shape;
}

/* The scales: the largest map, the deepest and the longest vector fill what there is. */
static void set_scales(FigureBuilder *b, const Analysis *a)
{
    int64_t face = 1, depth = 1, bar = 1;
    for (int i = 0; i < a->net->inputs.count + a->layer_count; i++) {
        const Shape s = figure_shape(a, i);
        if (is_vector(s)) {
            bar = larger_extent(bar, shape_extent(s, 0));
            continue;
        }
        face = larger_extent(face, larger_extent(shape_extent(s, 1), shape_extent(s, 2)));
        depth = larger_extent(depth, shape_extent(s, 0));
    }
    b->face = rate_of(FACE, FACE_RATE, face);
    b->depth = rate_of(DEPTH, DEPTH_RATE, depth);
    b->bar = rate_of(BAR, BAR_RATE, bar);
}

static double size_box(const FigureBuilder *b, FigureBox *box, Shape s)
{
    if (is_vector(s)) {
        box->height = sized(b->bar, shape_extent(s, 0));
        box->oblique = recession * BAR_DEPTH;
        return BAR_DEPTH;
    }
    box->height = sized(b->face, shape_extent(s, 1));
    box->oblique = recession * sized(b->face, shape_extent(s, 2));
    return sized(b->depth, shape_extent(s, 0));
}

/* ---- boxes ---------------------------------------------------------------------- */

static const char *tensor_key(const FigureBuilder *b, const Tensor *t)
{
    return arena_printf(b->arena, "%p", (const void *)t);
}

static void add_slab(FigureBuilder *b, FigureBox *box, FigureKind kind, double depth)
{
    FigureSlab *slab = arena_alloc(b->arena, sizeof *slab);
    *slab = (FigureSlab){kind, depth};
    list_push(b->arena, &box->slabs, slab);
    box->depth += depth;
    b->figure->used[kind] = true;
}

static FigureBox *new_box(FigureBuilder *b, const char *kind, Shape s)
{
    FigureBox *box = arena_alloc(b->arena, sizeof *box);
    box->id = b->figure->boxes.count;
    box->kind = kind;
    box->shape = shape_text(b->arena, s);
    list_push(b->arena, &b->figure->boxes, box);
    return box;
}

static const char *layer_about(FigureBuilder *b, const LayerReport *l)
{
    return *l->arguments ? arena_printf(b->arena, "%s: %s(%s)", l->name, l->kind, l->arguments)
                         : arena_printf(b->arena, "%s: %s", l->name, l->kind);
}

static void read_from(FigureBuilder *b, FigureBox *box, const Tensor *t)
{
    FigureBox *from = map_get(b->box, tensor_key(b, t));
    for (int i = 0; i < box->from.count; i++)
        if (box->from.at[i] == from) return;
    if (from) list_push(b->arena, &box->from, from);
}

/* An element-wise combination has the volume of what it reads: it is a plate, not a volume. */
static bool is_plate(const Node *n) { return n->op->class == OP_COMBINE && !(n->op->traits & OP_CONCAT); }

static FigureBox *layer_box(FigureBuilder *b, const LayerReport *l)
{
    FigureBox *box = new_box(b, l->kind, l->shape);
    const double depth = size_box(b, box, l->shape);
    box->layer = l;
    box->about = layer_about(b, l);
    add_slab(b, box, figure_kind(l->node->op), is_plate(l->node) ? 2 * SLAB_DEPTH : depth);
    for (int i = 0; i < l->node->data_count; i++) read_from(b, box, l->node->in[i]);
    return box;
}

/* Views are not drawn, even where they change the shape: the next layer shows it. */
static FigureBox *merged_box(FigureBuilder *b, const LayerReport *l)
{
    const Node *n = l->node;
    if (n->data_count != 1 || (!(n->op->traits & OP_VIEW) && !is_merged(n))) return NULL;
    FigureBox *box = map_get(b->box, tensor_key(b, n->in[0]));
    const FigureKind kind = figure_kind(n->op);
    if (!box || n->op->traits & OP_VIEW || (kind != FIGURE_NORM && kind != FIGURE_ACTIVATION)) return box;
    add_slab(b, box, kind, SLAB_DEPTH);
    box->about = arena_printf(b->arena, "%s; %s", box->about, layer_about(b, l));
    return box;
}

static void add_input_boxes(FigureBuilder *b, const Analysis *a)
{
    for (int i = 0; i < a->net->inputs.count; i++) {
        const Tensor *t = a->net->inputs.at[i];
        FigureBox *box = new_box(b, "input", t->shape);
        box->about = arena_printf(b->arena, "input %s", t->name);
        add_slab(b, box, FIGURE_INPUT, size_box(b, box, t->shape));
        map_put(b->box, tensor_key(b, t), box);
    }
}

void figure_boxes(Figure *f, const Analysis *a, Arena *arena)
{
    FigureBuilder b = {.figure = f, .arena = arena, .box = map_new(arena)};
    set_scales(&b, a);
    add_input_boxes(&b, a);
    for (int i = 0; i < a->layer_count; i++) {
        const LayerReport *l = &a->layers[i];
        if (l->part != LAYER_MAIN || l->node->out[0]->constant) continue;
        FigureBox *box = merged_box(&b, l);
        if (!box) box = layer_box(&b, l);
        for (int k = 0; k < l->node->out_count; k++) map_put(b.box, tensor_key(&b, l->node->out[k]), box);
    }
}

double figure_label_width(const FigureBox *b)
{
    return 0.6 * FIGURE_FONT * fmax(text_columns(b->kind), text_columns(b->shape));
}
