/*
 * Reader of SVHN's MATLAB files (Street View House Numbers, cropped digits), by libmatio.
 *
 * Enters: a folder with train_32x32.mat and perhaps test_32x32.mat, or one such file.  X is
 * bytes [H][W][C][N], y the classes from 1 to 10, of which 10 is the digit 0; MATLAB's arrays
 * are stored column by column.  Leaves: images [N][C][H][W] and the digits.  The library is
 * opened when a file asks for it; where it is missing, here or when nnc was built, the error says so.
 */
#include "runtime/data/mat.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "runtime/data/dataset.h"
#include "runtime/data/parts.h"

enum { PATH_BYTES = 4096 };

static bool is_mat_name(const char *path)
{
    const size_t length = strlen(path);
    return length > 4 && !strcasecmp(path + length - 4, ".mat");
}

/* FOLDER/train_32x32.mat, or FOLDER/train.mat. */
static bool find_mat(const char *folder, const char *part, char out[PATH_BYTES])
{
    static const char *const forms[] = {"%s/%s_32x32.mat", "%s/%s.mat"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (snprintf(out, PATH_BYTES, forms[i], folder, part) < PATH_BYTES && !access(out, F_OK)) return true;
    return false;
}

static bool mat_recognises(const char *path, bool is_folder)
{
    char found[PATH_BYTES];
    return is_folder ? find_mat(path, "train", found) : is_mat_name(path);
}

#ifdef NNC_MATIO

#include <dlfcn.h>
#include <matio.h>

enum { RANK = 4, DIGITS = 10 };

/* The functions of the library. */
typedef struct Matio {
    void *library;
    mat_t *(*open)(const char *path, int mode);
    int (*close)(mat_t *);
    matvar_t *(*read_info)(mat_t *, const char *name);
    int (*read_linear)(mat_t *, matvar_t *, void *out, int start, int stride, int count);
    void (*free_variable)(matvar_t *);
    size_t (*size_of_class)(enum matio_classes);
    void (*version)(int *major, int *minor, int *release);
} Matio;

static void *find_function(Matio *m, const char *name, bool *missing)
{
    void *function = dlsym(m->library, name);
    *missing |= !function;
    return function;
}

/* False where the library that nnc was compiled with is not installed. */
static bool matio_load(Matio *m)
{
    bool missing = false;
    *m = (Matio){.library = dlopen(NNC_MATIO, RTLD_NOW | RTLD_LOCAL)};
    if (!m->library) return false;
    *(void **)&m->open = find_function(m, "Mat_Open", &missing);
    *(void **)&m->close = find_function(m, "Mat_Close", &missing);
    *(void **)&m->read_info = find_function(m, "Mat_VarReadInfo", &missing);
    *(void **)&m->read_linear = find_function(m, "Mat_VarReadDataLinear", &missing);
    *(void **)&m->free_variable = find_function(m, "Mat_VarFree", &missing);
    *(void **)&m->size_of_class = find_function(m, "Mat_SizeOfClass", &missing);
    *(void **)&m->version = find_function(m, "Mat_GetLibraryVersion", &missing);
    if (missing) dlclose(m->library);
    return !missing;
}

bool mat_library(char out[MAT_LIBRARY_TEXT])
{
    Matio m;
    int major, minor, release;
    snprintf(out, MAT_LIBRARY_TEXT, "not read: %s is not installed", NNC_MATIO);
    if (!matio_load(&m)) return false;
    m.version(&major, &minor, &release);
    snprintf(out, MAT_LIBRARY_TEXT, "libmatio %d.%d.%d", major, minor, release);
    dlclose(m.library);
    return true;
}

/* One file, open. */
typedef struct MatFile {
    const Matio *matio;
    const char *path;
    mat_t *file;
    size_t dims[RANK]; /* H, W, C, N */
    NnError *error;
} MatFile;

static int refuse_mat(const MatFile *m, const char *why)
{
    return nn_fail(m->error, NN_BAD_INPUT, "%s %s; SVHN has X, bytes [H][W][C][N], and y, the N classes from 1 to 10",
                   m->path, why);
}

/* All elements of a variable, in their own type; freed with free(). */
static void *read_variable(const MatFile *m, matvar_t *v, size_t count)
{
    if (count == 0 || count > INT_MAX) {
        refuse_mat(m, "has an array without elements, or with too many");
        return NULL;
    }
    void *values = nn_memory(count * m->matio->size_of_class(v->class_type), m->error);
    if (!values || !m->matio->read_linear(m->file, v, values, 0, 1, (int)count)) return values;
    free(values);
    nn_fail(m->error, NN_BAD_INPUT, "%s is damaged: %s cannot be read to its end", m->path, v->name);
    return NULL;
}

/* ---- X ------------------------------------------------------------------------------------ */

/* A sample [C][W][H] → [C][H][W]. */
static void transpose_sample(uint8_t *sample, uint8_t *copy, const size_t dims[RANK])
{
    const size_t height = dims[0], width = dims[1], channels = dims[2];
    memcpy(copy, sample, height * width * channels);
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < height; i++)
            for (size_t j = 0; j < width; j++)
                sample[(c * height + i) * width + j] = copy[(c * width + j) * height + i];
}

