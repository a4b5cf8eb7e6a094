/*
 * Bytes → UTF-8.
 *
 * Enters: a text of any bytes.  Leaves: one that is UTF-8.  What that is, jansson says,
 * which would write nothing else.
 */
#include "runtime/core/text.h"

#include <stdlib.h>
#include <string.h>

/* The bytes of the character that the text begins with; 0: it begins with none. */
static size_t utf8_bytes(const char *text)
{
    enum { LONGEST = 4 };
    for (size_t count = 1; count <= LONGEST && text[count - 1]; count++) {
        json_t *character = json_stringn(text, count);
        json_decref(character);
        if (character) return count;
    }
    return 0;
}

void nn_make_utf8(char *text)
{
    while (*text) {
        const size_t count = utf8_bytes(text);
        if (!count) *text = '?';
        text += count ? count : 1;
    }
}

json_t *nn_json_text(const char *text)
{
    json_t *value = json_string(text);
    char *copy = value || !text ? NULL : strdup(text);
    if (!copy) return value;
    nn_make_utf8(copy);
    value = json_string(copy);
    free(copy);
    return value;
}
