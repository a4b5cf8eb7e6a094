/*
 * new_file: files that appear whole or not at all.
 *
 * A regular file is written under a temporary name in its folder, made durable
 * and renamed, so that whoever looks sees the old file or the new one.  Symbolic
 * links are followed: the link stays, what it points to is replaced.  A file that
 * is replaced passes its permissions on.  What is no regular file (a terminal, a
 * device, a pipe, a socket) is written through, and so is a descriptor of this
 * process (/dev/stdout, /dev/fd/3).
 */
#ifndef NN_NEW_FILE_H
#define NN_NEW_FILE_H

#include "runtime/core/core.h"

typedef struct NnNewFile {
    const char *path;
    /* Writes the contents; 0 on success. */
    int (*write)(const void *user, int fd, const char *path, NnError *);
    const void *user;
} NnNewFile;

/* Writes all files or none of them: after a failure every regular one is as it
 * was before, and no temporary file is left. */
int nn_files_write(const NnNewFile *, int count, NnError *);

/* Whether a file of `bytes` could be written to the path now; nothing there is changed. */
int nn_file_check(const char *path, size_t bytes, NnError *);

/* All of the bytes, whatever the system writes at once; −1 and errno on failure. */
int nn_write_all(int fd, const void *bytes, size_t count);

#endif
