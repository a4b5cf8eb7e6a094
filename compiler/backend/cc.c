/*
 * cc: C text → a shared object by the system compiler → code in this process.
 *
 * Enters: standalone C.  Leaves: a dlopen handle.
 *
 * The text, the compiler's messages and the object live in a private directory
 * (workdir.h) that is gone before the compilation is over, an object that is loaded
 * included; a copy is kept in the cache, where the next compilation of the same
 * finds it.  SIGINT, SIGTERM and SIGHUP are held back meanwhile: one that arrives
 * ends the compiler, the directory is removed, and only then the signal takes its
 * course.  A compiler that does not go when it is asked to is killed, with all
 * that it has started.  No shell is involved; $CC is split at blanks.
 *
 * Code whose kernels are linked calls those of this process.  The object cannot
 * name them, for they are not exported and have an address of their own in each
 * process; so each declaration of a kernel is made a pointer to one by a macro,
 * and the pointers are set once the object is loaded.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/cache.h"
#include "backend/kinds.h"
#include "backend/tool.h"
#include "backend/workdir.h"
#include "runtime/kernels/library.h"

extern char **environ;

enum { MAX_ARGS = 64, MESSAGES_MAX = 64 * 1024, GRACE_SECONDS = 2 };

typedef struct Job {
    Arena *arena;
    Workdir directory;
    const char *source, *object, *messages; /* paths in it */
    bool linked;                            /* the kernels are, and nothing but them is contracted */
    const int *cancelled;                   /* NULL: signals are held and end the compiler; else this does */
    sigset_t held, before;                  /* signal masks */
    int interrupted;                        /* the signal that ended the compiler, or 0 */
    const char *error;
} Job;

/* ---- the private directory ----------------------------------------------- */

static bool job_open(Job *job)
{
    const char *error = workdir_open(&job->directory, job->arena);
    if (error) {
        job->error = error;
        return false;
    }
    job->source = arena_printf(job->arena, "%s/net.c", job->directory.path);
    job->object = arena_printf(job->arena, "%s/net.so", job->directory.path);
    job->messages = arena_printf(job->arena, "%s/messages", job->directory.path);
    return true;
}

static bool write_source_file(Job *job, const char *text)
{
    FILE *file = fopen(job->source, "w");
    bool ok = file && fputs(text, file) >= 0;
    if (file && fclose(file) != 0) ok = false;
    if (!ok) job->error = arena_printf(job->arena, "%s: %s", job->source, strerror(errno));
    return ok;
}

/* ---- running the compiler ------------------------------------------------ */

const char *jit_compiler_command(void) { return tool_setting("CC", "cc"); }

static const char *const cc_flags[] = {"-std=gnu99", "-O2", "-march=native", "-fPIC", "-shared", "-w"};

/* The operations of the text and no others, as tcc does them. */
static const char *const cc_exact_flags[] = {"-ffp-contract=off", "-fno-builtin-pow", "-fno-builtin-powf"};

static void make_arguments(Job *job, char *argv[MAX_ARGS])
{
    int n = 0;
    char *rest = arena_strdup(job->arena, jit_compiler_command());
    for (char *word, *save = NULL; n < MAX_ARGS / 2 && (word = strtok_r(rest, " \t", &save)); rest = NULL)
        argv[n++] = word;
    for (size_t i = 0; i < sizeof cc_flags / sizeof cc_flags[0]; i++) argv[n++] = (char *)cc_flags[i];
    for (size_t i = 0; job->linked && i < sizeof cc_exact_flags / sizeof cc_exact_flags[0]; i++)
        argv[n++] = (char *)cc_exact_flags[i];
    argv[n++] = (char *)"-o";
    argv[n++] = (char *)job->object;
    argv[n++] = (char *)job->source;
    argv[n++] = (char *)"-lm";
    argv[n] = NULL;
}

/* The compiler's own temporary files go to the private directory. */
static char **make_environment(Job *job)
{
    int count = 0;
    while (environ[count]) count++;
    char **list = arena_alloc(job->arena, ((size_t)count + 2) * sizeof *list);
    int n = 0;
    for (int i = 0; i < count; i++)
        if (strncmp(environ[i], "TMPDIR=", 7) != 0) list[n++] = environ[i];
    list[n++] = arena_printf(job->arena, "TMPDIR=%s", job->directory.path);
    list[n] = NULL;
    return list;
}

