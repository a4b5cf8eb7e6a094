/*
 * List, map and text: the three containers of the compiler, all in an arena.
 *
 * Enters: items one by one.  Leaves: arrays that can be walked in the order in
 * which things were put in; the order never depends on addresses or hashes, so
 * neither does anything printed from it.  A container that grows leaves its old
 * block to the arena: doubling keeps the waste below the size of the result.
 */
#include "base/base.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

/* ---- list --------------------------------------------------------------- */

void *array_grow(Arena *arena, void *array, int *capacity, int count, size_t size)
{
    if (count <= *capacity) return array;
    int larger = 2 * count + 64;
    void *made = arena_alloc(arena, (size_t)larger * size);
    if (*capacity) memcpy(made, array, (size_t)*capacity * size);
    *capacity = larger;
    return made;
}

void list_push(Arena *arena, List *list, void *item)
{
    if (list->count == list->capacity) {
        assert(list->capacity < INT_MAX / 2);
        int capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        void **at = arena_alloc(arena, (size_t)capacity * sizeof *at);
        if (list->count > 0) memcpy(at, list->at, (size_t)list->count * sizeof *at);
        list->at = at;
        list->capacity = capacity;
    }
    list->at[list->count++] = item;
}

/* ---- map ---------------------------------------------------------------- */

typedef struct MapEntry {
    const char *key;
    void *value;
    uint64_t hash;
} MapEntry;

/* Entries in order of insertion, found through a table of open addressing that
 * holds their numbers, from 1; 0 is a free slot. */
struct Map {
    Arena *arena;
    MapEntry *entries;
    int count, capacity;
    int *slots; /* a power of two, at least twice the capacity */
};

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *key)
{
    uint64_t hash = 14695981039346656037u;
    for (; *key != '\0'; key++) hash = (hash ^ (unsigned char)*key) * 1099511628211u;
    return hash ^ hash >> 32;
}

static void map_reserve(Map *map, int capacity)
{
    MapEntry *entries = arena_alloc(map->arena, (size_t)capacity * sizeof *entries);
    if (map->count > 0) memcpy(entries, map->entries, (size_t)map->count * sizeof *entries);
    map->entries = entries;
    map->capacity = capacity;
    map->slots = arena_alloc(map->arena, (size_t)capacity * 2 * sizeof *map->slots);
    for (int i = 0; i < map->count; i++) {
        uint64_t slot = entries[i].hash;
        while (map->slots[slot & (uint64_t)(2 * capacity - 1)] != 0) slot++;
        map->slots[slot & (uint64_t)(2 * capacity - 1)] = i + 1;
    }
}

Map *map_new(Arena *arena)
{
    Map *map = arena_alloc(arena, sizeof *map);
    map->arena = arena;
    map_reserve(map, 8);
    return map;
}

/* The slot that holds the key, or the free one where it belongs. */
static int *map_slot(const Map *map, const char *key, uint64_t hash)
{
    for (uint64_t at = hash;; at++) {
        int *slot = &map->slots[at & (uint64_t)(2 * map->capacity - 1)];
        if (*slot == 0) return slot;
        const MapEntry *entry = &map->entries[*slot - 1];
        if (entry->hash == hash && strcmp(entry->key, key) == 0) return slot;
    }
}

void *map_get(const Map *map, const char *key)
{
    int number = *map_slot(map, key, hash_of(key));
    return number == 0 ? NULL : map->entries[number - 1].value;
}

void map_put(Map *map, const char *key, void *value)
{
    uint64_t hash = hash_of(key);
    int *slot = map_slot(map, key, hash);
    if (*slot != 0) {
        map->entries[*slot - 1].value = value;
        return;
    }
    if (map->count == map->capacity) {
        assert(map->capacity < INT_MAX / 4);
        map_reserve(map, map->capacity * 2);
        slot = map_slot(map, key, hash);
    }
    map->entries[map->count++] = (MapEntry){arena_strdup(map->arena, key), value, hash};
    *slot = map->count;
}

int map_count(const Map *map) { return map->count; }

const char *map_key(const Map *map, int index)
{
    assert(index >= 0 && index < map->count);
    return map->entries[index].key;
}

void *map_value(const Map *map, int index)
{
    assert(index >= 0 && index < map->count);
    return map->entries[index].value;
}

/* ---- text --------------------------------------------------------------- */

void text_init(Text *text, Arena *arena)
{
    enum { FIRST = 32 };
    *text = (Text){.arena = arena, .data = arena_alloc(arena, FIRST), .capacity = FIRST};
}

/* Room for `more` bytes and the terminator. */
static void text_reserve(Text *text, size_t more)
{
    size_t need = text->length + more + 1;
    if (need <= text->capacity) return;
    size_t capacity = need > text->capacity * 2 ? need : text->capacity * 2;
    char *data = arena_alloc(text->arena, capacity);
    memcpy(data, text->data, text->length + 1);
    text->data = data;
    text->capacity = capacity;
}

void text_add_bytes(Text *text, const char *bytes, size_t length)
{
    text_reserve(text, length);
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_add(Text *text, const char *string) { text_add_bytes(text, string, strlen(string)); }

/* Prints into the room that is left, and again when that was too short. */
void text_addf(Text *text, const char *format, ...)
{
    const size_t room = text->capacity - text->length;
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text->data + text->length, room, format, args);
    va_end(args);
    if (length <= 0) return;
    if ((size_t)length >= room) {
        text_reserve(text, (size_t)length);
        va_start(args, format);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, args);
        va_end(args);
    }
    text->length += (size_t)length;
}
