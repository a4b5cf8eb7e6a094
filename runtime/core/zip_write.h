/*
 * zip_write: members, stored as they are → an archive that NumPy and PyTorch read.
 */
#ifndef NN_ZIP_WRITE_H
#define NN_ZIP_WRITE_H

#include "runtime/core/core.h"

typedef struct ZipPlaced ZipPlaced; /* a member that has been written */

typedef struct ZipWriter {
    int fd;
    const char *path;
    uint64_t at; /* bytes written */
    ZipPlaced *members;
    size_t count, capacity;
} ZipWriter;

/* One of the pieces that a member consists of. */
typedef struct ZipPiece {
    const void *bytes;
    size_t size;
} ZipPiece;

/* The first byte of the member is at a multiple of `align`, a power of two up to 64 or 1.  Members
 * have no dates.  0, or −1 and an error; zip_write_end, which writes the directory, frees the
 * writer also after a failure, when it is told so. */
void zip_write_begin(ZipWriter *, int fd, const char *path);
int zip_write_member(ZipWriter *, const char *name, const ZipPiece *, int pieces, unsigned align, NnError *);
int zip_write_end(ZipWriter *, bool failed, NnError *);

#endif
