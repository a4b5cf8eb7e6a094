/*
 * conv_frames.h: direct convolution of NHWC images of which some are in bf16: products and sums of floats.
 *
 * A block of output pixels is computed at a time: some columns of a row, some rows, or some images.  What
 * it reads is copied into a frame, widened, with zeros around the image and without the channels of other
 * groups; conv_direct.h computes from there as of any image, up to NN_FRAME_OUTPUTS outputs; and these are
 * rounded where they are stored, after the epilogue.  Frame and sums stay in L2, so memory has two bytes of
 * a number.  The sums are those of conv_nhwc.h, bit by bit.
 */
#ifndef NN_CONV_FRAMES_H
#define NN_CONV_FRAMES_H

#include "runtime/kernels/conv/conv_nhwc.h"
#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/simd/elements.h"

typedef struct nn_frames {
    const nn_conv_args *a;
    nn_conv_grid g; /* without x and y */
    nn_frame_grid shape;
    nn_frame_block block; /* the largest */
    int top, left;        /* the least offsets of a tap */
    int step_u, step_v;   /* from a row, and column, of the frame to the next in the image */
    long y0;              /* the first pixel in y */
    float *frame, *sums;
} nn_frames;

/* A block: its first image, row and column, and how many of each. */
typedef struct nn_frame_part {
    long image, u, v;
    nn_frame_block size;
    int height, width; /* of an image in the frame */
} nn_frame_part;

/* ---- what is read ------------------------------------------------------------------------ */

NN_INLINE void nn_frame_zeros(float *to, long count)
{
    for (long i = 0; i < count; i += NN_W) nn_store_some(to + i, count - i, nn_zero());
}

NN_INLINE void nn_frame_run(const int half, const void *from, long count, float *to)
{
    for (long i = 0; i < count; i += NN_W) {
        const long left = count - i;
        nn_store_some(to + i, left, nn_load_some_as(half, nn_at(half, from, i), left));
    }
}

/* A row: `from` is its column 0 in the image, `first` the column of the image where the frame begins. */
NN_INLINE void nn_frame_row(const int half, const nn_frames *s, const void *from, long first, long width, float *to)
{
    const long run = s->g.run, step = s->step_v;
    long before = first < 0 ? (-first + step - 1) / step : 0,
         end = s->g.w > first ? (s->g.w - first - 1) / step + 1 : 0;
    if (before > width) before = width;
    if (end > width) end = width;
    if (end < before) end = before;
    nn_frame_zeros(to, before * run);
    nn_frame_zeros(to + end * run, (width - end) * run);
    if (step == 1 && s->g.xv == run) {
        nn_frame_run(half, nn_at(half, from, (first + before) * run), (end - before) * run, to + before * run);
        return;
    }
    for (long c = before; c < end; c++)
        nn_frame_run(half, nn_at(half, from, (first + c * step) * s->g.xv), run, to + c * run);
}

NN_INLINE void nn_frame_rows(const int half, const nn_frames *s, const nn_frame_part *p, const void *x)
{
    const nn_conv_grid *g = &s->g;
    float *to = s->frame;
    for (long i = 0; i < p->size.images; i++) {
        const void *image = nn_at(half, x, (p->image + i) * g->xn);
        for (long r = 0; r < p->height; r++, to += p->width * g->run) {
            const long row = p->u * g->su + s->top + r * s->step_u;
            if (row < 0 || row >= g->h)
                nn_frame_zeros(to, p->width * g->run);
            else
                nn_frame_row(half, s, nn_at(half, image, row * g->xu), p->v * g->sv + s->left, p->width, to);
        }
    }
}

/* Fills the frame from x, from the first channel of a group on. */
NN_KERNEL void nn_frame_fill(const nn_frames *s, const nn_frame_part *p, const void *x)
{
    if (s->a->x_half)
        nn_frame_rows(1, s, p, x);
    else
        nn_frame_rows(0, s, p, x);
}

/* ---- what is written ---------------------------------------------------------------------- */

