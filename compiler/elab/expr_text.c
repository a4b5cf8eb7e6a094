/* Expressions and suggestions as messages quote them. */
#include <string.h>

#include "elab/value.h"

const char *expr_line(const Compilation *c, const Expr *e)
{
    char *line = arena_strdup(c->arena, front_expr_text(c, e));
    char *to = line;
    for (const char *from = line; *from; from++) {
        bool space = *from == ' ' || *from == '\n' || *from == '\t' || *from == '\r';
        if (space && to > line && to[-1] == ' ') continue;
        *to++ = space ? ' ' : *from;
    }
    *to = '\0';
    if (to - line > 100) strcpy(line + 97, "...");
    return line;
}

const char *suggestion(Compilation *c, const char *nearest)
{
    return nearest ? arena_printf(c->arena, ", did you mean `%s`?", nearest) : "";
}
