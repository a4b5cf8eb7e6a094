/*
 * zip: the archives that NumPy (.npz) and PyTorch (.pt) write.
 */
#ifndef NN_ZIP_H
#define NN_ZIP_H

#include "runtime/core/core.h"

typedef struct ZipMember {
    const unsigned char *name; /* in the archive; ends without a zero */
    size_t name_length;
    int method;
    uint32_t crc;
    uint64_t packed, size, local; /* bytes in the archive, bytes unpacked, where its own header is */
    unsigned char *data;          /* as packed, in the archive */
    unsigned char *unpacked;      /* of a deflated one; NULL: not yet */
} ZipMember;

typedef struct Zip {
    char *path;
    ZipMember *members;
    size_t count;
} Zip;

bool zip_recognises(const char *bytes, size_t size);

/* The directory of an archive, every member of which lies within it.  `bytes` stay the caller's.
 * zip_close may follow a failure. */
int zip_open(Zip *, char *bytes, size_t size, const char *path, NnError *);
void zip_close(Zip *);

bool zip_name_ends(const ZipMember *, const char *ending);

/* The first `size` bytes of a member → out. */
int zip_peek(const Zip *, const ZipMember *, unsigned char *out, uint64_t size, NnError *);

/* The whole member, checked by its CRC, valid until zip_close: in the archive itself where it is
 * stored.  NULL: failed. */
unsigned char *zip_data(const Zip *, ZipMember *, NnError *);

#endif
