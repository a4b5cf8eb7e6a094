/*
 * The files of the cache.
 *
 * A file is what the linker made, then sixteen bytes: a mark and a checksum of
 * all before.  The dynamic linker does not look beyond what the object's headers
 * name, so a file is loaded as it is.  Its name is a hash of everything it was
 * made from; its time is that of its last use, and the longest unused goes first.
 */
#include "backend/cache.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_DIGITS = 32, NAME_LENGTH = NAME_DIGITS + 3, TRAILER = 16, STALE_SECONDS = 3600 };

static const char entry_mark[] = "nnc jit\n";

/* ---- hashes ----------------------------------------------------------------- */

/* Two hashes from two starts, for names of 128 bits. */
static const uint64_t hash_other_start = 0x6c62272e07bb0142u;

/* Each text with its end, so that no two lists are alike. */
static const char *name_of(Arena *arena, const char *const *texts, int count)
{
    uint64_t a = HASH_START, b = hash_other_start;
    for (int i = 0; i < count; i++) {
        size_t length = strlen(texts[i]) + 1;
        a = hash_bytes(a, texts[i], length);
        b = hash_bytes(b, texts[i], length);
        b = (b ^ (b >> 29)) * 0xbf58476d1ce4e5b9u;
    }
    return arena_printf(arena, "%016llx%016llx.so", (unsigned long long)a, (unsigned long long)b);
}

/* ---- the directory ------------------------------------------------------------ */

/* Ours alone to write: what is in it will be run. */
static bool is_private(const char *path)
{
    struct stat s;
    return lstat(path, &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == geteuid() && !(s.st_mode & (S_IWGRP | S_IWOTH));
}

static bool make_directory(Arena *arena, const char *path)
{
    char *copy = arena_strdup(arena, path);
    for (char *p = copy + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        mkdir(copy, 0700);
        *p = '/';
    }
    mkdir(copy, 0700);
    return is_private(path);
}

static const char *directory_path(Arena *arena, const char *name)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (base && *base == '/') return arena_printf(arena, "%s/nnc/%s", base, name);
    return home && *home == '/' ? arena_printf(arena, "%s/.cache/nnc/%s", home, name) : NULL;
}

const char *cache_directory(Arena *arena, const char *name)
{
    const char *wanted = getenv("NNC_CACHE");
    if (wanted && strcmp(wanted, "off") == 0) return NULL;
    const char *directory = directory_path(arena, name);
    return directory && make_directory(arena, directory) ? directory : NULL;
}

const char *cache_place(Arena *arena, const char *const *texts, int count)
{
    const char *directory = cache_directory(arena, "jit");
    return directory ? arena_printf(arena, "%s/%s", directory, name_of(arena, texts, count)) : NULL;
}

/* ---- one file ------------------------------------------------------------------- */

typedef struct Contents {
    char *bytes; /* malloc */
    size_t count;
} Contents;

static bool read_entry(const char *path, Contents *c)
{
    struct stat s;
    *c = (Contents){0};
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe in its place is not waited for */
    if (file < 0) return false;
    bool ok = fstat(file, &s) == 0 && S_ISREG(s.st_mode) && (c->bytes = malloc((size_t)s.st_size + TRAILER));
    for (ssize_t got; ok && c->count < (size_t)s.st_size; c->count += (size_t)got) {
        got = read(file, c->bytes + c->count, (size_t)s.st_size - c->count);
        if (got <= 0) ok = false;
    }
    close(file);
    if (!ok) free(c->bytes);
    return ok;
}

static void make_trailer(const Contents *c, size_t count, char trailer[TRAILER])
{
    uint64_t sum = hash_bytes(HASH_START, c->bytes, count);
    memcpy(trailer, entry_mark, 8);
    memcpy(trailer + 8, &sum, 8);
}

