/*
 * The figure of a net for LaTeX: a standalone document, one page for each net.
 */
#include <string.h>

#include "report/figure.h"
#include "report/report_formats.h"

static const double pixel = 0.02; /* cm */

static const char *const tikz_head = "\\documentclass[tikz,border=6pt]{standalone}\n"
                                     "\\usepackage[T1]{fontenc}\n"
                                     "\\usepackage[utf8]{inputenc}\n";

static const char *const tikz_styles = "\\tikzset{box/.style={draw=black!80,line width=0.2pt,line join=round},\n"
                                       "  flow/.style={draw=black!65,line width=0.4pt,->,>=stealth},\n"
                                       "  size/.style={font=\\sffamily\\fontsize{4}{5}\\selectfont,anchor=base},\n"
                                       "  kind/.style={size,text=black!65},\n"
                                       "  name/.style={font=\\sffamily\\bfseries\\small,anchor=base west}}\n";

static double tikz_x(double x) { return pixel * x; }
static double tikz_y(double y) { return -pixel * y; }

static void put_tex(const char *text, FILE *out)
{
    for (; *text; text++) {
        switch (*text) {
        case '\\': fputs("\\textbackslash{}", out); break;
        case '~': fputs("\\textasciitilde{}", out); break;
        case '^': fputs("\\textasciicircum{}", out); break;
        default:
            if (strchr("#$%&_{}", *text)) fputc('\\', out);
            fputc(*text, out);
        }
    }
}

/* A parallelogram with a corner at (x, y) and two sides. */
static void put_face(const char *fill, const double at[2], const double a[2], const double b[2], FILE *out)
{
    fprintf(out, "\\filldraw[box,fill=%s] (%.3f,%.3f) -- ++(%.3f,%.3f) -- ++(%.3f,%.3f) -- ++(%.3f,%.3f) -- cycle;\n",
            fill, tikz_x(at[0]), tikz_y(at[1]), tikz_x(a[0]), tikz_y(a[1]), tikz_x(b[0]), tikz_y(b[1]), tikz_x(-a[0]),
            tikz_y(-a[1]));
}

static const char *tikz_fill(Arena *arena, FigureKind kind, const char *mixed)
{
    return arena_printf(arena, "nncfill%c%s", 'a' + (int)kind, mixed);
}

static void put_box_tikz(const FigureBox *b, Arena *arena, FILE *out)
{
    const double down[] = {0, b->height}, back[] = {b->oblique, -b->oblique};
    const double middle = tikz_x(b->x + (b->depth + b->oblique) / 2), under = b->y + b->height + FIGURE_LINE;
    double at[] = {b->x, b->y};
    FigureKind last = FIGURE_OTHER;
    for (int i = 0; i < b->slabs.count; i++) {
        const FigureSlab *s = b->slabs.at[i];
        const double right[] = {s->depth, 0};
        put_face(tikz_fill(arena, s->kind, ""), at, right, down, out);
        put_face(tikz_fill(arena, s->kind, "!65!white"), at, right, back, out);
        at[0] += s->depth;
        last = s->kind;
    }
    put_face(tikz_fill(arena, last, "!82!black"), at, down, back, out);
    fprintf(out, "\\node[size] at (%.3f,%.3f) {%s};\n", middle, tikz_y(under), b->shape);
    fprintf(out, "\\node[kind] at (%.3f,%.3f) {", middle, tikz_y(under + FIGURE_LINE));
    put_tex(b->kind, out);
    fputs("};\n", out);
}

static void put_arrow_tikz(const FigureArrow *a, FILE *out)
{
    fputs("\\draw[flow]", out);
    for (int i = 0; i < a->points; i++)
        fprintf(out, "%s (%.3f,%.3f)", i ? " --" : "", tikz_x(a->at[i][0]), tikz_y(a->at[i][1]));
    fputs(";\n", out);
}

static void put_repeat_tikz(const FigureRepeat *r, FILE *out)
{
    fprintf(out, "\\draw[flow,-] (%.3f,%.3f) -- ++(0,%.3f) -- ++(%.3f,0) -- ++(0,%.3f);\n", tikz_x(r->x), tikz_y(r->y),
            tikz_y(5), tikz_x(r->width), tikz_y(-5));
    fprintf(out, "\\node[size] at (%.3f,%.3f) {$\\times$%d};\n", tikz_x(r->x + r->width / 2),
            tikz_y(r->y + 5 + FIGURE_LINE), r->count);
}

static void put_legend_tikz(const Figure *f, Arena *arena, FILE *out)
{
    double at[] = {0, f->height + 17};
    const double right[] = {11, 0}, down[] = {0, 11};
    for (int i = 0; i < FIGURE_KINDS; i++) {
        if (!f->used[i]) continue;
        put_face(tikz_fill(arena, (FigureKind)i, ""), at, right, down, out);
        fprintf(out, "\\node[size,anchor=base west] at (%.3f,%.3f) {%s};\n", tikz_x(at[0] + 11), tikz_y(at[1] + 9),
                figure_colours[i].name);
        at[1] += 17;
    }
}

static void put_figure_tikz(const Figure *f, Arena *arena, FILE *out)
{
    fputs("\\begin{tikzpicture}\n\\node[name] at (0,0.4) {", out);
    put_tex(f->title, out);
    fputs("};\n", out);
    for (int i = 0; i < f->arrows.count; i++) put_arrow_tikz(f->arrows.at[i], out);
    for (int i = 0; i < f->boxes.count; i++) put_box_tikz(f->boxes.at[i], arena, out);
    for (int i = 0; i < f->repeats.count; i++) put_repeat_tikz(f->repeats.at[i], out);
    put_legend_tikz(f, arena, out);
    fputs("\\end{tikzpicture}\n", out);
}

static void print_tikz(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    fputs(tikz_head, out);
    for (int i = 0; i < FIGURE_KINDS; i++)
        fprintf(out, "\\definecolor{%s}{HTML}{%s}\n", tikz_fill(arena, (FigureKind)i, ""), figure_colours[i].light);
    fprintf(out, "%s\\begin{document}\n", tikz_styles);
    for (int i = 0; i < r->count; i++) put_figure_tikz(figure_of(r->net[i], r->title[i], arena), arena, out);
    fputs("\\end{document}\n", out);
    arena_free(arena);
}

const ReportFormat report_tikz = {"tikz", print_tikz, NULL};
