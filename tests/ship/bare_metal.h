/*
 * A program for a Cortex-M without an operating system: its code and constants in flash, no heap,
 * no threads and no files of its own.  Files are the host's, by semihosting (ARM DUI 0471,
 * chapter 8).  Linked by board.ld.  The file that includes this has `run`, whose result is the
 * exit status.
 */
#include <stdint.h>
#include <string.h>

static int run(void);

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

/* ---- the start -------------------------------------------------------------------------- */

extern uint32_t data_in_flash[], data_begin[], data_end[], bss_begin[], bss_end[], stack_top[];

/* CPACR, of the system control block: coprocessors 10 and 11 are the FPU. */
static void enable_fpu(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb");
#endif
}

static void begin(void)
{
    enable_fpu();
    memcpy(data_begin, data_in_flash, (size_t)((char *)data_end - (char *)data_begin));
    memset(bss_begin, 0, (size_t)((char *)bss_end - (char *)bss_begin));
    host_exit(run());
}

static void fault(void) { host_exit(2); }

/* The first stack pointer, then reset, NMI, hard fault, and faults of memory, bus and usage. */
__attribute__((section(".vectors"), used)) static const uintptr_t vectors[] = {
    (uintptr_t)stack_top, (uintptr_t)begin, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault,     (uintptr_t)fault, (uintptr_t)fault};
