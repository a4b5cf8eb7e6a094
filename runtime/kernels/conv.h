/*
 * conv.h: convolution and its gradients, [N][C][H][W], as products of matrices
 * whose panels are packed straight from the images.
 *
 * All three are the same walk: a grid of u × v points over an image, and at
 * each point `taps` that read the image at (u·su + row, v·sv + column).
 *
 *   forward   y[o][u, v]  = b[o] + Σ_{c, tap} W[o][c][tap] · x[c][…]
 *   dx        dx[c][…]    = Σ_{o, tap} W[o][c][tap] · dy[o][…], one walk for each
 *             residue of (h, w) modulo the stride, with the taps that reach it;
 *             so that no zero is ever inserted
 *   dweight   dW[o][c][tap] = Σ_{u, v} dy[o][u, v] · x[c][…]
 *
 * Padding is a test when a panel is packed; the inner loop knows nothing of it.
 */
#ifndef NN_CONV_H
#define NN_CONV_H

/* One sample is x[c][h][w] → y[o][oh][ow]; weight is [o][c / groups][kh][kw]. */
typedef struct nn_conv {
    int n, c, h, w, o, oh, ow, groups;
    int kh, kw, sh, sw, dh, dw, top, left;
} nn_conv;

enum { NN_MAX_TAPS = 256 }; /* kh · kw */

/* What follows at once, NULL or 0 where it does not:
 * y = relu(scale[o] · value + shift[o] + summand[n][o][…]). */
typedef struct nn_tail {
    const float *scale, *shift, *summand;
    int relu;
} nn_tail;

#ifdef NN_LINKED

void nn_conv_forward(const nn_conv *, const float *x, const float *weight, const float *bias, float *y, int t, int T);
void nn_conv_fused(const nn_conv *, const float *x, const float *weight, const float *bias, const nn_tail *, float *y,
                   int t, int T);
void nn_conv_dx(const nn_conv *, const float *dy, const float *weight, float *dx, int t, int T);
void nn_conv_dweight(const nn_conv *, const float *x, const float *dy, float *dweight, int t, int T);
void nn_conv_dbias(const nn_conv *, const float *dy, float *dbias, int t, int T);

#else

#include "gemm.h"
#include "lanes.h"
#include "transpose.h"

typedef struct nn_walk {
    int n;              /* images */
    int channels, h, w; /* of the image read: channels of this group */
    long image, plane;  /* distances from image to image and from channel to channel */
    const float *x;
    int u, v, su, sv; /* the grid and its step */
    int taps;
    int row[NN_MAX_TAPS], column[NN_MAX_TAPS];
    const float *weight; /* of (m, channel, tap): weight[m·wm + channel·wc + wt[tap]] */
    long wm, wc;
    int wt[NN_MAX_TAPS];
    float *y; /* of (image, m, u, v): y[image·yn + m·ym + u·yu + v·yv] */
    long yn, ym, yu, yv;
    const float *y0;     /* of all groups, for the tail's summand */
    const nn_tail *tail; /* or NULL */
    int m0;              /* first row's channel, for the tail */
} nn_walk;

/* ---- packing ---------------------------------------------------------------- */

NN_KERNEL void nn_walk_pack_a(const void *self, int m0, int rows, int k0, int depth, float *to)
{
    const nn_walk *s = (const nn_walk *)self;
    int channel = k0 / s->taps, tap = k0 % s->taps;
    for (int k = 0; k < depth; k++) {
        const float *from = s->weight + m0 * s->wm + channel * s->wc + s->wt[tap];
        for (int m = 0; m < rows; m++) to[k * rows + m] = from[m * s->wm];
        if (++tap == s->taps) tap = 0, channel++;
    }
}

/* A run of grid points side by side in one row of one image. */
typedef struct nn_run {
    int at, length; /* in the panel */
    int image, u, v;
} nn_run;

