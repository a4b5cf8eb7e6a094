/*
 * A range test as a table and a picture of text, 79 columns wide at most.
 */
#include "commands/train/lr_find.h"

#include <math.h>

enum { BAR_WIDTH = 44, EVERY = 4 }; /* columns; points for a row */

/* Bars end at the largest average before the lowest: what comes after is divergence. */
static double largest_before(const NnRangeTest *r)
{
    double largest = 0;
    for (int i = 0; i <= r->lowest; i++) largest = fmax(largest, r->point[i].smooth);
    return largest;
}

static void print_bar(FILE *out, double share)
{
    const int length = share > 0 && share < 1 ? (int)(share * BAR_WIDTH + 0.5) : share > 0 ? BAR_WIDTH : 0;
    for (int i = 0; i < length; i++) putc('#', out);
}

static bool has_bar(const NnRangeTest *r, int i)
{
    return i % EVERY == 0 || i == r->lowest || i == r->steepest || i == r->count - 1;
}

static const char *remark(const NnRangeTest *r, int i)
{
    if (i == r->steepest) return "  steepest";
    if (i == r->lowest) return "  lowest";
    return r->diverged && i == r->count - 1 ? "  diverged" : "";
}

void lr_find_print(const NnRangeTest *r, FILE *out)
{
    const double largest = largest_before(r);
    fprintf(out, "%10s %10s  average of the losses\n", "lr", "loss");
    for (int i = 0; i < r->count; i++) {
        const NnRangePoint *point = &r->point[i];
        if (!has_bar(r, i)) continue;
        fprintf(out, "%10.3g %10.4g  ", point->lr, point->smooth);
        if (isfinite(point->smooth)) print_bar(out, point->smooth / largest);
        fprintf(out, "%s\n", remark(r, i));
    }
    if (r->steepest >= 0)
        fprintf(out, "proposal   --lr %.2g: there the loss falls fastest; it was lowest at %.2g\n",
                r->point[r->steepest].lr, r->point[r->lowest].lr);
    else
        fprintf(out, "no proposal: the loss did not fall\n");
}
