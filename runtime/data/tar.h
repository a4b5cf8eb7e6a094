/*
 * tar: where the files of a tar archive are in it.
 *
 * The formats of POSIX (ustar and pax) and GNU's long names, uncompressed.  Directories, links
 * and devices are passed over.
 */
#ifndef NN_TAR_H
#define NN_TAR_H

#include "runtime/core/core.h"

enum { TAR_NAME_BYTES = 4096 };

typedef struct TarReader {
    const char *path;
    int fd;
    int64_t length; /* of the archive */
    int64_t at;     /* the next header */
} TarReader;

typedef struct TarEntry {
    char name[TAR_NAME_BYTES];
    int64_t offset, size; /* of the file's bytes, which are all there */
} TarEntry;

int tar_open(TarReader *, const char *path, NnError *);
/* 1: the next file; 0: there is none; −1: the archive is damaged. */
int tar_next(TarReader *, TarEntry *, NnError *);
void tar_close(TarReader *);

#endif