NN_INLINE int nn_walk_runs(const nn_walk *s, long n0, int columns, nn_run *run)
{
    int image = (int)(n0 / ((long)s->u * s->v)), rest = (int)(n0 % ((long)s->u * s->v));
    int u = rest / s->v, v = rest % s->v, count = 0;
    for (int at = 0; at < columns; count++) {
        int length = s->v - v < columns - at ? s->v - v : columns - at;
        run[count] = (nn_run){at, length, image, u, v};
        at += length;
        v = 0;
        if (++u == s->u) u = 0, image++;
    }
    return count;
}

/* What one tap copies into a row of the panel: `length` values from `from`, counted
 * from the first element of the channel, at a distance of `step`. */
typedef struct nn_piece {
    int at, length;
    long from;
} nn_piece;

/* ⌈distance / step⌉; a division takes as long as copying a row does. */
NN_INLINE int nn_steps(int distance, int step) { return step == 1 ? distance : (distance + step - 1) / step; }

/* The pieces of a tap, and whether they leave anything of the panel's row out. */
NN_INLINE int nn_walk_pieces(const nn_walk *s, const nn_run *run, int runs, int tap, nn_piece *piece, int *covered)
{
    int count = 0;
    *covered = 0;
    for (int r = 0; r < runs; r++) {
        int h = run[r].u * s->su + s->row[tap], first = run[r].v * s->sv + s->column[tap];
        if (h < 0 || h >= s->h) continue;
        int skip = first < 0 ? nn_steps(-first, s->sv) : 0;
        int most = first < s->w ? nn_steps(s->w - first, s->sv) : 0;
        int end = most < run[r].length ? most : run[r].length;
        if (end <= skip) continue;
        piece[count].at = run[r].at + skip;
        piece[count].length = end - skip;
        piece[count++].from = run[r].image * s->image + (long)h * s->w + first + (long)skip * s->sv;
        *covered += end - skip;
    }
    return count;
}

/* Copies n values by overlapping vectors, never outside of them. */
NN_INLINE void nn_copy(float *to, const float *from, int n)
{
    if (n >= NN_W) {
        for (int i = 0; i + NN_W <= n; i += NN_W) nn_store(to + i, nn_load(from + i));
        nn_store(to + n - NN_W, nn_load(from + n - NN_W));
    } else if (n >= 8) {
        __builtin_memcpy(to, from, 32);
        __builtin_memcpy(to + n - 8, from + n - 8, 32);
    } else if (n >= 4) {
        __builtin_memcpy(to, from, 16);
        __builtin_memcpy(to + n - 4, from + n - 4, 16);
    } else {
        for (int i = 0; i < n; i++) to[i] = from[i];
    }
}

NN_INLINE void nn_copy_pieces(float *to, const float *channel, const nn_piece *piece, int pieces, int step)
{
    for (int i = 0; i < pieces; i++) {
        const float *from = channel + piece[i].from;
        float *at = to + piece[i].at;
        if (step == 1) {
            nn_copy(at, from, piece[i].length);
        } else {
            for (int k = 0; k < piece[i].length; k++) at[k] = from[(long)k * step];
        }
    }
}

/* Depths k0 … k0 + depth, tap by tap: what a tap reads is found once and holds
 * for every channel. */
NN_KERNEL void nn_walk_pack_b(const void *self, long n0, int columns, int k0, int depth, float *to)
{
    const nn_walk *s = (const nn_walk *)self;
    nn_run run[NN_NR];
    nn_piece piece[NN_NR];
    int runs = nn_walk_runs(s, n0, columns, run);
    int taps = depth < s->taps ? depth : s->taps, tap = k0 % s->taps, channel = k0 / s->taps;
    for (int i = 0; i < taps; i++) {
        int covered, pieces = nn_walk_pieces(s, run, runs, tap, piece, &covered);
        const float *plane = s->x + channel * s->plane;
        for (int k = i; k < depth; k += s->taps, plane += s->plane) {
            float *row = to + (long)k * NN_NR;
            if (covered < NN_NR)
                for (int v = 0; v < NN_NV; v++) nn_store(row + v * NN_W, nn_zero());
            nn_copy_pieces(row, plane, piece, pieces, s->sv);
        }
        if (++tap == s->taps) tap = 0, channel++;
    }
}

