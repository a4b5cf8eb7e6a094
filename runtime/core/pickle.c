/*
 * The machine that pickles are programs for: a stack, marks in it, and a memo.
 */
#include "runtime/core/pickle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/array.h"
#include "runtime/core/pickle_machine.h"

/* ---- memory ------------------------------------------------------------------------- */

enum { BLOCK_BYTES = 1 << 16, ALIGNMENT = 16 };

typedef struct PickleBlock {
    struct PickleBlock *next;
    size_t used, size;
    _Alignas(ALIGNMENT) unsigned char bytes[];
} PickleBlock;

void *pickle_alloc(Pickle *p, size_t bytes)
{
    PickleBlock *block = p->blocks;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!block || block->size - block->used < bytes) {
        size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block = calloc(1, sizeof *block + size);
        if (!block) {
            nn_fail(p->error, NN_SYSTEM_FAILED, "not enough memory to read %s", p->path);
            return NULL;
        }
        *block = (PickleBlock){.next = p->blocks, .size = size};
        p->blocks = block;
    }
    void *memory = block->bytes + block->used;
    block->used += bytes;
    return memory;
}

PickleValue *pickle_value(Pickle *p, PickleKind kind)
{
    PickleValue *v = pickle_alloc(p, sizeof *v);
    if (v) v->kind = kind;
    return v;
}

bool pickle_append(Pickle *p, PickleItems *items, PickleValue *value)
{
    if (items->count == items->capacity) {
        size_t capacity = 2 * items->capacity + 4;
        PickleValue **larger = pickle_alloc(p, capacity * sizeof *larger);
        if (!larger) return false;
        if (items->count) memcpy(larger, items->at, items->count * sizeof *larger);
        items->at = larger;
        items->capacity = capacity;
    }
    items->at[items->count++] = value;
    return true;
}

Pickle *pickle_new(const PickleHost *host, const char *path, NnError *error)
{
    Pickle *p = calloc(1, sizeof *p);
    if (p)
        *p = (Pickle){.host = host, .path = path, .error = error};
    else
        nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    return p;
}

void pickle_free(Pickle *p)
{
    if (!p) return;
    for (PickleBlock *block = p->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(p->marks);
    free(p);
}

/* ---- messages ------------------------------------------------------------------------ */

int pickle_fail(Pickle *p, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return nn_fail(p->error, NN_BAD_INPUT, "%s: its pickle, at byte %zu: %s", p->path, (size_t)(p->at - p->start),
                   text);
}

const unsigned char *pickle_take(Pickle *p, uint64_t bytes)
{
    const unsigned char *at = p->at;
    if (bytes > (uint64_t)(p->end - at)) {
        pickle_fail(p, "it is cut, or damaged");
        return NULL;
    }
    p->at += bytes;
    return at;
}

/* ---- stack and memo ------------------------------------------------------------------- */

int pickle_push(Pickle *p, PickleValue *value) { return value && pickle_append(p, &p->stack, value) ? 0 : -1; }

static size_t stack_floor(const Pickle *p) { return p->mark_count ? p->marks[p->mark_count - 1] : 0; }

PickleValue *pickle_top(Pickle *p)
{
    if (p->stack.count > stack_floor(p)) return p->stack.at[p->stack.count - 1];
    pickle_fail(p, "it takes a value from an empty stack");
    return NULL;
}

PickleValue *pickle_pop(Pickle *p)
{
    PickleValue *value = pickle_top(p);
    if (value) p->stack.count--;
    return value;
}

int pickle_mark(Pickle *p)
{
    if (nn_array_reserve(&p->marks, &p->mark_capacity, p->mark_count + 1, sizeof *p->marks))
        return nn_fail(p->error, NN_SYSTEM_FAILED, "not enough memory to read %s", p->path);
    p->marks[p->mark_count++] = p->stack.count;
    return 0;
}

int pickle_pop_mark(Pickle *p, PickleItems *items)
{
    *items = (PickleItems){0};
    if (!p->mark_count) return pickle_fail(p, "it goes back to a mark that is not there");
    size_t from = p->marks[--p->mark_count], count = p->stack.count - from;
    if (count) {
        items->at = pickle_alloc(p, count * sizeof(PickleValue *));
        if (!items->at) return -1;
        memcpy(items->at, p->stack.at + from, count * sizeof(PickleValue *));
    }
    items->count = items->capacity = count;
    p->stack.count = from;
    return 0;
}

/* Python numbers the memo without gaps, so an index beyond the pickle's length is none. */
int pickle_memo_put(Pickle *p, uint64_t index)
{
    PickleValue *value = pickle_top(p);
    if (!value) return -1;
    if (index >= (uint64_t)(p->at - p->start)) return pickle_fail(p, "a memo index is too large");
    while (p->memo.count <= index)
        if (!pickle_append(p, &p->memo, NULL)) return -1;
    p->memo.at[index] = value;
    return 0;
}

int pickle_memo_get(Pickle *p, uint64_t index)
{
    if (index < p->memo.count && p->memo.at[index]) return pickle_push(p, p->memo.at[index]);
    return pickle_fail(p, "memo %llu is not there", (unsigned long long)index);
}

/* ---- reading -------------------------------------------------------------------------- */

static int run_opcodes(Pickle *p)
{
    while (!p->stopped) {
        const unsigned char *code = pickle_take(p, 1);
        if (!code) return -1;
        if (!pickle_opcodes[*code]) return pickle_fail(p, "opcode 0x%02x is not known", *code);
        if (pickle_opcodes[*code](p)) return -1;
    }
    return 0;
}

PickleValue *pickle_read(Pickle *p, const unsigned char *bytes, size_t size, size_t *at)
{
    p->start = p->at = bytes + *at;
    p->end = bytes + size;
    p->stack = p->memo = (PickleItems){0};
    p->mark_count = 0;
    p->stopped = false;
    if (run_opcodes(p)) return NULL;
    *at = (size_t)(p->at - bytes);
    return pickle_pop(p);
}

const PickleItems *pickle_persistents(const Pickle *p) { return &p->persistents; }

bool pickle_text_is(const PickleValue *v, const char *text)
{
    return v->kind == PICKLE_TEXT && v->text.length == strlen(text) && !memcmp(v->text.at, text, v->text.length);
}

PickleValue *pickle_find(const PickleValue *dict, const char *key)
{
    if (dict->kind != PICKLE_DICT) return NULL;
    for (size_t i = dict->items.count; i >= 2; i -= 2)
        if (pickle_text_is(dict->items.at[i - 2], key)) return dict->items.at[i - 1];
    return NULL;
}
