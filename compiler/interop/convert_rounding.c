/*
 * convert_rounding: what rounds, and arithmetic of integers that are kept in floats.
 *
 * Floats have all integers up to 2^24: sums of products of 8-bit numbers are exact up to there.
 */
#include <string.h>

#include "interop/importer.h"

static bool put_rounded(Conversion *c, const char *mode)
{
    ImportNode *n = value_node(c, c->in[0]);
    return n && put_like(c, rounded_node(c, n, mode), c->in[0]);
}

static bool convert_round(Conversion *c) { return put_rounded(c, "nearest"); }
static bool convert_floor(Conversion *c) { return put_rounded(c, "floor"); }
static bool convert_ceil(Conversion *c) { return put_rounded(c, "ceil"); }

/* a − b · floor(a / b): of the divisor's sign */
static ImportNode *remainder_of(Conversion *c, ImportNode *a, ImportNode *b)
{
    ImportNode *quotient = rounded_node(c, combine(c, "div", a, b), "floor");
    return combine(c, "sub", a, combine(c, "mul", b, quotient));
}

/* Of |a| and |b| with the sign of a, as C's fmod.  A quotient that was rounded up to an integer
 * leaves less than 0: then b is added. */
static ImportNode *signed_remainder(Conversion *c, ImportNode *a, ImportNode *b)
{
    ImportNode *divisor = layer_like(c, "abs", b), *r = remainder_of(c, layer_like(c, "abs", a), divisor);
    ImportNode *below = shifted(c, scaled(c, step_at(c, r, 0), -1), 1);
    return combine(c, "mul", layer_like(c, "sign", a), combine(c, "add", r, combine(c, "mul", below, divisor)));
}

static bool convert_mod(Conversion *c)
{
    OnnxValue out;
    ImportNode *nodes[2];
    if (!broadcast(c, c->in, 2, &out, nodes)) return false;
    const bool fmod = onnx_attr_int(c, "fmod", 0);
    if (!fmod && onnx_type_is_float(c->in[0]->type)) return refuse(c, "it is of floats, without fmod");
    return put_like(c, (fmod ? signed_remainder : remainder_of)(c, nodes[0], nodes[1]), &out);
}

const OnnxOperator onnx_rounding_operators[] = {
    {"Round", 11, 0, 1, convert_round},
    {"Floor", 1, 0, 1, convert_floor},
    {"Ceil", 1, 0, 1, convert_ceil},
    {"Mod", 10, 0, 2, convert_mod},
    {0},
};
