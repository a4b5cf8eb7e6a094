/*
 * The mean and the deviation of the training part, by which inputs are normalised.
 *
 * Enters: a Fitting and its data set.  Leaves: the fitting's normalisation.  Bytes are summed
 * as integers, exactly; values by two passes.  Of images in folders and shards, which may be
 * streamed, up to MEASURED samples are taken, evenly spaced, whether they are streamed or not.
 */
#include <math.h>
#include <stdlib.h>

#include "runtime/data/dataset.h"
#include "runtime/data/source.h"

enum { MEASURED = 20000, BLOCK_BYTES = 16 << 20 };

/* Sums over samples, of each of the net's channels. */
typedef struct Moments {
    const Fitting *fitting;
    uint64_t *sum, *squares; /* Σ x and Σ x² of bytes */
    double *mean, *powers;   /* of values: Σ (x − mean)^power */
    int power;
    float *planes;
} Moments;

/* Adds `count` samples, which are one behind the other. */
typedef void (*AddSamples)(Moments *, RawSample first, int count);

/* ---- all samples, block by block ------------------------------------------------------ */

static int samples_measured(const Samples *samples)
{
    return samples->numbers && samples->count > MEASURED ? MEASURED : samples->count;
}

/* Sample i of those measured. */
static size_t row_measured(const Samples *samples, int i)
{
    return (size_t)((int64_t)i * samples->count / samples_measured(samples));
}

/* Rows begin … begin+count−1 of those measured. */
static int load_block(const Samples *samples, int begin, int count, int32_t *numbers, uint8_t *block, NnError *error)
{
    for (int i = 0; i < count; i++) numbers[i] = samples->numbers[row_measured(samples, begin + i)];
    return source_load(samples->source, numbers, count, block, &(TeamWatch){0}, error);
}

static int add_streamed(Moments *m, const Samples *samples, AddSamples add, NnError *error)
{
    const int all = samples_measured(samples), most = (int)(BLOCK_BYTES / samples->source->bytes) + 1;
    const int length = most < all ? most : all;
    uint8_t *block = nn_memory((size_t)length * samples->source->bytes, error);
    int32_t *numbers = nn_memory((size_t)length * sizeof *numbers, error);
    int failed = block && numbers ? 0 : -1;
    for (int at = 0; !failed && at < all; at += length) {
        const int count = all - at < length ? all - at : length;
        failed = load_block(samples, at, count, numbers, block, error);
        if (!failed) add(m, (RawSample){.pixels = block}, count);
    }
    free(block);
    free(numbers);
    return failed;
}

static int add_all(Moments *m, const Samples *samples, AddSamples add, NnError *error)
{
    const Fitting *f = m->fitting;
    const size_t elements = (size_t)f->from[0] * (size_t)f->from[1] * (size_t)f->from[2];
    const int measured = samples_measured(samples);
    if (samples->source) return add_streamed(m, samples, add, error);
    if (measured == samples->count)
        add(m, (RawSample){samples->pixels, samples->values}, measured);
    else
        for (int i = 0; i < measured; i++)
            add(m, (RawSample){.pixels = samples->pixels + row_measured(samples, i) * elements}, 1);
    return 0;
}

/* ---- bytes ------------------------------------------------------------------------------ */

/* Σ x and Σ x² of bytes, exactly: what one piece adds fits 16 and 32 bits.  Pieces have a
 * fixed length, and their elements those types, since compilers turn that into vectors. */
static void sum_pixels(const uint8_t *at, size_t count, uint64_t *sum, uint64_t *squares)
{
    enum { PIECE = 256 };
    size_t i = 0;
    for (; i + PIECE <= count; i += PIECE) {
        uint16_t piece = 0;
        int32_t piece_squares = 0;
        for (size_t k = 0; k < PIECE; k++) {
            int16_t v = at[i + k];
            piece = (uint16_t)(piece + v);
            piece_squares += v * v;
        }
        *sum += piece;
        *squares += (uint64_t)piece_squares;
    }
    for (; i < count; i++) {
        *sum += at[i];
        *squares += (uint64_t)at[i] * at[i];
    }
}

