/* Arrays of bf16 for the tests of kernels. */
#include <check.h>
#include <math.h>

#include "runtime/kernels/system/bf16.h"
#include "tests/unit/halves.h"
#include "tests/unit/libraries.h"

Halves halves(long count)
{
    Halves x = {.floats = guarded((count + 1) / 2)};
    x.at = (uint16_t *)(void *)x.floats + count % 2;
    for (long i = 0; i < count; i++) x.at[i] = HALVES_VALUE;
    return x;
}

Halves random_halves(long count, bool whole, unsigned stream)
{
    Halves x = halves(count);
    for (long i = 0; i < count; i++) {
        const float u = uniform(stream, (unsigned)i);
        x.at[i] = nn_to_bf16(whole ? floorf(u * 5) - 2 : 2 * u - 1);
    }
    return x;
}

Halves random_pixels(long count, long channels, long step, bool whole, unsigned stream)
{
    Halves x = random_halves(count * step, whole, stream);
    for (long i = 0; i < count * step; i++)
        if (i % step >= channels) x.at[i] = 0x7fc0;
    return x;
}

void halves_free(Halves *x)
{
    ck_assert_msg(guard_holds(x->floats), "written before the array");
    guarded_free(x->floats);
}
