/*
 * Numbers as people read them: separators, units, three digits.
 *
 * No invented digits: an exact number is shown in full, or with a unit and three
 * digits; one that does not exist is n/a.
 */
#include "report/number_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MANY_DIGITS = 15 };

static const char *group(Arena *arena, const char *digits)
{
    Text text;
    text_init(&text, arena);
    text_add(&text, "");
    for (size_t left = strlen(digits); left > 0; left--) {
        text_add_bytes(&text, digits++, 1);
        if (left % 3 == 1 && left > 1 && digits[-1] != '-') text_add(&text, ",");
    }
    return text.data;
}

const char *number_grouped(Arena *arena, int64_t value)
{
    return group(arena, arena_printf(arena, "%lld", (long long)value));
}

const char *number_digits(Arena *arena, const char *digits)
{
    size_t count = strlen(digits);
    if (count <= MANY_DIGITS) return group(arena, digits);
    return arena_printf(arena, "%c.%.2se+%zu", digits[0], digits + 1, count - 1);
}

/* Three digits of a number from 1 to 999. */
static int decimals(double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; }

const char *number_units(Arena *arena, int64_t value)
{
    static const char units[] = " kMGTPE";
    int unit = 0;
    double scaled = (double)value;
    for (; scaled >= 999.5 && unit < 6; unit++) scaled /= 1000;
    if (unit == 0) return arena_printf(arena, "%lld", (long long)value);
    return arena_printf(arena, "%.*f%c", decimals(scaled), scaled, units[unit]);
}

const char *number_seconds(Arena *arena, double seconds)
{
    static const char *const units[] = {"s", "ms", "µs", "ns"};
    int unit = 0;
    for (; seconds < 0.9995 && unit < 3; unit++) seconds *= 1000;
    return arena_printf(arena, "%.*f %s", decimals(seconds), seconds, units[unit]);
}

const char *number_pair(Arena *arena, double h, double w)
{
    if (h == 0) h = 0; /* not −0 */
    if (w == 0) w = 0;
    return h == w ? arena_printf(arena, "%g", h) : arena_printf(arena, "%gx%g", h, w);
}

const char *number_real(Arena *arena, double value)
{
    if (value == 0) return "0";
    double size = fabs(value);
    if (size < 0.001 || size >= 99999.5) return arena_printf(arena, "%.3e", value);
    if (size >= 999.5) return arena_printf(arena, "%.0f", value);
    return arena_printf(arena, "%.4g", value);
}

const char *number_percent(Arena *arena, double share)
{
    double percent = 100 * share;
    if (percent > 0 && percent < 0.05) return "<0.1%";
    return arena_printf(arena, "%.*f%%", percent > 99.9 && share >= 1 ? 0 : 1, percent);
}

/* With four digits, as exercises give it. */
const char *number_ratio(Arena *arena, double first, double other)
{
    if (first == other) return "=";
    if (first <= 0 || other <= 0) return "n/a";
    bool more = other > first;
    double ratio = more ? other / first : first / other;
    return arena_printf(arena, "%s%.*f", more ? "×" : "÷",
                        ratio < 9.9995   ? 3
                        : ratio < 99.995 ? 2
                        : ratio < 999.95 ? 1
                                         : 0,
                        ratio);
}

int text_columns(const char *text)
{
    int count = 0;
    for (; *text; text++) count += (*text & 0xc0) != 0x80;
    return count;
}
