/*
 * The arena: memory that lives as long as one compilation.
 *
 * Enters: sizes.  Leaves: zeroed blocks that nobody frees one by one.  Memory
 * comes from the system in chunks; a request too large for the chunk at hand
 * opens a new one, and a very large request gets a chunk of its own so that the
 * rest of the current chunk is not lost.  Chunks come from calloc, which hands
 * out fresh pages already zeroed: clearing costs nothing for the large ones.
 */
#include "base/base.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_FIRST = 16 << 10, CHUNK_LAST = 1 << 20 };

typedef struct Chunk {
    struct Chunk *next;
    size_t size; /* of bytes[] */
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
} Chunk;

struct Arena {
    Chunk *head; /* the chunk that small requests are cut from */
    size_t chunk_size;
    size_t used;
    jmp_buf *failure; /* NULL: the process ends */
};

static _Noreturn void out_of_memory(void)
{
    fputs("nnc: error: out of memory\n", stderr);
    exit(3);
}

void arena_fail(const Arena *arena)
{
    if (arena->failure) longjmp(*arena->failure, 1);
    out_of_memory();
}

void arena_on_failure(Arena *arena, jmp_buf *failure) { arena->failure = failure; }

static Chunk *try_chunk(size_t size)
{
    Chunk *chunk = size > SIZE_MAX - sizeof *chunk ? NULL : calloc(1, sizeof *chunk + size);
    if (chunk) chunk->size = size;
    return chunk;
}

static Chunk *chunk_new(const Arena *arena, size_t size)
{
    Chunk *chunk = try_chunk(size);
    if (chunk == NULL) arena_fail(arena);
    return chunk;
}

Arena *arena_try_new(void)
{
    Arena *arena = calloc(1, sizeof *arena);
    Chunk *head = arena ? try_chunk(CHUNK_FIRST) : NULL;
    if (!head) {
        free(arena);
        return NULL;
    }
    arena->chunk_size = CHUNK_FIRST;
    arena->head = head;
    return arena;
}

Arena *arena_new(void)
{
    Arena *arena = arena_try_new();
    if (arena == NULL) out_of_memory();
    return arena;
}

Arena *arena_within(const Arena *outer)
{
    Arena *arena = arena_try_new();
    if (arena == NULL) arena_fail(outer);
    arena->failure = outer->failure;
    return arena;
}

void arena_free(Arena *arena)
{
    if (arena == NULL) return;
    for (Chunk *chunk = arena->head, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

/* A chunk behind the head: the head keeps serving small requests. */
static void *alloc_alone(Arena *arena, size_t bytes)
{
    Chunk *chunk = chunk_new(arena, bytes);
    chunk->used = bytes;
    chunk->next = arena->head->next;
    arena->head->next = chunk;
    return chunk->bytes;
}

static void open_chunk(Arena *arena)
{
    if (arena->chunk_size < CHUNK_LAST) arena->chunk_size *= 2;
    Chunk *chunk = chunk_new(arena, arena->chunk_size);
    chunk->next = arena->head;
    arena->head = chunk;
}

void *arena_alloc(Arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    if (bytes > SIZE_MAX / 2) out_of_memory();
    bytes = bytes == 0 ? align : (size_t)round_up((int64_t)bytes, (int64_t)align);
    arena->used += bytes;
    if (bytes > arena->head->size - arena->head->used) {
        if (bytes > arena->chunk_size / 4) return alloc_alone(arena, bytes);
        open_chunk(arena);
    }
    void *block = arena->head->bytes + arena->head->used;
    arena->head->used += bytes;
    return block;
}

size_t arena_used(const Arena *arena) { return arena->used; }

char *arena_strndup(Arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(Arena *arena, const char *text) { return arena_strndup(arena, text, strlen(text)); }

/* Most texts fit the buffer and are printed once. */
char *arena_vprintf(Arena *arena, const char *format, va_list args)
{
    char buffer[256];
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(buffer, sizeof buffer, format, args);
    if (length < 0) length = 0;
    char *text = arena_alloc(arena, (size_t)length + 1);
    if ((size_t)length < sizeof buffer)
        memcpy(text, buffer, (size_t)length);
    else
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *arena_printf(Arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}
