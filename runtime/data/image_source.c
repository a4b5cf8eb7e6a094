/*
 * Images → samples of one size.
 *
 * Enters: where encoded images are, and their classes.  Leaves: the parts of a data set.  The
 * heads of all images are read first, by a thread for each processor, or taken from the set's index.  Images that all have
 * the same size keep it; others, and those more than twice as large as the net asks for, are
 * brought to the net's size as its `fit` says.  So the memory that the pixels take is known
 * before one is decoded: a set that fits in the memory it may take is decoded at once, a larger
 * one is streamed.
 */
#include "runtime/data/image_source.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/data/decode.h"
#include "runtime/data/image_index.h"
#include "runtime/data/name_pool.h"
#include "runtime/data/source.h"

typedef struct ImageSize {
    int32_t height, width;
} ImageSize;

typedef struct ImageSource {
    SampleSource base;
    ImageStore *store;
    ImageSize *sizes; /* [count] */
    NnFit fit;
    int dims[3]; /* of all samples */
} ImageSource;

/* ---- the list ------------------------------------------------------------------------- */

int image_list_add(ImageList *list, DataPart part, int label, NnError *error)
{
    if (list->count == INT32_MAX) return nn_fail(error, NN_BAD_INPUT, "too many images");
    if (image_list_reserve(&list->labels, &list->capacity, (size_t)list->count, sizeof *list->labels, error)) return -1;
    list->labels[list->count++] = label;
    list->in_part[part]++;
    return 0;
}

void image_list_free(ImageList *list)
{
    if (list->store) list->store->free(list->store);
    free(list->labels);
    *list = (ImageList){0};
}

/* ---- the survey ------------------------------------------------------------------------- */

typedef struct Survey {
    const ImageStore *store;
    ImageIndex *index; /* NULL: none */
    ImageSize *sizes;
    size_t root;
    atomic_bool color;         /* at least one is not grey */
    atomic_uint_least64_t sum; /* of the images' hashes, each with its number */
} Survey;

/* What an image is known again by, without reading all of it: its name, its length, and its
 * first bytes. */
static int hash_image(FILE *file, size_t number, const char *name, uint64_t *hash, NnError *error)
{
    enum { START = 4096 };
    unsigned char start[START];
    const size_t got = fread(start, 1, sizeof start, file);
    const int64_t length = ferror(file) || fseeko(file, 0, SEEK_END) ? -1 : (int64_t)ftello(file);
    if (length < 0) return nn_fail_path(error, "read", name);
    rewind(file);
    *hash = image_hash(IMAGE_HASH_START, &number, sizeof number);
    *hash = image_hash(*hash, name, strlen(name));
    *hash = image_hash(*hash, &length, sizeof length);
    *hash = image_hash(*hash, start, got);
    return 0;
}

static int read_facts(const Survey *s, size_t number, const char *name, ImageFacts *facts, NnError *error)
{
    ImageHead head;
    FILE *file = s->store->open(s->store, (int)number, error);
    if (!file) return -1;
    int failed = image_head_of(file, name, &head, error) || (rewind(file), 0);
    if (!failed) failed = hash_image(file, number, name + s->root, &facts->hash, error);
    fclose(file);
    if (failed) return -1;
    facts->height = head.height;
    facts->width = head.width;
    facts->grey = head.grey;
    return 0;
}

/* The file's state is asked for before it is read: if it changes in between, the index has an
 * old state, and the image is read again. */
static int survey_image(void *user, size_t number, Workspace *workspace, NnError *error)
{
    Survey *s = user;
    ImageFacts facts;
    struct stat status;
    char buffer[IMAGE_NAME_BYTES];
    const char *name = s->store->name(s->store, (int)number, buffer);
    const bool known = s->index && s->store->stat(s->store, (int)number, &status);
    const uint64_t stamp = known ? image_index_stamp(s->index, name + s->root, &status) : 0;
    (void)workspace;
    if (!s->index || !image_index_find(s->index, number, stamp, &facts)) {
        if (read_facts(s, number, name, &facts, error)) return -1;
        if (s->index) image_index_put(s->index, number, stamp, &facts);
    }
    s->sizes[number] = (ImageSize){facts.height, facts.width};
    if (!facts.grey) atomic_store(&s->color, true);
    atomic_fetch_add(&s->sum, facts.hash);
    return 0;
}