static int check_images(MatFile *m, const matvar_t *x)
{
    if (!x || x->class_type != MAT_C_UINT8 || x->isComplex || x->rank < RANK - 1 || x->rank > RANK)
        return refuse_mat(m, "has no array X of bytes");
    for (int i = 0; i < RANK; i++) m->dims[i] = i < x->rank ? x->dims[i] : 1; /* MATLAB drops a last 1 */
    for (int i = 0; i < RANK; i++)
        if (m->dims[i] < 1 || m->dims[i] > INT_MAX) return refuse_mat(m, "has an array X without elements");
    return m->dims[2] == 1 || m->dims[2] == 3 ? 0 : refuse_mat(m, "has images that are neither grey nor RGB");
}

static int read_images(MatFile *m, Samples *samples)
{
    matvar_t *x = m->matio->read_info(m->file, "X");
    int failed = check_images(m, x);
    const size_t sample = m->dims[0] * m->dims[1] * m->dims[2];
    uint8_t *copy = failed ? NULL : nn_memory(sample, m->error);
    samples->pixels = copy ? read_variable(m, x, sample * m->dims[3]) : NULL;
    if (samples->pixels) samples->count = (int)m->dims[3];
    for (size_t i = 0; i < (size_t)samples->count; i++) transpose_sample(samples->pixels + i * sample, copy, m->dims);
    free(copy);
    m->matio->free_variable(x);
    return samples->pixels ? 0 : -1;
}

/* ---- y ------------------------------------------------------------------------------------ */

static double mat_element(const matvar_t *v, const void *values, size_t i)
{
    switch (v->class_type) {
    case MAT_C_UINT8: return ((const uint8_t *)values)[i];
    case MAT_C_INT8: return ((const int8_t *)values)[i];
    case MAT_C_UINT16: return ((const uint16_t *)values)[i];
    case MAT_C_INT16: return ((const int16_t *)values)[i];
    case MAT_C_INT32: return ((const int32_t *)values)[i];
    case MAT_C_SINGLE: return (double)((const float *)values)[i];
    case MAT_C_DOUBLE: return ((const double *)values)[i];
    default: return 0;
    }
}

static bool is_numeric(enum matio_classes class)
{
    return class == MAT_C_UINT8 || class == MAT_C_INT8 || class == MAT_C_UINT16 || class == MAT_C_INT16 ||
           class == MAT_C_INT32 || class == MAT_C_SINGLE || class == MAT_C_DOUBLE;
}

static int take_digits(const MatFile *m, const matvar_t *y, const void *values, Samples *samples)
{
    for (int i = 0; i < samples->count; i++) {
        const double class = mat_element(y, values, (size_t)i);
        if (!(class >= 1 && class <= DIGITS) || class != (int)class)
            return nn_fail(m->error, NN_BAD_INPUT,
                           "%s: sample %d has class %g; SVHN's are 1 to 10, and 10 is the digit 0", m->path, i, class);
        samples->labels[i] = (int)class % DIGITS;
    }
    return 0;
}

