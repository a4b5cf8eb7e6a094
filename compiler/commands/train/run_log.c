/*
 * Logs of runs, line by line.
 *
 * Enters: a log in either form.  Leaves: its epochs: of each the mean loss of its steps and what
 * the newest evaluation gave; lines of the test part count where there is no validation part.
 */
#include "commands/train/run_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/support/command.h"
#include "report/report_json.h"
#include "runtime/core/text.h"

enum { LOG_COLUMNS = 8 };

static const char *const log_columns[LOG_COLUMNS] = {"kind", "epoch",    "step",           "lr",
                                                     "loss", "accuracy", "train_accuracy", "seconds"};
typedef enum LogColumn {
    LOG_KIND,
    LOG_EPOCH,
    LOG_STEP,
    LOG_LR,
    LOG_LOSS,
    LOG_ACCURACY,
    LOG_TRAIN,
    LOG_SECONDS
} LogColumn;

typedef struct LogRow {
    char kind[16];
    double value[LOG_COLUMNS]; /* NaN: empty */
} LogRow;

typedef struct LogEpoch {
    LogRow evaluation;
    double total, lr, seconds;
    int64_t steps, step;
} LogEpoch;

typedef struct LogReader {
    Arena *arena;
    int at[LOG_COLUMNS]; /* of a CSV line: where the columns are */
    LogEpoch *epoch;     /* from 1 */
    int epochs, capacity;
    bool valid; /* there are lines of a validation part */
} LogReader;

/* ---- lines ------------------------------------------------------------------------ */

/* Field `index` of a line of CSV without quotes; NULL: there is none. */
static const char *csv_field(const char *line, int index)
{
    for (; index > 0 && line; index--) {
        line = strchr(line, ',');
        if (line) line++;
    }
    return line;
}

static bool read_column_names(LogReader *r, const char *line)
{
    for (int i = 0; i < LOG_COLUMNS; i++) {
        const size_t length = strlen(log_columns[i]);
        int at = 0;
        const char *field = line;
        while (field && (strncmp(field, log_columns[i], length) || !strchr(",\r\n", field[length])))
            field = csv_field(line, ++at);
        if (!field) return false;
        r->at[i] = at;
    }
    return true;
}

static bool read_csv_row(const LogReader *r, const char *line, LogRow *row)
{
    for (int i = 0; i < LOG_COLUMNS; i++) {
        const char *field = csv_field(line, r->at[i]);
        char *end;
        if (!field) return false;
        if (i == LOG_KIND) snprintf(row->kind, sizeof row->kind, "%.*s", (int)strcspn(field, ",\r\n"), field);
        row->value[i] = strtod(field, &end);
        if (end == field) row->value[i] = NAN;
    }
    return true;
}

static bool read_json_row(const char *line, LogRow *row)
{
    json_t *value = json_loads(line, 0, NULL);
    const char *kind = json_string_value(json_object_get(value, "kind"));
    snprintf(row->kind, sizeof row->kind, "%s", kind ? kind : "");
    for (int i = 0; i < LOG_COLUMNS; i++) {
        const json_t *field = json_object_get(value, log_columns[i]);
        row->value[i] = json_is_number(field) ? json_number_value(field) : NAN;
    }
    json_decref(value);
    return kind != NULL;
}

/* ---- epochs ------------------------------------------------------------------------- */

static LogEpoch *epoch_of(LogReader *r, const LogRow *row)
{
    const double number = row->value[LOG_EPOCH];
    if (!(number >= 1 && number <= 1e6)) return NULL;
    r->epoch = array_grow(r->arena, r->epoch, &r->capacity, (int)number + 1, sizeof *r->epoch);
    if ((int)number > r->epochs) r->epochs = (int)number;
    return &r->epoch[(int)number];
}

