/*
 * The table of epochs and the log.
 *
 * The table is a result, for people.  The log is for programs: a line per step and
 * per evaluation, as CSV or as JSON lines, the numbers with all their digits.
 */
#include "runtime/train/show.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- table ----------------------------------------------------------------------- */

/* 79 columns at most, where there is one loss. */
void table_head(FILE *out, DataPart part, const NnScore *kind)
{
    const char *name = part == DATA_VALID ? "valid" : "test";
    fprintf(out, "%5s %7s %8s %8s", "epoch", "steps", "lr", "loss");
    if (kind->kind != NN_SCORE_LOSS) fprintf(out, " %8s", "train");
    fprintf(out, " %5s loss", name);
    if (kind->kind != NN_SCORE_LOSS) fprintf(out, " %8s", name);
    for (int i = 1; i < kind->loss_count; i++) fprintf(out, " %10s", kind->loss_list[i].name);
    fprintf(out, " %9s %8s\n", "samples/s", "time");
    fflush(out);
}

static void put_accuracy(FILE *out, const NnScore *score) { fprintf(out, " %6.2f %%", 100.0 * nn_accuracy(score)); }

/* Of the losses of heads and outputs. */
static int column_width(const char *name) { return strlen(name) > 10 ? (int)strlen(name) : 10; }

void table_row(FILE *out, const Progress *m, const NnScore *training, const NnScore *score)
{
    char time[32];
    fprintf(out, "%5d %7lld %8.3g %8.4f", m->epoch, (long long)m->step, m->lr, m->loss);
    if (training->kind != NN_SCORE_LOSS) put_accuracy(out, training);
    fprintf(out, " %10.4f", score->loss);
    if (score->kind != NN_SCORE_LOSS) put_accuracy(out, score);
    for (int i = 1; i < score->loss_count; i++)
        fprintf(out, " %*.4f", column_width(score->loss_list[i].name), score->losses[i]);
    fprintf(out, " %9.0f %8s\n", m->rate, show_duration(m->seconds, time));
    fflush(out);
}

/* ---- log ------------------------------------------------------------------------- */

/* What a checkpoint of so many steps has behind it; an evaluation at its step is made again. */
static bool is_before(const char *line, int64_t steps)
{
    char kind[8];
    int epoch;
    long long step;
    if (sscanf(line, "%7[a-z],%d,%lld,", kind, &epoch, &step) != 3 &&
        sscanf(line, "{\"kind\": \"%7[a-z]\", \"epoch\": %d, \"step\": %lld,", kind, &epoch, &step) != 3)
        return !strncmp(line, "kind,", 5); /* the names of the columns */
    return strcmp(kind, "train") ? step < steps : step <= steps;
}

/* The bytes of the lines that belong to the run as far as the checkpoint goes. */
static off_t log_length(FILE *file, int64_t steps)
{
    char *line = NULL;
    size_t size = 0;
    off_t length = 0;
    for (ssize_t got; (got = getline(&line, &size, file)) > 0 && line[got - 1] == '\n' && is_before(line, steps);)
        length += (off_t)got;
    free(line);
    return length;
}

/* Leaves the file at the end of these lines; what is no regular file is only written to. */
static FILE *log_continue(const char *path, int64_t steps)
{
    struct stat status;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    FILE *file = fd >= 0 && fstat(fd, &status) == 0 ? fdopen(fd, S_ISREG(status.st_mode) ? "r+" : "w") : NULL;
    if (!file) {
        if (fd >= 0) close(fd);
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) return file;
    off_t length = log_length(file, steps);
    if (fseeko(file, length, SEEK_SET) == 0 && ftruncate(fd, length) == 0) return file;
    fclose(file);
    return NULL;
}

static int log_columns(const Log *log) { return log->observer ? log->observer->column_count : 0; }

static const char *loss_name(const nn_loss_info *loss) { return *loss->name ? loss->name : "output"; }

int log_open(Log *log, const char *path, const nn_model_info *info, int64_t steps, NnError *lost, NnError *error)
{
    const NnObserver *observer = log->observer;
    *log = (Log){.path = path,
                 .error = lost,
                 .loss_count = info->loss_count,
                 .loss_list = info->loss_list,
                 .observer = observer};
    if (!path) return 0;
    size_t length = strlen(path);
    log->json = length > 6 && !strcmp(path + length - 6, ".jsonl");
    log->file = steps < 0 ? fopen(path, "we") : log_continue(path, steps);
    if (!log->file) return nn_fail_path(error, "write", path);
    if (log->json || ftello(log->file) > 0) return 0;
    fputs("kind,epoch,step,lr,loss,accuracy,train_accuracy,seconds", log->file);
    for (int i = 0; i < log->loss_count; i++) fprintf(log->file, ",loss.%s", loss_name(&log->loss_list[i]));
    for (int i = 0; i < log_columns(log); i++) fprintf(log->file, ",%s", observer->columns[i]);
    fputc('\n', log->file);
    return 0;
}

