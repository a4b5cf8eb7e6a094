/*
 * conv_direct.h: convolution over channels-last images, [N][H][W][C], as one walk.
 *
 * A walk goes over a grid of u × v points in each of n images.  Every point reads
 * `taps` runs of neighbouring channels of the image, the one of a tap at
 * (u·su + row, v·sv + column), and writes `outputs` channels:
 *
 *   y[point][o] = start[o] + Σ_{tap, c} x[point at tap][c] · panel[o / 16][tap][c][o mod 16]
 *
 * The weights are packed beforehand into panels of NN_PANEL outputs; a tile of
 * NN_TILE_ROWS points × one panel stays in registers.  Nothing is copied of the images:
 * a tile holds a pointer for each of its points, moved from tap to tap, so that
 * padding (the pointer is at zeros), strides, the ends of rows and of images cost
 * nothing in the inner loop.
 *
 * The depth, taps · run, is cut into blocks whose part of a panel fits the first
 * cache; between blocks the sums rest in y.  The order of the sum is tap by tap
 * and channel by channel, whatever the thread, tile or block.
 */
#ifndef NN_CONV_DIRECT_H
#define NN_CONV_DIRECT_H

#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/simd/transpose.h"

typedef struct nn_walk {
    int n, u, v, su, sv; /* images, the grid and its step */
    const float *x;
    int h, w, run;   /* of the image read, and the channels of a tap */
    long xn, xu, xv; /* distances in x from image to image, row to row, column to column */
    int taps;
    int row[NN_MAX_TAPS], column[NN_MAX_TAPS];
    const float *panels; /* [outputs / 16][taps][run][16] */
    long panel;          /* from one to the next */
    int outputs;
    const float *start; /* of the sums, or NULL */
    float *y;
    long yn, yu, yv;
    const float *y0;     /* what the tail's summand lies like */
    int channel;         /* of the tail's factors, the first output's */
    int groups;          /* of channels and outputs, side by side, each with sums of its own */
    long group;          /* from the panels of one to those of the next */
    const nn_tail *tail; /* or NULL */
    const float *after;  /* panels that are read next, or NULL */
} nn_walk;

/* A point: where it reads and writes. */
typedef struct nn_spot {
    const float *x; /* at row, column; which may be outside */
    float *y;
    int row, column;
    int inside; /* 1: its columns are, at every tap; 2: its rows are */
} nn_spot;

static const float nn_zeros[NN_ZEROS] __attribute__((unused));

/* ---- one tile ---------------------------------------------------------------------- */

/* Where each point reads the tap; returns 0 where none of them has it inside. */
NN_INLINE int nn_walk_tile_place(const int M, const nn_walk *s, const nn_spot *spot, int inside, int tap, int c,
                                 const float **at)
{
    const int row = s->row[tap], column = s->column[tap];
    const long offset = row * s->xu + column * s->xv + c;
    int any = inside == 3;
    NN_UNROLL
    for (int m = 0; m < M; m++) at[m] = spot[m].x + offset;
    if (inside == 3) return 1;
    NN_UNROLL
    for (int m = 0; m < M; m++) {
        int here =
            (unsigned)(spot[m].row + row) < (unsigned)s->h && (unsigned)(spot[m].column + column) < (unsigned)s->w;
        at[m] = here ? at[m] : nn_zeros;
        any |= here;
    }
    return any;
}

/* sum[m][v] += Σ_k at[m][k] · b[k][v].  With `fetch`, one line from `next` on comes into the
 * second cache with every k, `step` floats farther each time. */
NN_INLINE void nn_walk_tile_add(const int M, const int V, const int fetch, const float *const *at, long length,
                                const float *b, long far, const float *next, long step,
                                nn_vec sum[NN_TILE_ROWS][NN_TILE_VECTORS])
{
    for (long k = 0; k < length; k++) {
        nn_vec row[NN_TILE_VECTORS];
        if (fetch) __builtin_prefetch(next, 0, 2), next += step;
        NN_UNROLL
        for (int v = 0; v < V; v++) row[v] = nn_load(b + k * NN_PANEL + v * far);
        NN_UNROLL
        for (int m = 0; m < M; m++) NN_UNROLL
        for (int v = 0; v < V; v++) sum[m][v] += at[m][k] * row[v];
    }
}

