/* The same on the host: x from standard input, y to standard output; with x in the scratch and
 * with x where it is the caller's, which must agree. */
#include HEADER

#include <stdio.h>
#include <string.h>

#define JOINED(a, b) a##b
#define JOIN(a, b)   JOINED(a, b)
#define OF(name)     JOIN(UPPER, name)

static _Alignas(64) unsigned char scratch[OF(_INFER_SCRATCH) + 64], other[OF(_INFER_SCRATCH)];
static float x[OF(_BATCH) * OF(_INPUTS)], moved[OF(_BATCH) * OF(_INPUTS)], y[OF(_BATCH) * OF(_OUTPUTS)],
    y_other[OF(_BATCH) * OF(_OUTPUTS)];

int main(void)
{
#ifdef CALLERS_X /* a form in which it has no place in the scratch */
    float *const inside = moved;
#else
    float *const inside = (float *)(void *)(scratch + OF(_INPUT_AT));
    (void)moved;
#endif
    while (fread(x, sizeof x, 1, stdin) == 1) {
        memset(scratch, 0xff, sizeof scratch);
        memcpy(inside, x, sizeof x);
        JOIN(NET, _infer)(JOIN(NET, _trained)(), inside, y, scratch);
        JOIN(NET, _infer)(JOIN(NET, _trained)(), x, y_other, other);
        if (memcmp(y, y_other, sizeof y)) return fprintf(stderr, "x in the scratch gives other outputs\n"), 1;
        for (int i = 0; i < 64; i++)
            if (scratch[OF(_INFER_SCRATCH) + i] != 0xff) return fprintf(stderr, "written behind the scratch\n"), 1;
        fwrite(y, sizeof y, 1, stdout);
    }
    return 0;
}
