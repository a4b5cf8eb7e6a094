/*
 * tensors_save: tensors with their types → a file of one of three kinds.
 */
#include "runtime/core/tensors_save.h"

#include <string.h>

#include "runtime/core/new_file.h"

static bool name_ends(const char *path, const char *ending)
{
    size_t length = strlen(path), end = strlen(ending);
    return length > end && !strcmp(path + length - end, ending);
}

bool nn_tensor_file_of(const char *path, NnTensorFile *kind)
{
    static const struct {
        const char *ending;
        NnTensorFile kind;
    } endings[] = {{".safetensors", NN_FILE_SAFETENSORS},
                   {".npz", NN_FILE_NPZ},
                   {".pth", NN_FILE_TORCH},
                   {".pt", NN_FILE_TORCH},
                   {".th", NN_FILE_TORCH}};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (!name_ends(path, endings[i].ending)) continue;
        *kind = endings[i].kind;
        return true;
    }
    return false;
}

static int no_values(const void *user, const char *name, float *values, size_t count)
{
    (void)user, (void)name, (void)values, (void)count;
    return -1;
}

static int safetensors_save(const NnTensorsToSave *t, const char *path, NnError *error)
{
    NnTensorWriter *w = nn_writer_new(no_values, NULL, error);
    int failed = w ? 0 : -1;
    for (const NnFileNote *note = t->notes; !failed && note && note->key; note++)
        failed = nn_writer_metadata(w, note->key, note->value, error);
    for (int i = 0; !failed && i < t->count; i++) failed = nn_writer_data(w, &t->at[i], error);
    if (!failed) failed = nn_writer_save(w, path, error);
    nn_writer_free(w);
    return failed;
}

static int write_npz(const void *user, int fd, const char *path, NnError *error)
{
    return npz_write(user, fd, path, error);
}

static int write_torch(const void *user, int fd, const char *path, NnError *error)
{
    return torch_write(user, fd, path, error);
}

int nn_tensors_save(const NnTensorsToSave *t, NnTensorFile kind, const char *path, NnError *error)
{
    if (kind == NN_FILE_SAFETENSORS) return safetensors_save(t, path, error);
    return nn_files_write(&(NnNewFile){path, kind == NN_FILE_NPZ ? write_npz : write_torch, t}, 1, error);
}
