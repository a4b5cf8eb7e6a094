/*
 * The lenet with its weights on a microcontroller without an operating system: a Cortex-M4 or
 * M7 with its code and constants in flash, no heap, no threads and no files of its own.
 *
 * Pixels come from the host's file `pixels`, a byte each, and raw floats go to its file
 * `board.out`, by semihosting (ARM DUI 0471, chapter 8).  Linked by board.ld.
 */
#include "lenet.h"

#include <stdint.h>
#include <string.h>

/* ---- the host --------------------------------------------------------------------------- */

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { OPEN_READ = 1, OPEN_WRITE = 5, APPLICATION_EXIT = 0x20026 };

static int host_call(int operation, const void *arguments)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static int host_open(const char *name, int mode)
{
    const uintptr_t arguments[] = {(uintptr_t)name, (uintptr_t)mode, strlen(name)};
    return host_call(SYS_OPEN, arguments);
}

/* 0: all bytes were. */
static int host_transfer(int operation, int file, const void *bytes, size_t count)
{
    const uintptr_t arguments[] = {(uintptr_t)file, (uintptr_t)bytes, count};
    return host_call(operation, arguments);
}

static void host_exit(int status)
{
    const uintptr_t arguments[] = {APPLICATION_EXIT, (uintptr_t)status};
    host_call(SYS_EXIT_EXTENDED, arguments);
    for (;;) {
    }
}

/* ---- the net ---------------------------------------------------------------------------- */

enum { COUNT = LENET_BATCH * LENET_INPUTS };

static unsigned char pixels[COUNT];
static float x[COUNT], y[LENET_BATCH * LENET_OUTPUTS];
static _Alignas(64) unsigned char scratch[LENET_INFER_SCRATCH];

static int classify(void)
{
    const int in = host_open("pixels", OPEN_READ), out = host_open("board.out", OPEN_WRITE);
    if (in < 0 || out < 0) return 1;
    while (host_transfer(SYS_READ, in, pixels, COUNT) == 0) {
        for (int i = 0; i < COUNT; i++) x[i] = (float)pixels[i] / 255.0f;
        lenet_infer(lenet_trained(), x, y, scratch);
        if (host_transfer(SYS_WRITE, out, y, sizeof y)) return 1;
    }
    const uintptr_t file = (uintptr_t)out;
    return host_call(SYS_CLOSE, &file) || strcmp(lenet_class_name(7), "7");
}

/* ---- the start -------------------------------------------------------------------------- */

extern uint32_t data_in_flash[], data_begin[], data_end[], bss_begin[], bss_end[], stack_top[];

/* CPACR, of the system control block: coprocessors 10 and 11 are the FPU. */
static void enable_fpu(void)
{
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb");
}

static void begin(void)
{
    enable_fpu();
    memcpy(data_begin, data_in_flash, (size_t)((char *)data_end - (char *)data_begin));
    memset(bss_begin, 0, (size_t)((char *)bss_end - (char *)bss_begin));
    host_exit(classify());
}

static void fault(void) { host_exit(2); }

/* The first stack pointer, then reset, NMI, hard fault, and faults of memory, bus and usage. */
__attribute__((section(".vectors"), used)) static const uintptr_t vectors[] = {
    (uintptr_t)stack_top, (uintptr_t)begin, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault,     (uintptr_t)fault, (uintptr_t)fault};
