/*
 * The page of one or several runs: page/run.html with its style, its script and the data.
 */
#include <stdlib.h>
#include <string.h>

#include "commands/output.h"
#include "commands/run_record.h"
#include "report/page_text.h"

/* In HTML "<" and "&" are not text; in a script "</" would end it. */
static void add_title(Text *out, const char *title)
{
    for (; *title; title++)
        *title == '<' ? text_add(out, "&lt;") : *title == '&' ? text_add(out, "&amp;") : text_add_bytes(out, title, 1);
}

static void add_run_data(Text *out, const char *json)
{
    for (const char *at; (at = strchr(json, '<')); json = at + 1) {
        text_add_bytes(out, json, (size_t)(at - json));
        text_add(out, "\\u003c");
    }
    text_add(out, json);
}

static void add_run_part(Text *out, const char *name, const char *title, const char *json)
{
    if (!strncmp(name, "title@", 6)) add_title(out, title);
    if (!strncmp(name, "style@", 6)) text_add(out, page_style_text), text_add(out, run_style_text);
    if (!strncmp(name, "script@", 7)) text_add(out, run_script_text);
    if (!strncmp(name, "data@", 5)) add_run_data(out, json);
}

int run_html_write(const char *path, const char *title, json_t *value)
{
    Arena *arena = arena_new();
    char *json = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(7));
    const char *p = run_html_text;
    Text out;
    text_init(&out, arena);
    for (const char *at; json && (at = strchr(p, '@')); p = strchr(at + 1, '@') + 1) {
        text_add_bytes(&out, p, (size_t)(at - p));
        add_run_part(&out, at + 1, title, json);
    }
    text_add(&out, p);
    const int status = json ? output_write(&(OutputFile){path, out.data, out.length}, 1)
                            : fail(STATUS_SYSTEM, "out of memory: the page is not written");
    free(json);
    json_decref(value);
    arena_free(arena);
    return status;
}