/* ---- the result's places ------------------------------------------------------ */

NN_KERNEL float *nn_walk_place(const void *self, int m0, long n0, int columns, long *ldc)
{
    const nn_walk *s = (const nn_walk *)self;
    long points = (long)s->u * s->v, image = n0 / points, at = n0 % points;
    int dense = s->yv == 1 && s->yu == s->v;
    if (!dense || at + columns > points) return 0;
    *ldc = s->ym;
    return s->y + image * s->yn + m0 * s->ym + at;
}

NN_INLINE void nn_walk_move(const nn_walk *s, int m0, int rows, long n0, int columns, float *tile, int out)
{
    nn_run run[NN_NR];
    int runs = nn_walk_runs(s, n0, columns, run);
    for (int m = 0; m < rows; m++) {
        for (int r = 0; r < runs; r++) {
            float *y = s->y + run[r].image * s->yn + (m0 + m) * s->ym + run[r].u * s->yu + run[r].v * s->yv;
            float *in = tile + m * NN_NR + run[r].at;
            for (int i = 0; i < run[r].length; i++) {
                if (out)
                    y[i * s->yv] = in[i];
                else
                    in[i] = y[i * s->yv];
            }
        }
    }
}

NN_KERNEL void nn_walk_fetch(const void *self, int m0, int rows, long n0, int columns, float *tile)
{
    for (int i = 0; i < rows * NN_NR; i++) tile[i] = 0;
    nn_walk_move((const nn_walk *)self, m0, rows, n0, columns, tile, 0);
}

NN_KERNEL void nn_walk_spread(const void *self, int m0, int rows, long n0, int columns, const float *tile)
{
    nn_walk_move((const nn_walk *)self, m0, rows, n0, columns, (float *)(unsigned long)tile, 1);
}

/* One row of finished values; summand lies as they do, or is NULL. */
NN_INLINE void nn_tail_row(const nn_tail *tail, int channel, const float *summand, float *c, int columns)
{
    nn_vec scale = nn_spread(tail->scale ? tail->scale[channel] : 1),
           shift = nn_spread(tail->scale ? tail->shift[channel] : 0);
    for (int i = 0; i + NN_W <= columns; i += NN_W) {
        nn_vec v = nn_load(c + i) * scale + shift;
        if (summand) v += nn_load(summand + i);
        if (tail->relu) v = nn_select(v < 0, nn_zero(), v);
        nn_store(c + i, v);
    }
}

/* The tail of rows that lie in y, or in a tile that is yet to be spread. */
NN_KERNEL void nn_walk_finish(const void *self, int m0, int rows, long n0, int columns, float *c, long ldc,
                              int in_place)
{
    const nn_walk *s = (const nn_walk *)self;
    const nn_tail *tail = s->tail;
    float other[NN_STRIP];
    const float *summand = 0;
    long lds = ldc;
    if (tail->summand && in_place) {
        summand = tail->summand + (c - s->y0);
    } else if (tail->summand) {
        nn_walk from = *s;
        from.y = (float *)(unsigned long)tail->summand + (s->y - s->y0);
        nn_walk_fetch(&from, m0, rows, n0, columns, other);
        summand = other;
        lds = NN_NR;
    }
    for (int m = 0; m < rows; m++)
        nn_tail_row(tail, s->m0 + m0 + m, summand ? summand + m * lds : 0, c + m * ldc, in_place ? columns : NN_NR);
}

NN_KERNEL void nn_walk_run(const nn_walk *s, int m, const float *start, int t, int T)
{
    const nn_matrices x = {s,
                           nn_walk_pack_a,
                           nn_walk_pack_b,
                           nn_walk_place,
                           nn_walk_fetch,
                           nn_walk_spread,
                           s->tail ? nn_walk_finish : 0,
                           start};
    nn_gemm(&x, m, (long)s->n * s->u * s->v, s->channels * s->taps, t, T);
}

/* ---- forward -------------------------------------------------------------------- */

