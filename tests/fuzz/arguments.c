/* Random arguments of layers, from the tables of their attributes. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include "generate.h"

const char *format(Generator *g, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    const char *result = arena_vprintf(g->arena, text, args);
    va_end(args);
    return result;
}

static int64_t clamp(double value, const Attr *a)
{
    bool bounded = a->min != 0 || a->max != 0;
    if (bounded && value < a->min) value = a->min;
    if (bounded && value > a->max) value = a->max;
    return (int64_t)value;
}

static int64_t random_divisor(Random *r, int64_t of)
{
    int64_t divisor = random_int(r, 1, of);
    while (of % divisor) divisor--;
    return divisor;
}

int64_t random_channels(Random *r)
{
    static const int64_t counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 20, 24, 31, 32, 33, 48};
    return counts[random_int(r, 0, (int64_t)(sizeof counts / sizeof *counts) - 1)];
}

static const char *int_text(Generator *g, const Attr *a, Shape in)
{
    Random *r = g->r;
    int64_t value = random_chance(r, 0.4)   ? random_divisor(r, in.dim[0])
                    : random_chance(r, 0.5) ? random_int(r, 1, 6)
                                            : random_channels(r);
    return format(g, "%lld", (long long)clamp((double)value, a));
}

static const char *real_text(Generator *g, const Attr *a)
{
    Random *r = g->r;
    double initial = a->initial ? strtod(a->initial, NULL) : 0;
    double value = initial != 0 ? initial * exp2(4 * random_real(r) - 2) : 2 * random_real(r) - 1;
    bool bounded = a->min != 0 || a->max != 0;
    if (!bounded && random_chance(r, 0.1)) value = -value;
    if (!bounded && random_chance(r, 0.1)) value = 0;
    if (random_chance(r, 0.1)) value = (double)random_int(r, 1, 3);
    if (bounded && value < a->min) value = a->min + (value < 0 && a->max > 0 ? fmin(-value, a->max - a->min) : 0);
    if (bounded && value > a->max) value = a->max;
    return format(g, "%.5g", value);
}

static const char *pair_text(Generator *g, const Attr *a)
{
    Random *r = g->r;
    long long low = (long long)a->min, h = random_int(r, low, low + 3), w = random_int(r, low, low + 3);
    if (random_chance(r, 0.5)) return format(g, "%lld", h);
    return format(g, random_chance(r, 0.5) ? "%lldx%lld" : "[%lld, %lld]", h, w);
}

static const char *box_text(Generator *g, int64_t low, int64_t high)
{
    int64_t v[4];
    for (int i = 0; i < 4; i++) v[i] = random_int(g->r, low, high);
    return format(g, "[%lld, %lld, %lld, %lld]", (long long)v[0], (long long)v[1], (long long)v[2], (long long)v[3]);
}

static const char *pad_text(Generator *g)
{
    static const char *const words[] = {"same", "valid", "full"};
    Random *r = g->r;
    switch (random_int(r, 0, 3)) {
    case 0: return format(g, "%lld", (long long)random_int(r, 0, 3));
    case 1: return format(g, "[%lld, %lld]", (long long)random_int(r, 0, 2), (long long)random_int(r, 0, 3));
    case 2: return box_text(g, 0, 3);
    default: return words[random_int(r, 0, 2)];
    }
}

static const char *symbol_text(Generator *g, const Attr *a)
{
    int64_t count = 0;
    while (a->symbols[count]) count++;
    return a->symbols[random_int(g->r, 0, count - 1)];
}

/* Another shape of as many elements, of one to four axes. */
static const char *reshape_text(Generator *g, Shape in)
{
    Shape s = {.rank = (int)random_int(g->r, 1, MAX_RANK)};
    int64_t left = shape_count(in);
    for (int i = 0; i < s.rank; i++) {
        s.dim[i] = i == s.rank - 1 ? left : random_divisor(g->r, left);
        left /= s.dim[i];
    }
    if (random_chance(g->r, 0.9)) return shape_text(g->arena, s);
    return s.rank == 1 ? "-1" : format(g, "[%lld, -1]", (long long)s.dim[0]);
}

