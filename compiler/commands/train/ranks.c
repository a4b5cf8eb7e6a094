/*
 * Joining the other ranks, and agreeing with them on the run.
 */
#include "commands/train/ranks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/core/core.h"
#include "runtime/kernels/system/team.h"

/* What each rank sends to rank 0, before the text itself: its facts, a line each, or what it has said when it failed. */
typedef struct RankHead {
    int status;
    size_t bytes; /* of the text, with its end */
} RankHead;

typedef struct RankReport {
    RankHead head;
    char *text;
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
    if (open(&r->engine, NN_RANKS_ABI, r->limit)) return fail(STATUS_SYSTEM, "%s does not belong to this nnc", path);
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

/* Allocated. */
static char *read_kept(const Ranks *r)
{
    fflush(stderr);
    fseek(r->kept, 0, SEEK_END);
    const long bytes = ftell(r->kept);
    char *text = malloc((size_t)(bytes > 0 ? bytes : 0) + 1);
    if (!text) return NULL;
    rewind(r->kept);
    text[bytes > 0 ? fread(text, 1, (size_t)bytes, r->kept) : 0] = '\0';
    return text;
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
    const int online = (int)sysconf(_SC_NPROCESSORS_ONLN), own = nn_processors();
    const int threads = own < online ? own : online / ranks_of_machine();
    return threads < 1 ? 1 : threads > NN_MAX_THREADS ? NN_MAX_THREADS : threads;
}

static double rank_limit(void)
{
    const double usual = 300;
    const char *text = getenv("NNC_RANK_TIMEOUT");
    return text && atof(text) > 0 ? atof(text) : usual;
}

static bool is_apart(void)
{
    const char *text = getenv("NNC_SHARE_WEIGHTS");
    return text && !strcmp(text, "no");
}

int ranks_open(Ranks *r)
{
    *r = (Ranks){.engine = {.size = 1}, .error = -1, .limit = rank_limit(), .apart = is_apart()};
    if (!is_launched()) return STATUS_OK;
    int status = open_engine(r);
    if (status) return status;
    r->launched = true;
    return ranks_is_first(r) ? STATUS_OK : keep_output(r);
}

/* ---- agreeing --------------------------------------------------------------------------- */

static char *facts_text(const RankFact *facts)
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    if (!f) return NULL;
    for (; facts && facts->what; facts++) fprintf(f, "%s\t%s\n", facts->what, facts->value);
    return fclose(f) == 0 ? text : NULL;
}

/* A line of facts. */
typedef struct FactLine {
    const char *what, *value;
    int what_length, length; /* of the value */
} FactLine;

/* Leaves the start of the next line. */
static FactLine read_fact(const char **text)
{
    const char *line = *text;
    const int length = (int)strcspn(line, "\n"), what = (int)strcspn(line, "\t\n"), tab = line[what] == '\t';
    *text = line + length + (line[length] == '\n');
    return (FactLine){line, line + what + tab, what, length - what - tab};
}

static FactLine find_fact(const char *text, FactLine wanted)
{
    while (*text) {
        const FactLine f = read_fact(&text);
        if (f.what_length == wanted.what_length && memcmp(f.what, wanted.what, (size_t)f.what_length) == 0) return f;
    }
    return (FactLine){wanted.what, "(none)", wanted.what_length, 6};
}

static int tell_apart(int rank, FactLine theirs, FactLine own)
{
    if (theirs.length == own.length && memcmp(theirs.value, own.value, (size_t)own.length) == 0) return STATUS_OK;
    return fail(STATUS_INPUT, "rank %d differs from rank 0: %.*s is %.*s there, and %.*s on rank 0", rank,
                own.what_length, own.what, theirs.length, theirs.value, own.length, own.value);
}

/* The first of rank 0's facts in which a rank differs, or one that only that rank has. */
static int compare_facts(int rank, const char *theirs, const char *own)
{
    if (strcmp(theirs, own) == 0) return STATUS_OK;
    for (const char *at = own; *at;) {
        const FactLine fact = read_fact(&at);
        const int status = tell_apart(rank, find_fact(theirs, fact), fact);
        if (status) return status;
    }
    for (const char *at = theirs; *at;) {
        const FactLine fact = read_fact(&at);
        const int status = tell_apart(rank, fact, find_fact(own, fact));
        if (status) return status;
    }
    return fail(STATUS_INPUT, "rank %d differs from rank 0 in the order of what it is to do", rank);
}

