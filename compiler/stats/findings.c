/*
 * The list of the findings of a run.
 *
 * A finding is printed once: the same kind at the same place of the source is not found again.
 */
#include "stats/findings.h"

#include <string.h>

struct Findings {
    Compilation *c;
    List list; /* of Finding */
    const FindingKind *looking_for;
    int epoch;
};

Findings *findings_new(Compilation *c)
{
    Findings *f = arena_alloc(c->arena, sizeof *f);
    f->c = c;
    return f;
}

const char *findings_text(Findings *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(f->c->arena, format, args);
    va_end(args);
    return text;
}

/* {0} in the message becomes parts[0]. */
static const char *message_text(Arena *arena, const char *message, const char *const parts[FINDING_PARTS])
{
    Text text;
    text_init(&text, arena);
    for (const char *p = message; *p; p++) {
        const bool part = p[0] == '{' && p[1] >= '0' && p[1] < '0' + FINDING_PARTS && p[2] == '}';
        if (part && parts[p[1] - '0']) text_add(&text, parts[p[1] - '0']);
        if (!part) text_add_bytes(&text, p, 1);
        p += part ? 2 : 0;
    }
    return text.data;
}

static bool is_found(const Findings *f, const FindingKind *kind, Span span)
{
    for (int i = 0; i < f->list.count; i++) {
        const Finding *have = f->list.at[i];
        if (have->kind == kind && have->span.file == span.file && have->span.begin == span.begin) return true;
    }
    return false;
}

void finding_add(Findings *f, Span span, const char *const parts[FINDING_PARTS])
{
    const FindingKind *kind = f->looking_for;
    if (is_found(f, kind, span)) return;
    Finding *found = arena_alloc(f->c->arena, sizeof *found);
    *found = (Finding){kind, span, message_text(f->c->arena, kind->message, parts), f->epoch};
    list_push(f->c->arena, &f->list, found);
    diag_warning(f->c, span, "%s [%s]", found->text, kind->name);
    diag_note(f->c, span_nowhere(), "%s", kind->advice);
}

void findings_look(Findings *f, const FindingKind *kinds, const Evidence *e, FindingTime time, bool color)
{
    f->epoch = e->epoch_count ? e->epoch[e->epoch_count - 1].epoch : 0;
    for (const FindingKind *kind = kinds; kind->name; kind++) {
        f->looking_for = kind;
        if (kind->time == time) kind->look(e, f);
    }
    if (f->c->diagnostics.count) diag_print(f->c, stderr, color);
    f->c->diagnostics.count = 0;
}

int findings_count(const Findings *f) { return f->list.count; }
const Finding *findings_at(const Findings *f, int i) { return f->list.at[i]; }

bool findings_have(const Findings *f, const char *name)
{
    for (int i = 0; i < f->list.count; i++)
        if (!strcmp(((const Finding *)f->list.at[i])->kind->name, name)) return true;
    return false;
}
