/* What the tests of files begin with: a folder for each test, and short checks. */
#ifndef NNC_TESTS_UNIT_FILES_H
#define NNC_TESTS_UNIT_FILES_H

#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "runtime/core/core.h"

#define COUNT(array)              ((int)(sizeof(array) / sizeof *(array)))
#define ck_assert_has(text, part) ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in: %s", part, text)

/* No further apart than the tolerance, which may be 0. */
void near(double have, double want, double tolerance);

/* A checked fixture: each test has a folder of its own. */
extern char folder[64];
void make_folder(void);
void remove_folder(void);

/* The path of a file in it; the last eight stay valid. */
const char *in_folder(const char *name);

/* Write a file there, and make the folders on the way to it. */
FILE *create_file(const char *name);
void write_bytes(const char *name, const void *bytes, size_t size);
void write_text(const char *name, const char *text);

/* A safetensors file of this header and so many zero bytes. */
NnTensors *parse_tensors(const char *header, size_t data, NnError *error);

#endif
