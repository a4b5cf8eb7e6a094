/* IDX files, as they are and packed by gzip; CIFAR-10 and CIFAR-100; CSV; .npz; a tar shard.  The first byte says
 * which; in IDX sets, the next two how many bytes the images' file has: the rest is the labels'. */
#include <stdio.h>
#include <unistd.h>

#include "runtime/data/dataset.h"
#include "tests/fuzz_inputs/fuzz_inputs.h"

static void open_and_free(const char *path)
{
    DatasetOptions options = {.net = {1, 4, 4}};
    NnError error = {0};
    for (int values = 0; values < 2; values++) {
        options.values = values;
        Dataset *data = dataset_open(path, &options, &error);
        if (data) dataset_free(data);
    }
}

static void remove_all(const char *folder, const char *const *names)
{
    char path[256];
    for (; *names; names++) {
        snprintf(path, sizeof path, "%s/%s", folder, *names);
        unlink(path);
    }
}

static void try_idx(const uint8_t *bytes, size_t size, int packed)
{
    static const char *const names[2][5] = {
        {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
        {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
         "t10k-labels-idx1-ubyte.gz"}};
    if (size < 2) return;
    size_t images = bytes[0] | (size_t)bytes[1] << 8;
    const char *folder = "";
    bytes += 2;
    size -= 2;
    if (images > size) images = size;
    for (int i = 0; i < 4; i++)
        folder = i % 2 ? fuzz_file(names[packed][i], bytes + images, size - images)
                       : fuzz_file(names[packed][i], bytes, images);
    open_and_free(folder);
    remove_all(folder, names[packed]);
}

static void try_cifar(const uint8_t *bytes, size_t size, int fine)
{
    static const char *const names[2][8] = {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                             "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"},
                                            {"train.bin", "test.bin"}};
    const char *folder = "";
    for (int i = 0; names[fine][i]; i++) folder = fuzz_file(names[fine][i], bytes, size);
    open_and_free(folder);
    remove_all(folder, names[fine]);
}

static void try_file(const uint8_t *bytes, size_t size, const char *name)
{
    const char *const names[] = {name, NULL};
    char path[256];
    const char *folder = fuzz_file(name, bytes, size);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    open_and_free(path);
    remove_all(folder, names);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1) return 0;
    const uint8_t kind = *bytes++ % 7;
    size--;
    switch (kind) {
    case 0: try_idx(bytes, size, 0); break;
    case 1: try_idx(bytes, size, 1); break;
    case 2: try_cifar(bytes, size, 0); break;
    case 3: try_cifar(bytes, size, 1); break;
    case 4: try_file(bytes, size, "set.csv"); break;
    case 5: try_file(bytes, size, "set.npz"); break;
    default: try_file(bytes, size, "set.tar"); break;
    }
    return 0;
}
