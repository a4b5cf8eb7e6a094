/*
 * program: a model as nnc wrote it (--prefix net, net.h), timed as a program.
 *
 * Enters: infer or train, and how many seconds.  Leaves: one line on standard
 * output, like the peers': median and least time of a pass in milliseconds,
 * megabytes resident at most, runs.  The data is random; the steps of training
 * are those that the generated code makes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net.h"

enum { MOST_RUNS = 100000, WARM_RUNS = 3, LEAST_RUNS = 3 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Not cleared: what a pass does not touch is not resident. */
static void *block(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (!p) exit(3);
    return p;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* VmHWM of /proc/self/status, in megabytes; 0 where there is none. */
static double resident(void)
{
    char line[256];
    double kilobytes = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lf", &kilobytes) == 1) break;
    if (f) fclose(f);
    return kilobytes / 1024;
}

typedef struct Model {
    const nn_model_info *info;
    void *model, *scratch;
    float *x, *y;
    int32_t *labels;
} Model;

static Model open_model(int train)
{
    const nn_model_info *info = net_info();
    size_t batch = (size_t)info->batch;
    unsigned state = 1;
    Model m = {.info = info};
    m.model = info->init(block(train ? info->train_bytes : info->model_bytes), train, 1);
    m.scratch = block(train ? info->train_scratch : info->infer_scratch);
    m.x = block(batch * info->inputs * sizeof *m.x);
    m.y = block(batch * info->outputs * sizeof *m.y);
    m.labels = block(batch * sizeof *m.labels);
    for (size_t i = 0; i < batch * info->inputs; i++) {
        state = state * 1664525u + 1013904223u;
        m.x[i] = (float)(state >> 8) / 8388608.0f - 1;
    }
    for (size_t i = 0; i < batch; i++) m.labels[i] = (int32_t)((i * 7919 + 1) % info->outputs);
    return m;
}

static double run(const Model *m, int train)
{
    double begin = now();
    if (train)
        m->info->step(m->model, m->x, m->labels, 0.01f, m->scratch);
    else
        m->info->infer(m->model, m->x, m->y, m->scratch);
    return now() - begin;
}

int main(int argc, char **argv)
{
    static double times[MOST_RUNS];
    if (argc != 3) return 2;
    int train = strcmp(argv[1], "train") == 0, runs = 0;
    double seconds = atof(argv[2]);
    Model m = open_model(train);
    for (int i = 0; i < WARM_RUNS; i++) run(&m, train);
    for (double begin = now(); runs < MOST_RUNS && (runs < LEAST_RUNS || now() - begin < seconds);)
        times[runs++] = run(&m, train);
    qsort(times, (size_t)runs, sizeof *times, by_value);
    printf("%.4f %.4f %.0f %d\n", times[runs / 2] * 1e3, times[0] * 1e3, resident(), runs);
    return 0;
}
