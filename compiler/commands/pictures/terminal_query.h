/*
 * terminal_query: what a terminal says that it can do.
 */
#ifndef NNC_TERMINAL_QUERY_H
#define NNC_TERMINAL_QUERY_H

#include <stdbool.h>

/* Whether the terminal of standard input and output draws sixels: asked, where both are the terminal in whose
 * foreground this process runs; false where there is no answer within a third of a second. */
bool terminal_has_sixels(void);

#endif
