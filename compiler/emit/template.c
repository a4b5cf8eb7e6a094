/*
 * Templates: C text with named parts.
 *
 * Enters: text in which {name} stands for a part.  Leaves: the text with the parts in
 * place.  {prefix}, {PREFIX}, {real} and {target} are known everywhere; a call may bring
 * more.  A brace that no identifier follows is C's own.
 *
 * A name that nobody has bound is a bug of the compiler and aborts.
 */
#include "emit/emitter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The length of NAME where the text is {NAME}, else 0. */
static size_t name_length(const char *template)
{
    if (!isalpha((unsigned char)template[1])) return 0;
    size_t length = 1;
    while (is_identifier_char(template[1 + length])) length++;
    return template[1 + length] == '}' ? length : 0;
}

static const char *find_template_part(const TemplatePart *parts, const char *name, size_t length)
{
    for (; parts && parts->name; parts++)
        if (strncmp(parts->name, name, length) == 0 && !parts->name[length]) return parts->text;
    return NULL;
}

static const char *part_named(const Emitter *e, const TemplatePart *parts, const char *name, size_t length)
{
    const TemplatePart known[] = {{"prefix", e->prefix}, {"PREFIX", e->upper}, {"real", e->real}, {0}};
    const char *text = find_template_part(parts, name, length);
    if (!text) text = find_template_part(known, name, length);
    if (text) return text;
    if (length == strlen("target") && strncmp(name, "target", length) == 0) return emitter_target_type(e);
    fprintf(stderr, "nnc: bug: a template names '%.*s', which is not bound\n", (int)length, name);
    abort();
}

void emitter_put_parts(const Emitter *e, Text *out, const char *template, const TemplatePart *parts)
{
    while (*template) {
        const size_t plain = strcspn(template, "{");
        text_add_bytes(out, template, plain);
        template += plain;
        if (!*template) return;
        const size_t length = name_length(template);
        text_add(out, length ? part_named(e, parts, template + 1, length) : "{");
        template += length ? length + 2 : 1;
    }
}

void emitter_put(const Emitter *e, Text *out, const char *template) { emitter_put_parts(e, out, template, NULL); }

const char *emitter_number(const Emitter *e, int64_t number)
{
    return arena_printf(e->arena, "%lld", (long long)number);
}