static void add_log_row(LogReader *r, const LogRow *row)
{
    LogEpoch *e = epoch_of(r, row);
    if (!e) return;
    const bool valid = !strcmp(row->kind, "valid"), step = !strcmp(row->kind, "train");
    if (step) {
        e->total += row->value[LOG_LOSS];
        e->steps++;
        e->step = (int64_t)row->value[LOG_STEP];
        e->lr = row->value[LOG_LR];
        e->seconds = row->value[LOG_SECONDS];
    }
    r->valid |= valid;
    if (valid || (!strcmp(row->kind, "test") && !r->valid)) e->evaluation = *row;
}

static bool read_log_line(LogReader *r, const char *line, bool json, int number)
{
    LogRow row;
    if (!json && number == 1) return read_column_names(r, line);
    if (json ? !read_json_row(line, &row) : !read_csv_row(r, line, &row)) return false;
    add_log_row(r, &row);
    return true;
}

static int read_log(LogReader *r, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    int number = 0;
    bool good = true;
    if (!file) return fail(STATUS_INPUT, "cannot read %s", path);
    while (good && getline(&line, &size, file) > 0)
        good = read_log_line(r, line, path_has_ending(path, ".jsonl"), ++number);
    free(line);
    fclose(file);
    if (good && r->epochs) return STATUS_OK;
    return good ? fail(STATUS_INPUT, "%s: the log has no steps", path)
                : fail(STATUS_INPUT, "%s:%d: this is no line of a log of nnc train --log", path, number);
}

/* ---- the value ------------------------------------------------------------------------ */

static void put_log_real(json_t *object, const char *key, double value)
{
    if (isfinite(value)) json_put(object, key, json_real(value));
}

static json_t *log_epoch_value(const LogEpoch *e, int number)
{
    json_t *value = json_pack("{s:i, s:I}", "epoch", number, "step", (json_int_t)e->step);
    const bool evaluated = *e->evaluation.kind;
    put_log_real(value, "lr", e->lr);
    put_log_real(value, "loss", e->steps ? e->total / (double)e->steps : NAN);
    put_log_real(value, "seconds", evaluated ? e->evaluation.value[LOG_SECONDS] : e->seconds);
    if (!evaluated) return value;
    put_log_real(value, "valid", e->evaluation.value[LOG_LOSS]);
    put_log_real(value, "accuracy", e->evaluation.value[LOG_ACCURACY]);
    put_log_real(value, "train_accuracy", e->evaluation.value[LOG_TRAIN]);
    return value;
}

/* The rows of the table that compares runs. */
static json_t *log_facts(Arena *arena, const LogReader *r)
{
    const LogEpoch *last = &r->epoch[r->epochs];
    const LogRow *end = &last->evaluation;
    json_t *facts = json_pack("[[s, s], [s, s]]", "epochs", arena_printf(arena, "%d", r->epochs), "steps",
                              arena_printf(arena, "%lld", (long long)last->step));
    const double loss = last->steps ? last->total / (double)last->steps : NAN;
    const double value[] = {loss, *end->kind ? end->value[LOG_LOSS] : NAN, *end->kind ? end->value[LOG_ACCURACY] : NAN,
                            *end->kind ? end->value[LOG_SECONDS] : last->seconds};
    static const char *const name[] = {"last training loss", "last loss", "last accuracy", "seconds"};
    for (size_t i = 0; i < sizeof value / sizeof *value; i++)
        if (isfinite(value[i]))
            json_array_append_new(facts, json_pack("[s, s]", name[i], arena_printf(arena, "%.4g", value[i])));
    return facts;
}

json_t *run_log_value(Arena *arena, const char *path)
{
    LogReader r = {.arena = arena};
    if (read_log(&r, path)) return NULL;
    json_t *epochs = json_array();
    for (int i = 1; i <= r.epochs; i++)
        if (r.epoch[i].steps) json_array_append_new(epochs, log_epoch_value(&r.epoch[i], i));
    return json_pack("{s:o, s:s, s:i, s:i, s:o, s:[], s:o}", "name", nn_json_text(path_file_name(path)), "part",
                     r.valid ? "valid" : "test", "planned", r.epochs, "per_epoch", 1, "epochs", epochs, "steps",
                     "facts", log_facts(arena, &r));
}
