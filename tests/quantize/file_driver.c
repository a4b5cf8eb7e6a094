/* The outputs of a model for the samples in a file of raw floats, as raw floats. */
#include <stdint.h>
#include <stdio.h>

#include "net.h"

int main(int argc, char **argv)
{
    static unsigned char memory[NET_INFER_SCRATCH + 64];
    void *const scratch = memory + (64 - (uintptr_t)memory % 64) % 64;
    static float x[NET_BATCH * NET_INPUTS], y[NET_BATCH * NET_OUTPUTS];
    FILE *const in = argc == 3 ? fopen(argv[1], "rb") : NULL, *const out = in ? fopen(argv[2], "wb") : NULL;
    if (!in || !out) return 1;
    while (fread(x, sizeof x, 1, in) == 1) {
        net_infer(net_trained(), x, y, scratch);
        if (fwrite(y, sizeof y, 1, out) != 1) return 1;
    }
    fclose(in);
    return fclose(out) != 0;
}
