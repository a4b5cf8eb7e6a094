/*
 * The progress line.
 *
 * The line is made of fields; where the terminal is too narrow for all of them, the
 * least important go first.  It is erased with blanks rather than by an escape
 * sequence, so that it needs nothing of the terminal but the carriage return.
 */
#include "runtime/train/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 24, ROWS = 20, ALL_ROWS = 50, LINE = 256, USUAL_WIDTH = 80 };

double show_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

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

int terminal_width(int fd)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    if (width > 0) return width;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* ---- which epochs ---------------------------------------------------------------- */

/* 1, 2, 5, 10, 20, 50 … : the first that leaves at most ROWS rows. */
static int rows_every(int epochs)
{
    static const int digits[] = {1, 2, 5};
    if (epochs <= ALL_ROWS) return 1;
    for (int power = 1;; power *= 10)
        for (int i = 0; i < 3; i++)
            if (epochs / (digits[i] * power) <= ROWS || power > 100000000) return digits[i] * power;
}

/* Both go to one file or pipe, as with 2>&1: then the table's rows say all of it. */
static bool same_file(FILE *a, FILE *b)
{
    struct stat x, y;
    return a && b && fstat(fileno(a), &x) == 0 && fstat(fileno(b), &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

void progress_line_init(ProgressLine *p, const NnTrainConfig *config)
{
    *p = (ProgressLine){.stream = config->progress,
                        .terminal = config->terminal,
                        .every = rows_every(config->epochs),
                        .time_limit = config->time_limit,
                        .shown = -1};
    if (!p->terminal && same_file(config->progress, config->results)) p->stream = NULL;
}

bool progress_has_row(const ProgressLine *p, const Progress *m)
{
    return m->epoch == 1 || m->epoch == m->epochs || m->epoch % p->every == 0 || m->step >= m->steps;
}

/* ---- the line -------------------------------------------------------------------- */

enum { FIELD_EPOCH, FIELD_BAR, FIELD_STEP, FIELD_LOSS, FIELD_RATE, FIELD_WAITING, FIELD_LEFT, FIELDS };

/* Waiting for data is shown from this share on. */
static const double waiting_shown = 0.1;

/* A field that was dropped is empty. */
typedef struct Fields {
    char text[FIELDS][64];
} Fields;

static void bar_text(char out[BAR + 3], double share)
{
    int full = (int)(share * BAR);
    out[0] = '[';
    for (int i = 0; i < BAR; i++) out[i + 1] = i < full ? '=' : i == full ? '>' : ' ';
    strcpy(out + BAR + 1, "]");
}

/* Steps of this epoch: fewer than usual where --steps ends it. */
static int64_t epoch_steps(const Progress *m)
{
    int64_t rest = m->steps - (m->step - m->in_epoch);
    return rest < m->per_epoch ? rest : m->per_epoch;
}

static double seconds_left(const ProgressLine *p, const Progress *m)
{
    double left = m->seconds / (double)m->step * (double)(m->steps - m->step);
    return p->time_limit > 0 ? fmin(left, p->time_limit - m->seconds) : left;
}

static void fill_fields(Fields *f, const ProgressLine *p, const Progress *m)
{
    enum { SIZE = sizeof f->text[0] };
    char left[32];
    const int64_t steps = epoch_steps(m);
    snprintf(f->text[FIELD_EPOCH], SIZE, "epoch %d/%d", m->epoch, m->epochs);
    bar_text(f->text[FIELD_BAR], (double)m->in_epoch / (double)steps);
    snprintf(f->text[FIELD_STEP], SIZE, "step %lld/%lld", (long long)m->in_epoch, (long long)steps);
    snprintf(f->text[FIELD_LOSS], SIZE, "loss %.4f", m->loss);
    snprintf(f->text[FIELD_RATE], SIZE, "%.0f/s", m->rate);
    *f->text[FIELD_WAITING] = '\0';
    if (m->waiting >= waiting_shown) snprintf(f->text[FIELD_WAITING], SIZE, "data %.0f %%", 100 * m->waiting);
    snprintf(f->text[FIELD_LEFT], SIZE, "%s left", show_duration(seconds_left(p, m), left));
}

static int fields_width(const Fields *f)
{
    int width = -2; /* two blanks between fields */
    for (int i = 0; i < FIELDS; i++) width += *f->text[i] ? (int)strlen(f->text[i]) + 2 : 0;
    return width;
}

static void drop_fields(Fields *f, int width)
{
    static const int order[] = {FIELD_BAR, FIELD_WAITING, FIELD_RATE, FIELD_STEP, FIELD_LOSS, FIELD_LEFT, FIELD_EPOCH};
    for (int i = 0; i < FIELDS && fields_width(f) > width; i++) *f->text[order[i]] = '\0';
}

/* Writes over the line on the screen, and blanks over what is longer of it; a line in the last
 * column could make the terminal scroll. */
static void write_line(ProgressLine *p, const char *line, int width)
{
    int length = (int)strlen(line), old = p->length < width ? p->length : width;
    fprintf(p->stream, "\r%s%*s", line, old > length ? old - length : 0, "");
    if (length == 0) fputc('\r', p->stream);
    fflush(p->stream);
    p->length = length;
}

static int line_width(const ProgressLine *p)
{
    int width = terminal_width(fileno(p->stream));
    if (width <= 0) width = USUAL_WIDTH;
    return width < LINE ? width - 1 : LINE - 1;
}

void progress_line_step(ProgressLine *p, const Progress *m)
{
    if (!p->stream || !p->terminal || m->seconds - p->shown < 0.1) return;
    Fields fields;
    char line[LINE] = "";
    const int width = line_width(p);
    p->shown = m->seconds;
    fill_fields(&fields, p, m);
    drop_fields(&fields, width);
    for (int i = 0; i < FIELDS; i++)
        if (*fields.text[i]) strcat(strcat(line, *line ? "  " : ""), fields.text[i]);
    write_line(p, line, width);
}

void progress_line_clear(ProgressLine *p)
{
    if (p->length > 0) write_line(p, "", line_width(p));
}

void progress_line_epoch(ProgressLine *p, const Progress *m)
{
    char time[32];
    if (!p->stream || p->terminal || !progress_has_row(p, m)) return;
    fprintf(p->stream, "epoch %d of %d: %lld step%s in %s, loss %.4f\n", m->epoch, m->epochs, (long long)m->in_epoch,
            m->in_epoch == 1 ? "" : "s", show_duration(m->epoch_seconds, time), m->loss);
    fflush(p->stream);
}