static int spawn_compiler(Job *job, char **argv, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t ignored; /* by us (main.c), not by compilers */
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    sigaddset(&ignored, SIGXFSZ);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, job->messages, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &job->before);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int status = posix_spawnp(pid, argv[0], &files, &attributes, argv, make_environment(job));
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return status;
}

/* Whether the compiler is to end: a held signal came, or the flag is set.  Takes 5 ms. */
static bool asked_to_end(Job *job)
{
    static const struct timespec pause = {0, 5000000};
    if (job->cancelled) {
        nanosleep(&pause, NULL);
        return __atomic_load_n(job->cancelled, __ATOMIC_ACQUIRE);
    }
    int signal = sigtimedwait(&job->held, NULL, &pause);
    if (signal > 0) job->interrupted = signal;
    return job->interrupted != 0;
}

/* It stays to be waited for, and its group's number is not used again. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    int failed = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    return failed ? errno != EINTR : info.si_pid == pid;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The exit status as waitpid gives it.  The compiler and all that it has started are a group
 * of processes: asked to end, they get SIGTERM, and SIGKILL when the grace is over. */
static int await_compiler(Job *job, pid_t pid)
{
    double asked = -1;
    int status = 0;
    while (!has_ended(pid)) {
        if (!asked_to_end(job)) continue;
        if (asked < 0) {
            asked = seconds_now();
            kill(-pid, SIGTERM);
        } else if (seconds_now() - asked >= GRACE_SECONDS) {
            kill(-pid, SIGKILL);
        }
    }
    if (asked >= 0) kill(-pid, SIGKILL);
    pid_t got;
    while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR) {
    }
    return got == pid ? status : -1;
}

/* What the compiler said: the first line with "error", else the first line. */
static const char *first_message(Job *job)
{
    FILE *file = fopen(job->messages, "r");
    if (!file) return "";
    char *text = arena_alloc(job->arena, MESSAGES_MAX);
    text[fread(text, 1, MESSAGES_MAX - 1, file)] = '\0';
    fclose(file);
    char *at = strstr(text, "error");
    while (at && at > text && at[-1] != '\n') at--;
    if (!at) at = text;
    at[strcspn(at, "\n")] = '\0';
    return at;
}

static bool run_compiler(Job *job)
{
    char *argv[MAX_ARGS];
    pid_t pid;
    make_arguments(job, argv);
    int failed = spawn_compiler(job, argv, &pid);
    int status = failed ? 127 << 8 : await_compiler(job, pid);
    if (failed || (WIFEXITED(status) && WEXITSTATUS(status) == 127)) {
        job->error = arena_printf(job->arena, "the C compiler '%s' cannot be run%s%s (set CC, or use --jit tcc)",
                                  argv[0], failed ? ": " : "", failed ? strerror(failed) : "");
        return false;
    }
    if (status == 0) return true;
    if (job->interrupted)
        job->error = "interrupted";
    else if (WIFSIGNALED(status))
        job->error = arena_printf(job->arena, "%s was ended by signal %d", argv[0], WTERMSIG(status));
    else
        job->error = arena_printf(job->arena, "%s failed: %s", argv[0], first_message(job));
    return false;
}

static void *load_object(Job *job)
{
    void *handle = dlopen(job->object, RTLD_NOW | RTLD_LOCAL);
    if (!handle) job->error = arena_strdup(job->arena, dlerror());
    return handle;
}

/* ---- the cache ------------------------------------------------------------ */

/* What of this machine -march=native depends on. */
static const char *processor_text(Arena *arena)
{
    static const char *const lines[] = {"model name", "flags", "Features", "CPU part"};
    Text text;
    char *line = NULL;
    size_t size = 0;
    text_init(&text, arena);
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && getline(&line, &size, file) > 1) /* the first processor's, up to an empty line */
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
            if (strncmp(line, lines[i], strlen(lines[i])) == 0) text_add(&text, line);
    free(line);
    if (file) fclose(file);
    return text.data ? text.data : "";
}

/* The compiler's file: another one, or a newer one, makes other code. */
static const char *compiler_text(Arena *arena)
{
    const char *command = jit_compiler_command() + strspn(jit_compiler_command(), " \t");
    const char *name = arena_strndup(arena, command, strcspn(command, " \t")), *path = getenv("PATH");
    struct stat s;
    if (strchr(name, '/')) path = "";
    for (; path; path = strchr(path, ':') ? strchr(path, ':') + 1 : NULL) {
        int length = (int)strcspn(path, ":");
        const char *file = *path ? arena_printf(arena, "%.*s/%s", length, path, name) : name;
        if (stat(file, &s) == 0 && S_ISREG(s.st_mode) && access(file, X_OK) == 0)
            return arena_printf(arena, "%s\n%s %lld %lld", command, file, (long long)s.st_size, (long long)s.st_mtime);
    }
    return NULL;
}

