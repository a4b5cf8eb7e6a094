/*
 * Reader of MNIST-style IDX files, plain or gzipped.
 *
 * A folder holds four files: images and labels, for training and test.  Each
 * is big-endian: 0, 0, the type (8: bytes), the number of dimensions, the
 * dimensions in four bytes each, then the bytes.  zlib's gzread gives the bytes
 * of both sorts; a sound gzipped file is taken whole by libdeflate before, which
 * needs a third of the time.  A header is believed only as far as its file could
 * hold what it announces.
 */
#include "runtime/data/dataset.h"

#include <libdeflate.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { PATH_BYTES = 4096, TYPE_BYTES = 8, MAX_DIMS = 4, DEFLATE_RATIO = 1040 };

typedef struct Idx {
    uint32_t dims[MAX_DIMS];
    size_t size;
    uint8_t *bytes;
} Idx;

/* ---- names ----------------------------------------------------------------- */

/* FOLDER/train-images-idx3-ubyte, with a dot for the second dash, or with .gz. */
static bool find_file(const char *folder, const char *part, const char *what, int rank, char *out)
{
    for (int form = 0; form < 4; form++) {
        int length = snprintf(out, PATH_BYTES, "%s/%s-%s%cidx%d-ubyte%s", folder, part, what, form & 1 ? '.' : '-',
                              rank, form & 2 ? ".gz" : "");
        if (length < PATH_BYTES && !access(out, F_OK)) return true;
    }
    snprintf(out, PATH_BYTES, "%s/%s-%s-idx%d-ubyte", folder, part, what, rank);
    return false;
}

static bool idx_recognises(const char *path, bool is_folder)
{
    static const char *const parts[] = {"train", "t10k"};
    char name[PATH_BYTES];
    for (int i = 0; is_folder && i < 2; i++)
        if (find_file(path, parts[i], "images", 3, name) || find_file(path, parts[i], "labels", 1, name)) return true;
    return false;
}

/* ---- one file ---------------------------------------------------------------- */

/* What a file holds: at once, or through zlib. */
typedef struct IdxSource {
    const char *path;
    gzFile file;
    uint8_t *all; /* NULL: through zlib */
    size_t size, at;
} IdxSource;

/* A file as it is; NULL where it cannot be had whole. */
static uint8_t *whole_file(int fd, size_t *size)
{
    struct stat status;
    bool filled = fstat(fd, &status) == 0 && status.st_size > 0;
    uint8_t *bytes = filled ? nn_memory((size_t)status.st_size, NULL) : NULL;
    *size = 0;
    for (ssize_t got = 1; bytes && got > 0 && *size<(size_t)status.st_size; *size += got> 0 ? (size_t)got : 0)
        got = pread(fd, bytes + *size, (size_t)status.st_size - *size, (off_t)*size);
    if (bytes && *size == (size_t)status.st_size) return bytes;
    free(bytes);
    return NULL;
}

/* What is in a gzipped file of one member, or NULL: then zlib says what is wrong, if
 * anything is. */
static uint8_t *unzipped(const uint8_t *zipped, size_t count, size_t *size)
{
    enum { HEAD = 18 };
    if (count < HEAD || zipped[0] != 0x1f || zipped[1] != 0x8b) return NULL;
    const uint8_t *end = zipped + count - 4;
    *size = (size_t)end[0] | (size_t)end[1] << 8 | (size_t)end[2] << 16 | (size_t)end[3] << 24;
    if (*size == 0 || *size / DEFLATE_RATIO > count) return NULL;
    uint8_t *bytes = nn_memory(*size, NULL);
    struct libdeflate_decompressor *d = bytes ? libdeflate_alloc_decompressor() : NULL;
    size_t used = 0;
    bool sound = d &&
                 libdeflate_gzip_decompress_ex(d, zipped, count, bytes, *size, &used, NULL) == LIBDEFLATE_SUCCESS &&
                 used == count;
    if (d) libdeflate_free_decompressor(d);
    if (sound) return bytes;
    free(bytes);
    return NULL;
}

