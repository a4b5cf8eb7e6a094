/*
 * The flag that signals set.
 */
#include "commands/interrupt.h"

#include <stddef.h>

/* The one thing a signal handler can reach. */
static volatile sig_atomic_t caught;

static void note_signal(int number) { caught = number; }

/* The default action is back once the handler has been called. */
static void catch_signal(int number)
{
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

const volatile sig_atomic_t *interrupt_catch(void)
{
    struct sigaction hangup;
    caught = 0;
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) catch_signal(SIGHUP);
    return &caught;
}

void interrupt_deliver(void)
{
    if (caught) raise(caught);
}