typedef struct nn_block {
    int output;      /* the first of the tile's */
    int count;       /* outputs there, at most the tile's width */
    int k0, k1;      /* depth */
    int first, last; /* of the blocks of the depth */
    int taps;        /* that are one run, for points whose taps are inside; 1 otherwise */
    int tap, c;      /* where k0 is, and where it is in runs of one tap */
    int tap_1, c_1;
    const float *next; /* what is fetched while a tile is computed, */
    int burst;         /* so many lines at its start, */
    long step;         /* and one with each step into the depth, `step` floats from one to the next */
} nn_block;

NN_INLINE nn_vec nn_finish(const nn_tail *tail, int channel, long lanes, const float *summand, nn_vec v)
{
    if (tail->scale) v = v * nn_load_some(tail->scale + channel, lanes) + nn_load_some(tail->shift + channel, lanes);
    if (summand) v += nn_load_some(summand, lanes);
    return tail->relu ? nn_relu_of(v) : v;
}

/* Outputs in vector v, of the `count` that are left. */
NN_INLINE long nn_tile_lanes(int count, int v) { return count > v * NN_W ? count - v * NN_W : 0; }

/* nn_finish of the tile's sums, outputs from `output` of the walk on. */
NN_INLINE void nn_walk_tile_finish(const int M, const int V, const int whole, const nn_walk *s, const nn_spot *spot,
                                   int output, int count, nn_vec sum[NN_TILE_ROWS][NN_TILE_VECTORS])
{
    const nn_tail *tail = s->tail;
    const int channel = s->channel + output;
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        const long lanes = whole ? NN_W : nn_tile_lanes(count, v);
        if (tail->scale) {
            nn_vec scale = nn_load_some(tail->scale + channel + v * NN_W, lanes);
            nn_vec shift = nn_load_some(tail->shift + channel + v * NN_W, lanes);
            NN_UNROLL
            for (int m = 0; m < M; m++) sum[m][v] = sum[m][v] * scale + shift;
        }
        if (tail->summand) {
            NN_UNROLL
            for (int m = 0; m < M; m++)
                sum[m][v] += nn_load_some(tail->summand + (spot[m].y - s->y0) + output + v * NN_W, lanes);
        }
        if (tail->relu) {
            NN_UNROLL
            for (int m = 0; m < M; m++) sum[m][v] = nn_relu_of(sum[m][v]);
        }
    }
}

NN_INLINE void nn_walk_tile_run(const int M, const int V, const int whole, const int fetch, const nn_walk *s,
                                const nn_spot *spot, const nn_block *d, const float *panel)
{
    const long far = NN_TILE_PANELS > 1 ? s->panel : NN_W;
    nn_vec sum[NN_TILE_ROWS][NN_TILE_VECTORS];
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        const long lanes = whole ? NN_W : nn_tile_lanes(d->count, v);
        nn_vec start = d->first && s->start ? nn_load_some(s->start + d->output + v * NN_W, lanes) : nn_zero();
        NN_UNROLL
        for (int m = 0; m < M; m++)
            sum[m][v] = d->first ? start : nn_load_some(spot[m].y + d->output + v * NN_W, lanes);
    }
    int inside = 3;
    NN_UNROLL
    for (int m = 0; m < M; m++) inside &= spot[m].inside;
    if (d->first) { /* where it will be written */
        NN_UNROLL
        for (int m = 0; m < M; m++) __builtin_prefetch(spot[m].y + d->output, 1);
    }
    const int taps = inside & 1 ? d->taps : 1, run = taps * s->run;
    int tap = inside & 1 ? d->tap : d->tap_1, c = inside & 1 ? d->c : d->c_1;
    for (int k = d->k0; k < d->k1; c = 0, tap += taps) {
        const float *at[NN_TILE_ROWS], *b = panel + (long)k * NN_PANEL;
        int length = run - c < d->k1 - k ? run - c : d->k1 - k;
        if (nn_walk_tile_place(M, s, spot, inside, tap, c, at)) {
            nn_walk_tile_add(M, V, fetch, at, length, b, far, d->next + (k - d->k0) * d->step, d->step, sum);
        }
        k += length;
    }
    if (d->last && s->tail) nn_walk_tile_finish(M, V, whole, s, spot, d->output, d->count, sum);
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++)
        nn_store_some(spot[m].y + d->output + v * NN_W, whole ? NN_W : nn_tile_lanes(d->count, v), sum[m][v]);
}