/* Some axes in some order, once each; all of them as often as not. */
static const char *axes_text(Generator *g, Shape in)
{
    int64_t axes[MAX_RANK], count = random_chance(g->r, 0.5) ? in.rank : random_int(g->r, 1, in.rank);
    for (int i = 0; i < in.rank; i++) axes[i] = i;
    for (int i = in.rank - 1; i > 0; i--) {
        int64_t other = random_int(g->r, 0, i), axis = axes[i];
        axes[i] = axes[other];
        axes[other] = axis;
    }
    Text text;
    text_init(&text, g->arena);
    for (int i = 0; i < count; i++) text_addf(&text, "%s%lld", i ? ", " : "[", (long long)axes[i]);
    text_add(&text, "]");
    return text.data;
}

static const char *reals_text(Generator *g, int64_t count)
{
    if (random_chance(g->r, 0.5)) return format(g, "%.3g", 0.25 + random_real(g->r));
    Text text;
    text_init(&text, g->arena);
    for (int64_t i = 0; i < count; i++) text_addf(&text, "%s%.3g", i ? ", " : "[", 0.25 + 2 * random_real(g->r));
    text_add(&text, "]");
    return text.data;
}

/* Nested lists of numbers, as long as the axes of the shape. */
static void add_numbers(Generator *g, Text *text, Shape s, int axis)
{
    text_add(text, "[");
    for (int64_t i = 0; i < s.dim[axis]; i++) {
        if (i > 0) text_add(text, ", ");
        if (axis + 1 < s.rank)
            add_numbers(g, text, s, axis + 1);
        else
            text_addf(text, "%.3g", 2 * random_real(g->r) - 1);
    }
    text_add(text, "]");
}

static const char *init_text(Generator *g, const Attr *a, Shape in)
{
    if (shape_count(in) < 500 && (!a->initial || random_chance(g->r, 0.1))) {
        Text text;
        text_init(&text, g->arena);
        add_numbers(g, &text, in, 0);
        return text.data;
    }
    static const char *const words[] = {"orthogonal",    "gabor(1.5, 4)",  "he_normal",    "he_uniform",
                                        "xavier_normal", "xavier_uniform", "lecun_normal", "torch",
                                        "ones",          "zeros",          "normal(0.3)",  "uniform(-0.5, 0.4)",
                                        "constant(0.2)"};
    return words[random_int(g->r, 0, (int64_t)(sizeof words / sizeof *words) - 1)];
}

static const char *value_text(Generator *g, const Attr *a, Shape in)
{
    if (attr_may_be_none(a) && random_chance(g->r, 0.3)) return "none";
    switch (a->type) {
    case ATTR_INT: return int_text(g, a, in);
    case ATTR_REAL: return real_text(g, a);
    case ATTR_BOOL: return random_chance(g->r, 0.5) ? "yes" : "no";
    case ATTR_PAIR: return pair_text(g, a);
    case ATTR_PAD: return pad_text(g);
    case ATTR_SYMBOL: return symbol_text(g, a);
    case ATTR_SHAPE: return a->max < MAX_RANK ? axes_text(g, in) : reshape_text(g, in);
    case ATTR_BOX: return random_chance(g->r, 0.5) ? box_text(g, 0, 2) : box_text(g, 0, 5);
    case ATTR_REALS: return reals_text(g, in.dim[0]);
    case ATTR_INIT: return init_text(g, a, in);
    case ATTR_NAME:
    case ATTR_LOSS: break; /* of heads, which are no operators */
    case ATTR_TEXT: break; /* no operator takes one */
    }
    return "";
}

const char *call_text(Generator *g, const Op *op, Shape in)
{
    Text text;
    text_init(&text, g->arena);
    text_add(&text, op->name);
    bool named = false, any = false;
    for (const Attr *a = op->attrs; a && a->name; a++) {
        if (a->initial && random_chance(g->r, 0.55)) {
            named = true;
            continue;
        }
        named = named || random_chance(g->r, 0.2);
        text_add(&text, any ? ", " : "(");
        if (named) text_addf(&text, "%s=", a->name);
        text_add(&text, value_text(g, a, in));
        any = true;
    }
    if (any) text_add(&text, ")");
    return text.data;
}
