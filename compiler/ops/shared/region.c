/* Taking a part out of an image, and placing it in one. */
#include "ops/shared/region.h"
#include "ops/shared/window.h"

#include <stdio.h>

static void bind_shift(Writer *w, const char *name, const char *index, int64_t shift)
{
    if (shift == 0) {
        writer_bind(w, name, "%s", index);
    } else {
        writer_bind(w, name, "%s + %lld", index, (long long)shift);
    }
}

static void put_copy(Writer *w, const char *to, const char *to_index, const char *from, const char *from_index)
{
    char line[128];
    snprintf(line, sizeof line, "@%s(n, c, %s) = @%s(n, c, %s);", to, to_index, from, from_index);
    writer_put(w, line);
}

static void put_region(Writer *w, Shape part, const Pad *sides)
{
    writer_bind_int(w, "C", part.dim[0]);
    writer_bind_int(w, "H", part.dim[1]);
    writer_bind_int(w, "W", part.dim[2]);
    bind_shift(w, "row", "i", sides->top);
    bind_shift(w, "column", "j", sides->left);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int c = 0; c < $C; c++) {\n"
                  "        for ($int i = 0; i < $H; i++) {\n"
                  "            for ($int j = 0; j < $W; j++) {\n");
}

static void close_region(Writer *w)
{
    writer_put(w, "            }\n"
                  "        }\n"
                  "    }\n"
                  "}\n");
}

void region_take(Writer *w, const char *part, const char *whole, Shape part_shape, const Pad *sides)
{
    put_region(w, part_shape, sides);
    put_copy(w, part, "i, j", whole, "$row, $column");
    close_region(w);
}

void region_fill(Writer *w, const char *array, Shape shape, const char *value)
{
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    window_fill(w, array, shape, value);
    writer_put(w, "}");
}

void region_zero(Writer *w, const char *array, Shape shape)
{
    writer_bind(w, "array", "%s", array);
    writer_bind_int(w, "elements", shape_count(shape));
    writer_put(w, "for ($int k = 0; k < $N * $elements; k++) {\n"
                  "    $array[k] = 0;\n"
                  "}\n");
}

void region_place(Writer *w, const char *whole, const char *part, Shape whole_shape, Shape part_shape, const Pad *sides,
                  double value)
{
    region_fill(w, whole, whole_shape, value == 0 ? "0" : writer_real(w, value));
    put_region(w, part_shape, sides);
    put_copy(w, whole, "$row, $column", part, "i, j");
    close_region(w);
}

int64_t region_no_flops(const Node *n)
{
    (void)n;
    return 0;
}

/* ---- fast form: runtime/kernels/movement/crop.h ------------------------------ */

/* With the channels last, columns are C times as many, of an image of one channel. */
static void bind_region(Writer *w, const Node *n, Shape whole, Shape part, const Pad *sides)
{
    long long planes = n->layout == LAYOUT_NHWC ? 1 : part.dim[0], each = n->layout == LAYOUT_NHWC ? part.dim[0] : 1;
    const int64_t region[] = {planes,     part.dim[1],       part.dim[2] * each, whole.dim[1], whole.dim[2] * each,
                              sides->top, sides->left * each};
    writer_bind_fields(w, "region", "c h w H W top left", region);
    writer_put(w, "static const nn_crop_box size = {$region};");
}

void region_take_emit(Writer *w, const Node *n, const Pad *sides)
{
    bind_region(w, n, node_shape_in(n), node_shape_out(n), sides);
    region_call(w, n, "nn_crop(&size, $N, $from, $to, $t, $T);");
}

void region_place_emit(Writer *w, const Node *n, const Pad *sides, double value)
{
    bind_region(w, n, node_shape_out(n), node_shape_in(n), sides);
    writer_bind_real(w, "value", value);
    region_call(w, n, "nn_pad(&size, $N, $from, $to, $value, $t, $T);");
}

void region_call(Writer *w, const Node *n, const char *call)
{
    writer_bind(w, "from", "%s", n->op->in[0]);
    writer_bind(w, "to", "%s", n->op->out[0]);
    writer_put(w, call);
}
