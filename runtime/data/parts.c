/*
 * The parts of a data set: rows that move from one to another, or go.
 *
 * Enters: a set as its reader left it.  Leaves: a test part where it had none, a validation
 * part, fewer samples, or fewer classes.  Which samples are drawn is a function of the seed
 * and of the classes alone; the rows of a part stay in their order.
 */
#include "runtime/data/parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPLIT_FROM = 50, SPLIT_EVERY = 5 };

static int no_memory_for_parts(NnError *error)
{
    return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to divide the data");
}

/* ---- moving rows ------------------------------------------------------------------- */

typedef struct RowArray {
    void **at;
    size_t bytes; /* of a row */
} RowArray;

enum { ROW_ARRAYS = 5 + NAMED_TARGETS };

/* All that a part has of each of its samples. */
static void row_arrays(Dataset *data, DataPart part, RowArray arrays[ROW_ARRAYS])
{
    Samples *s = &data->part[part];
    RowArray *a = arrays;
    *a++ = (RowArray){(void **)&s->pixels, data->elements};
    *a++ = (RowArray){(void **)&s->values, data->elements * sizeof *s->values};
    *a++ = (RowArray){(void **)&s->numbers, sizeof *s->numbers};
    *a++ = (RowArray){(void **)&s->labels, dataset_label_count(data) * sizeof *s->labels};
    *a++ = (RowArray){(void **)&s->targets, (size_t)data->target_count * sizeof *s->targets};
    for (int i = 0; i < NAMED_TARGETS; i++)
        *a++ = (RowArray){(void **)&data->named[i].at[part], data->named[i].count * sizeof(float)};
}

/* The marked rows → *to, unless it is NULL; the others close ranks. */
static int move_rows(void **from, void **to, size_t bytes, const bool *marked, int count, int moved, NnError *error)
{
    unsigned char *rows = *from, *out = NULL;
    size_t kept = 0, gone = 0;
    if (!rows) return 0;
    if (to && !(*to = out = malloc((size_t)moved * bytes + 1))) return no_memory_for_parts(error);
    for (int i = 0; i < count; i++) {
        const unsigned char *row = rows + (size_t)i * bytes;
        if (!marked[i])
            memmove(rows + bytes * kept++, row, bytes);
        else if (out)
            memcpy(out + bytes * gone++, row, bytes);
    }
    unsigned char *smaller = realloc(rows, kept * bytes + 1);
    if (smaller) *from = smaller;
    return 0;
}

static int copy_rows(void **to, const void *from, size_t bytes, int count, NnError *error)
{
    if (!from) return 0;
    *to = malloc((size_t)count * bytes + 1);
    if (!*to) return no_memory_for_parts(error);
    memcpy(*to, from, (size_t)count * bytes);
    return 0;
}

/* The test part gets memory of its own. */
static int unshare(Dataset *data, NnError *error)
{
    RowArray train[ROW_ARRAYS], test[ROW_ARRAYS];
    if (!data->shared) return 0;
    data->shared = false;
    data->part[DATA_TEST] = (Samples){.count = data->part[DATA_TRAIN].count, .source = data->source};
    for (int i = 0; i < NAMED_TARGETS; i++) data->named[i].at[DATA_TEST] = NULL;
    row_arrays(data, DATA_TRAIN, train);
    row_arrays(data, DATA_TEST, test);
    for (int i = 0; i < ROW_ARRAYS; i++)
        if (copy_rows(test[i].at, *train[i].at, train[i].bytes, data->part[DATA_TRAIN].count, error)) return -1;
    return 0;
}

/* to == from: the marked rows go. */
static int move_marked(Dataset *data, DataPart from, DataPart to, const bool *marked, NnError *error)
{
    RowArray source[ROW_ARRAYS], target[ROW_ARRAYS];
    const int count = data->part[from].count;
    int moved = 0;
    for (int i = 0; i < count; i++) moved += marked[i];
    row_arrays(data, from, source);
    row_arrays(data, to, target);
    for (int i = 0; i < ROW_ARRAYS; i++)
        if (move_rows(source[i].at, to == from ? NULL : target[i].at, source[i].bytes, marked, count, moved, error))
            return -1;
    data->part[from].count -= moved;
    if (to != from) data->part[to].count = moved;
    return 0;
}

/* ---- a test part of one's own ------------------------------------------------------- */

static void share_training(Dataset *data)
{
    data->part[DATA_TEST] = data->part[DATA_TRAIN];
    for (int i = 0; i < NAMED_TARGETS; i++) data->named[i].at[DATA_TEST] = data->named[i].at[DATA_TRAIN];
    data->shared = true;
    dataset_note(data, "%s has no test part and only %d rows: the same rows serve for training and test", data->path,
                 data->part[DATA_TRAIN].count);
}

