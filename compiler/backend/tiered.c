/*
 * tiered: tcc's code at once, and the system compiler's when it is ready.
 *
 * Enters: standalone C with its kernels linked.  Leaves: a handle whose symbols
 * are tcc's, and after poll() has said JIT_FASTER those of the other code.
 *
 * From the first poll() on a thread runs the system compiler on the same text: not before,
 * so that it takes no time from what its user does first.  Both codes link to the
 * kernels in this process, and what is not a kernel is compiled without
 * contraction, so the two do the same operations in the same order: which of
 * them ran a step cannot be seen from its result.  The thread has an arena of its
 * own; it and the caller meet in one atomic state.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "backend/kinds.h"

typedef enum TierState { WAITING, COMPILING, READY, FAILED, TOLD } TierState;

typedef struct Tiered {
    void *first, *second; /* handles; second: the faster code, of which only READY may be used */
    const char *source, *error;
    Arena *arena; /* the thread's */
    pthread_t thread;
    bool running, faster;
    int cancelled;
    atomic_int state;
} Tiered;

static void *compile_faster(void *argument)
{
    Tiered *t = argument;
    t->second = cc_compile_linked(t->source, &t->cancelled, t->arena, &t->error);
    atomic_store(&t->state, t->second ? READY : FAILED);
    return NULL;
}

/* Signals are for the threads that were there before. */
static void start_compiling(Tiered *t)
{
    sigset_t all, before;
    atomic_store(&t->state, COMPILING);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    t->running = pthread_create(&t->thread, NULL, compile_faster, t) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (t->running) return;
    t->error = "no thread could be started for it";
    atomic_store(&t->state, FAILED);
}

static void *tiered_compile(const char *source, Arena *arena, const char **error)
{
    void *first = backend_tcc.compile(source, arena, error);
    if (!first) return NULL;
    Tiered *t = arena_alloc(arena, sizeof *t);
    t->first = first;
    t->source = source;
    t->arena = arena_new();
    atomic_init(&t->state, WAITING);
    return t;
}

static void *tiered_symbol(void *handle, const char *name)
{
    const Tiered *t = handle;
    return t->faster ? backend_cc.symbol(t->second, name) : backend_tcc.symbol(t->first, name);
}

static JitNews tiered_poll(void *handle, const char **why)
{
    Tiered *t = handle;
    int state = atomic_load(&t->state);
    if (state == WAITING) start_compiling(t);
    if (state != READY && state != FAILED) return JIT_NO_NEWS;
    atomic_store(&t->state, TOLD);
    t->faster = state == READY;
    *why = t->error;
    return t->faster ? JIT_FASTER : JIT_NO_FASTER;
}

static void tiered_release(void *handle)
{
    Tiered *t = handle;
    __atomic_store_n(&t->cancelled, 1, __ATOMIC_RELEASE);
    if (t->running) pthread_join(t->thread, NULL);
    if (t->second) backend_cc.release(t->second);
    backend_tcc.release(t->first);
    arena_free(t->arena);
}

const Backend backend_tiered = {tiered_compile, tiered_symbol, tiered_release, tiered_poll};