static int read_digits(const MatFile *m, Samples *samples)
{
    matvar_t *y = m->matio->read_info(m->file, "y");
    size_t count = y && !y->isComplex && is_numeric(y->class_type);
    for (int i = 0; y && i < y->rank; i++) count *= y->dims[i];
    int failed = count == (size_t)samples->count ? 0 : refuse_mat(m, "has no class for each image");
    void *values = failed ? NULL : read_variable(m, y, count);
    samples->labels = values ? nn_memory(count * sizeof *samples->labels, m->error) : NULL;
    failed = samples->labels ? take_digits(m, y, values, samples) : -1;
    free(values);
    m->matio->free_variable(y);
    return failed;
}

/* ---- the data set ----------------------------------------------------------------------------- */

static int read_mat_file(const Matio *matio, const char *path, Samples *samples, size_t dims[RANK], NnError *error)
{
    const int fd = nn_open_regular(path, error);
    if (fd < 0) return -1;
    close(fd);
    MatFile m = {.matio = matio, .path = path, .file = matio->open(path, MAT_ACC_RDONLY), .error = error};
    if (!m.file) return nn_fail(error, NN_BAD_INPUT, "%s is no MATLAB file", path);
    int failed = read_images(&m, samples) || read_digits(&m, samples) ? -1 : 0;
    memcpy(dims, m.dims, sizeof m.dims);
    matio->close(m.file);
    return failed;
}

static void take_mat_dims(Dataset *data, const size_t dims[RANK])
{
    data->rank = 3;
    data->dims[0] = (int)dims[2];
    data->dims[1] = (int)dims[0];
    data->dims[2] = (int)dims[1];
    data->elements = dims[0] * dims[1] * dims[2];
    data->class_count = DIGITS;
    data->target_count = 1;
}

static int read_mat_parts(const Matio *matio, const char *path, Dataset *data, NnError *error)
{
    char train[PATH_BYTES], test[PATH_BYTES];
    size_t dims[RANK], test_dims[RANK];
    const bool alone = !find_mat(path, "train", train);
    if (read_mat_file(matio, alone ? path : train, &data->part[DATA_TRAIN], dims, error)) return -1;
    take_mat_dims(data, dims);
    if (alone || !find_mat(path, "test", test)) return dataset_split(data, error);
    if (read_mat_file(matio, test, &data->part[DATA_TEST], test_dims, error)) return -1;
    if (!memcmp(dims, test_dims, 3 * sizeof *dims)) return 0;
    return nn_fail(error, NN_BAD_INPUT, "%s has images of %zux%zux%zu, the training images are %dx%dx%d", test,
                   test_dims[2], test_dims[0], test_dims[1], data->dims[0], data->dims[1], data->dims[2]);
}

static int mat_read(const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    Matio matio;
    (void)options;
    if (!matio_load(&matio))
        return nn_fail(error, NN_BAD_INPUT, "%s is in MATLAB's format, and %s, which reads it, is not installed", path,
                       NNC_MATIO);
    int failed = read_mat_parts(&matio, path, data, error);
    dlclose(matio.library);
    return failed;
}

#else

bool mat_library(char out[MAT_LIBRARY_TEXT])
{
    snprintf(out, MAT_LIBRARY_TEXT, "not read: built without libmatio");
    return false;
}

static int mat_read(const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    (void)options;
    (void)data;
    return nn_fail(error, NN_BAD_INPUT,
                   "%s is in MATLAB's format, and this nnc was built without libmatio, which reads it; with it "
                   "installed (on Debian: apt install libmatio-dev), build nnc again",
                   path);
}

#endif

const Reader reader_mat = {"SVHN's MATLAB files: train_32x32.mat, test_32x32.mat", mat_recognises, mat_read};
