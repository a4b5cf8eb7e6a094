/*
 * Primary device attributes (DA1): ESC [ c is answered by ESC [ ? 62 ; 4 ; ... c, in which 4
 * means sixels.
 *
 * While the answer is awaited the terminal neither echoes nor waits for a line; signals that
 * would end or stop the process come when it is as it was.
 */
#include "commands/pictures/terminal_query.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MS = 300, ANSWER_BYTES = 128, SIXELS = 4 };

static long milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Up to the c that ends it; false where it does not come in time. */
static bool read_answer(char answer[ANSWER_BYTES])
{
    const long until = milliseconds_now() + ANSWER_MS;
    for (int length = 0; length < ANSWER_BYTES - 1;) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        const long left = until - milliseconds_now();
        if (left <= 0 || poll(&input, 1, (int)left) <= 0 || read(STDIN_FILENO, answer + length, 1) != 1) return false;
        answer[++length] = 0;
        if (answer[length - 1] == 'c' && strstr(answer, "\033[?")) return true;
    }
    return false;
}

/* One of the numbers is 4; the first is the kind of terminal. */
static bool answers_sixels(const char *answer)
{
    const char *at = strstr(answer, "\033[?");
    while (at && (at = strchr(at, ';')))
        if (strtol(++at, NULL, 10) == SIXELS) return true;
    return false;
}

static bool ask_terminal(char answer[ANSWER_BYTES])
{
    static const char query[] = "\033[c";
    struct termios before, asking;
    if (tcgetattr(STDIN_FILENO, &before)) return false;
    asking = before;
    asking.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    asking.c_cc[VMIN] = 1;
    asking.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &asking)) return false;
    const bool answered = write(STDOUT_FILENO, query, strlen(query)) == (ssize_t)strlen(query) && read_answer(answer);
    tcsetattr(STDIN_FILENO, answered ? TCSANOW : TCSAFLUSH, &before);
    return answered;
}

bool terminal_has_sixels(void)
{
    static const int later[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    const char *terminal = getenv("TERM");
    char answer[ANSWER_BYTES] = "";
    sigset_t held, before;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp()) return false;
    if (!terminal || strcmp(terminal, "dumb") == 0) return false;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) sigaddset(&held, later[i]);
    sigprocmask(SIG_BLOCK, &held, &before);
    const bool answered = ask_terminal(answer);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return answered && answers_sixels(answer);
}