int dataset_split(Dataset *data, NnError *error)
{
    const int count = data->part[DATA_TRAIN].count;
    if (count < SPLIT_FROM) {
        share_training(data);
        return 0;
    }
    bool *in_test = malloc((size_t)count * sizeof *in_test);
    if (!in_test) return no_memory_for_parts(error);
    for (int i = 0; i < count; i++) in_test[i] = i % SPLIT_EVERY == SPLIT_EVERY - 1;
    int failed = move_marked(data, DATA_TRAIN, DATA_TEST, in_test, error);
    free(in_test);
    if (!failed)
        dataset_note(data, "%s has no test part: every fifth row is for the test (%d train, %d test)", data->path,
                     data->part[DATA_TRAIN].count, data->part[DATA_TEST].count);
    return failed;
}

/* ---- drawing, by class ---------------------------------------------------------------- */

/* Streams of nn_shuffle that no epoch has. */
enum { STREAM_VALID = 1, STREAM_LIMIT };

typedef struct Stratum {
    int index, size, wanted;
    int64_t rest; /* of wanted · size / count */
} Stratum;

/* Samples without a class are a stratum of their own, and so are all where there are none. */
static int stratum_of(const Dataset *data, const Samples *samples, int row)
{
    if (!samples->labels || data->map[0]) return 0;
    return samples->labels[row] == NO_CLASS ? data->class_count : samples->labels[row];
}

static int by_rest(const void *a, const void *b)
{
    const Stratum *x = a, *y = b;
    if (x->rest != y->rest) return x->rest > y->rest ? -1 : 1;
    return x->index - y->index;
}

static int by_index(const void *a, const void *b) { return ((const Stratum *)a)->index - ((const Stratum *)b)->index; }

/* wanted · size / count each, rounded so that the sum is `wanted` (largest remainders). */
static void share_out(Stratum *strata, int strata_count, int wanted, int count)
{
    int given = 0;
    for (int i = 0; i < strata_count; i++) {
        const int64_t product = (int64_t)wanted * strata[i].size;
        strata[i].wanted = (int)(product / count);
        strata[i].rest = product % count;
        given += strata[i].wanted;
    }
    qsort(strata, (size_t)strata_count, sizeof *strata, by_rest);
    for (int i = 0; given < wanted; i++, given++) strata[i].wanted++;
    qsort(strata, (size_t)strata_count, sizeof *strata, by_index);
}

typedef struct RowDraw {
    bool *drawn;    /* [count] */
    int32_t *order; /* [count] */
    Stratum *strata;
} RowDraw;

static void draw_free(RowDraw *d)
{
    free(d->drawn);
    free(d->order);
    free(d->strata);
}

/* In a random order, the first of each stratum. */
static void draw_rows(RowDraw *d, const Dataset *data, const Samples *samples, int wanted, uint64_t seed,
                      uint64_t stream)
{
    const int strata = data->class_count + 1, count = samples->count;
    for (int i = 0; i < strata; i++) d->strata[i].index = i;
    for (int i = 0; i < count; i++) d->strata[stratum_of(data, samples, i)].size++;
    share_out(d->strata, strata, wanted, count);
    for (int i = 0; i < count; i++) d->order[i] = i;
    nn_shuffle(d->order, count, seed, UINT64_MAX - stream);
    for (int i = 0; i < count; i++) {
        Stratum *stratum = &d->strata[stratum_of(data, samples, d->order[i])];
        if (stratum->wanted > 0) {
            stratum->wanted--;
            d->drawn[d->order[i]] = true;
        }
    }
}

static int draw_init(RowDraw *d, const Dataset *data, const Samples *samples, NnError *error)
{
    const size_t count = (size_t)samples->count;
    *d = (RowDraw){calloc(count + 1, sizeof *d->drawn), malloc((count + 1) * sizeof *d->order),
                   calloc((size_t)data->class_count + 1, sizeof *d->strata)};
    return d->drawn && d->order && d->strata ? 0 : no_memory_for_parts(error);
}

int dataset_cut_valid(Dataset *data, double amount, uint64_t seed, NnError *error)
{
    RowDraw d;
    const int count = data->part[DATA_TRAIN].count;
    const double wanted = amount < 1 ? fmax(1, floor(amount * count + 0.5)) : amount;
    if (wanted >= count)
        return nn_fail(error, NN_BAD_INPUT, "the training part has %d sample%s; %.0f of them cannot be for validation",
                       count, count == 1 ? "" : "s", wanted);
    if (unshare(data, error)) return -1;
    data->division.valid = amount;
    data->division.seed = seed;
    int failed = draw_init(&d, data, &data->part[DATA_TRAIN], error);
    if (!failed) {
        draw_rows(&d, data, &data->part[DATA_TRAIN], (int)wanted, seed, STREAM_VALID);
        failed = move_marked(data, DATA_TRAIN, DATA_VALID, d.drawn, error);
    }
    draw_free(&d);
    return failed;
}

