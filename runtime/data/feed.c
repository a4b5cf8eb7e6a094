/*
 * A sample's target in the form that the loss takes.
 *
 * Enters: a data set, and what the generated code says of its target (classes
 * among so many outputs, or so many values).  Leaves: a Feed, or the reason why
 * the two do not fit, with both numbers.
 */
#include "runtime/data/dataset.h"

static int check_class_count(const Dataset *data, size_t scores, NnError *error)
{
    char beyond[DATASET_LABEL_TEXT];
    if (!data->class_count) return nn_fail(error, NN_BAD_INPUT, "the loss takes classes, the data has values");
    if ((size_t)data->class_count == scores) return 0;
    return nn_fail(error, NN_BAD_INPUT, "the data has %d class%s, the net has %zu output%s%s", data->class_count,
                   data->class_count == 1 ? "" : "es", scores, scores == 1 ? "" : "s",
                   dataset_label_beyond(data, (int)scores, beyond));
}

/* A class map of its image's size goes with it pixel by pixel.  What the net's convolutions take
 * off the edges is as much on opposite sides. */
static int feed_map(Feed *feed, const TargetSpec *spec, NnError *error)
{
    const int *map = feed->data->map;
    const Fitting *f = feed->fitting;
    bool same = map[0] == spec->height && map[1] == spec->width;
    bool of_image = map[0] == f->from[1] && map[1] == f->from[2];
    bool of_input = spec->height == f->to[1] && spec->width == f->to[2];
    bool resized = f->fit == NN_FIT_RESIZE && (f->from[1] != f->to[1] || f->from[2] != f->to[2]);
    feed->kind = FEED_MAP;
    feed->target_count = spec->count;
    feed->height = spec->height;
    feed->width = spec->width;
    feed->map_moves = of_image && (spec->aligned || of_input);
    feed->top = (f->to[1] - spec->height) / 2;
    feed->left = (f->to[2] - spec->width) / 2;
    if (feed->map_moves || (same && !resized)) return 0;
    if (same)
        return nn_fail(
            error, NN_BAD_INPUT,
            "the images are %dx%d, the input is %dx%d, and class maps of %dx%d are not resized with them; use "
            "fit pad or fit crop",
            f->from[1], f->from[2], f->to[1], f->to[2], map[0], map[1]);
    return nn_fail(error, NN_BAD_INPUT, "the data has class maps of %dx%d, the net gives %dx%d%s", map[0], map[1],
                   spec->height, spec->width, of_image ? ", in which a pixel stands for several" : "");
}

static int feed_classes(Feed *feed, const TargetSpec *spec, NnError *error)
{
    const Dataset *data = feed->data;
    if (check_class_count(data, spec->scores, error)) return -1;
    if (data->map[0] && spec->height) return feed_map(feed, spec, error);
    feed->kind = FEED_LABELS;
    feed->target_count = 1;
    if (data->map[0])
        return nn_fail(error, NN_BAD_INPUT,
                       "the data has a class of each of %dx%d pixels, the net has one of each sample", data->map[0],
                       data->map[1]);
    if (spec->count > 1)
        return nn_fail(error, NN_BAD_INPUT,
                       "the net has scores of %dx%d pixels, the data has one class of each sample; end the net with "
                       "`flatten` or `global_avgpool flatten`",
                       spec->height, spec->width);
    return 0;
}

/* Only a loss over classes can leave samples out. */
static int check_labelled(const Dataset *data, NnError *error)
{
    for (int part = 0; part < DATA_PARTS; part++) {
        const int row = dataset_unlabelled(data, part);
        if (row >= 0)
            return nn_fail(error, NN_BAD_INPUT,
                           "sample %d of the %s part has no class (%d), and this loss takes a value of every sample; "
                           "use cross_entropy, focal or nll over classes",
                           row, dataset_part_name(part), NO_CLASS);
    }
    return 0;
}

static int feed_values(Feed *feed, const TargetSpec *spec, NnError *error)
{
    const Dataset *data = feed->data;
    const size_t count = spec->count, classes = (size_t)data->class_count;
    feed->target_count = count;
    if (!data->class_count && (size_t)data->target_count == count)
        feed->kind = FEED_VALUES;
    else if (classes && classes == count && !data->map[0])
        feed->kind = FEED_ONE_HOT;
    else if (classes == 2 && count == 1)
        feed->kind = spec->signs ? FEED_SIGN : FEED_BINARY;
    else if (count == feed->fitting->elements)
        feed->kind = FEED_INPUT;
    else if (data->class_count)
        return nn_fail(error, NN_BAD_INPUT, "the data has %d class%s, the loss takes %zu value%s", data->class_count,
                       data->class_count == 1 ? "" : "es", count, count == 1 ? "" : "s");
    else
        return nn_fail(error, NN_BAD_INPUT, "the data has %d value%s per sample, the loss takes %zu",
                       data->target_count, data->target_count == 1 ? "" : "s", count);
    return 0;
}

size_t feed_row(const Feed *feed)
{
    size_t row = feed->target_count;
    for (int i = 0; i < feed->named_count; i++) row += feed->named[i].count;
    return row;
}

size_t feed_taught(const Feed *feed)
{
    const NamedTarget *last = feed->named_count ? &feed->named[feed->named_count - 1] : NULL;
    return last && last->taught ? last->count : 0;
}

int32_t feed_class(const Feed *feed, const void *row, size_t place)
{
    return feed->reals ? (int32_t)((const float *)row)[place] : ((const int32_t *)row)[place];
}

int feed_init(Feed *feed, const Dataset *data, const Fitting *fitting, const TargetSpec *spec, NnError *error)
{
    *feed = (Feed){.data = data,
                   .fitting = fitting,
                   .named = spec->named,
                   .named_count = spec->named_count,
                   .reals = spec->reals,
                   .workers = FEED_USUAL_WORKERS};
    for (int i = 0; i < spec->named_count; i++)
        if (!spec->named[i].taught && named_check(data, &spec->named[i], &data->named[i], error)) return -1;
    if (spec->classes) return feed_classes(feed, spec, error);
    return feed_values(feed, spec, error) || (feed->kind != FEED_INPUT && check_labelled(data, error)) ? -1 : 0;
}
