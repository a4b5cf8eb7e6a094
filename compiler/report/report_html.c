/*
 * The report as one self-contained HTML page that needs no network.
 *
 * In: analyses.  Out: page/page.html with its style, its script, and as data the
 * value that --format json prints plus the diagrams of the blocks.  The script
 * draws everything from that, so the page has no second source of numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "report/diagram.h"
#include "report/report_json.h"
#include "report/page_text.h"

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

static void put_escaped(const char *text, FILE *out)
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

static void put_titles(const Report *r, FILE *out)
{
    for (int i = 0; i < r->count; i++) {
        if (i) fputs(", ", out);
        put_escaped(r->title[i], out);
    }
}

/* The placeholders between @ and @ in the page. */
static void put_part(const char *name, size_t length, const Report *r, const char *json, FILE *out)
{
    if (length == 5 && memcmp(name, "title", 5) == 0)
        put_titles(r, out);
    else if (length == 5 && memcmp(name, "style", 5) == 0)
        fputs(page_style_text, out);
    else if (length == 6 && memcmp(name, "script", 6) == 0)
        fputs(page_script_text, out);
    else if (length == 4 && memcmp(name, "data", 4) == 0)
        put_data(json, out);
}

static void put_page(const Report *r, const char *json, FILE *out)
{
    const char *p = page_html_text;
    for (const char *at; (at = strchr(p, '@')); p = strchr(at + 1, '@') + 1) {
        fwrite(p, 1, (size_t)(at - p), out);
        const char *end = strchr(at + 1, '@');
        put_part(at + 1, (size_t)(end - at - 1), r, json, out);
    }
    fputs(p, out);
}

static void print_html(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    json_t *value = report_to_json(r), *nets = json_object_get(value, "nets");
    for (int i = 0; i < r->count; i++) {
        json_object_set_new(json_array_get(nets, (size_t)i), "diagram", diagram_value(r->net[i], arena));
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(10));
    if (text) put_page(r, text, out);
    r->failed = !text;
    free(text);
    json_decref(value);
    arena_free(arena);
}

const ReportFormat report_html = {"html", print_html, NULL};
