/*
 * Names for --data: where they are looked for, and what is said of the known ones.
 */
#include "runtime/data/known_sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const KnownSet known_sets[] = {
    {"mnist", NULL, "handwritten digits: 60,000 + 10,000 grey images of 28x28, 10 classes",
     "Put the four files of the MNIST database (LeCun, Cortes and Burges) there:\n"
     "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz\n"
     "and t10k-labels-idx1-ubyte.gz, as they are or unpacked.\n"},
    {"fashion-mnist", NULL, "articles of clothing: 60,000 + 10,000 grey images of 28x28, 10 classes",
     "On Debian and Ubuntu: apt install dataset-fashion-mnist.  Elsewhere put the four\n"
     "files of Fashion-MNIST (Zalando Research) there, which are called as MNIST's.\n"},
    {"cifar10", "cifar-10-batches-bin", "photographs: 50,000 + 10,000 color images of 32x32, 10 classes",
     "Unpack cifar-10-binary.tar.gz, the binary version for C programs of CIFAR-10\n"
     "(Krizhevsky, University of Toronto), there.\n"},
    {"cifar100", "cifar-100-binary", "photographs: 50,000 + 10,000 color images of 32x32, 100 classes",
     "Unpack cifar-100-binary.tar.gz, the binary version for C programs of CIFAR-100\n"
     "(Krizhevsky, University of Toronto), there.\n"},
    {"svhn", NULL, "house numbers: 73,257 + 26,032 color images of 32x32, 10 classes",
     "Put train_32x32.mat and test_32x32.mat of the Street View House Numbers (Netzer et al.,\n"
     "Stanford University) there.  nnc reads them where it was built with libmatio; nnc --version\n"
     "says so.\n"},
    {NULL, NULL, NULL, NULL},
};

const KnownSet *known_set(const char *name)
{
    for (const KnownSet *set = known_sets; set->name; set++)
        if (strcmp(set->name, name) == 0) return set;
    return NULL;
}

/* The value of `variable` with `below` behind it; without a variable, `below` alone. */
static const struct {
    const char *text, *variable, *below;
} places[DATA_PLACES] = {
    {"$NNC_DATA", "NNC_DATA", ""},
    {"~/.cache/nnc", "HOME", "/.cache/nnc"},
    {"/usr/share/datasets", NULL, "/usr/share/datasets"},
    {"./data", NULL, "data"},
};

const char *data_place_text(int place) { return places[place].text; }

const char *data_places_text(const char *conjunction, char out[DATA_PLACES_BYTES])
{
    snprintf(out, DATA_PLACES_BYTES, "%s, %s, %s %s %s", places[0].text, places[1].text, places[2].text, conjunction,
             places[3].text);
    return out;
}

void data_place_path(int place, char out[DATA_PATH_BYTES])
{
    const char *base = places[place].variable ? getenv(places[place].variable) : "";
    bool known = base && (*base || !places[place].variable);
    if (!known || snprintf(out, DATA_PATH_BYTES, "%s%s", base, places[place].below) >= DATA_PATH_BYTES) *out = 0;
}

static bool find_in_places(const char *name, char out[DATA_PATH_BYTES])
{
    char place[DATA_PATH_BYTES];
    for (int i = 0; i < DATA_PLACES; i++) {
        data_place_path(i, place);
        if (*place && snprintf(out, DATA_PATH_BYTES, "%s/%s", place, name) < DATA_PATH_BYTES && !access(out, F_OK))
            return true;
    }
    return false;
}

bool data_find_named(const char *name, char out[DATA_PATH_BYTES])
{
    const KnownSet *set = known_set(name);
    return find_in_places(name, out) || (set && set->folder && find_in_places(set->folder, out));
}
