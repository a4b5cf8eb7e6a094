/*
 * checkpoint: what a checkpoint costs a run of the net in net.h (--prefix net).
 *
 * Enters: how many checkpoints, and the file that each of them replaces.  Leaves: lines of
 * Markdown with the median and the largest of
 *
 *   pause   the time that the training thread stands still: by the clock, and of its processor time
 *   thread  the processor time of the thread that writes the file meanwhile
 *
 * for the model's block alone, and with a moving average and the best weights beside it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "net.h"
#include "runtime/data/dataset.h"
#include "runtime/train/checkpoint.h"

enum { MOST = 1000 };

typedef struct Cost {
    double pause, busy, thread; /* seconds */
} Cost;

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(const NnError *error, int failed)
{
    if (!failed) return;
    fprintf(stderr, "checkpoint: %s\n", error->text);
    exit(3);
}

/* A step writes every weight: none is in cache, or in a page that has been copied already. */
static void touch(void *model, size_t bytes)
{
    volatile unsigned char *at = model;
    for (size_t i = 64; i < bytes; i += 64) at[i] = at[i];
}

static Cost take(Checkpoint *c, const nn_model_info *info, void *model, TrainState *state)
{
    Cost cost;
    touch(model, info->train_bytes);
    state->step++;
    const double clock = seconds(CLOCK_MONOTONIC), busy = seconds(CLOCK_THREAD_CPUTIME_ID);
    const double all = seconds(CLOCK_PROCESS_CPUTIME_ID);
    const int failed = checkpoint_take(c, info, model, state, -1);
    cost.pause = seconds(CLOCK_MONOTONIC) - clock;
    cost.busy = seconds(CLOCK_THREAD_CPUTIME_ID) - busy;
    check(&c->error, failed);
    checkpoint_wait(c);
    cost.thread = seconds(CLOCK_PROCESS_CPUTIME_ID) - all - (seconds(CLOCK_THREAD_CPUTIME_ID) - busy);
    check(&c->error, c->error.status != 0);
    return cost;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void put_column(const Cost *costs, int count, size_t offset)
{
    double values[MOST];
    for (int i = 0; i < count; i++) values[i] = *(const double *)((const char *)&costs[i] + offset);
    qsort(values, (size_t)count, sizeof *values, by_value);
    printf(" %.0f ms, at most %.0f ms |", 1e3 * values[count / 2], 1e3 * values[count - 1]);
}

static void put_row(const char *what, size_t bytes, const Cost *costs, int count)
{
    printf("| %s | %.0f MB |", what, (double)bytes / 1e6);
    put_column(costs, count, offsetof(Cost, pause));
    put_column(costs, count, offsetof(Cost, busy));
    put_column(costs, count, offsetof(Cost, thread));
    putchar('\n');
}

static void measure(const nn_model_info *info, void *model, bool averages, int count, const char *path)
{
    const Fitting fitting = {0};
    const Dataset data = {0};
    const Feed feed = {.data = &data, .fitting = &fitting};
    const NnCheckpointConfig config = {.path = path, .every_steps = 1};
    NnError error = {0};
    TrainState state;
    Checkpoint c;
    Cost costs[MOST];
    state_init(&state);
    for (int i = 0; averages && i < COPIES; i++)
        if (i != COPY_SLOW) check(&error, average_init(&state.copy[i], info, model, true, &error));
    checkpoint_init(&c, &config, &feed);
    strcpy(c.data_hash, "0");
    checkpoint_prepare(&c, info, &state);
    for (int i = -1; i < count; i++) { /* the first one makes the file */
        const Cost cost = take(&c, info, model, &state);
        if (i >= 0) costs[i] = cost;
    }
    size_t bytes = info->train_bytes;
    for (int i = 0; i < COPIES; i++) bytes += state.copy[i].count * sizeof(float);
    put_row(averages ? "with `ema` and `keep best`" : "weights, statistics and momentum", bytes, costs, count);
    checkpoint_free(&c);
    for (int i = 0; i < COPIES; i++) average_free(&state.copy[i]);
}

int main(int argc, char **argv)
{
    const int count = argc > 1 ? atoi(argv[1]) : 0;
    if (argc != 3 || count < 1 || count > MOST) {
        fprintf(stderr, "usage: checkpoint COUNT FILE\n");
        return 2;
    }
    const nn_model_info *info = net_info();
    NnError error = {0};
    void *block = nn_memory(info->train_bytes, &error);
    check(&error, !block);
    void *model = info->init(block, 1, 1);
    puts("| copied | size | pause | processor time of the pause | of the thread |\n|---|---|---|---|---|");
    measure(info, model, false, count, argv[2]);
    measure(info, model, true, count, argv[2]);
    free(block);
    return 0;
}
