/*
 * Tools of the system.
 *
 * Enters: words.  Leaves: success, or a line that says what failed; what the tool says of
 * errors goes to standard error as it is.  No shell is involved.
 */
#include "backend/tool.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct ToolSignals {
    sigset_t before;
};

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

ToolSignals *tool_hold_signals(Arena *arena)
{
    ToolSignals *held = arena_alloc(arena, sizeof *held);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, &held->before);
    return held;
}

void tool_release_signals(const ToolSignals *held) { pthread_sigmask(SIG_SETMASK, &held->before, NULL); }

/* The tool takes signals, also those that this program holds or ignores. */
static int spawn_tool(char **argv, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, ignored;
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    sigaddset(&ignored, SIGXFSZ);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawnp(pid, argv[0], &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

const char *tool_run(Arena *arena, const List *words)
{
    char **argv = arena_alloc(arena, ((size_t)words->count + 1) * sizeof *argv);
    pid_t pid;
    int status = 0;
    for (int i = 0; i < words->count; i++) argv[i] = words->at[i];
    argv[words->count] = NULL;
    int failed = spawn_tool(argv, &pid);
    while (!failed && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (failed || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
        return arena_printf(arena, "'%s' cannot be run%s%s", argv[0], failed ? ": " : "",
                            failed ? strerror(failed) : "");
    if (WIFSIGNALED(status)) return arena_printf(arena, "%s was ended by signal %d", argv[0], WTERMSIG(status));
    return status ? arena_printf(arena, "%s failed (status %d)", argv[0], WEXITSTATUS(status)) : NULL;
}
