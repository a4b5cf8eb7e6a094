/*
 * Pixels → characters.
 *
 * A character is about twice as high as it is wide, so that an upper half block (U+2580) with
 * the upper pixel as its colour and the lower one behind it is two square pixels.
 */
#include "commands/pictures/terminal_picture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "commands/pictures/sixel.h"
#include "commands/pictures/terminal_query.h"

typedef enum TerminalColors { TERMINAL_PLAIN, TERMINAL_256, TERMINAL_24_BIT } TerminalColors;

enum { USUAL_COLUMNS = 80, MOST_COLUMNS = 500, COLUMN_PIXELS = 8 };

static const char *const inline_forms[] = {[INLINE_AUTO] = "auto",
                                           [INLINE_SIXEL] = "sixel",
                                           [INLINE_BLOCKS] = "blocks",
                                           [INLINE_TEXT] = "text",
                                           [INLINE_NONE] = "none"};

bool inline_form_named(const char *name, InlineForm *form)
{
    for (int i = 0; i <= INLINE_NONE; i++) {
        if (strcmp(inline_forms[i], name) != 0) continue;
        *form = (InlineForm)i;
        return true;
    }
    return false;
}

/* What the environment says. */
static TerminalColors terminal_colors(void)
{
    const char *depth = getenv("COLORTERM"), *terminal = getenv("TERM"), *none = getenv("NO_COLOR");
    if ((none && *none) || !terminal || strcmp(terminal, "dumb") == 0) return TERMINAL_PLAIN;
    return depth && (strcmp(depth, "truecolor") == 0 || strcmp(depth, "24bit") == 0) ? TERMINAL_24_BIT : TERMINAL_256;
}

InlineForm inline_form_found(InlineForm form)
{
    if (form != INLINE_AUTO) return form;
    if (terminal_colors() == TERMINAL_PLAIN) return INLINE_TEXT;
    return sixel_library() && terminal_has_sixels() ? INLINE_SIXEL : INLINE_BLOCKS;
}

/* Of standard output. */
static int terminal_columns(void)
{
    struct winsize size = {0};
    if (ioctl(fileno(stdout), TIOCGWINSZ, &size) || !size.ws_col) return USUAL_COLUMNS;
    return size.ws_col < MOST_COLUMNS ? size.ws_col : MOST_COLUMNS;
}

/* The width of all columns. */
static int terminal_pixels(void)
{
    struct winsize size = {0};
    if (ioctl(fileno(stdout), TIOCGWINSZ, &size) == 0 && size.ws_xpixel) return size.ws_xpixel;
    return terminal_columns() * COLUMN_PIXELS;
}

/* The nearest colour of xterm's 6 × 6 × 6 cube, whose levels are 0, 95, 135, 175, 215, 255. */
static int cube_level(int v) { return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40; }

static void put_color(Color c, bool behind, TerminalColors colors, FILE *out)
{
    const int code = behind ? 48 : 38;
    if (colors == TERMINAL_24_BIT)
        fprintf(out, "\033[%d;2;%d;%d;%dm", code, c.r, c.g, c.b);
    else
        fprintf(out, "\033[%d;5;%dm", code, 16 + 36 * cube_level(c.r) + 6 * cube_level(c.g) + cube_level(c.b));
}

/* ITU-R 601. */
static int brightness(Color c) { return (299 * c.r + 587 * c.g + 114 * c.b) / 1000; }

static void put_ramp(Color upper, Color lower, FILE *out)
{
    static const char ramp[] = " .:-=+*#%@";
    putc(ramp[(brightness(upper) + brightness(lower)) / 2 * 10 / 256], out);
}

static void draw_row(const Canvas *c, int y, TerminalColors colors, FILE *out)
{
    const Color *upper = c->pixels + (size_t)y * (size_t)c->width;
    const Color *lower = y + 1 < c->height ? upper + c->width : NULL; /* NULL: what the terminal has behind */
    for (int x = 0; x < c->width; x++) {
        if (colors == TERMINAL_PLAIN) {
            put_ramp(upper[x], lower ? lower[x] : upper[x], out);
            continue;
        }
        put_color(upper[x], false, colors, out);
        if (lower) put_color(lower[x], true, colors, out);
        fputs("▀", out);
    }
    fputs(colors == TERMINAL_PLAIN ? "\n" : "\033[0m\n", out);
}

/* The picture, or one reduced by a whole factor. */
static const Canvas *canvas_within(Arena *arena, const Canvas *picture, int width)
{
    const int longer = picture->width > picture->height ? picture->width : picture->height;
    const int factor = (int)div_round_up(picture->width, width);
    return factor > 1 ? canvas_scaled(arena, picture, (int)div_round_up(longer, factor)) : picture;
}

void terminal_draw_inline(Arena *arena, const Canvas *picture, InlineForm form, FILE *out)
{
    const TerminalColors said = terminal_colors();
    if (form == INLINE_NONE) return;
    if (form == INLINE_SIXEL && sixel_draw(arena, canvas_within(arena, picture, terminal_pixels()), out)) return;
    const TerminalColors colors = form == INLINE_TEXT ? TERMINAL_PLAIN : said == TERMINAL_PLAIN ? TERMINAL_256 : said;
    const Canvas *c = canvas_within(arena, picture, terminal_columns());
    for (int y = 0; y < c->height; y += 2) draw_row(c, y, colors, out);
}
