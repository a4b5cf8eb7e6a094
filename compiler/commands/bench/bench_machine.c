/*
 * What the machine can do at most, measured now.
 *
 * Enters: how many threads.  Leaves: products a second from registers, and
 * bytes a second from and to memory, by the kernels of this processor's own
 * instruction set (runtime/kernels/system/peak.h).  The best of a few short runs counts,
 * since everything that disturbs a run makes it slower.
 */
#include "commands/bench/bench.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/core.h"
#include "runtime/kernels/library.h"
#include "runtime/kernels/limits.h"
#include "runtime/kernels/system/clock.h"
#include "runtime/kernels/system/team.h"

enum { PEAK_RUNS = 4, STREAM_RUNS = 4 };
static const int64_t peak_nanoseconds = 50000000; /* that a run is to take */
static const long peak_first_rounds = 100000;
static const long stream_floats = 32 << 20; /* of each of two arrays: beyond any cache */

typedef double PeakProducts(long rounds, const void *operands, void *result);
typedef void PeakStream(long count, float factor, const float *x, float *y, int t, int T);

typedef struct PeakRun {
    PeakProducts *products;
    PeakStream *stream;
    long rounds;
    float *x, *y;
    int64_t nanoseconds; /* from when all begin to when all are done */
    double operations;   /* of one thread */
    int threads;
} PeakRun;

static void *kernel(const char *name, const char **kernels)
{
    void *address = nn_kernel_named(nn_kernel_library(kernels), name);
    assert(address && "the library has the kernels of peak.h");
    return address;
}

/* ---- arithmetic ------------------------------------------------------------ */

static void products_part(const void *pass, int t, int T, nn_team *team)
{
    PeakRun *run = *(PeakRun *const *)pass;
    uint32_t operands[NN_PEAK_BYTES / 4], result[NN_PEAK_BYTES / 4];
    for (int i = 0; i < NN_PEAK_BYTES / 4; i++) operands[i] = 0x3f7f3f7f; /* just below 1 in f32 and in bf16 */
    nn_barrier(team);
    int64_t begin = nn_now();
    double operations = run->products(run->rounds, operands, result);
    nn_barrier(team);
    if (t > 0) return;
    run->nanoseconds = nn_now() - begin;
    run->operations = operations;
    run->threads = T;
}

#define PRODUCTS_NAME(ID, NAME, KERNEL) [PRODUCTS_##ID] = NAME,
const char *products_name(ProductType p)
{
    static const char *const names[] = {PRODUCTS_TABLE(PRODUCTS_NAME)};
    return names[p];
}

#define PRODUCTS_KERNEL(ID, NAME, KERNEL) [PRODUCTS_##ID] = KERNEL,
void machine_peak(Machine *m, int64_t threads, ProductType p)
{
    static const char *const kernels[] = {PRODUCTS_TABLE(PRODUCTS_KERNEL)};
    PeakRun run = {.products = (PeakProducts *)kernel(kernels[p], &m->kernels), .rounds = peak_first_rounds};
    PeakRun *pass = &run;
    m->peak[p] = 0;
    for (int i = 0; i < PEAK_RUNS; i++) {
        nn_team_run(products_part, &pass, threads > 0 ? (int)threads : nn_processors());
        double rate = run.operations * run.threads / (double)run.nanoseconds * 1e9;
        if (rate > m->peak[p]) m->peak[p] = rate;
        run.rounds = (long)((double)run.rounds * (double)peak_nanoseconds / (double)run.nanoseconds) + 1;
    }
    m->threads = run.threads;
}

/* ---- memory ---------------------------------------------------------------- */

static void stream_part(const void *pass, int t, int T, nn_team *team)
{
    PeakRun *run = *(PeakRun *const *)pass;
    nn_barrier(team);
    int64_t begin = nn_now();
    run->stream(stream_floats, 0.5f, run->x, run->y, t, T);
    nn_barrier(team);
    if (t == 0) run->nanoseconds = nn_now() - begin;
}

void machine_bandwidth(Machine *m)
{
    size_t bytes = (size_t)stream_floats * sizeof(float);
    PeakRun run = {
        .stream = (PeakStream *)kernel("nn_peak_stream", NULL), .x = block_alloc(bytes), .y = block_alloc(bytes)};
    PeakRun *pass = &run;
    m->bytes = 0;
    for (int i = 0; i < STREAM_RUNS; i++) {
        nn_team_run(stream_part, &pass, m->threads);
        double rate = 3.0 * (double)bytes / (double)run.nanoseconds * 1e9;
        if (rate > m->bytes) m->bytes = rate;
    }
    free(run.x);
    free(run.y);
}
