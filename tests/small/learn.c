/*
 * A net that learns, on a Cortex-M (-DBOARD) or on the host: a step on each sample of train.bin, a label
 * and its pixels, EPOCHS times over; then the classes of the samples in test.bin.
 *
 * To losses.bin the loss of each step, to classes.bin the label and the class of each test sample, to block.bin the
 * model's block at the end, all of which are the same on both; to memory.bin, on the board, the
 * bytes of RAM that all its data take, and those of the stack.
 *
 * -DHEADER="\"lenet.h\"" -DNET=lenet -DUPPER=LENET -DEPOCHS=1 -DRATE=0.01f
 */
#include HEADER

#define JOINED(a, b) a##b
#define JOIN(a, b)   JOINED(a, b)
#define OF(name)     JOIN(UPPER, name)

enum { INPUTS = OF(_INPUTS), OUTPUTS = OF(_OUTPUTS) };
typedef char a_sample_at_a_time[OF(_BATCH) == 1 ? 1 : -1];

#ifdef BOARD
#include "../ship/bare_metal.h"

typedef int Stream;

static Stream stream_open(const char *name, int writes) { return host_open(name, writes ? OPEN_WRITE : OPEN_READ); }
static int stream_close(Stream s)
{
    const uintptr_t file = (uintptr_t)s;
    return host_call(SYS_CLOSE, &file);
}
static int stream_read(Stream s, void *to, size_t count) { return host_transfer(SYS_READ, s, to, count) == 0; }
static int stream_write(Stream s, const void *from, size_t count)
{
    return host_transfer(SYS_WRITE, s, from, count) == 0;
}
static int stream_failed(Stream s) { return s < 0; }

enum { PAINT = 0xa5, UNPAINTED = 64 /* below the stack pointer: this function's own calls */ };

static __attribute__((noinline)) void paint_stack(void)
{
    register unsigned char *sp __asm__("sp");
    for (unsigned char *p = (unsigned char *)bss_end; p < sp - UNPAINTED; p++) *(volatile unsigned char *)p = PAINT;
}

/* From the top of the memory, all of the program's own included. */
static uint32_t stack_used(void)
{
    const volatile unsigned char *p = (const volatile unsigned char *)bss_end;
    while (*p == PAINT) p++;
    return (uint32_t)((uintptr_t)stack_top - (uintptr_t)p);
}

static uint32_t data_used(void) { return (uint32_t)((uintptr_t)bss_end - (uintptr_t)data_begin); }
#else
#include <stdio.h>
#include <string.h>

typedef FILE *Stream;

static Stream stream_open(const char *name, int writes) { return fopen(name, writes ? "wb" : "rb"); }
static int stream_close(Stream s) { return fclose(s); }
static int stream_read(Stream s, void *to, size_t count) { return fread(to, count, 1, s) == 1; }
static int stream_write(Stream s, const void *from, size_t count) { return fwrite(from, count, 1, s) == 1; }
static int stream_failed(Stream s) { return !s; }
static void paint_stack(void) {}
static uint32_t stack_used(void) { return 0; }
static uint32_t data_used(void) { return 0; }
#endif

/* All memory that there is. */
static _Alignas(64) unsigned char block[OF(_TRAIN_BYTES)], scratch[OF(_TRAIN_SCRATCH)];
static unsigned char sample[1 + INPUTS]; /* a label and its pixels */
static float x[INPUTS], y[OUTPUTS];

static int next_sample(Stream s)
{
    if (!stream_read(s, sample, sizeof sample)) return 0;
    JOIN(NET, _normalize)(sample + 1, x);
    return 1;
}

static int learn(struct NET *net)
{
    const Stream losses = stream_open("losses.bin", 1);
    int failed = stream_failed(losses);
    for (int epoch = 0; !failed && epoch < EPOCHS; epoch++) {
        const Stream samples = stream_open("train.bin", 0);
        if (stream_failed(samples)) return 1;
        while (!failed && next_sample(samples)) {
            const int32_t label = sample[0];
            const float loss = JOIN(NET, _step)(net, x, &label, RATE, scratch);
            failed = !stream_write(losses, &loss, sizeof loss);
        }
        stream_close(samples);
    }
    return failed || stream_close(losses);
}

static int test(const struct NET *net)
{
    const Stream samples = stream_open("test.bin", 0), classes = stream_open("classes.bin", 1);
    int failed = stream_failed(samples) || stream_failed(classes);
    while (!failed && next_sample(samples)) {
        unsigned char pair[2] = {sample[0], 0};
        JOIN(NET, _infer)(net, x, y, scratch);
        for (unsigned char i = 1; i < OUTPUTS; i++)
            if (y[i] > y[pair[1]]) pair[1] = i;
        failed = !stream_write(classes, pair, sizeof pair);
    }
    return failed || stream_close(classes);
}

static int run(void)
{
    typedef char one_scratch_serves_both[OF(_INFER_SCRATCH) <= sizeof scratch ? 1 : -1];
    struct NET *const net = JOIN(NET, _init)(block, 1, 1);
    (void)sizeof(one_scratch_serves_both);
    paint_stack();
    if (learn(net) || test(net)) return 1;
    const uint32_t memory[] = {data_used(), stack_used()};
    const Stream end = stream_open("block.bin", 1), use = stream_open("memory.bin", 1);
    if (stream_failed(end) || !stream_write(end, block, sizeof block) || stream_close(end)) return 1;
    return stream_failed(use) || !stream_write(use, memory, sizeof memory) || stream_close(use);
}

#ifndef BOARD
int main(void) { return run(); }
#endif
