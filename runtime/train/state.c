/*
 * A run's state ↔ metadata of a checkpoint.
 */
#include "runtime/train/state.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum FieldType { FIELD_INT, FIELD_INT64, FIELD_DOUBLE } FieldType;

typedef struct StateField {
    const char *key;
    FieldType type;
    size_t offset;
} StateField;

static const StateField state_fields[] = {
    {"state.epoch", FIELD_INT, offsetof(TrainState, epoch)},
    {"state.step", FIELD_INT64, offsetof(TrainState, step)},
    {"state.in_epoch", FIELD_INT64, offsetof(TrainState, in_epoch)},
    {"state.samples", FIELD_INT64, offsetof(TrainState, samples)},
    {"state.total_loss", FIELD_DOUBLE, offsetof(TrainState, total)},
    {"state.lr", FIELD_DOUBLE, offsetof(TrainState, lr)},
    {"state.seconds", FIELD_DOUBLE, offsetof(TrainState, seconds)},
    {"state.epoch_seconds", FIELD_DOUBLE, offsetof(TrainState, epoch_seconds)},
    {"state.schedule.best", FIELD_DOUBLE, offsetof(TrainState, schedule.best)},
    {"state.schedule.bad", FIELD_INT, offsetof(TrainState, schedule.bad)},
    {"state.schedule.previous", FIELD_DOUBLE, offsetof(TrainState, schedule.previous)},
    {"state.schedule.factor", FIELD_DOUBLE, offsetof(TrainState, schedule.factor)},
    {"state.best_loss", FIELD_DOUBLE, offsetof(TrainState, best)},
    {"state.best_epoch", FIELD_INT, offsetof(TrainState, best_epoch)},
    {"state.since_best", FIELD_INT, offsetof(TrainState, since_best)},
};

enum { FIELD_COUNT = sizeof state_fields / sizeof *state_fields };

void state_init(TrainState *s)
{
    *s = (TrainState){.best = INFINITY};
    nn_schedule_init(&s->schedule);
    history_init(&s->history, 0);
}

/* ---- writing ------------------------------------------------------------------------- */

static void field_text(const TrainState *s, const StateField *f, char out[48])
{
    const void *at = (const char *)s + f->offset;
    switch (f->type) {
    case FIELD_INT: snprintf(out, 48, "%d", *(const int *)at); break;
    case FIELD_INT64: snprintf(out, 48, "%" PRId64, *(const int64_t *)at); break;
    case FIELD_DOUBLE: snprintf(out, 48, "%a", *(const double *)at); break;
    }
}

int state_write(const TrainState *s, NnTensorWriter *w, NnError *error)
{
    char text[48];
    for (int i = 0; i < FIELD_COUNT; i++) {
        field_text(s, &state_fields[i], text);
        if (nn_writer_metadata(w, state_fields[i].key, text, error)) return -1;
    }
    return history_write(&s->history, w, error);
}

/* ---- reading ------------------------------------------------------------------------- */

/* Counts are not negative, and numbers are numbers. */
static bool field_parse(TrainState *s, const StateField *f, const char *text)
{
    void *at = (char *)s + f->offset;
    char *end;
    errno = 0;
    if (f->type == FIELD_DOUBLE) {
        double value = strtod(text, &end);
        *(double *)at = value;
        return end > text && !*end && !isnan(value);
    }
    long long value = strtoll(text, &end, 10);
    if (f->type == FIELD_INT)
        *(int *)at = (int)value;
    else
        *(int64_t *)at = value;
    return end > text && !*end && !errno && value >= 0 && (f->type == FIELD_INT64 || value <= INT32_MAX);
}

int state_read(TrainState *s, const NnTensors *file, const char *path, NnError *error)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        const StateField *f = &state_fields[i];
        const char *text = nn_tensors_metadata(file, f->key);
        if (!text) return nn_fail(error, NN_BAD_INPUT, "%s is not a checkpoint: it has no %s", path, f->key);
        if (!field_parse(s, f, text))
            return nn_fail(error, NN_BAD_INPUT, "%s: its %s is '%.40s', which is no such number", path, f->key, text);
    }
    if (history_read(&s->history, file, path, s->step, error)) return -1;
    if (s->epoch < 1 || s->step < s->in_epoch)
        return nn_fail(error, NN_BAD_INPUT, "%s: epoch %d and step %" PRId64 " cannot be", path, s->epoch, s->step);
    return 0;
}
