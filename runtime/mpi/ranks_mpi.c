/*
 * ranks over MPI: the engine of runtime/train/ranks.h, in a library that nnc loads under a launcher.
 *
 * All calls are made by the thread that trains.  It looks for the end of the messages itself, and
 * sleeps between two looks, so that ranks that wait take no processor from others and a rank that
 * has stopped to answer can be named.
 */
#include <mpi.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/train/ranks.h"

enum {
    PIECE = 1 << 30,  /* bytes of an MPI message, whose count is an int */
    EAGER = 2000,     /* looks before the first sleep */
    SHORTEST = 20000, /* nanoseconds of a sleep, */
    LONGEST = 500000
};

static double mpi_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- calls of MPI that may not return ---------------------------------------------------------- */

/* Ends this process, unless it is called off within so many seconds. */
typedef struct Watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    double limit;
    int off, status, said_to;
    const char *what; /* to print, with the limit; or NULL */
} Watchdog;

static struct timespec after(double seconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    const double whole = (double)(time_t)seconds;
    end.tv_sec += (time_t)seconds;
    end.tv_nsec += (long)((seconds - whole) * 1e9);
    if (end.tv_nsec >= 1000000000) end.tv_sec++, end.tv_nsec -= 1000000000;
    return end;
}

static void *watch_call(void *arg)
{
    Watchdog *w = arg;
    const struct timespec end = after(w->limit);
    int error = 0;
    pthread_mutex_lock(&w->lock);
    while (!w->off && !error) error = pthread_cond_timedwait(&w->changed, &w->lock, &end);
    pthread_mutex_unlock(&w->lock);
    if (w->off) return NULL;
    if (w->what) dprintf(w->said_to, "nnc: error: %s for %g s; the run is ended\n", w->what, w->limit);
    _exit(w->status);
}

