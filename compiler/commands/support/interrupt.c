/*
 * The flag that signals set.
 */
#include "commands/support/interrupt.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool writes_to_file(void)
{
    struct stat status;
    return fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode);
}

/* The terminal has gone. */
static void catch_hangup(void)
{
    struct sigaction action;
    bool ignored = sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
    if (writes_to_file())
        signal(SIGHUP, SIG_IGN);
    else if (!ignored)
        catch_signal(SIGHUP);
}

const volatile sig_atomic_t *interrupt_catch(void)
{
    caught = 0;
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
    catch_hangup();
    return &caught;
}

void interrupt_deliver(void)
{
    if (caught) raise(caught);
}