/* What was found is kept, even if not all could be read. */
static int survey_all(Survey *s, int count, const char *path, const DatasetOptions *o, NnError *error)
{
    s->index = image_index_open(o->index, path, count);
    const int failed = team_run((size_t)count, survey_image, s, "images found", &o->watch, error);
    image_index_close(s->index);
    return failed;
}

/* ---- sizes -------------------------------------------------------------------------------- */

/* The first whose size is not that of image 0, or 0. */
static int odd_image(const ImageSource *s)
{
    for (int i = 1; i < s->base.count; i++)
        if (s->sizes[i].height != s->sizes[0].height || s->sizes[i].width != s->sizes[0].width) return i;
    return 0;
}

static int refuse_sizes(const ImageSource *s, int odd, NnError *error)
{
    char first_name[IMAGE_NAME_BYTES], odd_name[IMAGE_NAME_BYTES];
    return nn_fail(error, NN_BAD_INPUT,
                   "the images have several sizes (%.800s: %dx%d, %.800s: %dx%d), and the net's input is no image to "
                   "fit them to",
                   s->store->name(s->store, 0, first_name), s->sizes[0].height, s->sizes[0].width,
                   s->store->name(s->store, odd, odd_name), s->sizes[odd].height, s->sizes[odd].width);
}

static int choose_size(ImageSource *s, bool color, const DatasetOptions *o, NnError *error)
{
    const ImageSize first = s->sizes[0];
    const int odd = odd_image(s);
    const int height = o->net[1] > o->keep ? o->net[1] : o->keep, width = o->net[2] > o->keep ? o->net[2] : o->keep;
    s->dims[0] = color ? 3 : 1;
    s->dims[1] = first.height;
    s->dims[2] = first.width;
    if (odd && !o->net[0] && !o->survey) return refuse_sizes(s, odd, error);
    if (o->net[0] && (odd || first.height > 2 * height || first.width > 2 * width)) {
        s->dims[1] = height;
        s->dims[2] = width;
    }
    if (odd && o->survey) s->dims[1] = s->dims[2] = 0;
    s->base.bytes = (size_t)s->dims[0] * (size_t)s->dims[1] * (size_t)s->dims[2];
    return 0;
}

/* The first image that the fit does not take is an error. */
static int check_sizes(const ImageSource *s, NnError *error)
{
    char name[IMAGE_NAME_BYTES];
    const int height = s->dims[1], width = s->dims[2];
    for (int i = 0; i < s->base.count; i++) {
        const ImageSize size = s->sizes[i];
        const bool larger = size.height > height || size.width > width;
        const bool smaller = size.height < height || size.width < width;
        if (s->fit == NN_FIT_PAD && larger)
            return nn_fail(error, NN_BAD_INPUT, "%s is %dx%d and cannot be padded to %dx%d; use fit resize or fit crop",
                           s->store->name(s->store, i, name), size.height, size.width, height, width);
        if (s->fit == NN_FIT_CROP && smaller)
            return nn_fail(error, NN_BAD_INPUT, "%s is %dx%d and cannot be cropped to %dx%d; use fit resize or fit pad",
                           s->store->name(s->store, i, name), size.height, size.width, height, width);
    }
    return 0;
}

/* ---- one image ------------------------------------------------------------------------------ */

static int decode_image(const ImageSource *s, int number, uint8_t *out, NnError *error)
{
    char name[IMAGE_NAME_BYTES];
    const ImageHead head = {s->sizes[number].height, s->sizes[number].width, s->dims[0] == 1};
    FILE *file = s->store->open(s->store, number, error);
    if (!file) return -1;
    int failed = image_decode_of(file, s->store->name(s->store, number, name), &head, s->dims[0], out, error);
    fclose(file);
    return failed;
}

static int read_image_sample(const SampleSource *base, int number, uint8_t *out, Workspace *w, NnError *error)
{
    const ImageSource *s = (const ImageSource *)base;
    const int channels = s->dims[0], height = s->dims[1], width = s->dims[2];
    const ImageSize size = s->sizes[number];
    if (size.height == height && size.width == width) return decode_image(s, number, out, error);
    const size_t area = (size_t)size.height * (size_t)size.width, narrow = (size_t)size.height * (size_t)width;
    if (workspace_provide(w, (size_t)channels * area, area + narrow + (size_t)height * (size_t)width, error) ||
        decode_image(s, number, w->bytes, error))
        return -1;
    fit_bytes(s->fit, channels, w->bytes, size.height, size.width, out, height, width, w->floats);
    return 0;
}

