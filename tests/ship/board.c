/* The lenet with its weights on a Cortex-M4 or M7.  Pixels come from the host's file `pixels`, a byte
 * each, and raw floats go to its file `board.out`. */
#include "lenet.h"

#include "bare_metal.h"

enum { COUNT = LENET_BATCH * LENET_INPUTS };

static unsigned char pixels[COUNT];
static float x[COUNT], y[LENET_BATCH * LENET_OUTPUTS];
static _Alignas(64) unsigned char scratch[LENET_INFER_SCRATCH];

static int run(void)
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