/* One instance for each number of points; with a panel that is whole, or partly used. */
NN_KERNEL void nn_walk_tile(const nn_walk *s, const nn_spot *spot, int points, const nn_block *d, const float *panel)
{
    int vectors = (d->count + NN_W - 1) / NN_W, whole = d->count == NN_TILE_VECTORS * NN_W;
#define NN_CASE(M)                                                         \
    case M:                                                                \
        if (whole && d->step)                                              \
            nn_walk_tile_run(M, NN_TILE_VECTORS, 1, 1, s, spot, d, panel); \
        else if (whole)                                                    \
            nn_walk_tile_run(M, NN_TILE_VECTORS, 1, 0, s, spot, d, panel); \
        else if (vectors == 1)                                             \
            nn_walk_tile_run(M, 1, 0, 0, s, spot, d, panel);               \
        else                                                               \
            nn_walk_tile_run(M, NN_TILE_VECTORS, 0, 0, s, spot, d, panel); \
        break;
    switch (points) {
        NN_CASE(1)
        NN_CASE(2)
#if NN_TILE_ROWS > 2
        NN_CASE(3)
        NN_CASE(4)
        NN_CASE(5)
        NN_CASE(6)
#endif
#if NN_TILE_ROWS > 6
        NN_CASE(7)
        NN_CASE(8)
        NN_CASE(9)
        NN_CASE(10)
#endif
    }
#undef NN_CASE
}

/* ---- panels ----------------------------------------------------------------------------- */

/* One panel, to[tap][c][16] from from[lane][c][tap]; lanes beyond are zero. */
NN_INLINE void nn_panel_turn(const float *from, long lanes, long c, long taps, float *to)
{
    const long depth = c * taps, squares = lanes == NN_PANEL ? depth / NN_W : 0;
    long channel = 0, tap = 0;
    for (long i = 0; i < squares; i++) {
        float turned[NN_PANEL / NN_W * NN_W * NN_W] __attribute__((aligned(64)));
        for (int v = 0; v < NN_PANEL / NN_W; v++)
            nn_transpose_square(turned + v * NN_W, NN_PANEL, from + v * NN_W * depth + i * NN_W, depth);
        for (int k = 0; k < NN_W; k++) {
            for (int v = 0; v < NN_PANEL; v += NN_W)
                nn_store(to + (tap * c + channel) * NN_PANEL + v, nn_load(turned + k * NN_PANEL + v));
            if (++tap == taps) tap = 0, channel++;
        }
    }
    for (long k = squares * NN_W; k < depth; k++) {
        for (long lane = 0; lane < NN_PANEL; lane++)
            to[(tap * c + channel) * NN_PANEL + lane] = lane < lanes ? from[lane * depth + k] : 0;
        if (++tap == taps) tap = 0, channel++;
    }
}

/* ---- the walk ------------------------------------------------------------------------ */

NN_INLINE void nn_walk_bounds(const int *offset, int count, int *least, int *most)
{
    *least = *most = count ? offset[0] : 0;
    for (int i = 1; i < count; i++) {
        if (offset[i] < *least) *least = offset[i];
        if (offset[i] > *most) *most = offset[i];
    }
}

