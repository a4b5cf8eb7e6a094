/*
 * wires: what scale.c has to know of a network, measured between two or more ranks.
 *
 *     mpicc -O2 bench/scale/wires.c -o wires && mpirun -n 2 ./wires
 *
 * Rank 0 prints, as options of scale: the latency and the overhead of a message, the bandwidth of a link
 * that sends and receives at the same time, the speed of additions, the processor's time for a byte.
 * Numbers are medians.  With arguments, each a number of bytes, it prints instead what exchanges of so many
 * bytes take: as nnc train does it ("slices", one chunk for each rank), and MPI_Iallreduce.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { TURNS = 15, BURST = 200, LARGE = 8 << 20 };

typedef struct Wires {
    int rank, size;
    size_t bytes;
    float *own, *received;
    MPI_Request *request;
} Wires;

typedef void (*Timed)(Wires *);

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double processor_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

/* The median over the turns of the slowest rank's time, on every rank. */
static double median_seconds(Wires *w, Timed run)
{
    double seconds[TURNS];
    run(w);
    for (int i = 0; i < TURNS; i++) {
        MPI_Barrier(MPI_COMM_WORLD);
        const double begin = MPI_Wtime();
        run(w);
        seconds[i] = MPI_Wtime() - begin;
        MPI_Allreduce(MPI_IN_PLACE, &seconds[i], 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    }
    qsort(seconds, TURNS, sizeof *seconds, by_value);
    return seconds[TURNS / 2];
}

/* ---- single messages, between ranks 0 and 1 ----------------------------------------------- */

static void ping_pong(Wires *w)
{
    char byte = 0;
    for (int i = 0; i < BURST && w->rank < 2; i++)
        for (int sender = 0; sender < 2; sender++)
            if (w->rank == sender)
                MPI_Send(&byte, 1, MPI_BYTE, 1 - sender, 0, MPI_COMM_WORLD);
            else
                MPI_Recv(&byte, 1, MPI_BYTE, sender, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

/* Many messages at once, and an answer. */
static void burst(Wires *w)
{
    static char bytes[BURST + 1];
    for (int i = 0; i < BURST && w->rank < 2; i++)
        if (w->rank == 0)
            MPI_Isend(&bytes[i], 1, MPI_BYTE, 1, 0, MPI_COMM_WORLD, &w->request[i]);
        else
            MPI_Irecv(&bytes[i], 1, MPI_BYTE, 0, 0, MPI_COMM_WORLD, &w->request[i]);
    if (w->rank < 2) MPI_Waitall(BURST, w->request, MPI_STATUSES_IGNORE);
    if (w->rank == 1) MPI_Send(&bytes[BURST], 1, MPI_BYTE, 0, 1, MPI_COMM_WORLD);
    if (w->rank == 0) MPI_Recv(&bytes[BURST], 1, MPI_BYTE, 1, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void both_ways(Wires *w)
{
    if (w->rank > 1) return;
    MPI_Irecv(w->received, LARGE, MPI_BYTE, 1 - w->rank, 0, MPI_COMM_WORLD, &w->request[0]);
    MPI_Isend(w->own, LARGE, MPI_BYTE, 1 - w->rank, 0, MPI_COMM_WORLD, &w->request[1]);
    MPI_Waitall(2, w->request, MPI_STATUSES_IGNORE);
}

static void add_vectors(Wires *w)
{
    float *restrict to = w->own;
    const float *restrict from = w->received;
    for (size_t i = 0; i < LARGE / sizeof *to; i++) to[i] += from[i];
}

/* ---- exchanges ------------------------------------------------------------------------------ */

static size_t cut_at(const Wires *w, int rank) { return w->bytes / sizeof(float) * (size_t)rank / (size_t)w->size; }

static void await_slices(Wires *w, int count)
{
    int done = 0;
    while (!done) MPI_Testall(count, w->request, &done, MPI_STATUSES_IGNORE);
}

static void exchange_slices(Wires *w)
{
    const size_t begin = cut_at(w, w->rank), mine = cut_at(w, w->rank + 1) - begin;
    int count = 0;
    for (int r = 0; r < w->size; r++) {
        if (r == w->rank) continue;
        MPI_Irecv(w->received + (size_t)r * mine, (int)mine, MPI_FLOAT, r, 0, MPI_COMM_WORLD, &w->request[count++]);
        MPI_Isend(w->own + cut_at(w, r), (int)(cut_at(w, r + 1) - cut_at(w, r)), MPI_FLOAT, r, 0, MPI_COMM_WORLD,
                  &w->request[count++]);
    }
    await_slices(w, count);
    for (int r = 0; r < w->size; r++)
        for (size_t i = 0; r != w->rank && i < mine; i++) w->own[begin + i] += w->received[(size_t)r * mine + i];
    count = 0;
    for (int r = 0; r < w->size; r++) {
        if (r == w->rank) continue;
        MPI_Isend(w->own + begin, (int)mine, MPI_FLOAT, r, 0, MPI_COMM_WORLD, &w->request[count++]);
        MPI_Irecv(w->own + cut_at(w, r), (int)(cut_at(w, r + 1) - cut_at(w, r)), MPI_FLOAT, r, 0, MPI_COMM_WORLD,
                  &w->request[count++]);
    }
    await_slices(w, count);
}

static void all_reduce(Wires *w)
{
    MPI_Iallreduce(MPI_IN_PLACE, w->own, (int)(w->bytes / sizeof(float)), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD,
                   &w->request[0]);
    MPI_Wait(&w->request[0], MPI_STATUS_IGNORE);
}

/* ---- what is printed ------------------------------------------------------------------------- */

static void take_memory(Wires *w)
{
    const size_t bytes = w->bytes + (size_t)w->size * sizeof(float);
    free(w->own);
    free(w->received);
    w->own = calloc(1, bytes);
    w->received = calloc(1, bytes);
    if (!w->own || !w->received) MPI_Abort(MPI_COMM_WORLD, 1);
    memset(w->received, 0, bytes); /* the pages are there */
}

static void print_options(Wires *w)
{
    const double alpha = median_seconds(w, ping_pong) / (2 * BURST);
    const double overhead = (median_seconds(w, burst) - 2 * alpha) / BURST;
    const double before = processor_seconds();
    const double large = median_seconds(w, both_ways);
    const double cpu = (processor_seconds() - before) / ((TURNS + 1) * 2.0 * LARGE);
    const double add = median_seconds(w, add_vectors);
    const double least = overhead < alpha ? overhead : alpha;
    if (w->rank == 0)
        printf("--latency %.3g --overhead %.3g --gbit %.4g --add %.3g --cpu %.3g\n", 1e6 * (alpha - least), 1e6 * least,
               8e-9 * LARGE / (large - alpha), 1e-9 * LARGE / add, 1e9 * cpu);
}

static void print_exchange(Wires *w, const char *bytes)
{
    w->bytes = strtoul(bytes, NULL, 10);
    take_memory(w);
    const double slices = median_seconds(w, exchange_slices), ring = median_seconds(w, all_reduce);
    if (w->rank == 0) printf("%d %zu slices %.6g iallreduce %.6g\n", w->size, w->bytes, slices, ring);
}

int main(int argc, char **argv)
{
    Wires w = {.bytes = LARGE};
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &w.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &w.size);
    w.request = calloc((size_t)(BURST + 2 * w.size), sizeof *w.request);
    if (!w.request || w.size < 2) MPI_Abort(MPI_COMM_WORLD, 1);
    take_memory(&w);
    if (argc < 2) print_options(&w);
    for (int i = 1; i < argc; i++) print_exchange(&w, argv[i]);
    free(w.own);
    free(w.received);
    free(w.request);
    MPI_Finalize();
    return 0;
}
