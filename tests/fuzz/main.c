/*
 * fuzz [COUNT [FIRST-SEED]]: COUNT nets, from the seed on.
 * fuzz --print SEED: the net of this seed.
 * fuzz --int8 COUNT FIRST-SEED: the nets in int8 of these seeds alone, by the system compiler too.
 * fuzz --check FILE BATCH [SEED]: a net from a file, such as one made smaller by hand.
 *
 * Every net is checked in a process of its own: one that crashes or hangs is one
 * failure.  The last lines say how often each operator came up, where that is
 * never, and how many nets passed.  FUZZ_CC=N: every N-th net is compiled by the
 * system compiler as well (default 64; 0: none).
 */
#include "fuzz.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 900, MAX_OPS = 512 };

/* What the processes report to the first. */
typedef struct Shared {
    int64_t uses[MAX_OPS]; /* by position in the table of operators: nets that have it */
    int64_t nodes, unsure;
} Shared;

void verdict_fail(Verdict *v, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    if (v->failures++ == 0)
        printf("FAIL seed %llu, batch %lld:\n", (unsigned long long)v->net->seed, (long long)v->net->batch);
    printf("    ");
    vprintf(text, args);
    putchar('\n');
    va_end(args);
}

/* ---- one net, in its own process ------------------------------------------------ */

static void count_use(Shared *shared, const Op *op)
{
    for (int i = 0; i < op_table_count; i++) shared->uses[i] += op_table[i] == op;
}

static void count_uses(Shared *shared, const FuzzNet *n)
{
    for (int i = 0; i < op_table_count; i++) {
        bool used = false;
        for (int k = 0; k < n->net->nodes.count; k++) used |= ((const Node *)n->net->nodes.at[k])->op == op_table[i];
        if (used) count_use(shared, op_table[i]);
    }
    count_use(shared, n->spec->loss.op);
    count_use(shared, n->spec->optimizer.op);
    shared->nodes += n->net->nodes.count;
}

/* A crash after this is told with the net that caused it. */
static void announce(const FuzzNet *n)
{
    FILE *file = fopen(getenv("FUZZ_NOTE"), "w");
    if (!file) return;
    fputs(n->source, file);
    fclose(file);
}

static Verdict check_net(const FuzzNet *n, bool with_cc)
{
    Verdict v = {.net = n};
    Random r = {.seed = n->seed ^ 0x5eed};
    check_plans(&v);
    check_texts(&v);
    if (!v.failures) check_forms(&v, &r, with_cc);
    return v;
}

static int check_seed(uint64_t seed, bool with_cc, Shared *shared)
{
    FuzzNet *n = fuzz_generate(seed);
    announce(n);
    count_uses(shared, n);
    Verdict v = check_net(n, with_cc);
    shared->unsure += v.unsure;
    if (v.failures) printf("%s", n->source);
    fuzz_free(n);
    v.failures += check_int8(seed, with_cc);
    fflush(stdout);
    return v.failures != 0;
}

static int check_file(const char *path, int64_t batch, uint64_t seed)
{
    static char text[1 << 16];
    FILE *file = fopen(path, "r");
    if (file) text[fread(text, 1, sizeof text - 1, file)] = 0;
    if (file) fclose(file);
    setenv("FUZZ_MESSAGES", "yes", 1);
    FuzzNet *n = fuzz_net(seed, text);
    if (!n) return 1;
    n->batch = batch;
    Verdict v = check_net(n, getenv("FUZZ_CC") != NULL);
    printf("%d failures, %d comparisons without a finite value\n", v.failures, v.unsure);
    fuzz_free(n);
    return v.failures != 0;
}

/* ---- all of them ------------------------------------------------------------------- */

static void tell_crash(uint64_t seed, int status)
{
    printf("FAIL seed %llu: %s %d\n", (unsigned long long)seed, WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    FILE *file = fopen(getenv("FUZZ_NOTE"), "r");
    for (int c; file && (c = getc(file)) != EOF;) putchar(c);
    if (file) fclose(file);
}

/* True when the net passes. */
static bool run_seed(uint64_t seed, bool with_cc, Shared *shared)
{
    int status;
    fflush(stdout);
    unlink(getenv("FUZZ_NOTE"));
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS);
        exit(check_seed(seed, with_cc, shared));
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fuzz");
        exit(3);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) tell_crash(seed, status);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Operators that a source can name must all have come up in a long run. */
static int tell_unused(const Shared *shared, long count)
{
    int unused = 0;
    for (int i = 0; i < op_table_count; i++) {
        if (op_table[i]->class == OP_INTERNAL || shared->uses[i]) continue;
        printf("%s%s", unused++ ? ", " : "never used: ", op_table[i]->name);
    }
    if (unused) putchar('\n');
    return count >= 200 ? unused : 0;
}

static int run_all(long count, uint64_t first)
{
    char note[] = "/tmp/fuzz-XXXXXX";
    int file = mkstemp(note);
    if (file < 0) return 3;
    close(file);
    setenv("FUZZ_NOTE", note, 1);
    Shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long every = getenv("FUZZ_CC") ? atol(getenv("FUZZ_CC")) : 64, passed = 0;
    for (long i = 0; i < count; i++) passed += run_seed(first + (uint64_t)i, every && i % every == 0, shared);
    unlink(note);
    int unused = tell_unused(shared, count);
    printf("seeds %llu to %llu: %.1f nodes a net, %lld comparisons without a finite value\n", (unsigned long long)first,
           (unsigned long long)(first + (uint64_t)count - 1), (double)shared->nodes / (double)count,
           (long long)shared->unsure);
    printf("fuzz: %ld passed, %ld failed\n", passed, count - passed + unused);
    return passed < count || unused;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--print") == 0) {
        FuzzNet *n = fuzz_generate(strtoull(argv[2], NULL, 10));
        printf("%s# batch %lld\n", n->source, (long long)n->batch);
        fuzz_free(n);
        return 0;
    }
    if (argc > 3 && strcmp(argv[1], "--int8") == 0) {
        int failures = 0;
        const uint64_t first = strtoull(argv[3], NULL, 10);
        for (uint64_t i = 0; i < strtoull(argv[2], NULL, 10); i++)
            failures += check_int8(first + i, getenv("FUZZ_CC") != NULL);
        printf("int8: %d failures\n", failures);
        return failures != 0;
    }
    if (argc > 3 && strcmp(argv[1], "--check") == 0)
        return check_file(argv[2], atoll(argv[3]), argc > 4 ? strtoull(argv[4], NULL, 10) : 1);
    return run_all(argc > 1 ? atol(argv[1]) : 200, argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
}