static void image_source_free(SampleSource *base)
{
    ImageSource *s = (ImageSource *)base;
    if (s->store) s->store->free(s->store);
    free(s->sizes);
    free(s);
}

static ImageSource *image_source_new(ImageList *list, const char *path, const DatasetOptions *o, uint64_t *identity,
                                     NnError *error)
{
    ImageSource *s = nn_alloc(sizeof *s, error);
    if (!s) return NULL;
    s->base = (SampleSource){.count = list->count, .read = read_image_sample, .free = image_source_free};
    s->fit = o->fit;
    s->sizes = nn_memory((size_t)list->count * sizeof *s->sizes, error);
    s->store = list->store;
    list->store = NULL;
    Survey survey = {.store = s->store, .sizes = s->sizes, .root = list->root};
    if (s->sizes && !survey_all(&survey, list->count, path, o, error) && !choose_size(s, survey.color, o, error) &&
        (o->survey || !check_sizes(s, error))) {
        *identity = survey.sum | 1;
        return s;
    }
    image_source_free(&s->base);
    return NULL;
}

/* ---- the parts of the data set ---------------------------------------------------------------- */

/* Of the memory of this machine, what decoded images take unless the user says otherwise. */
enum { USUAL_SHARE = 4 };

static size_t memory_for_images(const DatasetOptions *o)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (o->cache) return o->cache;
    return pages > 0 && page > 0 ? (size_t)pages / USUAL_SHARE * (size_t)page : SIZE_MAX;
}

static int take_numbers(Samples *samples, const ImageList *list, int first, NnError *error)
{
    const size_t bytes = (size_t)samples->count * sizeof(int32_t);
    samples->numbers = malloc(bytes + 1);
    samples->labels = malloc(bytes + 1);
    if (!samples->numbers || !samples->labels)
        return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for %d images", samples->count);
    for (int i = 0; i < samples->count; i++) samples->numbers[i] = first + i;
    memcpy(samples->labels, list->labels + first, bytes);
    return 0;
}

static int list_parts(const ImageList *list, Dataset *data, NnError *error)
{
    int first = 0;
    for (int part = 0; part < DATA_PARTS; part++) {
        Samples *samples = &data->part[part];
        samples->count = list->in_part[part];
        if (samples->count && take_numbers(samples, list, first, error)) return -1;
        first += list->in_part[part];
    }
    return 0;
}

static int load_parts(const ImageSource *s, const TeamWatch *watch, Dataset *data, NnError *error)
{
    for (int part = 0; part < DATA_PARTS; part++) {
        Samples *samples = &data->part[part];
        if (!samples->count) continue;
        samples->pixels = malloc((size_t)samples->count * s->base.bytes);
        if (!samples->pixels)
            return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the pixels of %d images", samples->count);
        if (source_load(&s->base, samples->numbers, samples->count, samples->pixels, watch, error)) return -1;
    }
    return 0;
}

static int stream_parts(ImageSource *s, size_t memory, Dataset *data, NnError *error)
{
    data->source = &s->base;
    for (int part = 0; part < DATA_PARTS; part++) data->part[part].source = &s->base;
    return memory == 0 ? 0 : source_use_cache(&s->base, memory, error);
}

int image_list_deliver(ImageList *list, const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    const size_t memory = options->survey ? 0 : memory_for_images(options);
    ImageSource *s = image_source_new(list, path, options, &data->identity, error);
    if (!s) return -1;
    data->rank = 3;
    memcpy(data->dims, s->dims, sizeof s->dims);
    data->elements = s->base.bytes;
    int failed = list_parts(list, data, error);
    if (!failed && memory && (size_t)list->count <= memory / s->base.bytes)
        failed = load_parts(s, &options->watch, data, error);
    else if (!failed)
        failed = stream_parts(s, memory, data, error);
    if (!data->source) image_source_free(&s->base);
    return failed;
}
