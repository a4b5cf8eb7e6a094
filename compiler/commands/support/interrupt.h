/*
 * interrupt: signals that ask a long command to end.
 */
#ifndef NNC_INTERRUPT_H
#define NNC_INTERRUPT_H

#include <signal.h>

/* From now on the first SIGINT, SIGTERM or SIGHUP only sets the flag that is returned, to
 * its number; a second one of the same kind ends the process.  SIGHUP is ignored where
 * standard output is a file, since then nobody has to watch, and where it was before (nohup). */
const volatile sig_atomic_t *interrupt_catch(void);

/* Lets the signal that was caught take its course; returns where there was none. */
void interrupt_deliver(void);

#endif