NN_INLINE void nn_walk_taps(nn_walk *s, const nn_conv *d)
{
    s->taps = d->kh * d->kw;
    for (int i = 0; i < s->taps; i++) {
        s->row[i] = i / d->kw * d->dh - d->top;
        s->column[i] = i % d->kw * d->dw - d->left;
        s->wt[i] = i;
    }
}

/* Rows of an image are one long row when every point reads just its own place. */
NN_INLINE void nn_walk_flatten(nn_walk *s)
{
    int pointwise = s->taps == 1 && s->row[0] == 0 && s->column[0] == 0 && s->su == 1 && s->sv == 1;
    if (!pointwise || s->u != s->h || s->v != s->w) return;
    s->w = s->v = s->h * s->w;
    s->h = s->u = 1;
    s->yu = s->v;
}

/* y: [n][o][oh][ow] = bias + weight ∗ x: [n][c][h][w], and then the tail; bias
 * and tail may be NULL. */
NN_KERNEL void nn_conv_fused(const nn_conv *d, const float *x, const float *weight, const float *bias,
                             const nn_tail *tail, float *y, int t, int T)
{
    int c = d->c / d->groups, o = d->o / d->groups, k = d->kh * d->kw;
    for (int g = 0; g < d->groups; g++) {
        nn_walk s = {.n = d->n, .channels = c, .h = d->h, .w = d->w, .u = d->oh, .v = d->ow, .su = d->sh, .sv = d->sw};
        s.plane = (long)d->h * d->w;
        s.image = d->c * s.plane;
        s.x = x + (long)g * c * s.plane;
        s.weight = weight + (long)g * o * c * k;
        s.wm = (long)c * k;
        s.wc = k;
        s.ym = (long)d->oh * d->ow;
        s.yn = d->o * s.ym;
        s.yu = d->ow;
        s.yv = 1;
        s.y = y + (long)g * o * s.ym;
        s.y0 = y;
        s.tail = tail;
        s.m0 = g * o;
        nn_walk_taps(&s, d);
        nn_walk_flatten(&s);
        nn_walk_run(&s, o, bias ? bias + g * o : 0, t, T);
    }
}

NN_KERNEL void nn_conv_forward(const nn_conv *d, const float *x, const float *weight, const float *bias, float *y,
                               int t, int T)
{
    nn_conv_fused(d, x, weight, bias, 0, y, t, T);
}

/* ---- gradient of the input -------------------------------------------------------- */

/* The taps that reach the rows h ≡ residue modulo the stride: h + top − i·dh is a
 * multiple of it, and the quotient, less h's own, is where dy is read. */
NN_INLINE int nn_residue_taps(int residue, int before, int k, int stride, int dilation, int *tap, int *offset)
{
    int count = 0;
    for (int i = 0; i < k; i++) {
        int at = residue + before - i * dilation, quotient = at >= 0 ? at / stride : -((-at + stride - 1) / stride);
        if (at - quotient * stride != 0) continue;
        tap[count] = i;
        offset[count++] = quotient;
    }
    return count;
}

NN_INLINE void nn_fill_grid(const nn_walk *s, int m, int t, int T)
{
    for (long i = (long)s->n * m * t / T; i < (long)s->n * m * (t + 1) / T; i++) {
        float *y = s->y + i / m * s->yn + i % m * s->ym;
        for (int u = 0; u < s->u; u++)
            for (int v = 0; v < s->v; v++) y[u * s->yu + v * s->yv] = 0;
    }
}

NN_INLINE void nn_conv_dx_residue(const nn_conv *d, nn_walk *s, int p, int q, int t, int T)
{
    int rows[NN_MAX_TAPS], row[NN_MAX_TAPS], columns[NN_MAX_TAPS], column[NN_MAX_TAPS];
    int a = nn_residue_taps(p, d->top, d->kh, d->sh, d->dh, rows, row);
    int b = nn_residue_taps(q, d->left, d->kw, d->sw, d->dw, columns, column);
    s->taps = a * b;
    for (int i = 0; i < s->taps; i++) {
        s->row[i] = row[i / b];
        s->column[i] = column[i % b];
        s->wt[i] = rows[i / b] * d->kw + columns[i % b];
    }
    if (s->taps == 0)
        nn_fill_grid(s, d->c / d->groups, t, T);
    else
        nn_walk_run(s, d->c / d->groups, 0, t, T);
}

