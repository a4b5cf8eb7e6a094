/* Milliseconds of a pass of one sample: int8.sh compiles this with the C of a net. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "net.h"

enum { PASSES = 11 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (!file || fseek(file, 0, SEEK_END)) return 1;
    const size_t length = (size_t)ftell(file);
    rewind(file);
    void *bytes = aligned_alloc(64, (length + 63) / 64 * 64), *scratch = aligned_alloc(64, NET_INFER_SCRATCH + 64);
    if (!bytes || !scratch || fread(bytes, 1, length, file) != length) return 1;
    const net *model = net_load(bytes, length);
    static float x[NET_BATCH * NET_INPUTS], y[NET_BATCH * NET_OUTPUTS];
    unsigned state = 1;
    for (int i = 0; i < NET_BATCH * NET_INPUTS; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) / 16777216.0f;
    }
    double times[PASSES];
    for (int i = 0; model && i < PASSES; i++) {
        const double start = now();
        net_infer(model, x, y, scratch);
        times[i] = now() - start;
    }
    if (!model) return 1;
    qsort(times, PASSES, sizeof *times, compare);
    printf("%.3f\n", times[PASSES / 2]);
    return 0;
}
