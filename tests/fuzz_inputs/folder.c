/* The folder of the targets whose readers take paths. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz_inputs/fuzz_inputs.h"

static char folder[] = "/tmp/nnc-fuzz-XXXXXX";

static void remove_fuzz_folder(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command)) fprintf(stderr, "%s stays\n", folder);
}

static const char *fuzz_folder(void)
{
    static bool made; /* a made name may end in X as well */
    if (made) return folder;
    if (!mkdtemp(folder)) abort();
    made = true;
    atexit(remove_fuzz_folder);
    return folder;
}

const char *fuzz_file(const char *name, const uint8_t *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) abort();
    return fuzz_folder();
}
