/*
 * Named targets, which heads and outputs have beside the net's own.
 *
 * Enters: the numbers of a data set under a target's name, and what its loss takes.  Leaves:
 * that they fit, or the reason why not; and a sample's elements of it.
 */
#include "runtime/data/dataset.h"

#include <math.h>

static int check_numbers(const Dataset *data, const NamedTarget *target, const NamedValues *values, DataPart part,
                         NnError *error)
{
    const bool one_hot = !target->classes && values->count == 1 && target->count > 1;
    const size_t classes = target->classes ? target->scores : one_hot ? target->count : 0;
    for (size_t i = 0; i < (size_t)data->part[part].count * values->count; i++) {
        const float value = values->at[part][i];
        const size_t sample = i / values->count;
        if (!isfinite(value))
            return nn_fail(error, NN_BAD_INPUT, "target %s: a value of sample %zu is %g", target->name, sample,
                           (double)value);
        const bool none = target->classes && value == NO_CLASS;
        if (classes && !none && (value < 0 || value >= (float)classes || value != floorf(value)))
            return nn_fail(error, NN_BAD_INPUT, "target %s: sample %zu has class %g; classes are 0 to %zu",
                           target->name, sample, (double)value, classes - 1);
    }
    return 0;
}

int named_check(const Dataset *data, const NamedTarget *target, const NamedValues *values, NnError *error)
{
    if (!values->count)
        return nn_fail(error, NN_BAD_INPUT, "the net has a target %s, and %s has nothing of that name; %s",
                       target->name, data->path, "arrays (.npz) and CSV files can have it");
    const bool one_hot = !target->classes && values->count == 1;
    if (values->count != target->count && !one_hot)
        return nn_fail(error, NN_BAD_INPUT, "target %s: the data has %zu value%s per sample, the loss takes %zu",
                       target->name, values->count, values->count == 1 ? "" : "s", target->count);
    for (int part = 0; part < DATA_PARTS; part++)
        if (values->at[part] && check_numbers(data, target, values, part, error)) return -1;
    return 0;
}