/* Exactly `size` bytes. */
static int read_bytes(IdxSource *s, void *out, size_t size, NnError *error)
{
    size_t done = 0;
    if (s->all) {
        done = size < s->size - s->at ? size : s->size - s->at;
        memcpy(out, s->all + s->at, done);
        s->at += done;
    }
    while (done < size) {
        unsigned chunk = size - done > INT_MAX ? INT_MAX : (unsigned)(size - done);
        int got = s->all ? 0 : gzread(s->file, (unsigned char *)out + done, chunk);
        if (got < 0) {
            int code;
            const char *text = gzerror(s->file, &code);
            if (code == Z_ERRNO) return nn_fail_path(error, "read", s->path);
            return nn_fail(error, code == Z_MEM_ERROR ? NN_SYSTEM_FAILED : NN_BAD_INPUT, "%s is damaged: %s", s->path,
                           text);
        }
        if (got == 0)
            return nn_fail(error, NN_BAD_INPUT, "%s is truncated: %zu bytes are missing", s->path, size - done);
        done += (size_t)got;
    }
    return 0;
}

static int check_end(IdxSource *s, NnError *error)
{
    unsigned char extra;
    int got = s->all ? s->at < s->size : gzread(s->file, &extra, 1), code;
    if (got > 0) return nn_fail(error, NN_BAD_INPUT, "%s has more bytes than its header declares", s->path);
    if (s->all) return 0;
    const char *text = gzerror(s->file, &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
        return nn_fail(error, NN_BAD_INPUT, "%s is damaged: %s", s->path, text);
    return 0;
}

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int read_idx_header(IdxSource *s, int rank, Idx *idx, NnError *error)
{
    const char *path = s->path;
    unsigned char head[4 + 4 * MAX_DIMS];
    size_t length = 4 + 4 * (size_t)rank;
    if (read_bytes(s, head, 4, error)) return -1;
    if (head[0] || head[1] || head[2] != TYPE_BYTES || head[3] != rank)
        return nn_fail(error, NN_BAD_INPUT,
                       "%s begins with %02x%02x%02x%02x, expected %02x%02x%02x%02x: IDX bytes of %d dimension%s", path,
                       head[0], head[1], head[2], head[3], 0, 0, TYPE_BYTES, rank, rank, rank == 1 ? "" : "s");
    if (read_bytes(s, head + 4, length - 4, error)) return -1;
    idx->size = 1;
    for (int i = 0; i < rank; i++) {
        idx->dims[i] = big_endian(head + 4 + 4 * i);
        if (idx->dims[i] < 1 || idx->dims[i] > INT_MAX || __builtin_mul_overflow(idx->size, idx->dims[i], &idx->size))
            return nn_fail(error, NN_BAD_INPUT, "%s: dimension %d is %u", path, i + 1, idx->dims[i]);
    }
    return 0;
}

static int read_idx_body(IdxSource *s, int rank, Idx *idx, NnError *error)
{
    struct stat status;
    if (read_idx_header(s, rank, idx, error)) return -1;
    if (stat(s->path, &status)) return nn_fail_path(error, "read", s->path);
    size_t held = (size_t)status.st_size, most = !s->all && gzdirect(s->file) ? held : held * DEFLATE_RATIO;
    if (S_ISREG(status.st_mode) && idx->size > most)
        return nn_fail(error, NN_BAD_INPUT,
                       "the header of %s declares %zu bytes, more than its %zu can hold: truncated or corrupt", s->path,
                       idx->size, held);
    if (s->all && s->size - s->at == idx->size) {
        idx->bytes = memmove(s->all, s->all + s->at, idx->size);
        s->all = NULL;
        return 0;
    }
    idx->bytes = nn_memory(idx->size, NULL);
    if (!idx->bytes)
        return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the %zu bytes of %s", idx->size, s->path);
    return read_bytes(s, idx->bytes, idx->size, error) || check_end(s, error) ? -1 : 0;
}

static int read_idx(const char *path, int rank, Idx *idx, NnError *error)
{
    IdxSource s = {.path = path};
    size_t count;
    int fd = nn_open_regular(path, error);
    if (fd < 0) return -1;
    uint8_t *zipped = whole_file(fd, &count);
    if (zipped) s.all = unzipped(zipped, count, &s.size);
    free(zipped);
    if (s.all)
        close(fd);
    else if (!(s.file = gzdopen(fd, "rb"))) {
        close(fd);
        return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    }
    if (s.file) gzbuffer(s.file, 1 << 16);
    int failed = read_idx_body(&s, rank, idx, error);
    if (s.file) gzclose_r(s.file);
    free(s.all);
    return failed;
}

/* ---- a folder ------------------------------------------------------------------ */

/* One part of the set, read by a thread of its own. */
typedef struct Part {
    const char *folder, *name;
    char images[PATH_BYTES];
    Samples samples;
    int height, width, class_count;
    int failed;
    NnError error;
} Part;

static int take_labels(Part *p, const char *path)
{
    Idx idx = {0};
    Samples *samples = &p->samples;
    int failed = read_idx(path, 1, &idx, &p->error);
    if (!failed && idx.size != (size_t)samples->count)
        failed = nn_fail(&p->error, NN_BAD_INPUT, "%s has %zu labels for %d images", path, idx.size, samples->count);
    samples->labels_path = strdup(path);
    if (!failed && !(samples->labels = malloc(idx.size * sizeof *samples->labels)))
        failed = nn_fail(&p->error, NN_SYSTEM_FAILED, "not enough memory for the labels");
    for (size_t i = 0; !failed && i < idx.size; i++) {
        samples->labels[i] = idx.bytes[i];
        if (idx.bytes[i] >= p->class_count) p->class_count = idx.bytes[i] + 1;
    }
    free(idx.bytes);
    return failed;
}

static int take_images(Part *p)
{
    Idx idx = {0};
    int failed = read_idx(p->images, 3, &idx, &p->error);
    p->samples.pixels = idx.bytes;
    if (failed) return -1;
    p->samples.count = (int)idx.dims[0];
    p->height = (int)idx.dims[1];
    p->width = (int)idx.dims[2];
    return 0;
}

static void *read_part(void *part)
{
    Part *p = part;
    char labels[PATH_BYTES];
    if (!find_file(p->folder, p->name, "images", 3, p->images))
        p->failed = nn_fail(&p->error, NN_BAD_INPUT, "%s[.gz] is missing", p->images);
    else if (!find_file(p->folder, p->name, "labels", 1, labels))
        p->failed = nn_fail(&p->error, NN_BAD_INPUT, "%s[.gz] is missing", labels);
    else
        p->failed = take_images(p) || take_labels(p, labels);
    return NULL;
}

/* Both parts to the end, whatever happens: their memory is the set's. */
static void read_idx_parts(Part *train, Part *test)
{
    pthread_t thread;
    bool beside = pthread_create(&thread, NULL, read_part, test) == 0;
    read_part(train);
    if (beside)
        pthread_join(thread, NULL);
    else
        read_part(test);
}

static int idx_read(const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    (void)options;
    Part train = {.folder = path, .name = "train"}, test = {.folder = path, .name = "t10k"};
    read_idx_parts(&train, &test);
    data->part[DATA_TRAIN] = train.samples;
    data->part[DATA_TEST] = test.samples;
    if (train.failed || test.failed) {
        *error = train.failed ? train.error : test.error;
        return -1;
    }
    if (test.height != train.height || test.width != train.width)
        return nn_fail(error, NN_BAD_INPUT, "%s has images of %dx%d, the training images are %dx%d", test.images,
                       test.height, test.width, train.height, train.width);
    data->target_count = 1;
    data->class_count = train.class_count > test.class_count ? train.class_count : test.class_count;
    data->rank = 3;
    data->dims[0] = 1;
    data->dims[1] = train.height;
    data->dims[2] = train.width;
    data->elements = (size_t)train.height * (size_t)train.width;
    return 0;
}

const Reader reader_idx = {"MNIST-style IDX files: train-images-idx3-ubyte[.gz] …", idx_recognises, idx_read};
