/*
 * The origin of weights: into metadata, and out of it.
 */
#include "commands/support/origin.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/support/simulated.h"
#include "lower/dump.h"
#include "runtime/core/text.h"

/* Of the net's dump without its first line, the name: neither comments nor the layout of the
 * source change it, nor do the batch or the train section. */
static const char *net_hash(const Model *m)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out) return "";
    graph_dump(model_described(m), out);
    fclose(out);
    const char *layers = text ? strchr(text, '\n') : NULL;
    uint64_t hash = layers ? hash_bytes(HASH_START, layers, length - (size_t)(layers - text)) : 0;
    free(text);
    return arena_printf(m->c->arena, "%016llx", (unsigned long long)hash);
}

/* The last part of a path, as a weights file holds it: the same set lies in different folders. */
static const char *data_name(Arena *arena, const Dataset *data)
{
    size_t end = strlen(data->path);
    while (end > 1 && data->path[end - 1] == '/') end--;
    size_t start = end;
    while (start > 0 && data->path[start - 1] != '/') start--;
    char *name = arena_strndup(arena, data->path + start, end - start);
    nn_make_utf8(name);
    return name;
}

static int division_notes(Arena *arena, const Division *d, NnWeightsNote notes[4])
{
    int n = 0;
    if (d->valid > 0) notes[n++] = (NnWeightsNote){"data.valid", arena_printf(arena, "%.17g", d->valid)};
    if (d->limit) notes[n++] = (NnWeightsNote){"data.limit", arena_printf(arena, "%d", d->limit)};
    if (n) notes[n++] = (NnWeightsNote){"data.seed", arena_printf(arena, "%llu", (unsigned long long)d->seed)};
    if (d->classes) notes[n++] = (NnWeightsNote){"data.classes", arena_printf(arena, "%s", d->classes)};
    return n;
}

void origin_notes(const Model *m, const Dataset *data, const NnScore *score, NnWeightsNote notes[ORIGIN_NOTES])
{
    Arena *arena = m->c->arena;
    int n = 0;
    notes[n++] = (NnWeightsNote){"net.hash", net_hash(m)};
    notes[n++] = (NnWeightsNote){"data", data_name(arena, data)};
    if (score && score->kind != NN_SCORE_LOSS && score->judged)
        notes[n++] = (NnWeightsNote){"accuracy", arena_printf(arena, "%.2f %%", 100.0 * nn_accuracy(score))};
    if (score) notes[n++] = (NnWeightsNote){"loss", arena_printf(arena, "%.6g", score->loss)};
    if (m->simulated) notes[n++] = (NnWeightsNote){SIMULATED_NOTE, m->simulated};
    n += division_notes(arena, &data->division, notes + n);
    notes[n] = (NnWeightsNote){NULL, NULL};
}

void origin_compare(const NnTensors *file, const char *path, const Model *m, const Dataset *data)
{
    const char *net = nn_tensors_metadata(file, "net"), *hash = nn_tensors_metadata(file, "net.hash");
    const char *trained_on = nn_tensors_metadata(file, "data"), *name = data_name(m->c->arena, data);
    if (hash && strcmp(hash, net_hash(m)) != 0)
        fprintf(stderr, "nnc: warning: %s was trained with a net %s whose layers are not those of this one\n", path,
                net ? net : "");
    if (trained_on && strcmp(trained_on, name) != 0)
        fprintf(stderr, "nnc: warning: %s was trained on %s, the data is %s\n", path, trained_on, name);
}

void origin_of_replaced(Arena *arena, const char *path)
{
    struct stat s;
    NnError error = {0};
    if (stat(path, &s) != 0 || !S_ISREG(s.st_mode)) return;
    NnTensors *file = nn_tensors_open_header(path, &error);
    const char *net = file ? nn_tensors_metadata(file, "net") : NULL;
    const char *data = net ? nn_tensors_metadata(file, "data") : NULL;
    const char *accuracy = net ? nn_tensors_metadata(file, "accuracy") : NULL;
    const char *loss = net && !accuracy ? nn_tensors_metadata(file, "loss") : NULL;
    const char *what = !file ? "which is no weights file" : net ? arena_printf(arena, "weights of %s", net) : "weights";
    if (data) what = arena_printf(arena, "%s, trained on %s", what, data);
    if (accuracy) what = arena_printf(arena, "%s, test accuracy %s", what, accuracy);
    if (loss) what = arena_printf(arena, "%s, test loss %s", what, loss);
    fprintf(stderr, "nnc: note: overwriting %s: %s\n", path, what);
    nn_tensors_close(file);
}