NN_INLINE void nn_walk_spots(const nn_walk *s, long first, int count, nn_spot *spot)
{
    int top, bottom, left, right;
    nn_walk_bounds(s->row, s->taps, &top, &bottom);
    nn_walk_bounds(s->column, s->taps, &left, &right);
    long image = first / ((long)s->u * s->v);
    int rest = (int)(first % ((long)s->u * s->v)), u = rest / s->v, v = rest % s->v;
    for (int i = 0; i < count; i++) {
        spot[i].row = u * s->su;
        spot[i].column = v * s->sv;
        spot[i].x = s->x + image * s->xn + spot[i].row * s->xu + spot[i].column * s->xv;
        spot[i].y = s->y + image * s->yn + u * s->yu + v * s->yv;
        spot[i].inside = (spot[i].column + left >= 0 && spot[i].column + right < s->w) |
                         (spot[i].row + top >= 0 && spot[i].row + bottom < s->h) << 1;
        if (++v == s->v) v = 0, u++;
        if (u == s->u) u = 0, image++;
    }
}

/* The taps of a row, which lie side by side in the panels, and in x where it has no other
 * channels. */
NN_INLINE int nn_walk_row_taps(const nn_walk *s)
{
    int count = 1;
    while (count < s->taps && s->row[count] == s->row[0] && s->column[count] == s->column[0] + count) count++;
    if (s->taps % count) return 1;
    for (int i = 0; i < s->taps; i++)
        if (s->row[i] != s->row[i / count * count] || s->column[i] != s->column[i % count]) return 1;
    return count;
}

/* The outputs of the panels from p on, at most as many as a tile takes. */
NN_INLINE void nn_block_outputs(const nn_walk *s, int p, int to, nn_block *d)
{
    const int most = to - p < NN_TILE_PANELS ? NN_PANEL : NN_TILE_PANELS * NN_PANEL;
    d->output = p * NN_PANEL;
    d->count = s->outputs - d->output < most ? s->outputs - d->output : most;
}

/* Part b of the depth, of `blocks`. */
NN_INLINE void nn_block_depth(const nn_walk *s, int b, int blocks, nn_block *d)
{
    const int depth = s->taps * s->run, run = d->taps * s->run;
    d->k0 = (int)((long)depth * b / blocks);
    d->k1 = (int)((long)depth * (b + 1) / blocks);
    d->first = b == 0;
    d->last = b == blocks - 1;
    d->tap = d->k0 / run * d->taps;
    d->c = d->k0 % run;
    d->tap_1 = d->k0 / s->run;
    d->c_1 = d->k0 % s->run;
}

/* The part of a panel that follows: it is fetched while the tiles go by.  NULL: there is
 * none, or it is near anyway. */
NN_INLINE const float *nn_block_next(const nn_walk *s, const nn_block *d, int p, int to)
{
    if ((s->outputs + NN_PANEL - 1) / NN_PANEL * s->panel <= NN_CONV_NEAR) return 0;
    if (!d->last) return s->panels + p * s->panel + (long)d->k1 * NN_PANEL;
    return p + NN_TILE_PANELS < to ? s->panels + (p + NN_TILE_PANELS) * s->panel : s->after;
}

/* Shares what is fetched among the tiles.  A processor has few places for lines that are
 * under way, and one that waits for a place computes nothing: so a share that is not
 * small is spread over the tile. */
NN_INLINE void nn_block_fetch(const nn_walk *s, nn_block *d, const float *next, int tiles)
{
    const int share = next ? (d->k1 - d->k0 + tiles - 1) / tiles : 0, near = share <= NN_CONV_BURST;
    d->next = next ? next : s->panels; /* of which nothing is fetched then */
    d->burst = near ? share : 0;
    d->step = near ? 0 : (NN_LINE + tiles - 1) / tiles;
}

/* Points first … first + count, panels from … to, in tiles that are as even as can be.  A
 * part of a panel stays in the first cache while the tiles go by. */
