/*
 * Lines and texts → pixels or SVG.
 */
#include "commands/pictures/pen.h"

#include <math.h>

#include "commands/support/output.h"

bool pen_is_picture(const char *path) { return path_has_ending(path, ".png") || path_has_ending(path, ".svg"); }

void pen_begin(Pen *p, Arena *arena, int width, int height, const char *path)
{
    *p = (Pen){.arena = arena, .height = height};
    if (!path_has_ending(path, ".svg")) {
        p->canvas = canvas_new(arena, width, height, (Color){255, 255, 255});
        return;
    }
    text_init(&p->svg, arena);
    text_addf(&p->svg,
              "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"monospace\" "
              "font-size=\"%d\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
              width, height, GLYPH_HEIGHT * PEN_TEXT_SCALE);
}

void pen_line(Pen *p, double x0, double y0, double x1, double y1, int width, Color c)
{
    if (p->canvas)
        canvas_line(p->canvas, (int)lround(x0), (int)lround(y0), (int)lround(x1), (int)lround(y1), width, c);
    else
        text_addf(&p->svg, "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"#%02x%02x%02x\" stroke-width=\"%d\"/>\n", x0, y0,
                  x1, y1, c.r, c.g, c.b, width);
}

/* Of XML. */
static void add_escaped(Text *out, const char *text)
{
    for (; *text; text++)
        if (*text == '<')
            text_add(out, "&lt;");
        else if (*text == '&')
            text_add(out, "&amp;");
        else
            text_addf(out, "%c", *text);
}

void pen_text(Pen *p, double x, double y, Anchor anchor, Color c, const char *text)
{
    static const char *const names[] = {"start", "middle", "end"};
    const double left = x - (double)anchor / 2 * PEN_CHARACTER * text_characters(text);
    if (p->canvas) {
        canvas_text(p->canvas, (int)lround(left), (int)lround(y - PEN_TEXT_HEIGHT / 2), PEN_TEXT_SCALE, c, text);
        return;
    }
    text_addf(&p->svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"#%02x%02x%02x\">", x,
              y + PEN_TEXT_HEIGHT / 2, names[anchor], c.r, c.g, c.b);
    add_escaped(&p->svg, text);
    text_add(&p->svg, "</text>\n");
}

int pen_end(Pen *p, const char *path)
{
    if (p->canvas) return canvas_write(p->canvas, path);
    text_add(&p->svg, "</svg>\n");
    return output_write(&(OutputFile){.path = path, .text = p->svg.data, .length = p->svg.length}, 1);
}

double tick_step(double range)
{
    const double power = pow(10, floor(log10(range / 4))), times = range / 4 / power;
    return power * (times >= 5 ? 5 : times >= 2 ? 2 : 1);
}
