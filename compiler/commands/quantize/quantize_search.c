/*
 * Which layers stay in f32 so that a net in int8 keeps its accuracy.
 *
 * The error of the output is measured, on the samples that the scales come from, of the net that is
 * wholly in int8 and of those in which one layer is not: what a layer saves of it is what the layer
 * costs.  Beginning with the dearest, layers are kept in f32 until the accuracy on the validation
 * part drops by no more than is asked for; then those that turn out not to be needed, the cheapest
 * first, are put back.  So it is a small set, not always the smallest: 2^layers nets would have to be
 * measured for that.
 */
#include <stdio.h>
#include <stdlib.h>

#include "commands/quantize/quantization.h"

typedef struct LayerCost {
    const char *name;
    double saved; /* of the output's error, by its staying in f32 */
    int place;    /* in the net: of equal costs the first is the dearer */
    bool kept;
} LayerCost;

static int compare_costs(const void *a, const void *b)
{
    const LayerCost *x = a, *y = b;
    if (x->saved != y->saved) return x->saved < y->saved ? 1 : -1;
    return x->place - y->place;
}

static void take_kept(Quantization *q, const LayerCost *costs, int count, const List *asked)
{
    q->kept = (List){0};
    for (int i = 0; i < asked->count; i++) list_push(q->arena, &q->kept, asked->at[i]);
    for (int i = 0; i < count; i++)
        if (costs[i].kept) list_push(q->arena, &q->kept, (void *)(uintptr_t)costs[i].name);
}

/* Whether the promise is kept. */
static int keeps_promise(Quantization *q, bool *yes, double *drop)
{
    Agreement a = {0};
    int status = quantization_make(q, false);
    if (!status) status = quantization_agreement(q, &a);
    if (status) return status;
    *drop = a.samples ? 100 * (double)(a.lost - a.won) / (double)a.samples : 0;
    *yes = *drop <= q->request->max_drop;
    return STATUS_OK;
}

static int measure_costs(Quantization *q, LayerCost *costs, int count, const List *asked)
{
    int status = quantization_make(q, false);
    if (!status) status = quantization_noise(q);
    const double all = q->noise;
    for (int i = 0; !status && i < count; i++) {
        costs[i].kept = true;
        take_kept(q, costs, count, asked);
        costs[i].kept = false;
        status = quantization_make(q, false);
        if (!status) status = quantization_noise(q);
        costs[i].saved = all - q->noise;
    }
    if (!status) qsort(costs, (size_t)count, sizeof *costs, compare_costs);
    return status;
}

static int keep_enough(Quantization *q, LayerCost *costs, int count, const List *asked)
{
    bool yes = false;
    double drop = 0;
    int status = STATUS_OK, used = 0;
    while (!status && !yes && used < count) {
        costs[used++].kept = true;
        take_kept(q, costs, count, asked);
        status = keeps_promise(q, &yes, &drop);
        if (!status) fprintf(stderr, "nnc: %s in f32: the accuracy drops by %.2f points\n", costs[used - 1].name, drop);
    }
    for (int i = used - 2; !status && i >= 0; i--) {
        costs[i].kept = false;
        take_kept(q, costs, count, asked);
        status = keeps_promise(q, &yes, &drop);
        if (!yes) costs[i].kept = true;
    }
    take_kept(q, costs, count, asked);
    return status;
}

int quantization_search(Quantization *q)
{
    const List asked = q->kept, *layers = &q->recorded->layers;
    bool yes = false;
    double drop = 0;
    if (!quantization_is_judged(q) || q->judged_part != DATA_VALID)
        return usage_error(&command_quantize,
                           "--max-drop needs classes and a validation part: cut one off with --valid 0.1");
    int status = keeps_promise(q, &yes, &drop);
    if (status || yes) return status;
    LayerCost *costs = arena_alloc(q->arena, (size_t)layers->count * sizeof *costs);
    int count = 0;
    for (int i = 0; i < layers->count; i++) {
        const char *name = ((const QuantizedLayer *)layers->at[i])->name;
        bool is_asked = false;
        for (int k = 0; k < asked.count; k++) is_asked = is_asked || asked.at[k] == name;
        if (!is_asked) costs[count] = (LayerCost){.name = name, .place = count}, count++;
    }
    fprintf(stderr, "nnc: all in int8, the accuracy drops by %.2f points; measuring %d layers\n", drop, count);
    status = measure_costs(q, costs, count, &asked);
    return status ? status : keep_enough(q, costs, count, &asked);
}
