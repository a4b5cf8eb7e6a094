/* Amounts of memory as people read them. */
#include "base/base.h"

const char *bytes_text(Arena *arena, int64_t value)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    double scaled = (double)value;
    for (; scaled >= 1023.5 && unit < 4; unit++) scaled /= 1024;
    int decimals = unit == 0 || scaled >= 99.95 ? 0 : scaled < 9.995 ? 2 : 1;
    return arena_printf(arena, "%.*f %s", decimals, scaled, units[unit]);
}
