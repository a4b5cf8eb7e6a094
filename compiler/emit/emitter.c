/*
 * What all files of emit/ may ask of the emitter, the lowest of them.
 */
#include "emit/emitter.h"

#include <ctype.h>

const Entry *entry_of(const Emitter *e, ProgramKind kind)
{
    for (int i = 0; i < e->entries; i++) {
        if (e->entry[i].program->kind == kind) return &e->entry[i];
    }
    return NULL;
}

int64_t emitter_input_place(const Emitter *e)
{
    const Entry *infer = entry_of(e, PROGRAM_INFER);
    if (!infer || !infer->program->input_in_arena) return -1;
    const Place *place = &infer->plan->place[((const Tensor *)infer->program->inputs.at[0])->id];
    return place->root->kind == TENSOR_INPUT ? place->offset : -1;
}

void emitter_uses(Emitter *e, const char *name) { map_put(e->used, name, e); }

void emitter_uses_names(Emitter *e, const Writer *w)
{
    const Map *names = writer_names(w);
    for (int i = 0; i < map_count(names); i++) emitter_uses(e, map_key(names, i));
}

const char *emitter_upper(const Emitter *e, const char *name)
{
    char *upper = arena_strdup(e->arena, name);
    for (char *p = upper; *p; p++) *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
    return upper;
}
