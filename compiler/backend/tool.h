/*
 * tool: a compiler or archiver of the system, run for a file that the user keeps.
 */
#ifndef NNC_BACKEND_TOOL_H
#define NNC_BACKEND_TOOL_H

#include "base/base.h"

/* What the environment says of a tool, with its first arguments: of CC, CFLAGS, AR; else `otherwise`. */
const char *tool_setting(const char *variable, const char *otherwise);

/* Adds the words of a command, apart by blanks, to a list of const char *. */
void tool_add_words(Arena *, List *, const char *command);

/* Runs it with our standard error; NULL when it succeeded, else why not, in one line (in the arena). */
const char *tool_run(Arena *, const List *words);

/* SIGINT, SIGTERM and SIGHUP wait until the end, so that what is temporary can be removed. */
typedef struct ToolSignals ToolSignals;
ToolSignals *tool_hold_signals(Arena *);
void tool_release_signals(const ToolSignals *);

#endif
