/*
 * output: files that commands write: whole or not at all.
 */
#ifndef NNC_OUTPUT_H
#define NNC_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct OutputFile {
    const char *path;
    const char *text;
    size_t length;
} OutputFile;

/* Writes every file under a temporary name beside its own, then renames them
 * all; after a failure none is there.  Returns a Status, the message printed. */
int output_write(const OutputFile *, int count);
/* The same for one file, with the permissions of the one that it replaces. */
int output_replace(const OutputFile *);

#endif
