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
#include "report/page.h"
#include "report/page_text.h"

static const char *titles_of(const Report *r, Arena *arena)
{
    Text titles;
    text_init(&titles, arena);
    for (int i = 0; i < r->count; i++) text_addf(&titles, "%s%s", i ? ", " : "", r->title[i]);
    return titles.data;
}

static void print_html(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    json_t *value = report_to_json(r), *nets = json_object_get(value, "nets");
    for (int i = 0; i < r->count; i++) {
        json_object_set_new(json_array_get(nets, (size_t)i), "diagram", diagram_value(r->net[i], arena, true));
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(10));
    if (text) page_write(&(Page){page_html_text, titles_of(r, arena), "report", "", page_script_text, text}, out);
    r->failed = !text;
    free(text);
    json_decref(value);
    arena_free(arena);
}

const ReportFormat report_html = {"html", print_html, NULL};