NN_INLINE void nn_walk_block(const nn_walk *s, long first, int count, int from, int to)
{
    nn_spot spot[NN_CONV_PIXELS];
    const int depth = s->taps * s->run,
              blocks = depth > NN_CONV_DEPTH ? (depth + NN_CONV_DEPTH - 1) / NN_CONV_DEPTH : 1;
    const int tiles = (count + NN_TILE_ROWS - 1) / NN_TILE_ROWS, rows = count / tiles, more = count % tiles;
    nn_block d = {.taps = s->xv == s->run ? nn_walk_row_taps(s) : 1};
    nn_walk_spots(s, first, count, spot);
    for (int p = from; p < to; p += NN_TILE_PANELS) {
        nn_block_outputs(s, p, to, &d);
        for (int b = 0; b < blocks; b++) {
            nn_block_depth(s, b, blocks, &d);
            const float *next = nn_block_next(s, &d, p, to);
            nn_block_fetch(s, &d, next, tiles);
            for (int i = 0, at = 0; i < tiles; i++) {
                const int points = rows + (i < more);
                for (int k = 0; k < d.burst; k++) __builtin_prefetch(d.next + k * NN_LINE, 0, 2);
                nn_walk_tile(s, spot + at, points, &d, s->panels + p * s->panel);
                d.next += d.burst * NN_LINE + (d.k1 - d.k0) * d.step;
                at += points;
            }
        }
    }
}

/* ---- few channels ------------------------------------------------------------------------ */

/* Where a run of taps is short, points at the border, which have to look at each tap by
 * itself, would cost as much as all others together; and so would the taps of a group, since
 * other channels lie between them.  So the rows that a block of points reads are copied,
 * without those channels and with zeros around them. */
typedef struct nn_frame {
    int top, bottom, left, right; /* the least and largest offsets of a tap */
    int width;                    /* columns of the copy */
} nn_frame;

NN_INLINE int nn_frame_pays(const nn_walk *s, nn_frame *frame)
{
    const int apart = s->xv != s->run;
    if (s->run > (apart ? NN_PANEL : NN_PANEL / 2) || nn_walk_row_taps(s) == 1) return 0;
    nn_walk_bounds(s->row, s->taps, &frame->top, &frame->bottom);
    nn_walk_bounds(s->column, s->taps, &frame->left, &frame->right);
    frame->width = (s->v - 1) * s->sv + frame->right - frame->left + 1;
    const int outside = frame->left < 0 || (s->v - 1) * s->sv + frame->right >= s->w || frame->top < 0 ||
                        (s->u - 1) * s->su + frame->bottom >= s->h;
    const int rows = (NN_CONV_PIXELS / s->v + 2 < s->u ? NN_CONV_PIXELS / s->v + 2 : s->u) - 1;
    return (outside || apart) &&
           ((long)rows * s->su + frame->bottom - frame->top + 1) * frame->width * s->run <= NN_CONV_FRAME;
}

/* `count` pixels, as near to each other as they can be. */
NN_INLINE void nn_frame_pixels(const nn_walk *s, const float *from, long count, float *to)
{
    if (s->xv == s->run) {
        __builtin_memcpy(to, from, (unsigned long)(count * s->run) * sizeof *to);
        return;
    }
    for (long i = 0; i < count; i++, from += s->xv, to += s->run) {
        int c = 0;
        for (; c + NN_W <= s->run; c += NN_W) nn_store(to + c, nn_load(from + c));
        for (; c < s->run; c++) to[c] = from[c];
    }
}

/* Rows from `row` on, with zeros where the image ends; `left` is the first column. */
NN_INLINE void nn_frame_copy(const nn_walk *s, const float *image, int row, int rows, int left, int width, float *to)
{
    const int first = left < 0 ? -left : 0, last = s->w - left < width ? s->w - left : width;
    for (int i = 0; i < rows; i++, to += width * s->run) {
        const int inside = row + i >= 0 && row + i < s->h && last > first;
        const long begin = inside ? (long)first * s->run : 0, end = inside ? (long)last * s->run : 0;
        for (long k = 0; k < begin; k++) to[k] = 0;
        if (inside) nn_frame_pixels(s, image + (row + i) * s->xu + (left + first) * s->xv, last - first, to + begin);
        for (long k = end; k < (long)width * s->run; k++) to[k] = 0;
    }
}

