/*
 * The figure of a net as SVG: self-contained, for light and dark pages.
 */
#include <math.h>

#include "report/figure.h"
#include "report/page.h"
#include "report/report_formats.h"

enum { EDGE = 16, HEAD = 34, LEGEND = 34, LEGEND_ENTRY = 124, SWATCH = 11, WIDTH_LEAST = 620 };

static const char *const figure_style =
    "text{font:10px Helvetica,Arial,sans-serif;fill:#25303b}\n"
    ".m{text-anchor:middle}.k{fill:#55606c}.t{font-size:15px;font-weight:600}\n"
    ".bg{fill:#fff}.b path{stroke:#2b3440;stroke-width:.6;stroke-linejoin:round}\n"
    ".b .u{fill:#fff;fill-opacity:.35}.b .s{fill:#000;fill-opacity:.18}\n"
    ".a{fill:none;stroke:#55606c;stroke-width:1.1;stroke-linejoin:round}.h{fill:#55606c}\n";

static const char *const figure_dark_style =
    "text{fill:#e6eaee}.k{fill:#b3bcc6}.bg{fill:#14181d}.b path{stroke:#d5dbe1}\n"
    ".a{stroke:#b3bcc6}.h{fill:#b3bcc6}\n";

static void put_style(FILE *out)
{
    fprintf(out, "<style>\n%s", figure_style);
    for (int i = 0; i < FIGURE_KINDS; i++) fprintf(out, ".f%d{fill:#%s}", i, figure_colours[i].light);
    fprintf(out, "\n@media (prefers-color-scheme:dark){\n%s", figure_dark_style);
    for (int i = 0; i < FIGURE_KINDS; i++) fprintf(out, ".f%d{fill:#%s}", i, figure_colours[i].dark);
    fputs("}\n</style>\n", out);
}

/* A face in the colour of the kind; shaded by `over`, a class of the style. */
static void put_path(FigureKind kind, const char *over, const char *path, FILE *out)
{
    fprintf(out, "<path class=\"f%d\" d=\"%s\"/>", (int)kind, path);
    if (over) fprintf(out, "<path class=\"%s\" d=\"%s\"/>", over, path);
}

static void put_slab(double x, const FigureBox *b, const FigureSlab *s, FILE *out)
{
    char path[128];
    const double o = b->oblique;
    snprintf(path, sizeof path, "M%.1f %.1fv%.1fh%.1fv%.1fz", x, b->y, b->height, s->depth, -b->height);
    put_path(s->kind, NULL, path, out);
    snprintf(path, sizeof path, "M%.1f %.1fl%.1f %.1fh%.1fl%.1f %.1fz", x, b->y, o, -o, s->depth, -o, o);
    put_path(s->kind, "u", path, out);
}

static void put_side(double x, const FigureBox *b, const FigureSlab *s, FILE *out)
{
    char path[128];
    const double o = b->oblique;
    snprintf(path, sizeof path, "M%.1f %.1fl%.1f %.1fv%.1fl%.1f %.1fz", x, b->y, o, -o, b->height, -o, o);
    put_path(s->kind, "s", path, out);
}

static void put_box_svg(const FigureBox *b, FILE *out)
{
    const double middle = b->x + (b->depth + b->oblique) / 2, under = b->y + b->height + FIGURE_LINE;
    double x = b->x;
    fputs("<g class=\"b\"><title>", out);
    markup_write(b->about, out);
    fprintf(out, ", %s</title>", b->shape);
    for (int i = 0; i < b->slabs.count; i++) {
        const FigureSlab *s = b->slabs.at[i];
        put_slab(x, b, s, out);
        x += s->depth;
    }
    put_side(x, b, b->slabs.at[b->slabs.count - 1], out);
    fprintf(out, "</g>\n<text class=\"m\" x=\"%.1f\" y=\"%.1f\">%s</text>", middle, under, b->shape);
    fprintf(out, "<text class=\"m k\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", middle, under + FIGURE_LINE, b->kind);
}

