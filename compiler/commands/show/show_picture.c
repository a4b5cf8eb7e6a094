/*
 * Captions, grids, the sample, and where a picture goes.
 */
#include "commands/show/show_picture.h"

#include <math.h>
#include <string.h>

#include "commands/support/feeding.h"
#include "runtime/data/inputs.h"

static const Color paper = {255, 255, 255}, ink = {32, 32, 32};

int picture_side(const PictureRequest *r, int file, int terminal)
{
    return r->output || r->form == INLINE_SIXEL ? file : terminal;
}

/* Lines of a caption that fit into the width, on top of the picture; returns their height.  NULL: that alone. */
static int draw_caption(Canvas *c, int width, const char *caption)
{
    enum { SCALE = 2, MARGIN = 6, LINE = SCALE * GLYPH_HEIGHT + 4 };
    const int room = (width - 2 * MARGIN) / (SCALE * GLYPH_WIDTH);
    int height = MARGIN;
    while (*caption) {
        int bytes = text_bytes(caption, room > 1 ? room : 1);
        const int whole = bytes;
        while (caption[bytes] && bytes > 0 && caption[bytes] != ' ') bytes--;
        if (!bytes) bytes = whole;
        char line[256];
        snprintf(line, sizeof line, "%.*s", bytes, caption);
        if (c) canvas_text(c, MARGIN, height, SCALE, ink, line);
        height += LINE;
        caption += bytes;
        caption += strspn(caption, " ");
    }
    return height + MARGIN;
}

int picture_put(const PictureRequest *r, Arena *arena, Canvas *picture, const char *caption)
{
    enum { NARROWEST = 320 };
    if (!r->output) {
        terminal_draw_inline(arena, picture, r->form, stdout);
        puts(caption);
        return finish_output();
    }
    const int width = picture->width < NARROWEST ? NARROWEST : picture->width;
    const int top = draw_caption(NULL, width, caption);
    Canvas *all = canvas_new(arena, width, top + picture->height, paper);
    draw_caption(all, width, caption);
    canvas_draw(all, 0, top, picture);
    return canvas_write(all, r->output);
}

Canvas *picture_grid(Arena *arena, Canvas *const *tile, int count, int columns, int gap)
{
    const int rows = (int)div_round_up(count, columns);
    const int width = tile[0]->width + gap, height = tile[0]->height + gap;
    Canvas *all = canvas_new(arena, columns * width + gap, rows * height + gap, paper);
    for (int i = 0; i < count; i++) canvas_draw(all, gap + i % columns * width, gap + i / columns * height, tile[i]);
    return all;
}

/* ---- the sample ---------------------------------------------------------------------- */

typedef struct OneSample {
    float *x;
    size_t elements;
    int count;
} OneSample;

static int take_only_sample(void *user, const char *name, const float *x)
{
    OneSample *one = user;
    (void)name;
    if (one->count++ == 0) memcpy(one->x, x, one->elements * sizeof *x);
    return 0;
}

int picture_sample(const PictureRequest *r, const Model *m, const WeightedModel *w, Fitting *fitting, float **x)
{
    NnError error = {0};
    OneSample one = {.elements = m->info->inputs};
    one.x = arena_alloc(m->c->arena, one.elements * sizeof *one.x);
    if (feeding_fit(fitting, m, w->file, r->weights, &error)) return fail_error(&error);
    if (nn_inputs_read(fitting, r->image, take_only_sample, &one, &error)) return fail_error(&error);
    if (one.count != 1) return fail(STATUS_INPUT, "%s has %d samples; a picture is of one", r->image, one.count);
    *x = one.x;
    return STATUS_OK;
}
