/*
 * Templates → pages.
 */
#include "report/page.h"

#include <string.h>

#include "report/page_text.h"

void markup_write(const char *text, FILE *out)
{
    for (; *text; text++) {
        const char *entity = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        if (entity)
            fputs(entity, out);
        else
            fputc(*text, out);
    }
}

/* Inside <script> only "</" and "<!" would end the data too early. */
static void put_data(const char *json, FILE *out)
{
    for (; *json; json++) {
        if (*json == '<')
            fputs("\\u003c", out);
        else
            fputc(*json, out);
    }
}

/* The placeholders between @ and @ in a template. */
static void put_part(const Page *p, const char *name, size_t length, FILE *out)
{
    if (length == 5 && memcmp(name, "title", 5) == 0)
        markup_write(p->title, out);
    else if (length == 4 && memcmp(name, "kind", 4) == 0)
        markup_write(p->kind, out);
    else if (length == 5 && memcmp(name, "style", 5) == 0)
        fprintf(out, "%s%s", page_style_text, p->style);
    else if (length == 6 && memcmp(name, "script", 6) == 0)
        fputs(p->script, out);
    else if (length == 4 && memcmp(name, "data", 4) == 0)
        put_data(p->data, out);
}

static void put_template(const Page *page, const char *p, FILE *out)
{
    for (const char *at; (at = strchr(p, '@')); p = strchr(at + 1, '@') + 1) {
        fwrite(p, 1, (size_t)(at - p), out);
        put_part(page, at + 1, strcspn(at + 1, "@"), out);
    }
    fputs(p, out);
}

void page_write(const Page *page, FILE *out)
{
    put_template(page, page_head_text, out);
    put_template(page, page->body, out);
    put_template(page, page_foot_text, out);
}
