/*
 * literals: numbers that a model has in Constant nodes.
 *
 * Exporters write what is trained as initialisers, and what the program says as Constant nodes.
 * Few of the latter become numbers of the source; else they are parameters like all others.
 */
#include "interop/importer.h"

/* Axis 1 of the value has as many, all other axes are stretched. */
static bool lie_along_channels(const OnnxConstant *k, const OnnxValue *x)
{
    const int axis = k->rank - (x->rank - 1);
    return axis >= 0 && axis < k->rank && k->rank <= x->rank && k->dims[axis] == x->dims[1] && k->count == x->dims[1];
}

int channel_literals(Conversion *c, OnnxValue **x, Reals *numbers)
{
    for (int i = 0; c->in_count == 2 && i < 2; i++) {
        OnnxConstant *k = c->in[i]->constant;
        *x = c->in[1 - i];
        if (!is_few_literals(k) || !(*x)->node || !(*x)->batched || (*x)->rank < 2 || !lie_along_channels(k, *x))
            continue;
        *numbers = (Reals){(int)k->count, (double *)constant_values(c->imp, k)};
        return i;
    }
    return -1;
}

bool literals_are(Conversion *c, int input, int64_t count, double value)
{
    OnnxConstant *k = known(c, input);
    if (!k || !k->literal || k->count != count) return false;
    const double *values = constant_values(c->imp, k);
    for (int64_t i = 0; i < count; i++)
        if (values[i] != value) return false;
    return true;
}
