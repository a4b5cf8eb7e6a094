/*
 * Joining the other ranks, and agreeing with them on the run.
 */
#define _GNU_SOURCE /* sched_getaffinity */

#include "commands/ranks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPORT_BYTES = 8192 };

/* What each rank sends to rank 0: its facts, a line each, or what it has said when it failed. */
typedef struct RankReport {
    int status;
    char text[REPORT_BYTES];
} RankReport;

/* ---- the engine ---------------------------------------------------------------------- */

static bool is_launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "PMI_RANK"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) return true;
    return false;
}

/* Beside the program, or where it is installed. */
const char *ranks_library(char *path, size_t size)
{
    static const char *const places[] = {"nnc-mpi.so", "../lib/nnc/nnc-mpi.so"};
    char program[RANKS_PATH_BYTES];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length < 0 ? 0 : length] = '\0';
    char *name = strrchr(program, '/');
    if (name) name[1] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (snprintf(path, size, "%s%s", program, places[i]) < (int)size && access(path, R_OK) == 0) return path;
    return NULL;
}

static int open_engine(Ranks *r)
{
    char path[RANKS_PATH_BYTES];
    if (!ranks_library(path, sizeof path))
        return fail(STATUS_SYSTEM, "this nnc was built without MPI and cannot be one of several processes "
                                   "(install libopenmpi-dev and run make)");
    r->library = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* MPI loads libraries of its own, which look for its names */
    NnRanksOpen *open = r->library ? (NnRanksOpen *)dlsym(r->library, "nn_ranks_open") : NULL;
    if (!open) return fail(STATUS_SYSTEM, "%s: %s", path, dlerror());
    if (open(&r->engine, NN_RANKS_ABI)) return fail(STATUS_SYSTEM, "%s does not belong to this nnc", path);
    return STATUS_OK;
}

/* ---- what a rank says ------------------------------------------------------------------ */

/* Of all ranks but the first. */
static int keep_output(Ranks *r)
{
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    r->kept = tmpfile();
    r->error = dup(STDERR_FILENO);
    if (nowhere < 0 || !r->kept || r->error < 0) return fail(STATUS_SYSTEM, "no file for the messages of a rank");
    r->engine.said_to = r->error;
    dup2(nowhere, STDOUT_FILENO);
    dup2(fileno(r->kept), STDERR_FILENO);
    close(nowhere);
    return STATUS_OK;
}

static void read_kept(const Ranks *r, char *text, size_t size)
{
    fflush(stderr);
    rewind(r->kept);
    text[fread(text, 1, size - 1, r->kept)] = '\0';
}

static void forget_kept(const Ranks *r)
{
    if (!r->kept) return;
    fflush(stderr);
    if (ftruncate(fileno(r->kept), 0) == 0) lseek(fileno(r->kept), 0, SEEK_SET);
}

/* Each line of a rank's messages. */
static void print_of_rank(int out, int rank, const char *text)
{
    while (*text) {
        const int length = (int)strcspn(text, "\n");
        const int skip = strncmp(text, "nnc: ", 5) ? 0 : 5;
        dprintf(out, "nnc: rank %d: %.*s\n", rank, length - skip, text + skip);
        text += length + (text[length] == '\n');
    }
}

/* As the launcher has it: Open MPI, MPICH. */
static int ranks_of_machine(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = getenv(names[i]);
        if (text && atoi(text) > 0) return atoi(text);
    }
    return 1;
}

int ranks_threads(void)
{
    cpu_set_t bound;
    const int most = 64, online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    const int own = sched_getaffinity(0, sizeof bound, &bound) == 0 ? CPU_COUNT(&bound) : online;
    const int threads = own < online ? own : online / ranks_of_machine();
    return threads < 1 ? 1 : threads > most ? most : threads;
}

int ranks_open(Ranks *r)
{
    *r = (Ranks){.engine = {.size = 1}, .error = -1};
    if (!is_launched()) return STATUS_OK;
    int status = open_engine(r);
    if (status) return status;
    r->launched = true;
    return ranks_is_first(r) ? STATUS_OK : keep_output(r);
}

