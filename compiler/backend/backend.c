/*
 * backend: the door to the ways of running C text in this process.
 *
 * Enters: standalone C.  Leaves: a handle whose symbols can be called.  Each way
 * is a record in a file of its own; this file only chooses.
 */
#include "backend/backend.h"

#include <assert.h>
#include <limits.h>

#include "backend/kinds.h"

struct Jit {
    JitKind kind;
    const Backend *backend;
    void *handle;
};

static const Backend *const backends[] = {
    [JIT_TCC] = &backend_tcc,
    [JIT_CC] = &backend_cc,
    [JIT_CC_EXACT] = &backend_cc_exact,
    [JIT_TIERED] = &backend_tiered,
};

JitKind jit_kind_for(JitKind kind, int64_t model_bytes)
{
    const bool tcc = kind == JIT_TCC || kind == JIT_TIERED;
    return tcc && model_bytes > INT_MAX ? JIT_CC_EXACT : kind;
}

Jit *jit_compile(JitKind kind, const char *source, Arena *arena, const char **error)
{
    assert(kind <= JIT_TIERED);
    *error = NULL;
    void *handle = backends[kind]->compile(source, arena, error);
    if (!handle) {
        assert(*error);
        return NULL;
    }
    Jit *jit = arena_alloc(arena, sizeof *jit);
    *jit = (Jit){kind, backends[kind], handle};
    return jit;
}

JitKind jit_kind(const Jit *jit) { return jit->kind; }

void *jit_symbol(const Jit *jit, const char *name) { return jit->backend->symbol(jit->handle, name); }

JitNews jit_poll(Jit *jit, const char **why)
{
    *why = NULL;
    return jit->backend->poll ? jit->backend->poll(jit->handle, why) : JIT_NO_NEWS;
}

void jit_free(Jit *jit)
{
    if (!jit || !jit->handle) return;
    jit->backend->release(jit->handle);
    jit->handle = NULL;
}
