/*
 * file_use: what is written is neither what is read nor another thing that is written.
 */
#ifndef NNC_FILE_USE_H
#define NNC_FILE_USE_H

#include <stdbool.h>

/* A file of the command line.  One that may be replaced by what is made of it, such as weights, is not among them. */
typedef struct FileUse {
    const char *as;   /* "-o", "--log", …; of what is read "the source", "its input", … */
    const char *path; /* NULL or "-": there is none */
    bool written;
} FileUse;

/* STATUS_OK, or STATUS_USAGE after a message that names the first two that are one file. */
int files_apart(const FileUse *, int count);

#endif