static void put_arrow_svg(const FigureArrow *a, FILE *out)
{
    const double *end = a->at[a->points - 1], *before = a->at[a->points - 2];
    const bool down = fabs(end[0] - before[0]) < 0.01;
    const double half = FIGURE_ARROW / 2.0;
    fputs("<path class=\"a\" d=\"", out);
    for (int i = 0; i < a->points; i++) fprintf(out, "%c%.1f %.1f", i ? 'L' : 'M', a->at[i][0], a->at[i][1]);
    fprintf(out, "\"/><path class=\"h\" d=\"M%.1f %.1f", end[0], end[1]);
    if (down)
        fprintf(out, "l%.1f %dh%dz\"/>\n", -half, -FIGURE_ARROW, FIGURE_ARROW);
    else
        fprintf(out, "l%d %.1fv%dz\"/>\n", -FIGURE_ARROW, -half, FIGURE_ARROW);
}

static void put_repeat_svg(const FigureRepeat *r, FILE *out)
{
    fprintf(out, "<path class=\"a\" d=\"M%.1f %.1fv5h%.1fv-5\"/>", r->x, r->y, r->width);
    fprintf(out, "<text class=\"m\" x=\"%.1f\" y=\"%.1f\">×%d</text>\n", r->x + r->width / 2, r->y + 5 + FIGURE_LINE,
            r->count);
}

static void put_legend_svg(const Figure *f, double width, FILE *out)
{
    double x = 0, y = f->height + LEGEND / 2.0;
    for (int i = 0; i < FIGURE_KINDS; i++) {
        if (!f->used[i]) continue;
        if (x + LEGEND_ENTRY > width) {
            x = 0;
            y += LEGEND / 2.0;
        }
        fprintf(out, "<rect class=\"f%d\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\"/>", i, x, y, SWATCH, SWATCH);
        fprintf(out, "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", x + SWATCH + 5, y + SWATCH - 2, figure_colours[i].name);
        x += LEGEND_ENTRY;
    }
    fprintf(out,
            "<text class=\"k\" x=\"0\" y=\"%.1f\">Sides and depths grow with the square root of size and "
            "channels.</text>\n",
            y + LEGEND);
}

static double figure_room(const Figure *f) { return HEAD + f->height + 2.5 * LEGEND; }

/* One net; its first title is that of the document. */
static void put_figure_svg(const Figure *f, double width, double y, FILE *out)
{
    fprintf(out, "<g transform=\"translate(%d %.1f)\">\n<text class=\"t\" x=\"0\" y=\"12\">", EDGE, y);
    markup_write(f->title, out);
    fprintf(out, "</text>\n<g transform=\"translate(0 %d)\">\n", HEAD);
    for (int i = 0; i < f->arrows.count; i++) put_arrow_svg(f->arrows.at[i], out);
    for (int i = 0; i < f->boxes.count; i++) put_box_svg(f->boxes.at[i], out);
    for (int i = 0; i < f->repeats.count; i++) put_repeat_svg(f->repeats.at[i], out);
    put_legend_svg(f, width, out);
    fputs("</g>\n</g>\n", out);
}

static void put_opening(Figure *const *f, int count, double width, double height, FILE *out)
{
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" ",
            width, height, width, height);
    fputs("role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">", out);
    for (int i = 0; i < count; i++) {
        if (i) fputs(", ", out);
        markup_write(f[i]->title, out);
    }
    fputs("</title>\n<desc id=\"desc\">Layers from input to output:", out);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < f[i]->boxes.count; k++) {
            const FigureBox *b = f[i]->boxes.at[k];
            fprintf(out, "%s %s %s", k ? "," : i ? "." : "", b->kind, b->shape);
        }
    fputs(".</desc>\n", out);
}

static void print_svg(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    Figure **f = arena_alloc(arena, (size_t)r->count * sizeof(Figure *));
    double width = WIDTH_LEAST, height = EDGE, y = EDGE;
    for (int i = 0; i < r->count; i++) {
        f[i] = figure_of(r->net[i], r->title[i], arena);
        width = fmax(width, f[i]->width);
        height += figure_room(f[i]);
    }
    put_opening(f, r->count, ceil(width + 2 * EDGE), ceil(height), out);
    put_style(out);
    fputs("<rect class=\"bg\" width=\"100%\" height=\"100%\"/>\n", out);
    for (int i = 0; i < r->count; i++) {
        put_figure_svg(f[i], width, y, out);
        y += figure_room(f[i]);
    }
    fputs("</svg>\n", out);
    arena_free(arena);
}

const ReportFormat report_svg = {"svg", print_svg, NULL};