static void log_lose(Log *log, int64_t step)
{
    nn_fail_errno(log->error, "the log ends before step %lld: cannot write %s", (long long)step, log->path);
    if (log->file) fclose(log->file);
    log->file = NULL;
}

static void log_losses(const Log *log, const double *losses)
{
    for (int i = 0; i < log->loss_count; i++)
        if (log->json)
            fprintf(log->file, ", \"loss.%s\": %.9g", loss_name(&log->loss_list[i]), losses[i]);
        else
            fprintf(log->file, ",%.9g", losses[i]);
}

/* What a step does not have is empty, or null. */
static const char *accuracy_text(const Log *log, const NnScore *score, char out[32])
{
    if (score->kind == NN_SCORE_LOSS) return log->json ? "null" : "";
    snprintf(out, 32, "%.9g", nn_accuracy(score));
    return out;
}

typedef struct LogLine {
    const char *kind;
    double loss;
    const NnScore *training, *score;
    const double *losses;
} LogLine;

static void log_line(Log *log, const Progress *m, const LogLine *line)
{
    const char *format = log->json ? "{\"kind\": \"%s\", \"epoch\": %d, \"step\": %lld, \"lr\": %.9g, \"loss\": %.9g, "
                                     "\"accuracy\": %s, \"train_accuracy\": %s, \"seconds\": %.3f"
                                   : "%s,%d,%lld,%.9g,%.9g,%s,%s,%.3f";
    char accuracy[32], training[32];
    fprintf(log->file, format, line->kind, m->epoch, (long long)m->step, m->lr, line->loss,
            accuracy_text(log, line->score, accuracy), accuracy_text(log, line->training, training), m->seconds);
    const double *losses = line->losses;
    log_losses(log, losses);
    for (int i = 0; !log->json && i < log_columns(log); i++) fputc(',', log->file);
    if (fputs(log->json ? "}\n" : "\n", log->file) < 0 || ferror(log->file)) log_lose(log, m->step);
}

void log_step(Log *log, const Progress *m, double loss, const float *losses)
{
    double each[NN_LOSSES_SHOWN] = {0};
    if (!log->file) return;
    for (int i = 0; losses && i < log->loss_count; i++) each[i] = (double)losses[i];
    const NnScore none = {.kind = NN_SCORE_LOSS};
    log_line(log, m, &(LogLine){"train", loss, &none, &none, each});
}

void log_evaluation(Log *log, DataPart part, const Progress *m, const NnScore *training, const NnScore *score)
{
    if (!log->file) return;
    log_line(log, m, &(LogLine){part == DATA_VALID ? "valid" : "test", score->loss, training, score, score->losses});
    log_flush(log, m->step);
}

/* What there is no number of is empty in CSV, and left out in JSON. */
static void log_values(const Log *log)
{
    const NnObserver *o = log->observer;
    for (int i = 0; i < log_columns(log); i++) {
        if (!log->json) fputc(',', log->file);
        if (isnan(o->values[i])) continue;
        if (log->json) fprintf(log->file, ", \"%s\": ", o->columns[i]);
        if (log->json && isinf(o->values[i]))
            fputs("null", log->file);
        else
            fprintf(log->file, "%.6g", o->values[i]);
    }
}

void log_observed(Log *log, const Progress *m)
{
    if (!log->file) return;
    const char *format = log->json ? "{\"kind\": \"stats\", \"epoch\": %d, \"step\": %lld, \"lr\": %.9g, "
                                     "\"loss\": %.9g, \"seconds\": %.3f"
                                   : "stats,%d,%lld,%.9g,%.9g,,,%.3f";
    fprintf(log->file, format, m->epoch, (long long)m->step, m->lr, m->loss, m->seconds);
    for (int i = 0; !log->json && i < log->loss_count; i++) fputc(',', log->file);
    log_values(log);
    if (fputs(log->json ? "}\n" : "\n", log->file) < 0 || ferror(log->file)) log_lose(log, m->step);
    log_flush(log, m->step);
}

int log_flush(Log *log, int64_t step)
{
    if (log->file && fflush(log->file) != 0) log_lose(log, step);
    return log->file ? fileno(log->file) : -1;
}

void log_close(Log *log)
{
    if (!log->file) return;
    int failed = fclose(log->file);
    log->file = NULL;
    if (failed) nn_fail_errno(log->error, "the last lines of the log are missing: cannot write %s", log->path);
}
