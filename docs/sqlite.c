/*
 * A model as functions of SQL, in a loadable extension of SQLite:
 *
 *   digit(pixels)         the most probable class
 *   digit(pixels, class)  the probability of a class
 *
 * `pixels` is a blob of the net's input: bytes from 0 to 255, or float32 from 0 to 1.  For
 * another net change the three lines below.  The C is written by
 * `nnc lenet.nn --weights lenet.safetensors --batch 1 -o lenet.c`; see docs/ship.md.
 */
#include "lenet.h"
#define MODEL(name) lenet_##name
#define FUNCTION    "digit"

#include <sqlite3ext.h>
#include <stdlib.h>
#include <string.h>
SQLITE_EXTENSION_INIT1

/* Memory of a connection, which one thread uses at a time. */
typedef struct Work {
    const nn_model_info *info;
    float *x, *y;
    void *scratch;
    void *block; /* all of it */
} Work;

static void work_free(void *work)
{
    if (work) free(((Work *)work)->block);
    free(work);
}

static Work *work_new(void)
{
    const nn_model_info *info = MODEL(info)();
    const size_t x = (info->inputs * sizeof(float) + 63) / 64 * 64, y = (info->outputs * sizeof(float) + 63) / 64 * 64;
    Work *w = calloc(1, sizeof *w);
    char *block = w ? aligned_alloc(64, x + y + (info->infer_scratch + 63) / 64 * 64) : NULL;
    if (!block) {
        work_free(w);
        return NULL;
    }
    *w = (Work){info, (float *)block, (float *)(block + x), block + x + y, block};
    return w;
}

/* The blob as numbers from 0 to 1; false if it has another size. */
static int take_pixels(Work *w, const void *blob, size_t bytes)
{
    const unsigned char *pixels = blob;
    if (bytes == w->info->inputs * sizeof(float)) {
        memcpy(w->x, blob, bytes);
        return 1;
    }
    for (size_t i = 0; bytes == w->info->inputs && i < bytes; i++) w->x[i] = (float)pixels[i] / 255.0f;
    return bytes == w->info->inputs;
}

static int class_named(const Work *w, const char *name)
{
    for (int i = 0; i < (int)w->info->outputs; i++)
        if (name && strcmp(MODEL(class_name)(i), name) == 0) return i;
    return -1;
}

static int most_probable(const Work *w)
{
    int best = 0;
    for (int i = 1; i < (int)w->info->outputs; i++)
        if (w->y[i] > w->y[best]) best = i;
    return best;
}

static void call(sqlite3_context *context, int count, sqlite3_value **values)
{
    Work *w = sqlite3_user_data(context);
    if (sqlite3_value_type(values[0]) == SQLITE_NULL) return; /* NULL of NULL */
    const void *blob = sqlite3_value_blob(values[0]);
    if (!take_pixels(w, blob, (size_t)sqlite3_value_bytes(values[0]))) {
        char *text = sqlite3_mprintf(FUNCTION ": a blob of %d bytes or floats is needed", (int)w->info->inputs);
        sqlite3_result_error(context, text, -1);
        sqlite3_free(text);
        return;
    }
    const int asked = count > 1 ? class_named(w, (const char *)sqlite3_value_text(values[1])) : 0;
    if (asked < 0) {
        sqlite3_result_error(context, FUNCTION ": there is no such class", -1);
        return;
    }
    w->info->infer(MODEL(trained)(), w->x, w->y, w->scratch);
    if (count > 1)
        sqlite3_result_double(context, (double)w->y[asked]);
    else
        sqlite3_result_text(context, MODEL(class_name)(most_probable(w)), -1, SQLITE_STATIC);
}

int sqlite3_extension_init(sqlite3 *database, char **error, const sqlite3_api_routines *api)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    (void)error;
    SQLITE_EXTENSION_INIT2(api);
    for (int arguments = 1; arguments <= 2; arguments++) {
        Work *w = work_new();
        if (!w) return SQLITE_NOMEM;
        const int status =
            sqlite3_create_function_v2(database, FUNCTION, arguments, flags, w, call, NULL, NULL, work_free);
        if (status != SQLITE_OK) return status;
    }
    return SQLITE_OK;
}
