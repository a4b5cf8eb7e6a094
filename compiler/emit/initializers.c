/*
 * Values of tensors as C: initializers of constants.
 */
#include "emit/emitter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* 0.1f → 0x1.99999ap-4f */
static void write_float(Text *out, float value)
{
    char text[32];
    snprintf(text, sizeof text, value == 0 && !signbit(value) ? "0" : "%af", (double)value);
    text_add(out, text);
}

void initializer_write_floats(Text *out, const float *values, int64_t count, const char *line)
{
    enum { IN_LINE = 8 };
    for (int64_t i = 0; i < count; i++) {
        text_add(out, i % IN_LINE == 0 ? line : " ");
        write_float(out, values[i]);
        if (i + 1 < count) text_add(out, ",");
    }
}

static void write_integers(Text *out, DType type, const char *values, int64_t count)
{
    enum { IN_LINE = 16 };
    for (int64_t i = 0; i < count; i++) {
        int32_t value = 0;
        if (type == DTYPE_I8)
            value = ((const int8_t *)values)[i];
        else
            memcpy(&value, values + i * (int64_t)sizeof value, sizeof value);
        text_addf(out, "%s%ld%s", i % IN_LINE ? " " : "\n        ", (long)value, i + 1 < count ? "," : "");
    }
}

/* bf16: their bits. */
static void write_halves(Text *out, const uint16_t *values, int64_t count, const char *line)
{
    enum { IN_LINE = 12 };
    for (int64_t i = 0; i < count; i++)
        text_addf(out, "%s0x%04x%s", i % IN_LINE == 0 ? line : " ", (unsigned)values[i], i + 1 < count ? "," : "");
}

/* One pair of braces for each axis; returns what follows the values. */
static const char *write_array(Text *out, const ArrayShape *shape, int axis, DType type, const char *values)
{
    const int64_t count = shape->dim[axis];
    text_add(out, "{");
    if (axis == shape->rank - 1) {
        if (type == DTYPE_BF16)
            write_halves(out, (const uint16_t *)(const void *)values, count, "\n        ");
        else if (dtype_is_real(type))
            initializer_write_floats(out, (const float *)(const void *)values, count, "\n        ");
        else
            write_integers(out, type, values, count);
        values += count * dtype_size(type);
    } else {
        for (int64_t i = 0; i < count; i++) {
            if (i) text_add(out, ", ");
            values = write_array(out, shape, axis + 1, type, values);
        }
    }
    text_add(out, "}");
    return values;
}

void initializer_write_trained(Emitter *e, const Tensor *t, int64_t offset)
{
    Text *out = &e->source;
    const int64_t count = shape_count(t->shape);
    ArrayShape shape = model_array_shape(e, t);
    if (shape.rank == 1) shape.dim[0] = count; /* zeros follow */
    text_addf(out, "\n    /* %s */ ", model_member(e, t));
    write_array(out, &shape, 0, t->dtype, (const char *)e->options->trained->block + offset);
    if (!e->team && t->shape.rank && model_padded_count(t) != count) text_add(out, ", {0}");
}
