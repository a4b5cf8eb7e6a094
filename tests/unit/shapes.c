#include "tests/unit/shapes.h"

#include "tests/unit/libraries.h"

static int at_least_1(int x) { return x > 0 ? x : 1; }

nn_conv conv_of_window(Shape s, int width)
{
    nn_conv d = {.n = s.n, .c = s.c, .h = s.h, .w = s.w, .o = s.o, .groups = at_least_1(s.groups)};
    d.kh = at_least_1(s.k);
    d.kw = width;
    d.sh = d.sw = at_least_1(s.stride);
    d.dh = d.dw = at_least_1(s.dilation);
    d.top = d.left = s.pad;
    d.oh = (s.h + 2 * s.pad - (d.kh - 1) * d.dh - 1) / d.sh + 1;
    d.ow = (s.w + 2 * s.pad - (d.kw - 1) * d.dw - 1) / d.sw + 1;
    d.c_step = s.c + s.more;
    d.o_step = s.o + s.more;
    return d;
}

nn_conv conv_of(Shape s) { return conv_of_window(s, at_least_1(s.k)); }

int draw(uint32_t *state, int least, int most)
{
    return least + (int)((next_bits(state) >> 2) % (unsigned)(most - least + 1));
}
