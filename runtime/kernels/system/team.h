/*
 * team.h: the threads of one call.
 *
 * All threads of a team execute the same list of kernels, and thread t of T computes part t of
 * each.  Where a kernel needs what other threads have computed, there is a barrier before it.
 * Work is partitioned along elements that are computed whole, so results do not depend on T.
 *
 * A team exists only during the call: nothing is kept between two calls of the model's functions,
 * and two models may run at the same time.
 *
 * NN_TEAM_HEAP: the threads' stacks are on the heap.  glibc gives the pages of a stack back when its thread
 * ends, and each has to be mapped again in the next call; what is freed on the heap stays.
 */
#ifndef NN_TEAM_H
#define NN_TEAM_H

typedef struct nn_team nn_team;

typedef void nn_part(const void *pass, int t, int T, nn_team *team);

enum { NN_MAX_THREADS = 1024 }; /* of a team; also the most that nnc lets one ask for */

#ifdef NN_TEAM_LINKED

void nn_barrier(nn_team *team);
void nn_team_run(nn_part *part, const void *pass, int threads);

#else

#include <pthread.h>
#include <unistd.h>

enum { NN_SPINS = 10000 };

struct nn_team {
    int size;    /* threads, the caller's included; 0 until all are there */
    int arrived; /* at the barrier */
    int round;   /* of the barrier */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* size or round */
};

static inline void nn_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Waits are usually short; in a longer one the thread sleeps. */
static inline void nn_wait_while(nn_team *team, const int *value, int same)
{
    for (int spins = 0; spins < NN_SPINS; spins++) {
        if (__atomic_load_n(value, __ATOMIC_ACQUIRE) != same) return;
        nn_pause();
    }
    pthread_mutex_lock(&team->lock);
    while (__atomic_load_n(value, __ATOMIC_ACQUIRE) == same) pthread_cond_wait(&team->changed, &team->lock);
    pthread_mutex_unlock(&team->lock);
}

static inline void nn_change(nn_team *team, int *value, int to)
{
    pthread_mutex_lock(&team->lock);
    __atomic_store_n(value, to, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->lock);
}

static __attribute__((unused)) void nn_barrier(nn_team *team)
{
    if (team->size == 1) return;
    int round = __atomic_load_n(&team->round, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&team->arrived, 1, __ATOMIC_ACQ_REL) == team->size) {
        __atomic_store_n(&team->arrived, 0, __ATOMIC_RELAXED);
        nn_change(team, &team->round, round + 1);
    } else {
        nn_wait_while(team, &team->round, round);
    }
}

enum {
    NN_STACK = 2 << 20, /* bytes; what kernels have on it is 400 KB at most */
    NN_STACK_PAGE = 1 << 14
};

/* Memory for the stacks of so many threads, or NULL: the system's. */
static inline char *nn_stacks_new(int count)
{
#ifdef NN_TEAM_HEAP
    return count > 0 ? (char *)__builtin_malloc((unsigned long)count * NN_STACK + NN_STACK_PAGE) : 0;
#else
    (void)count;
    return 0;
#endif
}

/* The one of that index, where there are stacks.  A thread that cannot have it has the system's. */
static inline void nn_stack_give(pthread_attr_t *attributes, char *stacks, int index)
{
#ifdef NN_TEAM_HEAP
    if (!stacks) return;
    char *first = stacks + NN_STACK_PAGE - (unsigned long)stacks % NN_STACK_PAGE;
    pthread_attr_setstack(attributes, first + (unsigned long)index * NN_STACK, NN_STACK);
#else
    (void)attributes, (void)stacks, (void)index;
#endif
}

static inline void nn_stacks_free(char *stacks)
{
#ifdef NN_TEAM_HEAP
    __builtin_free(stacks);
#else
    (void)stacks;
#endif
}

typedef struct nn_member {
    nn_part *part;
    const void *pass;
    nn_team *team;
    int t;
} nn_member;

static void *nn_member_run(void *argument)
{
    const nn_member *me = (const nn_member *)argument;
    nn_wait_while(me->team, &me->team->size, 0);
    me->part(me->pass, me->t, me->team->size, me->team);
    return 0;
}

/* Starts the thread; not 0: it could not be. */
static int nn_member_start(nn_member *member, pthread_t *thread, char *stacks)
{
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed) return failed;
    nn_stack_give(&attributes, stacks, member->t - 1);
    failed = pthread_create(thread, &attributes, nn_member_run, member);
    pthread_attr_destroy(&attributes);
    return failed;
}

/* Runs `part` on `threads` threads, 0: one per processor, NN_MAX_THREADS at most; on fewer if the system
 * has no more. */
static __attribute__((unused)) void nn_team_run(nn_part *part, const void *pass, int threads)
{
    nn_team team = {0, 0, 0, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER};
    nn_member member[NN_MAX_THREADS];
    pthread_t thread[NN_MAX_THREADS];
    if (threads <= 0) threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (threads > NN_MAX_THREADS) threads = NN_MAX_THREADS;
    char *stacks = nn_stacks_new(threads - 1);
    int size = 1;
    for (; size < threads; size++) {
        member[size].part = part;
        member[size].pass = pass;
        member[size].team = &team;
        member[size].t = size;
        if (nn_member_start(&member[size], &thread[size], stacks) != 0) break;
    }
    nn_change(&team, &team.size, size);
    part(pass, 0, size, &team);
    for (int t = 1; t < size; t++) pthread_join(thread[t], 0);
    nn_stacks_free(stacks);
}

#endif /* NN_TEAM_LINKED */

#endif
