/* Lists of numbers in the emitted code: eight to a line. */
#include "ops/constants.h"

#include <assert.h>
#include <stdio.h>

enum { PER_LINE = 8, LITERAL_MAX = 40 };

static void put_line(Writer *w, const double *at, int count)
{
    char line[PER_LINE * LITERAL_MAX];
    size_t length = 0;
    for (int i = 0; i < count; i++) {
        length += (size_t)snprintf(line + length, sizeof line - length, "%s%s,", i ? " " : "", writer_real(w, at[i]));
        assert(length < sizeof line);
    }
    writer_put(w, line);
}

void constants_put(Writer *w, const char *name, const Reals *values)
{
    writer_bind(w, "name", "%s", name);
    writer_bind_int(w, "length", values->count);
    writer_put(w, "static const $real $name[$length] = {");
    for (int i = 0; i < values->count; i += PER_LINE) {
        int left = values->count - i;
        put_line(w, values->at + i, left < PER_LINE ? left : PER_LINE);
    }
    writer_put(w, "};");
}
