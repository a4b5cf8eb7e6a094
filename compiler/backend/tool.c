/*
 * Running a tool.
 *
 * Enters: words.  Leaves: success, or a line that says what failed.  No shell is involved.
 *
 * A tool is the head of a process group of its own, so a signal reaches what it has started as
 * well: cc is a driver that starts a compiler, an assembler and a linker.  Ctrl-C on a terminal
 * reaches nnc alone, which passes it on.
 */
#include "backend/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { MESSAGES_MAX = 64 * 1024, GRACE_SECONDS = 2, STATUS_NOT_FOUND = 127 };

const char *tool_setting(const char *variable, const char *otherwise)
{
    const char *value = getenv(variable);
    return value && value[strspn(value, " \t")] ? value : otherwise;
}

void tool_add_words(Arena *arena, List *list, const char *command)
{
    char *rest = arena_strdup(arena, command);
    for (char *word, *save = NULL; (word = strtok_r(rest, " \t\n", &save)); rest = NULL) list_push(arena, list, word);
}

/* ---- signals --------------------------------------------------------------- */

void tool_hold_signals(ToolSignals *s)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    s->caught = 0;
    sigemptyset(&s->held);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction action;
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) sigaddset(&s->held, signals[i]);
    }
    pthread_sigmask(SIG_BLOCK, &s->held, &s->before);
}

void tool_release_signals(ToolSignals *s)
{
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    if (s->caught) raise(s->caught);
}

/* ---- starting -------------------------------------------------------------- */

static char **arguments_of(Arena *arena, const List *words)
{
    char **argv = arena_alloc(arena, ((size_t)words->count + 1) * sizeof *argv);
    for (int i = 0; i < words->count; i++) argv[i] = words->at[i];
    return argv;
}

/* Ours, with TMPDIR for its temporary files. */
static char **make_environment(Arena *arena, const char *directory)
{
    int count = 0, n = 0;
    while (environ[count]) count++;
    char **list = arena_alloc(arena, ((size_t)count + 2) * sizeof *list);
    for (int i = 0; i < count; i++)
        if (strncmp(environ[i], "TMPDIR=", 7) != 0) list[n++] = environ[i];
    list[n] = arena_printf(arena, "TMPDIR=%s", directory);
    return list;
}

static void redirect(posix_spawn_file_actions_t *files, const char *messages)
{
    posix_spawn_file_actions_init(files);
    posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (messages) posix_spawn_file_actions_addopen(files, STDERR_FILENO, messages, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
}

/* A tool takes signals that this program holds, or ignores (main.c). */
static void set_attributes(posix_spawnattr_t *attributes, const ToolSignals *signals)
{
    sigset_t none, ignored;
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    sigaddset(&ignored, SIGXFSZ);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setsigmask(attributes, signals ? &signals->before : &none);
    posix_spawnattr_setsigdefault(attributes, &ignored);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

static int spawn_tool(Arena *arena, const ToolRun *run, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    char **argv = arguments_of(arena, &run->words);
    redirect(&files, run->messages);
    set_attributes(&attributes, run->signals);
    int failed = posix_spawnp(pid, argv[0], &files, &attributes, argv, make_environment(arena, run->directory));
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

/* ---- waiting --------------------------------------------------------------- */

/* Whether the tool is to end: a held signal came, or the flag is set.  Takes up to 5 ms. */
static bool asked_to_end(const ToolRun *run)
{
    static const struct timespec pause = {0, 5000000};
    if (!run->signals) {
        nanosleep(&pause, NULL);
        return __atomic_load_n(run->cancelled, __ATOMIC_ACQUIRE);
    }
    int signal = sigtimedwait(&run->signals->held, NULL, &pause);
    if (signal > 0) run->signals->caught = signal;
    return run->signals->caught != 0;
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

/* The exit status as waitpid gives it. */
static int await_tool(const ToolRun *run, pid_t pid)
{
    double asked = -1;
    int status = 0;
    while (!has_ended(pid)) {
        if (!asked_to_end(run)) continue;
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

/* ---- what came of it ------------------------------------------------------- */

/* What the tool said: the first line with "error", else the first line. */
static const char *first_message(Arena *arena, const char *messages)
{
    FILE *file = fopen(messages, "r");
    if (!file) return "";
    char *text = arena_alloc(arena, MESSAGES_MAX);
    text[fread(text, 1, MESSAGES_MAX - 1, file)] = '\0';
    fclose(file);
    char *at = strstr(text, "error");
    while (at && at > text && at[-1] != '\n') at--;
    if (!at) at = text;
    at[strcspn(at, "\n")] = '\0';
    return at;
}

static const char *failure_text(Arena *arena, const ToolRun *run, int status)
{
    const char *name = run->words.at[0];
    if (run->signals && run->signals->caught) return "interrupted";
    if (WIFSIGNALED(status)) return arena_printf(arena, "%s was ended by signal %d", name, WTERMSIG(status));
    if (run->messages) return arena_printf(arena, "%s failed: %s", name, first_message(arena, run->messages));
    return arena_printf(arena, "%s failed (status %d)", name, WEXITSTATUS(status));
}

const char *tool_run(Arena *arena, const ToolRun *run)
{
    pid_t pid;
    int failed = spawn_tool(arena, run, &pid);
    int status = failed ? 0 : await_tool(run, pid);
    if (failed || (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_FOUND))
        return arena_printf(arena, "'%s' cannot be run%s%s (%s)", (char *)run->words.at[0], failed ? ": " : "",
                            failed ? strerror(failed) : "", run->hint);
    return status ? failure_text(arena, run, status) : NULL;
}
