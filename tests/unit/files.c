#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/unit/files.h"

void near(double have, double want, double tolerance)
{
    ck_assert_msg(fabs(have - want) <= tolerance, "%.9g is not %.9g (± %g)", have, want, tolerance);
}

char folder[64];

void make_folder(void)
{
    strcpy(folder, "/tmp/nnc-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

void remove_folder(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

const char *in_folder(const char *name)
{
    static char paths[8][256]; /* the last eight */
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 256, "%s/%s", folder, name);
    return path;
}

FILE *create_file(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s", in_folder(name));
    for (char *at = path + strlen(folder) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        mkdir(path, 0777);
        *at = '/';
    }
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    return file;
}

void write_bytes(const char *name, const void *bytes, size_t size)
{
    FILE *file = create_file(name);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

void write_text(const char *name, const char *text) { write_bytes(name, text, strlen(text)); }

NnTensors *parse_tensors(const char *header, size_t data, NnError *error)
{
    size_t length = strlen(header);
    unsigned char *bytes = calloc(1, 8 + length + data);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(length >> (8 * i));
    memcpy(bytes + 8, header, length);
    *error = (NnError){0};
    NnTensors *file = nn_tensors_parse("file", bytes, 8 + length + data, error);
    free(bytes);
    return file;
}
