/*
 * Data-parallel training with generated C and MPI, while the backward pass goes on: every gradient
 * is summed over the ranks as soon as it is final.
 *
 *     nnc dsl_examples/lenet.nn --batch 32 --hooks -o lenet.c
 *     mpicc -O2 -I. docs/mpi.c lenet.c -o lenet -lm -lpthread
 *     mpirun -n 4 ./lenet
 *
 * The batch of all ranks has 32 samples of each of them.  The samples are stripes: class k has k + 1 of them.
 */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lenet.h"

enum { SIDE = 32, STEPS = 40, TRANSFERS = 64 /* one for each parameter, and one for the number of batches */ };

typedef struct Transfers {
    MPI_Request request[TRANSFERS];
    int count;
} Transfers;

static void ready(void *ctx, int tensor, float *gradient, size_t count)
{
    Transfers *t = ctx;
    (void)tensor; /* all ranks do the same in the same order */
    MPI_Iallreduce(MPI_IN_PLACE, gradient, (int)count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &t->request[t->count++]);
}

static void before_update(void *ctx)
{
    Transfers *t = ctx;
    MPI_Waitall(t->count, t->request, MPI_STATUSES_IGNORE);
    t->count = 0;
}

/* Sample `number` of all that there are. */
static int make_sample(int number, float *x)
{
    const int class = number * 7 % LENET_OUTPUTS;
    const double phase = number * 0.37;
    for (int i = 0; i < SIDE * SIDE; i++)
        x[i] = (float)sin(phase + 2 * 3.14159265 * (class + 1) * (i % SIDE + i / SIDE * 0.3) / SIDE);
    return class;
}

static void *block(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p) MPI_Abort(MPI_COMM_WORLD, 1);
    return memset(p, 0, bytes);
}

int main(int argc, char **argv)
{
    int rank, size, threads;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &threads); /* hooks are called by this thread */
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    lenet *net = lenet_init(block(LENET_TRAIN_BYTES), 1, 1); /* the same weights on every rank */
    lenet_gradients *gradients = block(LENET_GRADIENTS_BYTES);
    void *scratch = block(LENET_TRAIN_SCRATCH);
    float *x = block(sizeof(float) * LENET_BATCH * LENET_INPUTS);
    int32_t labels[LENET_BATCH];
    Transfers transfers = {.count = 0};
    const nn_hooks hooks = {&transfers, ready, before_update};
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < LENET_BATCH; i++)
            labels[i] = make_sample((step * size + rank) * LENET_BATCH + i, x + (size_t)i * LENET_INPUTS);
        float loss = lenet_step_hooked(net, x, labels, 0.003f, gradients, scratch, &hooks) / (float)size;
        MPI_Allreduce(MPI_IN_PLACE, &loss, 1, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        if (rank == 0) printf("step %d: loss %.5f\n", step + 1, (double)loss);
    }
    MPI_Finalize();
    return 0;
}