/* dx: [n][c][h][w] from dy: [n][o][oh][ow]. */
NN_KERNEL void nn_conv_dx(const nn_conv *d, const float *dy, const float *weight, float *dx, int t, int T)
{
    int c = d->c / d->groups, o = d->o / d->groups, k = d->kh * d->kw;
    for (int i = 0; i < d->groups * d->sh * d->sw; i++) {
        int g = i / (d->sh * d->sw), p = i / d->sw % d->sh, q = i % d->sw;
        nn_walk s = {.n = d->n, .channels = o, .h = d->oh, .w = d->ow, .su = 1, .sv = 1};
        s.u = (d->h - p + d->sh - 1) / d->sh;
        s.v = (d->w - q + d->sw - 1) / d->sw;
        if (s.u <= 0 || s.v <= 0) continue;
        s.plane = (long)d->oh * d->ow;
        s.image = d->o * s.plane;
        s.x = dy + (long)g * o * s.plane;
        s.weight = weight + (long)g * o * c * k;
        s.wm = k;
        s.wc = (long)c * k;
        s.ym = (long)d->h * d->w;
        s.yn = d->c * s.ym;
        s.yu = (long)d->sh * d->w;
        s.yv = d->sw;
        s.y = dx + (long)g * c * s.ym + (long)p * d->w + q;
        nn_conv_dx_residue(d, &s, p, q, t, T);
    }
}

/* ---- gradient of the weights -------------------------------------------------------- */

typedef struct nn_conv_dw_side {
    nn_walk walk; /* the forward walk of one group */
    const float *dy;
    float *dweight;
    int o; /* channels of dy in one image, all groups */
} nn_conv_dw_side;

/* Depth is the grid over all images; rows are output channels. */
NN_KERNEL void nn_dw_pack_a(const void *self, int m0, int rows, int k0, int depth, float *to)
{
    const nn_conv_dw_side *s = (const nn_conv_dw_side *)self;
    long points = (long)s->walk.u * s->walk.v, image = k0 / points, at = k0 % points;
    for (int k = 0; k < depth;) {
        int length = points - at < depth - k ? (int)(points - at) : depth - k;
        const float *from = s->dy + (image * s->o + m0) * points + at;
        for (int m = 0; m < rows; m++)
            for (int i = 0; i < length; i++) to[(k + i) * rows + m] = from[m * points + i];
        k += length;
        at = 0;
        image++;
    }
}

/* Rows of NN_W columns each, W at a time: to[i·NN_NR + j] = from[j·NN_KC + i]. */
NN_INLINE void nn_transpose(float *to, const float *from, int depth)
{
    int k = 0;
    for (; k + NN_W <= depth; k += NN_W) nn_transpose_square(to + (long)k * NN_NR, NN_NR, from + k, NN_KC);
    for (; k < depth; k++)
        for (int j = 0; j < NN_W; j++) to[k * NN_NR + j] = from[j * NN_KC + k];
}

/* One column of the panel, laid along the depth: what the tap reads of the
 * channel at the grid points k0 … k0 + depth. */
NN_INLINE void nn_dw_line(const nn_walk *s, int channel, int tap, int k0, int depth, float *line)
{
    long points = (long)s->u * s->v;
    int image = (int)(k0 / points), u = (int)(k0 % points) / s->v, v = (int)(k0 % points) % s->v;
    for (int k = 0; k < depth;) {
        int length = s->v - v < depth - k ? s->v - v : depth - k, covered;
        const nn_run run = {0, length, image, u, v};
        nn_piece piece;
        int pieces = nn_walk_pieces(s, &run, 1, tap, &piece, &covered);
        if (covered < length)
            for (int i = 0; i < length; i++) line[k + i] = 0;
        nn_copy_pieces(line + k, s->x + channel * s->plane, &piece, pieces, s->sv);
        k += length;
        v = 0;
        if (++u == s->u) u = 0, image++;
    }
}