/* NULL: no cache, or no compiler. */
static const char *tool_path(const Job *job, const char *text)
{
    enum { FLAGS = sizeof cc_flags / sizeof cc_flags[0], EXACT = sizeof cc_exact_flags / sizeof cc_exact_flags[0] };
    const char *texts[FLAGS + EXACT + 3];
    int count = 0;
    for (int i = 0; i < FLAGS; i++) texts[count++] = cc_flags[i];
    for (int i = 0; job->linked && i < EXACT; i++) texts[count++] = cc_exact_flags[i];
    texts[count++] = compiler_text(job->arena);
    if (!texts[count - 1]) return NULL;
    texts[count++] = processor_text(job->arena);
    texts[count++] = text;
    return cache_place(job->arena, texts, count);
}

/* ---- linked kernels ---------------------------------------------------------- */

/* `void nn_relu(long n, …);` becomes `void (*at_nn_relu)(long n, …);`, and so do calls. */
static const char *with_pointers(Arena *arena, const char *source)
{
    Text text;
    text_init(&text, arena);
    for (const nn_symbol *kernel = nn_kernel_library(NULL); kernel->name; kernel++)
        text_addf(&text, "#define %s (*at_%s)\n", kernel->name, kernel->name);
    text_add(&text, source);
    return text.data;
}

static void set_pointers(void *handle, Arena *arena)
{
    for (const nn_symbol *kernel = nn_kernel_library(NULL); kernel->name; kernel++) {
        void **pointer = dlsym(handle, arena_printf(arena, "at_%s", kernel->name));
        if (pointer) *pointer = kernel->address;
    }
}

/* ---- the back end -------------------------------------------------------- */

/* A signal that is ignored (SIGHUP under nohup) stays ignored. */
static void block_signals(Job *job)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    sigemptyset(&job->held);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction action;
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&job->held, signals[i]);
    }
    pthread_sigmask(SIG_BLOCK, &job->held, &job->before);
}

static void unblock_signals(Job *job)
{
    pthread_sigmask(SIG_SETMASK, &job->before, NULL);
    if (job->interrupted) raise(job->interrupted);
}

static void *make_object(Job *job, const char *text, const char *place)
{
    void *handle = NULL;
    if (job_open(job) && write_source_file(job, text) && run_compiler(job)) handle = load_object(job);
    if (handle && place) cache_store(job->arena, place, job->object);
    workdir_close(&job->directory);
    return handle;
}

/* From the cache, or made, while signals wait unless the job can be cancelled. */
static void *find_or_make(Job *job, const char *text, const char **error)
{
    const char *place = tool_path(job, text);
    void *handle = place ? cache_load(place) : NULL;
    if (handle) return handle;
    if (!job->cancelled) block_signals(job);
    handle = make_object(job, text, place);
    if (!job->cancelled) unblock_signals(job);
    *error = job->error;
    return handle;
}

static void *make_linked(Job job, const char *source, const char **error)
{
    job.linked = true;
    void *handle = find_or_make(&job, with_pointers(job.arena, source), error);
    if (handle) set_pointers(handle, job.arena);
    return handle;
}

static void *cc_compile(const char *source, Arena *arena, const char **error)
{
    Job job = {.arena = arena};
    return find_or_make(&job, source, error);
}

static void *cc_compile_exact(const char *source, Arena *arena, const char **error)
{
    return make_linked((Job){.arena = arena}, source, error);
}

void *cc_compile_linked(const char *source, const int *cancelled, Arena *arena, const char **error)
{
    Job job = {.arena = arena, .cancelled = cancelled};
    sigemptyset(&job.before);
    return make_linked(job, source, error);
}

static void *cc_symbol(void *handle, const char *name) { return dlsym(handle, name); }

static void cc_release(void *handle) { dlclose(handle); }

const Backend backend_cc = {cc_compile, cc_symbol, cc_release, NULL};
const Backend backend_cc_exact = {cc_compile_exact, cc_symbol, cc_release, NULL};
