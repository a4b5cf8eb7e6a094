/*
 * DiagramLayout without Graphviz: every box goes one rank below its lowest predecessor,
 * the boxes of a rank are ordered by the mean position of their predecessors, and
 * edges are curves.  An edge over several ranks passes to the right of them.
 */
#include <math.h>
#include <stdlib.h>

#include "report/diagram_layout.h"

enum { GAP_X = 14, GAP_Y = 22 };

typedef struct BoxRank { /* of a box */
    LayoutBox *box;
    int layer;
    double wish; /* the mean x of what leads to it */
} BoxRank;

static void find_layers(const DiagramLayout *l, BoxRank *rank)
{
    for (int turn = 0; turn < l->boxes.count; turn++) {
        bool moved = false;
        for (int i = 0; i < l->edges.count; i++) {
            const LayoutEdge *e = l->edges.at[i];
            if (rank[e->to].layer > rank[e->from].layer || rank[e->from].layer > l->boxes.count) continue;
            rank[e->to].layer = rank[e->from].layer + 1;
            moved = true;
        }
        if (!moved) return;
    }
}

static void find_wish(const DiagramLayout *l, BoxRank *rank, int at)
{
    double sum = 0, count = 0;
    for (int i = 0; i < l->edges.count; i++) {
        const LayoutEdge *e = l->edges.at[i];
        if (e->to != at) continue;
        sum += rank[e->from].box->x;
        count++;
    }
    rank[at].wish = count > 0 ? sum / count : 0;
}

static int by_wish(const void *a, const void *b)
{
    double x = (*(BoxRank *const *)a)->wish, y = (*(BoxRank *const *)b)->wish;
    return x < y ? -1 : x > y;
}

/* Puts the boxes of a row beside each other around x = 0; the row's height. */
static double place_row(BoxRank **row, int count, double top)
{
    double width = -GAP_X, height = 0;
    for (int i = 0; i < count; i++) {
        width += row[i]->box->width + GAP_X;
        height = fmax(height, row[i]->box->height);
    }
    double x = -width / 2;
    for (int i = 0; i < count; i++) {
        row[i]->box->x = x + row[i]->box->width / 2;
        row[i]->box->y = top + height / 2;
        x += row[i]->box->width + GAP_X;
    }
    return height;
}

static void put_rows(Arena *arena, DiagramLayout *l, BoxRank *rank)
{
    BoxRank **row = arena_alloc(arena, (size_t)(l->boxes.count + 1) * sizeof *row);
    for (int layer = 0, done = 0; done < l->boxes.count; layer++) {
        int count = 0;
        for (int i = 0; i < l->boxes.count; i++) {
            if (rank[i].layer != layer) continue;
            find_wish(l, rank, i);
            row[count++] = &rank[i];
        }
        qsort(row, (size_t)count, sizeof *row, by_wish);
        if (count) l->height += place_row(row, count, l->height) + GAP_Y;
        done += count;
    }
    l->height -= GAP_Y;
}

static void draw_edge(Arena *arena, LayoutEdge *e, const BoxRank *rank, double right)
{
    const LayoutBox *a = rank[e->from].box, *b = rank[e->to].box;
    bool far = rank[e->to].layer != rank[e->from].layer + 1;
    double from = a->y + a->height / 2, to = b->y - b->height / 2, bend = far ? right : 0;
    double points[4][2] = {
        {a->x, from}, {far ? bend : a->x, from + GAP_Y}, {far ? bend : b->x, to - GAP_Y}, {b->x, to}};
    e->points = 4;
    e->at = arena_alloc(arena, sizeof points);
    for (int i = 0; i < 4; i++) e->at[i][0] = points[i][0], e->at[i][1] = points[i][1];
}

void layout_layered(Arena *arena, DiagramLayout *l)
{
    BoxRank *rank = arena_alloc(arena, (size_t)(l->boxes.count + 1) * sizeof *rank);
    double left = 0, right = 0;
    for (int i = 0; i < l->boxes.count; i++) rank[i].box = l->boxes.at[i];
    find_layers(l, rank);
    put_rows(arena, l, rank);
    for (int i = 0; i < l->boxes.count; i++) {
        left = fmin(left, rank[i].box->x - rank[i].box->width / 2);
        right = fmax(right, rank[i].box->x + rank[i].box->width / 2);
    }
    l->width = right - left + 2 * GAP_X;
    for (int i = 0; i < l->boxes.count; i++) rank[i].box->x -= left - GAP_X;
    for (int i = 0; i < l->edges.count; i++) draw_edge(arena, l->edges.at[i], rank, right - left + 3 * GAP_X);
}