static bool is_whole(const char *path)
{
    Contents c;
    char trailer[TRAILER];
    if (!read_entry(path, &c)) return false;
    bool whole = c.count > TRAILER;
    if (whole) {
        make_trailer(&c, c.count - TRAILER, trailer);
        whole = memcmp(trailer, c.bytes + c.count - TRAILER, TRAILER) == 0;
    }
    free(c.bytes);
    return whole;
}

void *cache_load(const char *place)
{
    if (access(place, F_OK) != 0) return NULL;
    void *handle = is_whole(place) ? dlopen(place, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (handle)
        utimensat(AT_FDCWD, place, NULL, 0); /* used now */
    else
        unlink(place);
    return handle;
}

/* ---- size -------------------------------------------------------------------------- */

typedef struct CacheEntry {
    const char *path;
    int64_t bytes;
    struct timespec used;
} CacheEntry;

static bool is_entry_name(const char *name)
{
    return strlen(name) == NAME_LENGTH && strspn(name, "0123456789abcdef") == NAME_DIGITS &&
           strcmp(name + NAME_DIGITS, ".so") == 0;
}

static int by_age(const void *a, const void *b)
{
    const CacheEntry *x = *(CacheEntry *const *)a, *y = *(CacheEntry *const *)b;
    if (x->used.tv_sec != y->used.tv_sec) return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    return x->used.tv_nsec < y->used.tv_nsec ? -1 : x->used.tv_nsec > y->used.tv_nsec;
}

/* The entries; what a process left that did not come to the end is removed. */
static List list_entries(Arena *arena, const char *directory)
{
    List list = {0};
    struct stat s;
    DIR *dir = opendir(directory);
    for (struct dirent *d; dir && (d = readdir(dir));) {
        const char *path = arena_printf(arena, "%s/%s", directory, d->d_name);
        if (lstat(path, &s) != 0 || !S_ISREG(s.st_mode)) continue;
        if (strncmp(d->d_name, "new-", 4) == 0 && s.st_mtime + STALE_SECONDS < time(NULL)) unlink(path);
        if (!is_entry_name(d->d_name)) continue;
        CacheEntry *entry = arena_alloc(arena, sizeof *entry);
        *entry = (CacheEntry){path, s.st_size, s.st_mtim};
        list_push(arena, &list, entry);
    }
    if (dir) closedir(dir);
    return list;
}

static void trim_cache(Arena *arena, const char *directory)
{
    List list = list_entries(arena, directory);
    int64_t total = 0;
    for (int i = 0; i < list.count; i++) total += ((CacheEntry *)list.at[i])->bytes;
    if (list.count) qsort(list.at, (size_t)list.count, sizeof *list.at, by_age);
    for (int i = 0; i < list.count && total > (int64_t)CACHE_MEGABYTES << 20; i++) {
        const CacheEntry *entry = list.at[i];
        if (unlink(entry->path) == 0) total -= entry->bytes;
    }
}

/* ---- keeping ------------------------------------------------------------------------ */

static bool write_all(int file, const char *bytes, size_t count)
{
    for (ssize_t put; count; bytes += put, count -= (size_t)put) {
        put = write(file, bytes, count);
        if (put < 0 && errno == EINTR) put = 0;
        if (put < 0) return false;
    }
    return true;
}

void cache_store(Arena *arena, const char *place, const char *object)
{
    Contents c;
    const char *directory = arena_strndup(arena, place, (size_t)(strrchr(place, '/') - place));
    char *fresh = arena_printf(arena, "%s/new-XXXXXX", directory);
    if (!read_entry(object, &c)) return;
    make_trailer(&c, c.count, c.bytes + c.count);
    int file = mkstemp(fresh);
    bool ok = file >= 0 && write_all(file, c.bytes, c.count + TRAILER);
    if (file >= 0 && close(file) != 0) ok = false;
    if (file >= 0 && (!ok || rename(fresh, place) != 0)) unlink(fresh);
    free(c.bytes);
    if (ok) trim_cache(arena, directory);
}
