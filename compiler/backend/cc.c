/*
 * cc: C text → a shared object by the system compiler → code in this process.
 *
 * Enters: standalone C.  Leaves: a dlopen handle.
 *
 * The text, the compiler's messages and the object are in a private directory
 * (workdir.h) that is gone before the compilation is over, an object that is loaded
 * included; a copy is kept in the cache, where the next compilation of the same
 * finds it.  SIGINT, SIGTERM and SIGHUP are held back meanwhile (tool.h): one that
 * arrives ends the compiler, the directory is removed, and only then the signal takes
 * its course.  $CC is split at blanks.
 *
 * Code whose kernels are linked calls those of this process.  The object cannot
 * name them, for they are not exported and have an address of their own in each
 * process; so each declaration of a kernel is made a pointer to one by a macro,
 * and the pointers are set once the object is loaded.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/cache.h"
#include "backend/kinds.h"
#include "backend/tool.h"
#include "backend/workdir.h"
#include "runtime/kernels/library.h"

typedef struct Job {
    Arena *arena;
    Workdir directory;
    const char *source, *object; /* paths in it */
    bool linked;                 /* the kernels are, and nothing but them is contracted */
    const int *cancelled;        /* NULL: signals are held and end the compiler; else this does */
    ToolSignals signals;
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

/* Options in $CC stand behind the flags, of which the last counts: CC="gcc -O0" compiles sooner. */
static List compiler_words(const Job *job)
{
    List words = {0}, command = {0};
    int options = 0;
    tool_add_words(job->arena, &command, jit_compiler_command());
    while (options < command.count && *(const char *)command.at[options] != '-') options++;
    for (int i = 0; i < options; i++) list_push(job->arena, &words, command.at[i]);
    for (size_t i = 0; i < sizeof cc_flags / sizeof cc_flags[0]; i++)
        list_push(job->arena, &words, (char *)cc_flags[i]);
    for (int i = options; i < command.count; i++) list_push(job->arena, &words, command.at[i]);
    for (size_t i = 0; job->linked && i < sizeof cc_exact_flags / sizeof cc_exact_flags[0]; i++)
        list_push(job->arena, &words, (char *)cc_exact_flags[i]);
    list_push(job->arena, &words, (char *)"-o");
    list_push(job->arena, &words, (char *)job->object);
    list_push(job->arena, &words, (char *)job->source);
    list_push(job->arena, &words, (char *)"-lm");
    return words;
}

static bool run_compiler(Job *job)
{
    const ToolRun run = {.words = compiler_words(job),
                         .directory = job->directory.path,
                         .messages = arena_printf(job->arena, "%s/messages", job->directory.path),
                         .signals = job->cancelled ? NULL : &job->signals,
                         .cancelled = job->cancelled,
                         .hint = "set CC, or use --jit tcc"};
    job->error = tool_run(job->arena, &run);
    return job->error == NULL;
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
    for (const nn_symbol *kernel = nn_kernel_names(nn_kernel_library(NULL)); kernel->name; kernel++)
        text_addf(&text, "#define %s (*at_%s)\n", kernel->name, kernel->name);
    text_add(&text, source);
    return text.data;
}

static void set_pointers(void *handle, Arena *arena)
{
    const nn_symbol *table = nn_kernel_library(NULL);
    for (const nn_symbol *kernel = nn_kernel_names(table); kernel->name; kernel++) {
        void **pointer = dlsym(handle, arena_printf(arena, "at_%s", kernel->name));
        if (pointer) *pointer = nn_kernel_named(table, kernel->name);
    }
}

/* ---- the back end -------------------------------------------------------- */

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
    if (!job->cancelled) tool_hold_signals(&job->signals);
    handle = make_object(job, text, place);
    if (!job->cancelled) tool_release_signals(&job->signals);
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
    return make_linked(job, source, error);
}

static void *cc_symbol(void *handle, const char *name) { return dlsym(handle, name); }

static void cc_release(void *handle) { dlclose(handle); }

const Backend backend_cc = {cc_compile, cc_symbol, cc_release, NULL};
const Backend backend_cc_exact = {cc_compile_exact, cc_symbol, cc_release, NULL};
