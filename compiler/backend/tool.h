/*
 * tool: compilers and archivers of the system, run by this process.
 *
 * The one way to run them, for files that the user keeps and for code that is loaded.
 */
#ifndef NNC_BACKEND_TOOL_H
#define NNC_BACKEND_TOOL_H

#include <signal.h>

#include "base/base.h"

/* What the environment says of a tool, with its first arguments: of CC, CFLAGS, AR; else `otherwise`. */
const char *tool_setting(const char *variable, const char *otherwise);

/* Adds the words of a command, apart by blanks, to a list of const char *. */
void tool_add_words(Arena *, List *, const char *command);

/*
 * Between hold and release, SIGINT, SIGTERM and SIGHUP wait (one that is ignored stays ignored),
 * so that what is temporary can be removed.  One that arrives ends the tool that runs, and every
 * later one at its start; release lets it take its course.
 */
typedef struct ToolSignals {
    sigset_t held, before; /* signal masks */
    int caught;            /* the signal that ended a tool, or 0 */
} ToolSignals;

void tool_hold_signals(ToolSignals *);
void tool_release_signals(ToolSignals *);

typedef struct ToolRun {
    List words;            /* of const char *: the program and its arguments */
    const char *directory; /* for its temporary files */
    const char *messages;  /* a file for what it prints; NULL: our standard error */
    ToolSignals *signals;  /* what ends it; NULL in a thread that is not the main one, and then */
    const int *cancelled;  /* this flag does */
    const char *hint;      /* what to do when it cannot be run */
} ToolRun;

/* NULL when it succeeded, else why not, in one line (in the arena).  A tool that is to end gets
 * SIGTERM, and SIGKILL after a grace of two seconds, with everything that it has started. */
const char *tool_run(Arena *, const ToolRun *);

#endif
