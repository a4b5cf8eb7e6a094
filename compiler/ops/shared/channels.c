/*
 * Loops along channels, written once.
 *
 * Exponentials are taken of x − max(x), so that the largest is exp(0) = 1:
 * nothing overflows, and their sum is at least 1.
 */
#include "ops/shared/channels.h"

#include <stdio.h>

void channels_array(Writer *w, const char *name, Shape s)
{
    const int64_t dim[] = {1, channels_of(s), places_of(s)}; /* the first is not part of an index */
    writer_bind_array(w, name, name, 3, dim);
}

void channels_bind(Writer *w, Shape s)
{
    writer_bind_int(w, "C", channels_of(s));
    writer_bind_int(w, "P", places_of(s));
    writer_bind(w, "p", places_of(s) > 1 ? "p" : "0");
}

void channels_put_size(Writer *w, const char *samples, Shape s, Layout layout)
{
    static const char *const sizes[] = {
        [LAYOUT_NCHW] = "const nn_shape size = {.n = %s, .c = $C, .p = $P};",
        [LAYOUT_NHWC] = "const nn_shape size = {.n = (long)%s * $P, .c = $C, .p = 1};",
        [LAYOUT_NCHW16N] = "const nn_shape size = {.n = %s / 16, .c = $C, .p = $lanes};",
    };
    char template[96];
    snprintf(template, sizeof template, sizes[layout], samples);
    channels_bind(w, s);
    writer_bind_int(w, "lanes", 16 * places_of(s));
    writer_put(w, template);
}

void channels_open(Writer *w, Shape s)
{
    if (places_of(s) > 1) writer_put(w, "for ($int p = 0; p < $P; p++) {");
}

void channels_close(Writer *w, Shape s)
{
    if (places_of(s) > 1) writer_put(w, "}");
}

static void bind_row(Writer *w, const char *name, Shape s)
{
    const int64_t dim[] = {1, channels_of(s), places_of(s)};
    channels_bind(w, s);
    writer_bind_array(w, "row", name, 3, dim);
}

void channels_top(Writer *w, const char *name, Shape s)
{
    bind_row(w, name, s);
    writer_put(w, "$real top = @row(n, 0, $p);\n"
                  "for ($int c = 1; c < $C; c++) {\n"
                  "    if (@row(n, c, $p) > top) {\n"
                  "        top = @row(n, c, $p);\n"
                  "    }\n"
                  "}\n");
}

void channels_log_sum(Writer *w, const char *name, Shape s)
{
    bind_row(w, name, s);
    writer_put(w, "$real sum = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    sum += $exp(@row(n, c, $p) - top);\n"
                  "}\n"
                  "const $real log_sum = $log(sum);\n");
}
