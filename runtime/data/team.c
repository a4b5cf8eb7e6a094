/*
 * Threads that take one piece of work after the other.
 */
#include "runtime/data/team.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PER_THREAD = 8, WATCHED_EVERY = 1000 };

int workspace_provide(Workspace *w, size_t bytes, size_t floats, NnError *error)
{
    if (bytes > w->byte_count) {
        free(w->bytes);
        w->bytes = malloc(bytes);
        w->byte_count = w->bytes ? bytes : 0;
    }
    if (floats > w->float_count) {
        free(w->floats);
        w->floats = malloc(floats * sizeof *w->floats);
        w->float_count = w->floats ? floats : 0;
    }
    if (w->byte_count >= bytes && w->float_count >= floats) return 0;
    return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to decode an image");
}

void workspace_free(Workspace *w)
{
    free(w->bytes);
    free(w->floats);
    *w = (Workspace){0};
}

typedef struct Team {
    size_t count;
    TeamWork work;
    void *user;
    const char *what;
    const TeamWatch *watch;
    atomic_size_t next, done;
    atomic_bool failed;
} Team;

typedef struct Member {
    Team *team;
    pthread_t thread;
    Workspace workspace;
    size_t failed_at;
    NnError error;
} Member;

static void tell_watch(Team *team)
{
    const size_t done = atomic_fetch_add(&team->done, 1) + 1;
    if (team->watch->show && done % WATCHED_EVERY == 0)
        team->watch->show(team->watch->user, team->what, done, team->count);
}

static void *work_through(void *user)
{
    Member *member = user;
    Team *team = member->team;
    while (!atomic_load(&team->failed)) {
        const size_t i = atomic_fetch_add(&team->next, 1);
        if (i >= team->count) break;
        if (!team->work(team->user, i, &member->workspace, &member->error)) {
            tell_watch(team);
            continue;
        }
        member->failed_at = i;
        atomic_store(&team->failed, true);
    }
    return NULL;
}

static int count_members(size_t count)
{
    const int processors = nn_processors();
    const size_t most = count / PER_THREAD + 1;
    return most < (size_t)processors ? (int)most : processors;
}

/* Signals stay with the threads of the program.  Leaves how many there are. */
static int start_members(Member *members, int wanted)
{
    sigset_t all, before;
    int started = 1;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (started < wanted && !pthread_create(&members[started].thread, NULL, work_through, &members[started]))
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

int team_run(size_t count, TeamWork work, void *user, const char *what, const TeamWatch *watch, NnError *error)
{
    Team team = {.count = count, .work = work, .user = user, .what = what, .watch = watch};
    const int wanted = count_members(count);
    Member *members = calloc((size_t)wanted, sizeof *members), *first = NULL;
    if (!members) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for %d threads", wanted);
    for (int i = 0; i < wanted; i++) members[i].team = &team;
    const int started = start_members(members, wanted);
    work_through(&members[0]);
    for (int i = 1; i < started; i++) pthread_join(members[i].thread, NULL);
    for (int i = 0; i < started; i++) {
        if (members[i].error.status && (!first || members[i].failed_at < first->failed_at)) first = &members[i];
        workspace_free(&members[i].workspace);
    }
    if (first) *error = first->error;
    free(members);
    return first ? -1 : 0;
}
