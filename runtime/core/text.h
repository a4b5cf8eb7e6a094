/*
 * text.h: names of files and folders may be any bytes; JSON, and so a weights file, holds
 * UTF-8 alone.
 */
#ifndef NN_TEXT_H
#define NN_TEXT_H

#include <jansson.h>

/* Writes `?` over each byte that is no part of UTF-8. */
void nn_make_utf8(char *text);

/* The text as JSON has it, made UTF-8 where it is not. */
json_t *nn_json_text(const char *text);

#endif
