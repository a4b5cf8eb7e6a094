/* Separable linear maps: tables of taps, and the loops over them. */
#include "ops/shared/taps.h"

#include <stdio.h>

#include "ops/shared/region.h"

static const char *const tap_axis[] = {"c", "i", "j"};
static const char *const tap_index[] = {"a", "u", "v"};

/* static const … NAME[] = { … }; of the taps of an axis. */
static void put_table(Writer *w, const TapsAxis *axis, int number, const void *self, bool weights)
{
    enum { PER_LINE = 8 };
    writer_bind(w, "table", weights ? "weight_%s" : "at_%s", tap_axis[number]);
    writer_put(w, weights ? "static const $real $table[] = {" : "static const $int $table[] = {");
    char line[PER_LINE * 40];
    int length = 0;
    for (int64_t k = 0; k < axis->out * axis->count; k++) {
        const Taps taps = axis->of(self, number, k / axis->count);
        const int t = (int)(k % axis->count);
        const char *gap = k % PER_LINE ? " " : "";
        length +=
            weights
                ? snprintf(line + length, sizeof line - (size_t)length, "%s%s,", gap, writer_real(w, taps.weight[t]))
                : snprintf(line + length, sizeof line - (size_t)length, "%s%lld,", gap, (long long)taps.at[t]);
        if (k % PER_LINE < PER_LINE - 1 && k + 1 < axis->out * axis->count) continue;
        writer_put(w, line);
        length = 0;
    }
    writer_put(w, "};");
}

/* All weights are 1. */
static bool only_moves(const TapsAxis *axis, int number, const void *self)
{
    for (int64_t k = 0; axis->of && k < axis->out; k++)
        if (axis->count > 1 || axis->of(self, number, k).weight[0] != 1) return false;
    return true;
}

static void put_tables(Writer *w, const TapsAxis axes[3], const void *self)
{
    for (int axis = 0; axis < 3; axis++) {
        if (!axes[axis].of) continue;
        put_table(w, &axes[axis], axis, self, false);
        if (!only_moves(&axes[axis], axis, self)) put_table(w, &axes[axis], axis, self, true);
    }
}

static void open_tap_loop(Writer *w, const char *variable, int64_t count)
{
    writer_bind(w, "variable", "%s", variable);
    writer_bind_int(w, "count", count);
    writer_put(w, "for ($int $variable = 0; $variable < $count; $variable++) {");
}

/* The loops over the outputs of sample n. */
static int open_mapped(Writer *w, const TapsAxis axes[3])
{
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    for (int axis = 0; axis < 3; axis++) open_tap_loop(w, tap_axis[axis], axes[axis].out);
    return 4;
}

/* The loops over the taps, with $from_c, $from_i and $from_j, as "at_i[i * 2 + u]" or "i", and $factor, " *
 * weight_i[…]", bound. */
static int open_taps(Writer *w, const TapsAxis axes[3], const void *self)
{
    char factor[200] = "", index[40], name[8];
    int f = 0, braces = 0;
    for (int axis = 0; axis < 3; axis++) {
        const TapsAxis *x = &axes[axis];
        const char *out = tap_axis[axis];
        snprintf(index, sizeof index, x->count > 1 ? "%s * %d + %s" : "%s", out, x->count, tap_index[axis]);
        if (x->count > 1) open_tap_loop(w, tap_index[axis], x->count);
        braces += x->count > 1;
        snprintf(name, sizeof name, "from_%s", out);
        if (x->of)
            writer_bind(w, name, "at_%s[%s]", out, index);
        else
            writer_bind(w, name, "%s", out);
        if (!only_moves(x, axis, self))
            f += snprintf(factor + f, sizeof factor - (size_t)f, " * weight_%s[%s]", out, index);
    }
    writer_bind(w, "factor", "%s", factor);
    return braces;
}

static void close_taps(Writer *w, int braces)
{
    while (braces-- > 0) writer_put(w, "}");
}

void taps_forward(Writer *w, const TapsAxis axes[3], const void *self)
{
    put_tables(w, axes, self);
    int outer = open_mapped(w, axes);
    writer_put(w, "$real sum = 0;");
    int inner = open_taps(w, axes, self);
    writer_put(w, "sum += @x(n, $from_c, $from_i, $from_j)$factor;");
    close_taps(w, inner);
    writer_put(w, "@y(n, c, i, j) = sum;");
    close_taps(w, outer);
}

void taps_gradient(Writer *w, const TapsAxis axes[3], const void *self, Shape image)
{
    put_tables(w, axes, self);
    region_fill(w, "dx", image, "0");
    int outer = open_mapped(w, axes), inner = open_taps(w, axes, self);
    writer_put(w, "@dx(n, $from_c, $from_i, $from_j) += @dy(n, c, i, j)$factor;");
    close_taps(w, inner + outer);
}

/* ---- fast form ------------------------------------------------------------------ */

const char *taps_refusal(Shape image) { return image.dim[2] <= NN_TAPS_ROW ? NULL : "the rows are too long"; }

/* size, the nn_taps of the axes. */
static void put_size(Writer *w, const TapsAxis axes[3], const void *self, Shape image)
{
    static const char *const names[] = {"c", "h", "w"};
    writer_bind(w, "int", "int"); /* also where an image has more elements */
    put_tables(w, axes, self);
    writer_put(w, "static const nn_taps size = {");
    for (int axis = 0; axis < 3; axis++) {
        const TapsAxis *x = &axes[axis];
        writer_bind(w, "axis", "%s", names[axis]);
        writer_bind_int(w, "in", image.dim[axis]);
        writer_bind_int(w, "out", x->out);
        writer_bind_int(w, "count", x->count);
        writer_bind(w, "at", x->of ? "at_%s" : "0", tap_axis[axis]);
        writer_bind(w, "weight", only_moves(x, axis, self) ? "0" : "weight_%s", tap_axis[axis]);
        writer_put(w, "    .$axis = {.in = $in, .out = $out, .count = $count, .at = $at, .weight = $weight},");
    }
    writer_put(w, "};");
}

void taps_forward_emit(Writer *w, const TapsAxis axes[3], const void *self, Shape image)
{
    put_size(w, axes, self, image);
    writer_put(w, "nn_taps_forward(&size, $N, x, y, $t, $T);");
}

void taps_gradient_emit(Writer *w, const TapsAxis axes[3], const void *self, Shape image)
{
    put_size(w, axes, self, image);
    writer_put(w, "nn_taps_dx(&size, $N, dy, dx, $t, $T);");
}
