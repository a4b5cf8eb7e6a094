/*
 * Pixels, text, and libpng.
 */
#include "commands/pictures/canvas.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "commands/pictures/canvas_font.h"
#include "commands/support/command.h"
#include "commands/support/output.h"

Canvas *canvas_new(Arena *arena, int width, int height, Color background)
{
    Canvas *c = arena_alloc(arena, sizeof *c);
    *c = (Canvas){width, height, arena_alloc(arena, (size_t)width * (size_t)height * sizeof *c->pixels)};
    canvas_fill(c, 0, 0, width, height, background);
    return c;
}

static Color *pixel_at(const Canvas *c, int x, int y) { return c->pixels + (size_t)y * (size_t)c->width + x; }

static int smaller_of(int a, int b) { return a < b ? a : b; }
static int larger_of(int a, int b) { return a > b ? a : b; }

void canvas_fill(Canvas *c, int x, int y, int width, int height, Color color)
{
    for (int i = larger_of(y, 0); i < smaller_of(y + height, c->height); i++)
        for (int j = larger_of(x, 0); j < smaller_of(x + width, c->width); j++) *pixel_at(c, j, i) = color;
}

/* One point for each step along the longer side. */
void canvas_line(Canvas *c, int x0, int y0, int x1, int y1, int width, Color color)
{
    const int dx = x1 - x0, dy = y1 - y0, steps = larger_of(larger_of(dx, -dx), larger_of(larger_of(dy, -dy), 1));
    for (int i = 0; i <= steps; i++) {
        const int x = x0 + (int)floor((double)dx * i / steps + 0.5); /* the same pixels from either end */
        const int y = y0 + (int)floor((double)dy * i / steps + 0.5);
        canvas_fill(c, x - width / 2, y - width / 2, width, width, color);
    }
}

void canvas_draw(Canvas *c, int x, int y, const Canvas *picture)
{
    for (int i = larger_of(-y, 0); i < smaller_of(picture->height, c->height - y); i++)
        for (int j = larger_of(-x, 0); j < smaller_of(picture->width, c->width - x); j++)
            *pixel_at(c, x + j, y + i) = *pixel_at(picture, j, i);
}

/* ---- text -------------------------------------------------------------------- */

/* The bytes of the character that the text begins with: one that is no UTF-8 is one byte. */
static int character_bytes(const char *text)
{
    uint32_t point;
    int bytes = utf8_decode(text, strlen(text), &point);
    return bytes ? bytes : 1;
}

int text_bytes(const char *text, int characters)
{
    const char *at = text;
    while (*at && characters-- > 0) at += character_bytes(at);
    return (int)(at - text);
}

int text_characters(const char *text)
{
    int count = 0;
    for (; *text; text += character_bytes(text)) count++;
    return count;
}

static const uint8_t *glyph_of(char c)
{
    static const uint8_t box[GLYPH_COLUMNS] = {0x7f, 0x41, 0x41, 0x41, 0x7f};
    return c >= GLYPH_FIRST && c < GLYPH_FIRST + GLYPHS ? canvas_glyphs[c - GLYPH_FIRST] : box;
}

static void draw_glyph(Canvas *c, int x, int y, int scale, Color color, const uint8_t *glyph)
{
    for (int column = 0; column < GLYPH_COLUMNS; column++)
        for (int row = 0; row < GLYPH_ROWS; row++)
            if (glyph[column] >> row & 1) canvas_fill(c, x + column * scale, y + row * scale, scale, scale, color);
}

void canvas_text(Canvas *c, int x, int y, int scale, Color color, const char *text)
{
    for (; *text; text += character_bytes(text), x += GLYPH_WIDTH * scale)
        draw_glyph(c, x, y, scale, color, glyph_of(*text));
}

/* ---- sizes ------------------------------------------------------------------- */

static Canvas *enlarged(Arena *arena, const Canvas *c, int factor)
{
    Canvas *out = canvas_new(arena, c->width * factor, c->height * factor, (Color){0, 0, 0});
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) *pixel_at(out, x, y) = *pixel_at(c, x / factor, y / factor);
    return out;
}

static Color mean_of_square(const Canvas *c, int left, int top, int side)
{
    int r = 0, g = 0, b = 0, count = 0;
    for (int y = top; y < smaller_of(top + side, c->height); y++)
        for (int x = left; x < smaller_of(left + side, c->width); x++, count++) {
            r += pixel_at(c, x, y)->r;
            g += pixel_at(c, x, y)->g;
            b += pixel_at(c, x, y)->b;
        }
    return (Color){(uint8_t)(r / count), (uint8_t)(g / count), (uint8_t)(b / count)};
}

static Canvas *reduced(Arena *arena, const Canvas *c, int factor)
{
    Canvas *out =
        canvas_new(arena, (int)div_round_up(c->width, factor), (int)div_round_up(c->height, factor), (Color){0, 0, 0});
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) *pixel_at(out, x, y) = mean_of_square(c, x * factor, y * factor, factor);
    return out;
}

Canvas *canvas_scaled(Arena *arena, const Canvas *c, int side)
{
    const int longer = larger_of(c->width, c->height);
    return longer > side ? reduced(arena, c, (int)div_round_up(longer, side)) : enlarged(arena, c, side / longer);
}

/* ---- files ------------------------------------------------------------------- */

int canvas_write(const Canvas *c, const char *path)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)c->width,
                       .height = (png_uint_32)c->height,
                       .format = PNG_FORMAT_RGB};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    char *bytes = malloc(size);
    if (!bytes) return fail(STATUS_SYSTEM, "out of memory for %s", path);
    int status = STATUS_OK;
    if (png_image_write_to_memory(&image, bytes, &size, 0, c->pixels, 0, NULL))
        status = output_write(&(OutputFile){path, bytes, size}, 1);
    else
        status = fail(STATUS_SYSTEM, "%s: %s", path, image.message);
    free(bytes);
    return status;
}