/* Outputs o … o + count of the block. */
NN_INLINE void nn_frame_outputs(const int half, const nn_frames *s, const nn_frame_part *p, long o, long count)
{
    const nn_conv_grid *g = &s->g;
    const nn_epilogue *e = s->a->epilogue;
    const long row = nn_round_up(count, NN_PANEL), columns = p->size.columns, rows = p->size.rows;
    void *y = s->a->y;
    const float *from = s->sums;
    for (long k = 0; k < p->size.images * rows * columns; k++, from += row) {
        const long image = p->image + k / (rows * columns), u = p->u + k / columns % rows, v = p->v + k % columns;
        const long at = s->y0 + image * g->yn + u * g->yu + v * g->yv + o;
        for (long i = 0; i < count; i += NN_W) {
            nn_vec sum = nn_load(from + i);
            if (e) sum = nn_epilogue_apply(e->residual_half, e, o + i, count - i, at + i, sum);
            nn_store_some_as(half, nn_place(half, y, at + i), count - i, sum);
        }
    }
}

NN_KERNEL void nn_frame_store(const nn_frames *s, const nn_frame_part *p, long o, long count)
{
    if (s->a->half)
        nn_frame_outputs(1, s, p, o, count);
    else
        nn_frame_outputs(0, s, p, o, count);
}

/* ---- blocks ------------------------------------------------------------------------------- */

/* Group `group` of a block, panels from … to. */
NN_INLINE void nn_frame_compute(const nn_frames *s, const nn_frame_part *p, int group, int from, int to)
{
    enum { PANELS = NN_FRAME_OUTPUTS / NN_PANEL };
    const nn_conv_grid *all = &s->g;
    const float *panels = (const float *)all->panels + group * all->group;
    nn_conv_grid g = *all;
    g.n = (int)p->size.images, g.u = (int)p->size.rows, g.v = (int)p->size.columns;
    g.su /= s->step_u, g.sv /= s->step_v; /* to 1, where the frame has no other pixels */
    g.h = p->height, g.w = p->width;
    g.x = s->frame, g.y = s->sums;
    g.xv = g.run, g.xu = g.w * g.xv, g.xn = g.h * g.xu;
    for (int i = 0; i < g.taps; i++) g.row[i] -= s->top, g.column[i] -= s->left;
    if (g.taps) nn_frame_fill(s, p, nn_at(s->a->x_half, s->a->x, (long)group * g.run));
    for (int k = from; k < to; k += PANELS) {
        const int end = to - k < PANELS ? to : k + PANELS, left = all->outputs - k * NN_PANEL;
        const long o = (long)group * all->outputs + k * NN_PANEL;
        g.outputs = left < (end - k) * NN_PANEL ? left : (end - k) * NN_PANEL;
        g.yv = (end - k) * NN_PANEL, g.yu = g.v * g.yv, g.yn = g.u * g.yu;
        g.start = s->a->bias ? s->a->bias + o : 0;
        g.panels = panels + k * g.panel;
        g.after = end < to ? panels + end * g.panel : 0;
        nn_conv_grid_block(NN_PANELS_F32, &g, 0, g.n * g.u * g.v, 0, end - k);
        nn_frame_store(s, p, o, g.outputs);
    }
}

/* How many blocks along each axis. */
NN_INLINE nn_frame_block nn_frame_parts(const nn_conv_grid *g, const nn_frame_block *b)
{
    return (nn_frame_block){(g->n + b->images - 1) / b->images, (g->u + b->rows - 1) / b->rows,
                            (g->v + b->columns - 1) / b->columns};
}

NN_INLINE long nn_frame_count(const nn_conv_grid *g, const nn_frame_block *b)
{
    const nn_frame_block parts = nn_frame_parts(g, b);
    return parts.images * parts.rows * parts.columns;
}

/* Block k, in parts as even as possible. */
NN_INLINE nn_frame_part nn_frame_part_of(const nn_frames *s, long k)
{
    const nn_conv_grid *g = &s->g;
    const nn_frame_block parts = nn_frame_parts(g, &s->block);
    const long image = k / (parts.rows * parts.columns), row = k / parts.columns % parts.rows,
               column = k % parts.columns;
    nn_frame_part p = {
        .image = g->n * image / parts.images, .u = g->u * row / parts.rows, .v = g->v * column / parts.columns};
    p.size = (nn_frame_block){g->n * (image + 1) / parts.images - p.image, g->u * (row + 1) / parts.rows - p.u,
                              g->v * (column + 1) / parts.columns - p.v};
    const int one = s->shape.down == 1 && s->shape.across == 1; /* pixel of the image for each of the grid */
    p.height = (int)(one ? p.size.rows : (p.size.rows - 1) * g->su + s->shape.down);
    p.width = (int)(one ? p.size.columns : (p.size.columns - 1) * g->sv + s->shape.across);
    return p;
}

