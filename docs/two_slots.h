/*
 * A block in flash, saved so that a power cut at any moment leaves the last whole one.
 *
 * There are two slots.  A block goes to the one that does not hold the newest; the number and the
 * checksum, which make it valid, are written last.  The program has these for its flash; a slot has
 * room for the block and 8 bytes:
 *
 *     const unsigned char *slot_bytes(int slot);                    where it can be read
 *     void slot_erase(int slot);
 *     void slot_write(int slot, size_t at, const void *from, size_t count);
 */
#include <stdint.h>
#include <string.h>

static uint32_t slots_crc(uint32_t crc, const unsigned char *bytes, size_t count) /* CRC-32 */
{
    for (crc = ~crc; count--; bytes++) {
        crc ^= *bytes;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* The slot with the newest whole block of so many bytes, and how many were saved; -1: there is none. */
static int slots_newest(size_t count, uint32_t *saved)
{
    int newest = -1;
    *saved = 0;
    for (int slot = 0; slot < 2; slot++) {
        uint32_t end[2]; /* number, checksum of the block and the number */
        memcpy(end, slot_bytes(slot) + count, sizeof end);
        const uint32_t crc = slots_crc(slots_crc(0, slot_bytes(slot), count), slot_bytes(slot) + count, 4);
        if (crc != end[1] || (newest >= 0 && (int32_t)(end[0] - *saved) < 0)) continue;
        newest = slot;
        *saved = end[0];
    }
    return newest;
}

static void slots_save(const void *block, size_t count)
{
    uint32_t end[2];
    const int slot = slots_newest(count, &end[0]) == 0;
    end[0]++;
    end[1] = slots_crc(slots_crc(0, block, count), (const unsigned char *)end, 4);
    slot_erase(slot);
    slot_write(slot, 0, block, count);
    slot_write(slot, count, end, sizeof end);
}

/* 0, or -1: nothing has been saved, and the block is as it was. */
static int slots_load(void *block, size_t count)
{
    uint32_t saved;
    const int slot = slots_newest(count, &saved);
    if (slot >= 0) memcpy(block, slot_bytes(slot), count);
    return slot < 0 ? -1 : 0;
}