/* Signals stay with the threads of the program.  0, or -1: there is no thread for it. */
static int watchdog_start(Watchdog *w)
{
    pthread_condattr_t monotonic;
    sigset_t all, before;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const int failed = pthread_create(&w->thread, NULL, watch_call, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? -1 : 0;
}

static void watchdog_stop(Watchdog *w)
{
    pthread_mutex_lock(&w->lock);
    w->off = 1;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
}

/* A launcher that does not answer any more is not waited for. */
static void end_job(int status)
{
    Watchdog w = {.limit = 5, .status = status};
    if (watchdog_start(&w)) _exit(status);
    MPI_Abort(MPI_COMM_WORLD, status);
    _exit(status);
}

static void check_mpi(const NnRanks *r, int error, const char *what)
{
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    if (error == MPI_SUCCESS) return;
    MPI_Error_string(error, text, &length);
    dprintf(r->said_to, "nnc: rank %d: MPI: %s: %.*s\n", r->rank, what, length, text);
    end_job(3);
}

/* ---- messages ---------------------------------------------------------------------------- */

static int piece_count(const NnMessage *m) { return (int)(m->bytes / PIECE + (m->bytes % PIECE != 0)); }

/* Returns how many requests. */
static int start_message(const NnRanks *r, const NnMessage *m, MPI_Request *requests)
{
    const int count = piece_count(m);
    for (int i = 0; i < count; i++) {
        char *at = (char *)m->data + (size_t)i * PIECE;
        const int bytes = i + 1 < count ? PIECE : (int)(m->bytes - (size_t)i * PIECE);
        check_mpi(r,
                  m->sends ? MPI_Isend(at, bytes, MPI_BYTE, m->peer, m->tag, MPI_COMM_WORLD, &requests[i])
                           : MPI_Irecv(at, bytes, MPI_BYTE, m->peer, m->tag, MPI_COMM_WORLD, &requests[i]),
                  "a message");
    }
    return count;
}

struct NnTransfer {
    NnMessage *list;
    int count;
    MPI_Request *requests;
    int all; /* requests */
};

/* The first peer with a message that is not over.  Testall has left the requests as they were. */
static int silent_peer(const NnTransfer *t)
{
    MPI_Request *at = t->requests;
    for (int i = 0; i < t->count; i++)
        for (int k = 0; k < piece_count(&t->list[i]); k++, at++) {
            int done = 0;
            if (MPI_Test(at, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || !done) return t->list[i].peer;
        }
    return -1;
}

static void give_up(const NnRanks *r, const NnTransfer *t, double limit)
{
    const int peer = silent_peer(t);
    if (peer < 0) return; /* it has come at last */
    dprintf(r->said_to, "nnc: rank %d has not answered rank %d for %g s; the run is ended\n", peer, r->rank, limit);
    end_job(3);
}

static void *transfer_memory(const NnRanks *r, size_t bytes)
{
    void *memory = malloc(bytes);
    if (memory) return memory;
    dprintf(r->said_to, "nnc: rank %d: no memory for %zu bytes of messages\n", r->rank, bytes);
    end_job(3);
    return NULL;
}

static NnTransfer *start_transfer(const NnRanks *r, const NnMessage *list, int count)
{
    int all = 0;
    for (int i = 0; i < count; i++) all += piece_count(&list[i]);
    NnTransfer *t = transfer_memory(r, sizeof *t);
    *t = (NnTransfer){.count = count, .all = all};
    t->list = transfer_memory(r, ((size_t)count + 1) * sizeof *t->list);
    t->requests = transfer_memory(r, ((size_t)all + 1) * sizeof *t->requests);
    if (count) memcpy(t->list, list, (size_t)count * sizeof *list);
    MPI_Request *at = t->requests;
    for (int i = 0; i < count; i++) at += start_message(r, &list[i], at);
    return t;
}

static void end_transfer(NnTransfer *t)
{
    free(t->list);
    free(t->requests);
    free(t);
}

static bool is_over(const NnRanks *r, NnTransfer *t)
{
    int done = 0;
    check_mpi(r, MPI_Testall(t->all, t->requests, &done, MPI_STATUSES_IGNORE), "waiting for the other ranks");
    return done;
}

static bool test_transfer(const NnRanks *r, NnTransfer *t)
{
    const bool over = is_over(r, t);
    if (over) end_transfer(t);
    return over;
}

static void wait_transfer(const NnRanks *r, NnTransfer *t, double limit)
{
    const double begin = mpi_clock();
    struct timespec pause = {0, SHORTEST};
    for (int looks = 0; !is_over(r, t); looks++) {
        if (looks < EAGER) continue;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < LONGEST) pause.tv_nsec += pause.tv_nsec / 8;
        if (limit > 0 && mpi_clock() - begin > limit) give_up(r, t, limit);
    }
    end_transfer(t);
}

static void exchange_messages(const NnRanks *r, const NnMessage *list, int count, double limit)
{
    wait_transfer(r, start_transfer(r, list, count), limit);
}

/* ---- beginning and end --------------------------------------------------------------------- */

/* It waits for the other ranks and for the launcher, and has been seen to deadlock. */
static void close_mpi(const NnRanks *r, double limit)
{
    Watchdog w = {.limit = limit,
                  .status = 3,
                  .said_to = r->said_to,
                  .what = "the work is done, but MPI has not come to its end (MPI_Finalize)"};
    const bool watched = limit > 0 && watchdog_start(&w) == 0;
    MPI_Finalize();
    if (watched) watchdog_stop(&w);
}

static void name_engine(NnRanks *r)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    MPI_Get_library_version(text, &length);
    text[strcspn(text, ",\n")] = '\0';
    char *number = strstr(text, " Version:\t"); /* MPICH's form */
    if (number) *number = '\0';
    snprintf(r->engine, sizeof r->engine, "%.30s%s%.30s", text, number ? " " : "", number ? number + 10 : "");
}

/* Waits for all ranks. */
static int start_mpi(double limit)
{
    int provided = 0;
    Watchdog w = {.limit = limit,
                  .status = 3,
                  .said_to = STDERR_FILENO,
                  .what = "not all ranks have started, or the launcher has not answered,"};
    if (watchdog_start(&w)) return -1;
    const int error = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    watchdog_stop(&w);
    return error == MPI_SUCCESS ? 0 : -1;
}

int nn_ranks_open(NnRanks *r, int abi, double limit)
{
    if (abi != NN_RANKS_ABI || start_mpi(limit)) return -1;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &r->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &r->size);
    name_engine(r);
    r->said_to = STDERR_FILENO;
    r->exchange = exchange_messages;
    r->start = start_transfer;
    r->test = test_transfer;
    r->wait = wait_transfer;
    r->abort = end_job;
    r->close = close_mpi;
    return 0;
}