/* ---- agreeing --------------------------------------------------------------------------- */

static void write_facts(RankReport *report, const RankFact *facts)
{
    size_t at = 0;
    for (; facts && facts->what && at < sizeof report->text; facts++)
        at += (size_t)snprintf(report->text + at, sizeof report->text - at, "%s\t%s\n", facts->what, facts->value);
}

/* The first line in which the facts of a rank differ from those of rank 0. */
static int compare_facts(int rank, const char *theirs, const char *own)
{
    while (*own && *theirs) {
        const int a = (int)strcspn(own, "\n"), b = (int)strcspn(theirs, "\n"), what = (int)strcspn(own, "\t");
        if (a != b || strncmp(own, theirs, (size_t)a) != 0)
            return fail(STATUS_INPUT, "rank %d differs from rank 0: %.*s is %.*s there, and %.*s on rank 0", rank, what,
                        own, b - what - 1, theirs + what + 1, a - what - 1, own + what + 1);
        own += a + 1;
        theirs += b + 1;
    }
    return STATUS_OK;
}

static int judge_rank(int rank, const RankReport *theirs, const RankReport *own)
{
    if (!theirs->status) return own->status ? STATUS_OK : compare_facts(rank, theirs->text, own->text);
    if (!own->status) print_of_rank(STDERR_FILENO, rank, theirs->text);
    return theirs->status;
}

static int judge_ranks(const Ranks *r, const RankReport *own)
{
    const int others = r->engine.size - 1;
    RankReport *reports = calloc((size_t)others + 1, sizeof *reports);
    NnMessage *list = calloc((size_t)others + 1, sizeof *list);
    if (!reports || !list) r->engine.abort(fail(STATUS_SYSTEM, "no memory for the reports of the ranks"));
    for (int i = 0; i < others; i++) list[i] = (NnMessage){i + 1, false, &reports[i], sizeof *reports};
    r->engine.exchange(&r->engine, list, others, 0);
    int verdict = own->status;
    for (int i = 0; i < others; i++) {
        const int status = judge_rank(i + 1, &reports[i], own);
        if (!verdict) verdict = status;
    }
    for (int i = 0; i < others; i++) list[i] = (NnMessage){i + 1, true, &verdict, sizeof verdict};
    r->engine.exchange(&r->engine, list, others, 0);
    free(list);
    free(reports);
    return verdict;
}

static int await_verdict(const Ranks *r, RankReport *own)
{
    int verdict;
    const NnMessage report = {0, true, own, sizeof *own}, answer = {0, false, &verdict, sizeof verdict};
    r->engine.exchange(&r->engine, &report, 1, 0);
    r->engine.exchange(&r->engine, &answer, 1, 0);
    return verdict;
}

static int agree(Ranks *r, RankReport *own)
{
    r->agreed = true;
    return ranks_is_first(r) ? judge_ranks(r, own) : await_verdict(r, own);
}

int ranks_agree(Ranks *r, const RankFact *facts)
{
    RankReport own = {.status = STATUS_OK};
    if (!r->launched) return STATUS_OK;
    write_facts(&own, facts);
    const int status = agree(r, &own);
    forget_kept(r);
    return status;
}

/* ---- the end ------------------------------------------------------------------------------ */

static void end_all(const Ranks *r, int status)
{
    char text[REPORT_BYTES];
    if (r->kept) {
        read_kept(r, text, sizeof text);
        print_of_rank(r->error, r->engine.rank, text);
    }
    r->engine.abort(status);
}

int ranks_close(Ranks *r, int status, bool lost)
{
    RankReport own = {.status = status};
    if (!r->launched) return status;
    if (lost) end_all(r, status);
    if (!r->agreed) {
        if (r->kept) read_kept(r, own.text, sizeof own.text);
        const int verdict = agree(r, &own);
        if (!status) status = verdict;
    }
    r->engine.close();
    return status;
}