static int limit_part(Dataset *data, DataPart part, int most, uint64_t seed, NnError *error)
{
    RowDraw d;
    const Samples *samples = &data->part[part];
    if (samples->count <= most) return 0;
    int failed = draw_init(&d, data, samples, error);
    if (!failed) {
        draw_rows(&d, data, samples, most, seed, STREAM_LIMIT);
        for (int i = 0; i < samples->count; i++) d.drawn[i] = !d.drawn[i];
        failed = move_marked(data, part, part, d.drawn, error);
    }
    draw_free(&d);
    return failed;
}

int dataset_limit(Dataset *data, int most, uint64_t seed, NnError *error)
{
    if (data->part[DATA_TRAIN].count > most && unshare(data, error)) return -1;
    data->division.limit = most;
    data->division.seed = seed;
    for (int part = 0; part < DATA_PARTS; part++)
        if (limit_part(data, part, most, seed, error)) return -1;
    return 0;
}

/* ---- some of the classes ------------------------------------------------------------------ */

typedef struct ClassChoice {
    int *number; /* [class_count]: the new one, or −1 */
    char **names;
    int count;
} ClassChoice;

static int find_class(const Dataset *data, const char *word)
{
    char *end, buffer[16];
    for (int i = 0; i < data->class_count; i++)
        if (!strcmp(dataset_class_name(data, i, buffer), word)) return i;
    long number = strtol(word, &end, 10);
    return end > word && !*end && number >= 0 && number < data->class_count ? (int)number : -1;
}

static int choose_class(ClassChoice *c, const Dataset *data, const char *word, NnError *error)
{
    char buffer[16];
    const int class = find_class(data, word);
    if (class < 0)
        return nn_fail(error, NN_BAD_INPUT, "--classes: %s has no class '%.80s'; it has %d, numbered from 0%s%s",
                       data->path, word, data->class_count, data->class_names ? ", the first of them " : "",
                       data->class_names ? data->class_names[0] : "");
    if (c->number[class] >= 0) return nn_fail(error, NN_BAD_INPUT, "--classes: '%.80s' is there twice", word);
    c->names[c->count] = strdup(dataset_class_name(data, class, buffer));
    if (!c->names[c->count]) return no_memory_for_parts(error);
    c->number[class] = c->count++;
    return 0;
}

static int choose_classes(ClassChoice *c, const Dataset *data, char *list, NnError *error)
{
    char *rest = NULL;
    for (int i = 0; i < data->class_count; i++) c->number[i] = -1;
    for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        if (choose_class(c, data, word, error)) return -1;
    return c->count ? 0 : nn_fail(error, NN_BAD_INPUT, "--classes names no class");
}

static int renumber_part(Dataset *data, DataPart part, const ClassChoice *c, NnError *error)
{
    Samples *samples = &data->part[part];
    const int before = samples->count;
    bool *goes = malloc((size_t)before + 1);
    if (!goes) return no_memory_for_parts(error);
    for (int i = 0; i < before; i++) {
        const int label = samples->labels[i];
        goes[i] = label == NO_CLASS || c->number[label] < 0;
        if (!goes[i]) samples->labels[i] = c->number[label];
    }
    int failed = move_marked(data, part, part, goes, error);
    free(goes);
    if (failed || !before || samples->count) return failed;
    return nn_fail(error, NN_BAD_INPUT, "--classes: the %s part has no samples of these classes",
                   dataset_part_name(part));
}

static void take_choice(Dataset *data, ClassChoice *c)
{
    for (int i = 0; data->class_names && i < data->class_count; i++) free(data->class_names[i]);
    free(data->class_names);
    data->class_names = c->names;
    data->class_count = c->count;
    *c = (ClassChoice){.number = c->number};
}

int dataset_choose(Dataset *data, const char *list, NnError *error)
{
    if (!data->class_count || data->map[0])
        return nn_fail(error, NN_BAD_INPUT, "--classes takes data with a class of each sample; %s has %s", data->path,
                       data->map[0] ? "class maps" : "values");
    if (unshare(data, error)) return -1;
    char *words = strdup(list);
    free(data->division.classes);
    data->division.classes = strdup(list);
    ClassChoice c = {malloc((size_t)data->class_count * sizeof(int)), calloc((size_t)data->class_count, sizeof(char *)),
                     0};
    const bool has_memory = words && data->division.classes && c.number && c.names;
    int failed = has_memory ? choose_classes(&c, data, words, error) : no_memory_for_parts(error);
    for (int part = 0; !failed && part < DATA_PARTS; part++) failed = renumber_part(data, part, &c, error);
    if (!failed) take_choice(data, &c);
    for (int i = 0; i < c.count; i++) free(c.names[i]);
    free(c.names);
    free(c.number);
    free(words);
    return failed;
}
