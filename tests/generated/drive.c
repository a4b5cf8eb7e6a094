/*
 * A program around a generated net.c (--prefix net): runs all that its header
 * offers for training and prints numbers, for comparing two forms of one net, from
 * several starts, each with weights and images of its own.  From some of them (up to a
 * sixth, for nets of many relus) a value lies so near to a kink that rounding decides
 * on which side it comes; then the steps go apart (close.awk).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

static void *block(size_t bytes)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes + 64) != 0) exit(3);
    memset(p, 0xff, bytes); /* NaN: nothing may count on zeros */
    return p;
}

enum { STARTS = 8, STEPS = 2 };

static int run(uint64_t seed)
{
    const nn_model_info *info = net_info();
    void *place = block(info->train_bytes), *scratch = block(info->train_scratch);
    void *small = block(info->infer_scratch);
    net *model = net_init(place, 1, seed);
    static float x[NET_BATCH * NET_INPUTS], y[NET_BATCH * NET_OUTPUTS];
    static int32_t labels[NET_BATCH];
    unsigned state = (unsigned)seed;
    for (size_t i = 0; i < sizeof x / sizeof x[0]; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) / 16777216.0f - 0.5f;
    }
    for (int i = 0; i < NET_BATCH; i++) labels[i] = i % 11 == 3 ? -1 : i % NET_OUTPUTS; /* -1: has no class */
    printf("start %d\n", (int)seed);
    for (int i = 0; i < STEPS; i++) printf("loss %.9g\n", (double)net_step(model, x, labels, 0.02f, scratch));
    printf("loss %.9g\n", (double)net_grad(model, x, labels, scratch));
    for (int i = 0; i < 2; i++)
        printf("eval %.9g\n", (double)net_eval(model, x, labels, NET_BATCH - NET_BATCH * i / 3, y, scratch));
    net_infer(model, x, y, small);
    for (size_t i = 0; i < sizeof y / sizeof y[0]; i++) printf("y %.9g\n", (double)y[i]);
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float *values = block(t->count * sizeof *values);
        if (net_get(model, t->name, values, t->count) != 0 || net_set(model, t->name, values, t->count) != 0) return 1;
        if (net_get(model, t->name, values, t->count + 1) == 0) return 1;
        printf("%s %.9g\n", t->name, (double)values[t->count / 2]);
        free(values);
    }
    if (net_set(model, "no.such.name", y, 1) == 0) return 1;
    free(place);
    free(scratch);
    free(small);
    return 0;
}

/* drive [STARTS] */
int main(int count, char **arguments)
{
    int starts = count > 1 ? atoi(arguments[1]) : STARTS;
    for (int seed = 1; seed <= starts; seed++)
        if (run((uint64_t)seed) != 0) return 1;
    return 0;
}
