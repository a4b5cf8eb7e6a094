/*
 * Two texts of one net, whole.c and part.c (--prefix whole, part), whose batches are k · n and n
 * samples: a step of the one against k batches that the other adds up, and its update.
 *
 *   drive exact|close [dealt]
 *
 * exact: the same bits in every tensor after each step, the optimizer's states too; close: within
 * 1e-5 of the tensor's largest element.  dealt: the batches are dealt to two blocks of sums, which
 * are added before the update, as several processes would do it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "part.h"
#include "whole.h"

enum { STEPS = 3 };

static const double tolerance = 1e-5; /* sums of the same numbers in another order, three steps long */

static void fail(const char *what, const char *of)
{
    printf("%s%s%s\n", what, *of ? ": " : "", of);
    exit(1);
}

static void *block(size_t bytes, int filling)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes + 64) != 0) exit(3);
    return memset(p, filling, bytes);
}

typedef struct Learner {
    const nn_model_info *info;
    void *model, *scratch;
    float *sums, *other_sums;
} Learner;

static Learner learner(const nn_model_info *info)
{
    Learner l = {.info = info};
    l.model = info->init(block(info->train_bytes, 0xff), 1, 7);
    l.scratch = block(info->train_scratch, 0xff); /* NaN: nothing may count on zeros */
    l.sums = block(info->gradients_bytes, 0);
    l.other_sums = block(info->gradients_bytes, 0);
    return l;
}

static float next_random(void)
{
    static unsigned state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 16777216.0f;
}

static float *tensor(const Learner *l, const nn_tensor_info *t)
{
    float *values = block(t->count * sizeof *values, 0);
    if (l->info->get(l->model, t->name, values, t->count) != 0) fail("cannot be read", t->name);
    return values;
}

/* The largest difference between two arrays, in units of the largest element; 0: none in a bit. */
static double difference(const float *a, const float *b, size_t count)
{
    double most = 0, largest = 0;
    if (memcmp(a, b, count * sizeof *a) == 0) return 0;
    for (size_t i = 0; i < count; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d;
        if (fabs((double)a[i]) > largest) largest = fabs((double)a[i]);
    }
    return most > 0 ? most / largest : 1e-30; /* zeros of two signs */
}

static void check(const char *name, double found, int exact)
{
    if (found <= (exact ? 0 : tolerance)) return;
    printf("off by %g: ", found);
    fail(name, "");
}

static void compare(const Learner *a, const Learner *b, int exact)
{
    for (int i = 0; i < a->info->tensor_count; i++) {
        const nn_tensor_info *t = &a->info->tensors[i];
        float *x = tensor(a, t), *y = tensor(b, t);
        check(t->name, difference(x, y, t->count), exact);
        free(x);
        free(y);
    }
}

/* What one batch has added is the gradient that grad gives. */
static void check_sums(const Learner *l, const float *x, const int32_t *labels)
{
    const nn_model_info *info = l->info;
    void *before = memcpy(block(info->train_bytes, 0), l->model, info->train_bytes); /* grad moves statistics */
    info->grad(l->model, x, labels, l->scratch);
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float *gradient = block(t->count * sizeof *gradient, 0), *sum = block(t->count * sizeof *sum, 0);
        const int none = info->get_grad(l->model, t->name, gradient, t->count, l->scratch);
        if (info->get_grad_sum(l->sums, t->name, sum, t->count) != none)
            fail("one has a gradient, one has not", t->name);
        if (!none) check(t->name, difference(gradient, sum, t->count), 0);
        free(gradient);
        free(sum);
    }
    memcpy(l->model, before, info->train_bytes);
    free(before);
    if (info->get_grad_sum(l->sums, "no.such", (float *)l->scratch, 1) != -1) fail("no.such has a sum", "");
}

static void add_blocks(const Learner *l)
{
    for (size_t i = 0; i < l->info->gradients_bytes / sizeof *l->sums; i++) l->sums[i] += l->other_sums[i];
    memset(l->other_sums, 0, l->info->gradients_bytes);
}

/* Returns the mean loss. */
static double accumulate(const Learner *l, const float *x, const int32_t *labels, int batches, int dealt)
{
    const nn_model_info *info = l->info;
    double loss = 0;
    for (int i = 0; i < batches; i++) {
        float *sums = dealt && i % 2 ? l->other_sums : l->sums;
        loss += (double)info->grad_add(l->model, x, labels, sums, l->scratch) / batches;
        x += (size_t)info->batch * info->inputs;
        labels += info->batch;
    }
    if (dealt) add_blocks(l);
    if (l->sums[0] != (float)batches) fail("the batches are not counted", "");
    return loss;
}

int main(int count, char **arguments)
{
    const int exact = count > 1 && strcmp(arguments[1], "exact") == 0, dealt = count > 2;
    const Learner whole = learner(whole_info()), part = learner(part_info());
    const int batch = whole.info->batch, batches = batch / part.info->batch;
    const size_t inputs = (size_t)batch * whole.info->inputs;
    float *x = block(inputs * sizeof *x, 0);
    int32_t *labels = block((size_t)batch * sizeof *labels, 0);
    compare(&whole, &part, 1);
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < inputs; i++) x[i] = next_random() - 0.5f;
        for (int i = 0; i < batch; i++) labels[i] = (int)(next_random() * (float)whole.info->outputs);
        const double loss = accumulate(&part, x, labels, batches, dealt);
        if (batches == 1 && count == 2) check_sums(&part, x, labels);
        part.info->update(part.model, part.sums, 0.05f, part.scratch);
        const double want = (double)whole.info->step(whole.model, x, labels, 0.05f, whole.scratch);
        check("loss", fabs(loss - want) / fabs(want), exact && batches == 1);
        compare(&whole, &part, exact);
    }
    part.info->update(part.model, part.sums, 0.05f, part.scratch); /* nothing was added */
    compare(&whole, &part, exact);
    printf("%d batches of %d\n", batches, part.info->batch);
    return 0;
}
