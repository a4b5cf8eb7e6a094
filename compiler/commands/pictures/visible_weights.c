/*
 * Weights → pixels.
 *
 * A kernel [O][C][h][w] of one or three channels is O pictures; one of more channels is O · C
 * pictures of one channel, a row of C for each output.
 */
#include "commands/pictures/visible_weights.h"

#include <math.h>
#include <string.h>

static bool is_picture(int64_t channels) { return channels == 1 || channels == 3; }

static bool see_weights(const Node *n, const Tensor *w, Shape input, VisibleWeights *v)
{
    const int64_t *d = w->shape.dim;
    const bool kernel = w->shape.rank == 4 && d[2] * d[3] > 1;
    const bool image = input.rank == 3 && is_picture(input.dim[0]);
    const bool templates = w->shape.rank == 2 && image && d[1] == shape_count(input);
    if (!kernel && !templates) return false;
    const int64_t *size = kernel ? d + 1 : input.dim;
    const int64_t channels = is_picture(size[0]) ? size[0] : 1;
    *v = (VisibleWeights){n->name,      w->name,  (int)(d[0] * (size[0] / channels)), (int)channels, (int)size[1],
                          (int)size[2], templates};
    return true;
}

static const Tensor *weight_of(const Node *n)
{
    for (int i = n->data_count; i < n->in_count; i++)
        if (n->in[i]->kind == TENSOR_PARAM && n->in[i]->regularized) return n->in[i];
    return NULL;
}

bool visible_weights(const Graph *net, const char *layer, VisibleWeights *v)
{
    for (int i = 0; i < net->nodes.count; i++) {
        const Node *n = net->nodes.at[i];
        const Tensor *w = weight_of(n);
        if (w && (!layer || !strcmp(n->name, layer))) return see_weights(n, w, net_input_shape(net), v);
    }
    return false;
}

void weights_as_grey(const float *w, size_t count, uint8_t *out)
{
    float most = 0;
    for (size_t i = 0; i < count; i++) most = fmaxf(most, fabsf(w[i]));
    for (size_t i = 0; i < count; i++) out[i] = (uint8_t)lround(127.5 + 127.5 * (double)(most > 0 ? w[i] / most : 0));
}

static Canvas *one_picture(Arena *arena, const VisibleWeights *v, const float *values)
{
    const size_t area = (size_t)v->height * (size_t)v->width;
    uint8_t *grey = arena_alloc(arena, (size_t)v->channels * area);
    Canvas *c = canvas_new(arena, v->width, v->height, (Color){0, 0, 0});
    weights_as_grey(values, (size_t)v->channels * area, grey);
    for (size_t i = 0; i < area; i++)
        c->pixels[i] = v->channels == 1 ? (Color){grey[i], grey[i], grey[i]}
                                        : (Color){grey[i], grey[area + i], grey[2 * area + i]};
    return c;
}

Canvas *weights_picture(Arena *arena, const VisibleWeights *v, const float *values, int side)
{
    enum { GAP = 4 };
    const size_t size = (size_t)v->channels * (size_t)v->height * (size_t)v->width;
    const int columns = (int)ceil(sqrt(v->count)), rows = (v->count + columns - 1) / columns;
    const Canvas *first = canvas_scaled(arena, one_picture(arena, v, values), side);
    const int width = first->width + GAP, height = first->height + GAP;
    Canvas *all = canvas_new(arena, columns * width + GAP, rows * height + GAP, (Color){255, 255, 255});
    for (int i = 0; i < v->count; i++) {
        const Canvas *picture = canvas_scaled(arena, one_picture(arena, v, values + (size_t)i * size), side);
        canvas_draw(all, GAP + i % columns * width, GAP + i / columns * height, picture);
    }
    return all;
}
