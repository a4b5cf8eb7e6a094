/* The largest errors of scalar_math.h, over floats of all sizes, in units of the last place: those of
 * vector_math.h.  sqrt, floor and ceil are exact. */
#include <stdio.h>

#include "runtime/kernels/scalar/scalar_math.h"

enum { STRIDE = 10007 };

static double error_of(float y, double exact)
{
    if (exact != exact) return y != y ? 0 : 1e9;
    if (isinf(exact) || isinf(y)) return fabs(exact) > 0x1.fffffep127 && isinf(y) && (y > 0) == (exact > 0) ? 0 : 1e9;
    const float size = fabsf((float)exact);
    return isinf(size) ? 0 : fabs((double)y - exact) / ((double)nextafterf(size, INFINITY) - (double)size);
}

static int holds(const char *name, float (*function)(float), double (*exact)(double), double limit)
{
    double worst = 0;
    float where = 0;
    for (uint64_t bits = 0; bits < (uint64_t)1 << 32; bits += STRIDE) {
        const float x = nn_float_of((uint32_t)bits);
        const double error = error_of(function(x), exact((double)x));
        if (error > worst) worst = error, where = x;
    }
    if (worst > limit) printf("%s errs by %.2f units at %a\n", name, worst, (double)where);
    return worst <= limit;
}

int main(void)
{
    int good = holds("exp", nn_expf, exp, 1.1) + holds("expm1", nn_expm1f, expm1, 1.7);
    good += holds("log", nn_logf, log, 0.9) + holds("log1p", nn_log1pf, log1p, 1.5);
    good += holds("tanh", nn_tanhf, tanh, 1.1) + holds("erf", nn_erff, erf, 1.4);
    good += holds("sqrt", nn_sqrtf, sqrt, 0.5) + holds("floor", nn_floorf, floor, 0) + holds("ceil", nn_ceilf, ceil, 0);
    return good != 9;
}