/* Columns are (channel, tap). */
NN_KERNEL void nn_dw_pack_b(const void *self, long n0, int columns, int k0, int depth, float *to)
{
    const nn_walk *s = &((const nn_conv_dw_side *)self)->walk;
    float line[NN_W * NN_KC];
    for (int j = 0; j < NN_NR; j++) {
        float *at = line + j % NN_W * NN_KC;
        if (j < columns)
            nn_dw_line(s, (int)((n0 + j) / s->taps), (int)((n0 + j) % s->taps), k0, depth, at);
        else
            for (int k = 0; k < depth; k++) at[k] = 0;
        if (j % NN_W == NN_W - 1) nn_transpose(to + j + 1 - NN_W, line, depth);
    }
}

NN_KERNEL float *nn_dw_place(const void *self, int m0, long n0, int columns, long *ldc)
{
    const nn_conv_dw_side *s = (const nn_conv_dw_side *)self;
    (void)columns;
    *ldc = (long)s->walk.channels * s->walk.taps;
    return s->dweight + m0 * *ldc + n0;
}

NN_KERNEL void nn_dw_fetch(const void *self, int m0, int rows, long n0, int columns, float *tile)
{
    long ldc = 0;
    const float *c = nn_dw_place(self, m0, n0, columns, &ldc);
    for (int m = 0; m < rows; m++)
        for (int i = 0; i < NN_NR; i++) tile[m * NN_NR + i] = i < columns ? c[m * ldc + i] : 0;
}

NN_KERNEL void nn_dw_spread(const void *self, int m0, int rows, long n0, int columns, const float *tile)
{
    long ldc = 0;
    float *c = nn_dw_place(self, m0, n0, columns, &ldc);
    for (int m = 0; m < rows; m++)
        for (int i = 0; i < columns; i++) c[m * ldc + i] = tile[m * NN_NR + i];
}

/* dweight: [o][c / groups][kh][kw]. */
NN_KERNEL void nn_conv_dweight(const nn_conv *d, const float *x, const float *dy, float *dweight, int t, int T)
{
    int c = d->c / d->groups, o = d->o / d->groups, k = d->kh * d->kw;
    for (int g = 0; g < d->groups; g++) {
        nn_conv_dw_side s = {.o = d->o};
        nn_walk *walk = &s.walk;
        *walk =
            (nn_walk){.n = d->n, .channels = c, .h = d->h, .w = d->w, .u = d->oh, .v = d->ow, .su = d->sh, .sv = d->sw};
        walk->plane = (long)d->h * d->w;
        walk->image = d->c * walk->plane;
        walk->x = x + (long)g * c * walk->plane;
        nn_walk_taps(walk, d);
        nn_walk_flatten(walk);
        s.dy = dy + (long)g * o * d->oh * d->ow;
        s.dweight = dweight + (long)g * o * c * k;
        const nn_matrices m = {&s, nn_dw_pack_a, nn_dw_pack_b, nn_dw_place, nn_dw_fetch, nn_dw_spread, 0, 0};
        nn_gemm(&m, o, (long)c * k, d->n * d->oh * d->ow, t, T);
    }
}

/* dbias: [o]. */
NN_KERNEL void nn_conv_dbias(const nn_conv *d, const float *dy, float *dbias, int t, int T)
{
    long points = (long)d->oh * d->ow;
    for (int o = d->o * t / T; o < d->o * (t + 1) / T; o++) {
        float total = 0;
        for (int n = 0; n < d->n; n++) {
            const float *p = dy + ((long)n * d->o + o) * points;
            nn_vec sum = nn_zero();
            long i = 0;
            for (; i + NN_W <= points; i += NN_W) sum += nn_load(p + i);
            float rest = 0;
            for (; i < points; i++) rest += p[i];
            total += nn_lanes_sum(sum) + rest;
        }
        dbias[o] = total;
    }
}

#endif /* NN_LINKED */

#endif