static void add_pixel_sums(Moments *m, RawSample first, int count)
{
    const Fitting *f = m->fitting;
    const size_t area = (size_t)f->from[1] * (size_t)f->from[2], from = (size_t)f->from[0];
    const size_t run = from == 1 ? (size_t)count * area : area; /* bytes of the channel in a row */
    for (size_t c = 0; c < (size_t)f->channels; c++)
        for (size_t at = from == 1 ? 0 : c * area; at < (size_t)count * from * area; at += from * run)
            sum_pixels(first.pixels + at, run, &m->sum[c], &m->squares[c]);
}

/* Of bytes whose channels are the net's. */
static int measure_bytes(Moments *m, const Samples *samples, double count, double *variance, NnError *error)
{
    if (add_all(m, samples, add_pixel_sums, error)) return -1;
    for (int c = 0; c < m->fitting->channels; c++) {
        const double average = (double)m->sum[c] / count;
        m->mean[c] = average / 255;
        variance[c] = ((double)m->squares[c] / count - average * average) / (255.0 * 255.0);
    }
    return 0;
}

/* ---- any values --------------------------------------------------------------------------- */

static void add_values(Moments *m, RawSample raw, int count)
{
    const Fitting *f = m->fitting;
    const size_t area = (size_t)f->from[1] * (size_t)f->from[2], elements = (size_t)f->from[0] * area;
    for (int i = 0; i < count; i++) {
        fitting_load(f, raw, m->planes);
        for (int c = 0; c < f->channels; c++)
            for (size_t j = 0; j < area; j++) {
                const double d = m->planes[(size_t)c * area + j] - m->mean[c];
                m->powers[c] += m->power == 2 ? d * d : d;
            }
        if (raw.pixels) raw.pixels += elements;
        if (raw.values) raw.values += elements;
    }
}

static int measure_values(Moments *m, const Samples *samples, double count, double *variance, NnError *error)
{
    m->power = 1;
    if (add_all(m, samples, add_values, error)) return -1;
    for (int c = 0; c < m->fitting->channels; c++) {
        m->mean[c] = m->powers[c] / count;
        m->powers[c] = 0;
    }
    m->power = 2;
    if (add_all(m, samples, add_values, error)) return -1;
    for (int c = 0; c < m->fitting->channels; c++) variance[c] = m->powers[c] / count;
    return 0;
}

/* ---- the normalisation ---------------------------------------------------------------------- */

/* A channel that is constant becomes zeros. */
static int measure_channels(Moments *m, Fitting *f, const Samples *samples, double *variance, NnError *error)
{
    const double count = (double)samples_measured(samples) * f->from[1] * f->from[2];
    const bool bytes = f->pixels && (f->from[0] == f->to[0] || f->from[0] == 1);
    if (bytes ? measure_bytes(m, samples, count, variance, error) : measure_values(m, samples, count, variance, error))
        return -1;
    for (int c = 0; c < f->channels; c++) {
        const double std = sqrt(fmax(variance[c], 0));
        f->mean[c] = (float)m->mean[c];
        f->std[c] = std > 1e-12 ? (float)std : 1.0f;
    }
    return 0;
}

int fitting_measure(Fitting *f, const Dataset *data, NnError *error)
{
    const size_t channels = (size_t)f->channels;
    if (fitting_reserve(f, error)) return -1;
    double *real = calloc(3 * channels, sizeof *real);
    uint64_t *whole = calloc(2 * channels, sizeof *whole);
    float *planes = malloc(f->scratch * sizeof *planes);
    Moments m = {.fitting = f, .sum = whole, .squares = whole + channels, .mean = real, .planes = planes};
    int failed = -1;
    if (real && whole && planes) {
        m.powers = real + channels;
        failed = measure_channels(&m, f, &data->part[DATA_TRAIN], real + 2 * channels, error);
    } else {
        nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the normalisation");
    }
    free(real);
    free(whole);
    free(planes);
    return failed;
}
