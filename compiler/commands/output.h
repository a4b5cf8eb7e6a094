/*
 * output: files that commands write: whole or not at all.
 */
#ifndef NNC_OUTPUT_H
#define NNC_OUTPUT_H

#include <stddef.h>

typedef struct OutputFile {
    const char *path;
    const char *text;
    size_t length;
} OutputFile;

/* Writes all files, as runtime/core/new_file.h describes, or none.  Returns a
 * Status, the message printed. */
int output_write(const OutputFile *, int count);

#endif
