/*
 * The table of epochs and the log.
 *
 * The table is a result, for people.  The log is for programs: a line per step and
 * per evaluation, as CSV or as JSON lines, the numbers with all their digits.
 */
#include "runtime/train/show.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- table ----------------------------------------------------------------------- */

void table_head(FILE *out, const NnScore *kind)
{
    fprintf(out, "%5s %9s %10s %10s %10s%s", "epoch", "steps", "lr", "loss", "test loss",
            kind->kind != NN_SCORE_LOSS ? "   accuracy" : "");
    for (int i = 1; i < kind->loss_count; i++) fprintf(out, " %10s", kind->loss_list[i].name);
    fprintf(out, " %10s %9s\n", "samples/s", "time");
    fflush(out);
}

/* Of the test losses of heads and outputs. */
static int column_width(const char *name) { return strlen(name) > 10 ? (int)strlen(name) : 10; }

void table_row(FILE *out, const Progress *m, const NnScore *score)
{
    char time[32], accuracy[32] = "";
    if (score->kind != NN_SCORE_LOSS) snprintf(accuracy, sizeof accuracy, " %8.2f %%", 100.0 * nn_accuracy(score));
    fprintf(out, "%5d %9lld %10.3g %10.4f %10.4f%s", m->epoch, (long long)m->step, m->lr, m->loss, score->loss,
            accuracy);
    for (int i = 1; i < score->loss_count; i++)
        fprintf(out, " %*.4f", column_width(score->loss_list[i].name), score->losses[i]);
    fprintf(out, " %10.0f %9s\n", m->rate, show_duration(m->seconds, time));
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
    return strcmp(kind, "test") ? step <= steps : step < steps;
}

/* The bytes of the lines that belong to the run as far as the checkpoint goes. */
static off_t log_length(FILE *file, int64_t steps)
{
    char line[8192];
    off_t length = 0;
    while (fgets(line, sizeof line, file) && strchr(line, '\n') && is_before(line, steps))
        length += (off_t)strlen(line);
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

static const char *loss_name(const nn_loss_info *loss) { return *loss->name ? loss->name : "output"; }

int log_open(Log *log, const char *path, const nn_model_info *info, int64_t steps, NnError *lost, NnError *error)
{
    *log = (Log){.path = path, .error = lost, .loss_count = info->loss_count, .loss_list = info->loss_list};
    if (log->loss_count > NN_LOSSES_SHOWN) log->loss_count = NN_LOSSES_SHOWN;
    if (!path) return 0;
    size_t length = strlen(path);
    log->json = length > 6 && !strcmp(path + length - 6, ".jsonl");
    log->file = steps < 0 ? fopen(path, "we") : log_continue(path, steps);
    if (!log->file) return nn_fail_path(error, "write", path);
    if (log->json || ftello(log->file) > 0) return 0;
    fputs("kind,epoch,step,lr,loss,accuracy,seconds", log->file);
    for (int i = 0; i < log->loss_count; i++) fprintf(log->file, ",loss.%s", loss_name(&log->loss_list[i]));
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

static void log_line(Log *log, const char *kind, const Progress *m, double loss, const char *accuracy,
                     const double *losses)
{
    const char *format = log->json ? "{\"kind\": \"%s\", \"epoch\": %d, \"step\": %lld, \"lr\": %.9g, \"loss\": %.9g, "
                                     "\"accuracy\": %s, \"seconds\": %.3f"
                                   : "%s,%d,%lld,%.9g,%.9g,%s,%.3f";
    fprintf(log->file, format, kind, m->epoch, (long long)m->step, m->lr, loss, accuracy, m->seconds);
    log_losses(log, losses);
    if (fputs(log->json ? "}\n" : "\n", log->file) < 0 || ferror(log->file)) log_lose(log, m->step);
}

void log_step(Log *log, const Progress *m, double loss, const float *losses)
{
    double each[NN_LOSSES_SHOWN] = {0};
    if (!log->file) return;
    for (int i = 0; losses && i < log->loss_count; i++) each[i] = (double)losses[i];
    log_line(log, "train", m, loss, log->json ? "null" : "", each);
}

void log_test(Log *log, const Progress *m, const NnScore *score)
{
    char accuracy[32];
    if (!log->file) return;
    snprintf(accuracy, sizeof accuracy, "%.9g", nn_accuracy(score));
    log_line(log, "test", m, score->loss,
             score->kind != NN_SCORE_LOSS ? accuracy
             : log->json                  ? "null"
                                          : "",
             score->losses);
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
