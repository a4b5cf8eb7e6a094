/*
 * A net with its weights on a Cortex-M: x from the host's file `x.bin`, y to `y.bin`, and to
 * `stack.bin` the bytes of stack that inference takes, a uint32_t: the memory below the
 * stack pointer is painted before, and what has lost its paint is counted after.
 *
 * -DHEADER="\"lenet.h\"" -DNET=lenet -DUPPER=LENET
 */
#include HEADER

#include "../ship/bare_metal.h"

#define JOINED(a, b) a##b
#define JOIN(a, b)   JOINED(a, b)
#define OF(name)     JOIN(UPPER, name)

static _Alignas(64) unsigned char scratch[OF(_INFER_SCRATCH)];
static float y[OF(_BATCH) * OF(_OUTPUTS)];

enum { PAINT = 0xa5, UNPAINTED = 64 /* below the stack pointer: this function's own calls */ };

static __attribute__((noinline)) void paint(unsigned char *to)
{
    for (unsigned char *p = (unsigned char *)bss_end; p < to; p++) *(volatile unsigned char *)p = PAINT;
}

static uint32_t painted(void)
{
    const volatile unsigned char *p = (const volatile unsigned char *)bss_end;
    while (*p == PAINT) p++;
    return (uint32_t)(uintptr_t)p;
}

static int run(void)
{
    float *const x = (float *)(void *)(scratch + OF(_INPUT_AT));
    const uint32_t bytes = OF(_BATCH) * OF(_INPUTS) * sizeof *x;
    const int in = host_open("x.bin", OPEN_READ), out = host_open("y.bin", OPEN_WRITE);
    const int stack = host_open("stack.bin", OPEN_WRITE);
    if (in < 0 || out < 0 || stack < 0) return 1;
    while (host_transfer(SYS_READ, in, x, bytes) == 0) {
        register unsigned char *sp __asm__("sp");
        unsigned char *const before = sp;
        paint(before - UNPAINTED);
        JOIN(NET, _infer)(JOIN(NET, _trained)(), x, y, scratch);
        const uint32_t used = (uint32_t)(uintptr_t)before - painted();
        if (host_transfer(SYS_WRITE, out, y, sizeof y) || host_transfer(SYS_WRITE, stack, &used, sizeof used)) return 1;
    }
    const uintptr_t file = (uintptr_t)out;
    return host_call(SYS_CLOSE, &file);
}
