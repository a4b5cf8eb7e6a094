/*
 * round: y = the nearest integer, of two equally near the even one, as PyTorch's round; with
 * mode=floor the next one below, with mode=ceil the next one above.
 *
 * Its derivative is 0 wherever there is one, so nothing before it can be trained;
 * it has no gradient rule.
 */
#include "ops/shared/elementwise.h"

typedef struct RoundAttrs {
    int mode;
} RoundAttrs;

enum { ROUND_NEAREST, ROUND_FLOOR, ROUND_CEIL };

static const char *const round_modes[] = {"nearest", "floor", "ceil", NULL};

static const Attr round_attrs[] = {
    {"mode", ATTR_SYMBOL, offsetof(RoundAttrs, mode), "nearest", 0, 0, round_modes},
    {0},
};

/* The difference to the integer below is exact, but for small negative numbers, which are near 0 anyway.
 * NaN and infinities come to the last line, and stay what they are. */
static const char nearest_lines[] = "const $real below = $floor($x);\n"
                                    "const $real rest = $x - below;\n"
                                    "const int up = rest != 0.5f ? rest > 0.5f : $floor(below / 2) * 2 != below;\n"
                                    "$y = up ? below + 1 : below;\n";

static void round_plain(Writer *w, const Node *n)
{
    const RoundAttrs *a = n->attrs;
    if (a->mode == ROUND_NEAREST)
        elementwise_lines(w, n, nearest_lines);
    else
        elementwise_forward(w, n, a->mode == ROUND_FLOOR ? "$floor($x)" : "$ceil($x)");
}

static int64_t round_flops(const Node *n)
{
    return elementwise_cost(n, ((const RoundAttrs *)n->attrs)->mode == ROUND_NEAREST ? 6 : 1);
}

const Op op_round = {
    .name = "round",
    .summary = "the nearest integer; not trainable through",
    .formula = "y = the integer nearest to x",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_ZERO_GRADIENT,
    .attrs = round_attrs,
    .attrs_size = sizeof(RoundAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_zero,
    .flops = round_flops,
    .plain = round_plain,
};