/* The largest block, or a smaller one of which all threads have as many. */
NN_INLINE void nn_frames_divide(nn_frames *s, int T)
{
    nn_frame_block b = nn_frame_block_of(&s->shape);
    if (b.images > s->g.n) b.images = s->g.n;
    for (long count; b.images * b.rows > 1; b.images > 1 ? b.images-- : b.rows--) {
        count = nn_frame_count(&s->g, &b);
        if (count % T == 0 || count >= 4 * T) break;
    }
    s->block = b;
}

/* Part t of T of the blocks, or of the panels if the weights are larger than the images; s has a, g, shape
 * and y0. */
NN_INLINE void nn_frames_run(nn_frames *s, int t, int T)
{
    const nn_conv_grid *g = &s->g;
    const int one = s->shape.down == 1 && s->shape.across == 1;
    int bottom, right, from, to, first = 0, share = 1;
    if (T > NN_FRAME_THREADS) T = NN_FRAME_THREADS;
    if (t >= T) return;
    nn_offset_bounds(g->row, g->taps, &s->top, &bottom);
    nn_offset_bounds(g->column, g->taps, &s->left, &right);
    s->step_u = one ? g->su : 1;
    s->step_v = one ? g->sv : 1;
    s->frame = s->a->work + nn_slot_of(t, T, NN_FRAME_THREADS) * nn_frame_slot(&s->shape, g->outputs);
    nn_frame_block most = nn_frame_block_of(&s->shape);
    s->sums = s->frame + nn_round_up(nn_frame_floats(&s->shape, &most), NN_LINE);
    if (!nn_conv_grid_by_panels(g, t, T, &from, &to)) {
        first = t;
        share = T;
    }
    nn_frames_divide(s, share);
    const long count = nn_frame_count(g, &s->block);
    for (long k = count * first / share; k < count * (first + 1) / share; k++) {
        const nn_frame_part p = nn_frame_part_of(s, k);
        for (int i = 0; i < g->groups; i++) nn_frame_compute(s, &p, i, from, to);
    }
}

/* y = epilogue(bias + weight ∗ x); x is the large image, y the small one. */
NN_KERNEL void nn_conv_forward_frames(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    nn_frames s = {.a = a};
    nn_conv_grid_of_small(d, &s.g);
    nn_conv_grid_weights(a, &s.g);
    s.shape = (nn_frame_grid){d->oh,  d->ow, d->sh, d->sw, nn_extent(1, 1, d->kh, d->dh), nn_extent(1, 1, d->kw, d->dw),
                              s.g.run};
    nn_frames_run(&s, t, T);
}

/* y = bias + the transposed convolution of x; x is the small image, y the large one.  There is no
 * epilogue. */
NN_KERNEL void nn_conv_backward_data_frames(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    const float *panels = (const float *)a->panels;
    nn_frames s = {.a = a};
    nn_conv_grid_of_large(d, &s.g);
    s.g.group = nn_conv_grid_group_back(d, &s.g);
    s.shape = (nn_frame_grid){(d->h + d->sh - 1) / d->sh,      (d->w + d->sw - 1) / d->sw,      1,      1,
                              (d->kh - 1) * d->dh / d->sh + 1, (d->kw - 1) * d->dw / d->sw + 1, s.g.run};
    for (int i = 0; i < d->sh * d->sw; i++) {
        s.y0 = nn_conv_grid_residue(d, i / d->sw, i % d->sw, &s.g);
        s.g.panel = (long)s.g.taps * s.g.run * NN_PANEL;
        s.g.panels = panels;
        panels += (s.g.outputs + NN_PANEL - 1) / NN_PANEL * s.g.panel;
        if (s.y0 >= 0) nn_frames_run(&s, t, T);
    }
}

#endif