static int judge_rank(int rank, const RankReport *theirs, const RankReport *own)
{
    if (!theirs->head.status) return own->head.status ? STATUS_OK : compare_facts(rank, theirs->text, own->text);
    if (!own->head.status) print_of_rank(STDERR_FILENO, rank, theirs->text);
    return theirs->head.status;
}

static void *allocate(const Ranks *r, size_t bytes)
{
    void *memory = calloc(bytes, 1);
    if (!memory) r->engine.abort(fail(STATUS_SYSTEM, "no memory for the reports of the ranks"));
    return memory;
}

/* Of the ranks 1, 2, …: their heads, and then as much text as these say. */
static void get_reports(const Ranks *r, RankReport *reports, NnMessage *list)
{
    const int others = r->engine.size - 1;
    for (int i = 0; i < others; i++) list[i] = (NnMessage){i + 1, false, &reports[i].head, sizeof reports[i].head, 0};
    r->engine.exchange(&r->engine, list, others, r->limit);
    for (int i = 0; i < others; i++) {
        reports[i].text = allocate(r, reports[i].head.bytes);
        list[i] = (NnMessage){i + 1, false, reports[i].text, reports[i].head.bytes, 0};
    }
    r->engine.exchange(&r->engine, list, others, r->limit);
}

static int judge_ranks(const Ranks *r, const RankReport *own)
{
    const int others = r->engine.size - 1;
    RankReport *reports = allocate(r, ((size_t)others + 1) * sizeof *reports);
    NnMessage *list = allocate(r, ((size_t)others + 1) * sizeof *list);
    get_reports(r, reports, list);
    int verdict = own->head.status;
    for (int i = 0; i < others; i++) {
        const int status = judge_rank(i + 1, &reports[i], own);
        if (!verdict) verdict = status;
    }
    for (int i = 0; i < others; i++) list[i] = (NnMessage){i + 1, true, &verdict, sizeof verdict, 0};
    r->engine.exchange(&r->engine, list, others, r->limit);
    for (int i = 0; i < others; i++) free(reports[i].text);
    free(list);
    free(reports);
    return verdict;
}

/* Rank 0 itself may wait for another one as long as the limit, and names that one. */
static int await_verdict(const Ranks *r, RankReport *own)
{
    int verdict;
    const NnMessage report[] = {{0, true, &own->head, sizeof own->head, 0}, {0, true, own->text, own->head.bytes, 0}};
    const NnMessage answer = {0, false, &verdict, sizeof verdict, 0};
    r->engine.exchange(&r->engine, report, 2, 2 * r->limit);
    r->engine.exchange(&r->engine, &answer, 1, 2 * r->limit);
    return verdict;
}

/* text: allocated, and freed here. */
static int agree(Ranks *r, int status, char *text)
{
    if (!text) r->engine.abort(fail(STATUS_SYSTEM, "no memory for the report of a rank"));
    RankReport own = {{status, strlen(text) + 1}, text};
    r->agreed = true;
    const int verdict = ranks_is_first(r) ? judge_ranks(r, &own) : await_verdict(r, &own);
    free(text);
    return verdict;
}

int ranks_agree(Ranks *r, const RankFact *facts)
{
    if (!r->launched) return STATUS_OK;
    const int status = agree(r, STATUS_OK, facts_text(facts));
    forget_kept(r);
    return status;
}

/* ---- the end ------------------------------------------------------------------------------ */

static void end_all(const Ranks *r, int status)
{
    char *text = r->kept ? read_kept(r) : NULL;
    if (text) print_of_rank(r->error, r->engine.rank, text);
    free(text);
    r->engine.abort(status);
}

int ranks_close(Ranks *r, int status, bool lost)
{
    if (!r->launched) return status;
    if (lost) end_all(r, status);
    if (!r->agreed) {
        const int verdict = agree(r, status, r->kept ? read_kept(r) : strdup(""));
        if (!status) status = verdict;
    }
    r->engine.close(&r->engine, r->limit);
    return status;
}
