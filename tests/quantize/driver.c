/* Outputs of a model for a few inputs, as bits. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

int main(void)
{
    static unsigned char memory[NET_INFER_SCRATCH + 64];
    void *const scratch = memory + (64 - (uintptr_t)memory % 64) % 64;
    static float x[NET_BATCH * NET_INPUTS], y[NET_BATCH * NET_OUTPUTS];
    unsigned state = 1;
    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < NET_BATCH * NET_INPUTS; i++) {
            state = state * 1664525u + 1013904223u;
            x[i] = (float)(state >> 8) / 16777216.0f;
        }
        net_infer(net_trained(), x, y, scratch);
        for (int i = 0; i < NET_BATCH * NET_OUTPUTS; i++) {
            unsigned bits;
            memcpy(&bits, &y[i], sizeof bits);
            printf("%08x\n", bits);
        }
    }
    return 0;
}
