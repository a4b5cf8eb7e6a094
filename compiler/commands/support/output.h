/*
 * output: files that commands write: whole or not at all.
 */
#ifndef NNC_OUTPUT_H
#define NNC_OUTPUT_H

#include <stddef.h>

#include "report/page.h"

typedef struct OutputFile {
    const char *path;
    const char *text;
    size_t length;
} OutputFile;

/* Writes all files, as runtime/core/new_file.h describes, or none.  Returns a
 * Status, the message printed. */
int output_write(const OutputFile *, int count);

/* The same of a page. */
int output_write_page(const char *path, const Page *);

#endif
