/*
 * A sample's target in the form that the loss takes.
 *
 * Enters: a data set, and what the generated code says of its target (classes
 * among so many outputs, or so many values).  Leaves: a Feed, or the reason why
 * the two do not fit, with both numbers.
 */
#include "runtime/data/dataset.h"

static int feed_classes(Feed *feed, size_t outputs, NnError *error)
{
    const Dataset *data = feed->data;
    feed->kind = FEED_LABELS;
    feed->target_count = 1;
    if (!data->class_count) return nn_fail(error, NN_BAD_INPUT, "the loss takes classes, the data has values");
    if ((size_t)data->class_count != outputs) {
        char beyond[DATASET_LABEL_TEXT];
        return nn_fail(error, NN_BAD_INPUT, "the data has %d classes, the net has %zu output%s%s", data->class_count,
                       outputs, outputs == 1 ? "" : "s", dataset_label_beyond(data, (int)outputs, beyond));
    }
    return 0;
}

static int feed_values(Feed *feed, size_t target_count, NnError *error)
{
    const Dataset *data = feed->data;
    feed->target_count = target_count;
    if (!data->class_count && (size_t)data->target_count == target_count)
        feed->kind = FEED_VALUES;
    else if (data->class_count && (size_t)data->class_count == target_count)
        feed->kind = FEED_ONE_HOT;
    else if (data->class_count == 2 && target_count == 1)
        feed->kind = FEED_BINARY;
    else if (target_count == feed->fitting->elements)
        feed->kind = FEED_INPUT;
    else if (data->class_count)
        return nn_fail(error, NN_BAD_INPUT, "the data has %d classes, the loss takes %zu value%s", data->class_count,
                       target_count, target_count == 1 ? "" : "s");
    else
        return nn_fail(error, NN_BAD_INPUT, "the data has %d value%s per sample, the loss takes %zu",
                       data->target_count, data->target_count == 1 ? "" : "s", target_count);
    return 0;
}

int feed_init(Feed *feed, const Dataset *data, const Fitting *fitting, bool classes, size_t outputs,
              size_t target_count, NnError *error)
{
    *feed = (Feed){.data = data, .fitting = fitting};
    return classes ? feed_classes(feed, outputs, error) : feed_values(feed, target_count, error);
}
