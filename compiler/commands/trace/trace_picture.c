/*
 * Large arrays in a trace of text: a histogram, and images in shades.
 *
 * A character is about as high as two pixels of an image are wide, and stands for the mean of
 * two rows.
 */
#include <math.h>

#include "commands/pictures/tensor_summary.h"
#include "commands/trace/trace.h"

enum { TILE_SIDE = 16, PICTURE_COLUMNS = 72 };

const char *trace_histogram(const Trace *t, const double *values, int64_t count)
{
    const TensorSummary s = tensor_summary(values, (size_t)count);
    return tensor_histogram(t->arena, &s);
}

/* Channels of the first sample, each reduced by the factor. */
typedef struct TracePicture {
    const double *values; /* [channels][height][width] */
    int64_t channels, height, width, factor;
    double least, most; /* of the finite values of all samples */
} TracePicture;

/* The mean of the pixels from (y, x) on that are inside; NAN where one of them is not finite. */
static double mean_of_cell(const TracePicture *p, int64_t channel, int64_t y, int64_t x)
{
    const double *plane = p->values + channel * p->height * p->width;
    double sum = 0;
    int64_t inside = 0;
    for (int64_t i = y; i < y + 2 * p->factor && i < p->height; i++)
        for (int64_t j = x; j < x + p->factor && j < p->width; j++, inside++) sum += plane[i * p->width + j];
    const double mean = sum / (double)inside;
    return isfinite(mean) ? mean : NAN;
}

static const char *shade_of(const TracePicture *p, double value)
{
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
    enum { SHADES = sizeof shades / sizeof *shades };
    if (isnan(value)) return "×";
    const int shade = (int)((value - p->least) / (p->most - p->least) * SHADES);
    return shades[shade < SHADES ? shade : SHADES - 1];
}

static const char *picture_line(const Trace *t, const TracePicture *p, int64_t shown, int64_t y)
{
    Text line;
    text_init(&line, t->arena);
    for (int64_t c = 0; c < shown; c++) {
        text_add(&line, c ? " ▏" : "▏");
        for (int64_t x = 0; x < p->width; x += p->factor) text_add(&line, shade_of(p, mean_of_cell(p, c, y, x)));
        text_add(&line, "▕");
    }
    return line.data;
}

static bool picture_init(const Trace *t, const Tensor *tensor, TracePicture *p)
{
    const double *values = t->value[tensor->id];
    if (!values || !tensor->batched || tensor->shape.rank != 3) return false;
    const TensorSummary s = tensor_summary(values, (size_t)trace_count(t, tensor));
    *p = (TracePicture){values, tensor->shape.dim[0], tensor->shape.dim[1], tensor->shape.dim[2], 1, s.min, s.max};
    const int64_t longer = p->height > p->width ? p->height : p->width;
    p->factor = (longer + TILE_SIDE - 1) / TILE_SIDE;
    return p->height > 1 && p->width > 1 && s.max > s.min;
}

int trace_picture(const Trace *t, const Tensor *tensor, const char *lines[TRACE_PICTURE_LINES])
{
    TracePicture p;
    int count = 0;
    if (!picture_init(t, tensor, &p)) return 0;
    const int64_t columns = (p.width + p.factor - 1) / p.factor + 2;
    const int64_t fit = PICTURE_COLUMNS / (columns + 1), shown = p.channels < fit ? p.channels : fit;
    for (int64_t y = 0; y < p.height; y += 2 * p.factor) lines[count++] = picture_line(t, &p, shown, y);
    if (shown < p.channels)
        lines[count++] = arena_printf(t->arena, "channels 1 to %lld of %lld", (long long)shown, (long long)p.channels);
    return count;
}
