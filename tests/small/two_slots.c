/* docs/two_slots.h with a flash whose power is cut after every byte that is erased or written. */
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 40, SLOT = BLOCK + 8, ERASED = 0xff };

static unsigned char flash[2][SLOT];
static long left; /* bytes until the cut */
static jmp_buf cut;

static void spend(void)
{
    if (left-- == 0) longjmp(cut, 1);
}

static const unsigned char *slot_bytes(int slot) { return flash[slot]; }

static void slot_erase(int slot)
{
    for (int i = 0; i < SLOT; i++) {
        spend();
        flash[slot][i] = ERASED;
    }
}

/* Writing clears bits, and cannot set any. */
static void slot_write(int slot, size_t at, const void *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        spend();
        flash[slot][at + i] &= ((const unsigned char *)from)[i];
    }
}

#include "../../docs/two_slots.h"

static void fill(unsigned char *block, int number)
{
    for (int i = 0; i < BLOCK; i++) block[i] = (unsigned char)(number * 37 + i * 11);
}

/* Saves number `number` with a cut after so many bytes; whether it came to its end. */
static int save(int number, long bytes)
{
    unsigned char block[BLOCK];
    fill(block, number);
    left = bytes;
    if (setjmp(cut)) return 0;
    slots_save(block, BLOCK);
    return 1;
}

static int holds(int number)
{
    unsigned char want[BLOCK], have[BLOCK] = {0};
    fill(want, number);
    return slots_load(have, BLOCK) == 0 && memcmp(want, have, BLOCK) == 0;
}

static int failed(const char *what, long bytes) { return fprintf(stderr, "%s, cut after %ld bytes\n", what, bytes), 1; }

int main(void)
{
    unsigned char block[BLOCK];
    for (long bytes = 0; bytes <= 2 * SLOT; bytes++) {
        memset(flash, ERASED, sizeof flash);
        if (slots_load(block, BLOCK) == 0) return failed("an empty flash holds a block", bytes);
        for (int number = 1; number <= 5; number++) {
            if (!save(number, LONG_MAX) || !holds(number)) return failed("what was saved is not there", bytes);
            const int whole = save(number + 100, bytes);
            if (whole != (bytes >= 2 * SLOT)) return failed("the cut came at another time", bytes);
            if (!holds(whole ? number + 100 : number)) return failed("the last whole block is lost", bytes);
        }
    }
    return 0;
}