/* As nn_walk_block, of points of one image. */
NN_KERNEL void nn_walk_strip(const nn_walk *s, const nn_frame *frame, long first, int count, int from, int to)
{
    float copy[NN_CONV_FRAME] __attribute__((aligned(64)));
    const long area = (long)s->u * s->v, image = first / area;
    const int begin = (int)(first % area), u0 = begin / s->v, u1 = (begin + count - 1) / s->v;
    nn_walk part = *s;
    part.n = 1;
    part.u = u1 - u0 + 1;
    part.h = (part.u - 1) * s->su + frame->bottom - frame->top + 1;
    part.w = frame->width;
    part.x = copy;
    part.xu = (long)part.w * s->run;
    part.xv = s->run;
    part.y = s->y + image * s->yn + u0 * s->yu;
    for (int i = 0; i < s->taps; i++) {
        part.row[i] -= frame->top;
        part.column[i] -= frame->left;
    }
    nn_frame_copy(s, s->x + image * s->xn, u0 * s->su + frame->top, part.h, frame->left, part.w, copy);
    nn_walk_block(&part, begin - u0 * s->v, count, from, to);
}

/* Points of all groups, one after the other while the points are near. */
NN_INLINE void nn_walk_groups(const nn_walk *s, const nn_frame *frame, long first, int count, int from, int to)
{
    nn_walk one = *s;
    for (int g = 0; g < s->groups; g++) {
        one.x = s->x + (long)g * s->run;
        one.y = s->y + (long)g * s->outputs;
        one.start = s->start ? s->start + g * s->outputs : 0;
        one.channel = s->channel + g * s->outputs;
        one.panels = s->panels + g * s->group;
        if (frame)
            nn_walk_strip(&one, frame, first, count, from, to);
        else
            nn_walk_block(&one, first, count, from, to);
    }
}

/* Part t of T: of the points, or of the panels where the weights are the larger part. */
NN_KERNEL void nn_walk_run(const nn_walk *s, int t, int T)
{
    const long points = (long)s->n * s->u * s->v;
    const int panels = (s->outputs + NN_PANEL - 1) / NN_PANEL, groups = (panels + NN_TILE_PANELS - 1) / NN_TILE_PANELS;
    const int by_panels = s->groups == 1 && groups % T == 0 && points * s->su * s->sv < (long)s->outputs * s->taps;
    long first = 0, last = points;
    int from = 0, to = panels;
    if (by_panels) {
        from = groups / T * t * NN_TILE_PANELS;
        to = groups / T * (t + 1) * NN_TILE_PANELS < panels ? groups / T * (t + 1) * NN_TILE_PANELS : panels;
    } else {
        const long tiles = (points + NN_TILE_ROWS - 1) / NN_TILE_ROWS;
        first = points * (tiles * t / T) / tiles;
        last = points * (tiles * (t + 1) / T) / tiles;
    }
    nn_frame frame;
    if (nn_frame_pays(s, &frame)) {
        for (long end; first < last; first = end) {
            const long area = (long)s->u * s->v;
            end = (first / area + 1) * area;
            if (end > last) end = last;
            if (end > first + NN_CONV_PIXELS) end = first + NN_CONV_PIXELS;
            nn_walk_groups(s, &frame, first, (int)(end - first), from, to);
        }
        return;
    }
    const long parts = (last - first + NN_CONV_PIXELS - 1) / NN_CONV_PIXELS;
    for (long i = 0; i < parts; i++) {
        long begin = first + (last - first) * i / parts, end = first + (last - first) * (i + 1) / parts;
        nn_walk_groups(s, 0, begin, (int)(end - begin), from, to);
    }
}

#endif
