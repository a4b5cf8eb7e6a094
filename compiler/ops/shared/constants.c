/* Lists of numbers in the emitted code: eight to a line. */
#include "ops/shared/constants.h"

#include <assert.h>
#include <stdio.h>

enum { PER_LINE = 8, LITERAL_MAX = 40 };

/* Numbers first … end; one number stands for all. */
static void put_line(Writer *w, const Reals *values, int first, int end)
{
    char line[PER_LINE * LITERAL_MAX];
    size_t length = 0;
    for (int i = first; i < end; i++) {
        double value = values->at[values->count == 1 ? 0 : i];
        length +=
            (size_t)snprintf(line + length, sizeof line - length, "%s%s,", i > first ? " " : "", writer_real(w, value));
        assert(length < sizeof line);
    }
    writer_put(w, line);
}

void constants_fill(Writer *w, const char *name, const Reals *values, int count)
{
    assert(values->count == 1 || values->count == count);
    writer_bind(w, "name", "%s", name);
    writer_bind_int(w, "length", count);
    writer_put(w, "static const $real $name[$length] = {");
    for (int i = 0; i < count; i += PER_LINE) put_line(w, values, i, i + PER_LINE < count ? i + PER_LINE : count);
    writer_put(w, "};");
}

void constants_put(Writer *w, const char *name, const Reals *values) { constants_fill(w, name, values, values->count); }
