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

bool constants_fit(Graph *g, const Node *n, const char *argument, const Reals *list)
{
    Shape in = n->in[0]->shape;
    if (list->count == 1 || list->count == in.dim[0]) return true;
    const char *of = in.rank == 3 ? "channels" : "features";
    diag_error(g->compilation, n->span, "%s: %s has %d numbers, but the input has %lld %s; give as many, or one",
               n->op->name, argument, list->count, (long long)in.dim[0], of);
    return false;
}

void constants_of_channel(Writer *w, const char *name, const Reals *list)
{
    if (list->count == 1) {
        writer_bind(w, name, "%s", writer_real(w, list->at[0]));
    } else {
        constants_put(w, name, list);
        writer_bind(w, name, "%s[c]", name);
    }
}

void constants_loop(Writer *w, const Node *n, const char *line)
{
    Shape shape = node_shape_out(n);
    writer_bind_int(w, "C", shape.dim[0]);
    writer_bind_int(w, "pixels", shape_count(shape) / shape.dim[0]);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int c = 0; c < $C; c++) {\n"
                  "        for ($int k = (n * $C + c) * $pixels; k < (n * $C + c + 1) * $pixels; k++) {\n");
    writer_put(w, line);
    writer_put(w, "        }\n"
                  "    }\n"
                  "}\n");
}
