/*
 * The progress line, the table of epochs and the log.
 *
 * Progress is for eyes: on a terminal one line that is rewritten, elsewhere one
 * line per epoch.  The table is a result.  The log is for programs: a line per
 * step and per evaluation, as CSV or as JSON lines, the numbers with all their
 * digits.
 */
#include "runtime/train/show.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 24, ROWS = 20, ALL_ROWS = 50 };

double show_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* 0.8 s, 12.3 s, 2:05, 1:02:05 */
const char *show_duration(double seconds, char out[32])
{
    long long whole = isfinite(seconds) && seconds < 1e9 ? (long long)(seconds + 0.5) : 999999999;
    if (seconds < 60)
        snprintf(out, 32, "%.1f s", seconds < 0 ? 0 : seconds);
    else if (whole < 3600)
        snprintf(out, 32, "%lld:%02lld", whole / 60, whole % 60);
    else
        snprintf(out, 32, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    return out;
}

/* ---- progress -------------------------------------------------------------------- */

/* 1, 2, 5, 10, 20, 50 … : the first that leaves at most ROWS rows. */
static int rows_every(int epochs)
{
    static const int digits[] = {1, 2, 5};
    if (epochs <= ALL_ROWS) return 1;
    for (int power = 1;; power *= 10)
        for (int i = 0; i < 3; i++)
            if (epochs / (digits[i] * power) <= ROWS || power > 100000000) return digits[i] * power;
}

void progress_line_init(ProgressLine *p, const NnTrainConfig *config)
{
    struct winsize size;
    *p = (ProgressLine){config->progress, config->terminal, rows_every(config->epochs), -1, 80};
    if (p->stream && p->terminal && !ioctl(fileno(p->stream), TIOCGWINSZ, &size) && size.ws_col > 0)
        p->width = size.ws_col;
}

bool progress_has_row(const ProgressLine *p, const Progress *m)
{
    return m->epoch == 1 || m->epoch == m->epochs || m->epoch % p->every == 0 || m->step >= m->steps;
}

static void bar_text(char out[BAR + 1], double share)
{
    int full = (int)(share * BAR);
    for (int i = 0; i < BAR; i++) out[i] = i < full ? '=' : i == full ? '>' : ' ';
    out[BAR] = 0;
}

void progress_line_step(ProgressLine *p, const Progress *m)
{
    if (!p->stream || !p->terminal || m->seconds - p->shown < 0.1) return;
    char bar[BAR + 1], left[32], line[256];
    p->shown = m->seconds;
    bar_text(bar, (double)m->in_epoch / (double)m->per_epoch);
    show_duration(m->seconds / (double)m->step * (double)(m->steps - m->step), left);
    snprintf(line, sizeof line, "epoch %d/%d [%s] step %lld/%lld  loss %.4f  %.0f/s  %s left", m->epoch, m->epochs, bar,
             (long long)m->in_epoch, (long long)m->per_epoch, m->loss, m->rate, left);
    fprintf(p->stream, "\r\033[K%.*s", p->width - 1, line);
    fflush(p->stream);
}

void progress_line_clear(ProgressLine *p)
{
    if (p->stream && p->terminal && p->shown >= 0) {
        fputs("\r\033[K", p->stream);
        fflush(p->stream);
    }
}

void progress_line_epoch(ProgressLine *p, const Progress *m)
{
    char time[32];
    if (p->stream && !p->terminal && progress_has_row(p, m)) {
        fprintf(p->stream, "epoch %d of %d: %lld step%s in %s, loss %.4f\n", m->epoch, m->epochs,
                (long long)m->in_epoch, m->in_epoch == 1 ? "" : "s", show_duration(m->epoch_seconds, time), m->loss);
        fflush(p->stream);
    }
}

/* ---- table ----------------------------------------------------------------------- */

void table_head(FILE *out, const NnScore *kind)
{
    fprintf(out, "%5s %9s %10s %10s %10s%s %10s %9s\n", "epoch", "steps", "lr", "loss", "test loss",
            kind->classes ? "   accuracy" : "", "samples/s", "time");
    fflush(out);
}

void table_row(FILE *out, const Progress *m, const NnScore *score)
{
    char time[32], accuracy[32] = "";
    if (score->classes)
        snprintf(accuracy, sizeof accuracy, " %8.2f %%", 100.0 * (double)score->right / (double)score->count);
    fprintf(out, "%5d %9lld %10.3g %10.4f %10.4f%s %10.0f %9s\n", m->epoch, (long long)m->step, m->lr, m->loss,
            score->loss, accuracy, m->rate, show_duration(m->seconds, time));
    fflush(out);
}

/* ---- log ------------------------------------------------------------------------- */

int log_open(Log *log, const char *path, NnError *lost, NnError *error)
{
    *log = (Log){.path = path, .error = lost};
    if (!path) return 0;
    size_t length = strlen(path);
    log->json = length > 6 && !strcmp(path + length - 6, ".jsonl");
    log->file = fopen(path, "we");
    if (!log->file) return nn_fail_path(error, "write", path);
    if (!log->json) fputs("kind,epoch,step,lr,loss,accuracy,seconds\n", log->file);
    return 0;
}

static void log_lose(Log *log, int64_t step)
{
    nn_fail_errno(log->error, "the log ends before step %lld: cannot write %s", (long long)step, log->path);
    if (log->file) fclose(log->file);
    log->file = NULL;
}

static void log_line(Log *log, const char *kind, const Progress *m, double loss, const char *accuracy)
{
    const char *format = log->json ? "{\"kind\": \"%s\", \"epoch\": %d, \"step\": %lld, \"lr\": %.9g, \"loss\": %.9g, "
                                     "\"accuracy\": %s, \"seconds\": %.3f}\n"
                                   : "%s,%d,%lld,%.9g,%.9g,%s,%.3f\n";
    if (fprintf(log->file, format, kind, m->epoch, (long long)m->step, m->lr, loss, accuracy, m->seconds) < 0)
        log_lose(log, m->step);
}

void log_step(Log *log, const Progress *m, double loss)
{
    if (log->file) log_line(log, "train", m, loss, log->json ? "null" : "");
}

void log_test(Log *log, const Progress *m, const NnScore *score)
{
    char accuracy[32];
    if (!log->file) return;
    snprintf(accuracy, sizeof accuracy, "%.9g", score->classes ? (double)score->right / (double)score->count : 0);
    log_line(log, "test", m, score->loss, score->classes ? accuracy : log->json ? "null" : "");
    if (log->file && fflush(log->file) != 0) log_lose(log, m->step);
}

void log_close(Log *log)
{
    if (!log->file) return;
    int failed = fclose(log->file);
    log->file = NULL;
    if (failed) nn_fail_errno(log->error, "the last lines of the log are missing: cannot write %s", log->path);
}
