/*
 * Texts of the runtime inside the compiler, by the names of their files.
 */
#include "emit/emitter.h"
#include "emit/texts.h"

#include <assert.h>
#include <string.h>

const char *kernel_text_of(const char *file)
{
    for (int i = 0; i < kernel_text_count; i++) {
        if (strcmp(kernel_texts[i].name, file) == 0) return kernel_texts[i].text;
    }
    assert(0 && "a kernel that the compiler does not contain");
    return "";
}

/* The file that a line of a kernel includes, without its directory; NULL where it includes none. */
const char *kernel_text_included(Arena *arena, const char *line)
{
    static const char include[] = "#include \"";
    if (strncmp(line, include, sizeof include - 1) != 0) return NULL;
    return path_file_name(arena_strndup(arena, line + sizeof include - 1, strcspn(line + sizeof include - 1, "\"")));
}
