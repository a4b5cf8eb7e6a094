/*
 * What an entry point is called.
 */
#include "emit/entry_point.h"

bool entry_point_is_converted(const EntryPoint *p)
{
    return p->program->kind == PROGRAM_INFER && emitter_converts_input(p->e);
}

const char *entry_point_name(const EntryPoint *p)
{
    const char *name = program_kind_name(p->program->kind);
    if (entry_point_is_converted(p)) return "infer_converted";
    if (p->traced) return arena_printf(p->e->arena, "%s_trace", name);
    if (p->watched) return arena_printf(p->e->arena, "%s_watched", name);
    if (p->hooked) return arena_printf(p->e->arena, "%s_hooked", name);
    if (p->partial) return arena_printf(p->e->arena, "%s_some", name);
    return p->timed ? arena_printf(p->e->arena, "%s_profile", name) : name;
}
