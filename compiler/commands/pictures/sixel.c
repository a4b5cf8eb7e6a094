/*
 * Pixels → the escape sequence of a sixel picture.
 *
 * The library chooses the palette: up to 256 colours are kept as they are.  It is opened when a
 * picture is drawn.
 */
#include "commands/pictures/sixel.h"

#ifdef NNC_SIXEL

#include <dlfcn.h>
#include <sixel/sixel.h>

enum { SIXEL_COLORS = 256, SIXEL_DEPTH = 3 };

/* The functions of the library. */
typedef struct Sixel {
    void *library;
    SIXELSTATUS (*output_new)(sixel_output_t **, sixel_write_function, void *user, sixel_allocator_t *);
    void (*output_unref)(sixel_output_t *);
    SIXELSTATUS (*dither_new)(sixel_dither_t **, int colors, sixel_allocator_t *);
    void (*dither_unref)(sixel_dither_t *);
    SIXELSTATUS (*dither_initialize)(sixel_dither_t *, unsigned char *, int, int, int format, int, int, int quality);
    SIXELSTATUS (*encode)(unsigned char *, int width, int height, int depth, sixel_dither_t *, sixel_output_t *);
} Sixel;

static void *sixel_function(const Sixel *s, const char *name, bool *missing)
{
    void *function = dlsym(s->library, name);
    *missing |= !function;
    return function;
}

static bool sixel_load(Sixel *s)
{
    bool missing = false;
    *s = (Sixel){.library = dlopen(NNC_SIXEL, RTLD_NOW | RTLD_LOCAL)};
    if (!s->library) return false;
    *(void **)&s->output_new = sixel_function(s, "sixel_output_new", &missing);
    *(void **)&s->output_unref = sixel_function(s, "sixel_output_unref", &missing);
    *(void **)&s->dither_new = sixel_function(s, "sixel_dither_new", &missing);
    *(void **)&s->dither_unref = sixel_function(s, "sixel_dither_unref", &missing);
    *(void **)&s->dither_initialize = sixel_function(s, "sixel_dither_initialize", &missing);
    *(void **)&s->encode = sixel_function(s, "sixel_encode", &missing);
    if (missing) dlclose(s->library);
    return !missing;
}

const char *sixel_library(void)
{
    Sixel s;
    if (!sixel_load(&s)) return NULL;
    dlclose(s.library);
    return NNC_SIXEL;
}

static int add_sixels(char *data, int size, void *user)
{
    text_addf(user, "%.*s", size, data);
    return size;
}

static bool sixel_encode_into(const Sixel *s, unsigned char *pixels, const Canvas *c, Text *out)
{
    sixel_output_t *output = NULL;
    sixel_dither_t *dither = NULL;
    const int format = SIXEL_PIXELFORMAT_RGB888;
    bool failed = SIXEL_FAILED(s->output_new(&output, add_sixels, out, NULL)) ||
                  SIXEL_FAILED(s->dither_new(&dither, SIXEL_COLORS, NULL)) ||
                  SIXEL_FAILED(s->dither_initialize(dither, pixels, c->width, c->height, format, SIXEL_LARGE_AUTO,
                                                    SIXEL_REP_AUTO, SIXEL_QUALITY_HIGH)) ||
                  SIXEL_FAILED(s->encode(pixels, c->width, c->height, SIXEL_DEPTH, dither, output));
    if (dither) s->dither_unref(dither);
    if (output) s->output_unref(output);
    return !failed;
}

bool sixel_draw(Arena *arena, const Canvas *c, FILE *out)
{
    Sixel s;
    Text text;
    const size_t count = (size_t)c->width * (size_t)c->height;
    if (!sixel_load(&s)) return false;
    unsigned char *pixels = arena_alloc(arena, count * SIXEL_DEPTH);
    for (size_t i = 0; i < count; i++) {
        pixels[SIXEL_DEPTH * i] = c->pixels[i].r;
        pixels[SIXEL_DEPTH * i + 1] = c->pixels[i].g;
        pixels[SIXEL_DEPTH * i + 2] = c->pixels[i].b;
    }
    text_init(&text, arena);
    const bool drawn = sixel_encode_into(&s, pixels, c, &text);
    dlclose(s.library);
    if (drawn) fprintf(out, "%s\n", text.data);
    return drawn;
}

#else

const char *sixel_library(void) { return NULL; }

bool sixel_draw(Arena *arena, const Canvas *c, FILE *out)
{
    (void)arena, (void)c, (void)out;
    return false;
}

#endif
