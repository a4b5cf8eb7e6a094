#define _GNU_SOURCE /* memfd_create, mremap, sched_getaffinity */

#include "runtime/train/shared_weights.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Ranks with the same can have the same pages.  Without gaps, since it is compared and sent as bytes. */
typedef struct Home {
    char boot[40];        /* the kernel's name of this boot of this machine; "": it has none */
    uint64_t spaces;      /* of process numbers, by which a file of another process is found */
    int64_t node;         /* the NUMA node of all processors that it is bound to; −1: several, or unknown */
    uint64_t page, phase; /* bytes of a page; of the model's address within one */
} Home;

/* Of the first rank of a machine to the others: a file of its process. */
typedef struct Offer {
    int64_t process, file; /* file −1: there is none */
    uint64_t device, inode, bytes;
} Offer;

struct SharedWeights {
    const NnRanks *ranks;
    double limit;
    char *model;
    SharedSpan *span; /* of whole pages; one after the other they are the file */
    int count;
    size_t bytes;
    unsigned char *with, *answer; /* [rank] */
    bool shared;
    NnMessage *messages;
};

bool shared_weights_with(const SharedWeights *s, int rank) { return s && s->shared && s->with[rank]; }

/* ---- messages ------------------------------------------------------------------------------ */

/* Of so many bytes from each rank of the same home, or to it: the place of rank r in `data` is r · stride. */
static int add_mates(const SharedWeights *s, int count, bool sends, void *data, size_t stride, size_t bytes)
{
    for (int r = 0; r < s->ranks->size; r++)
        if (s->with[r]) s->messages[count++] = (NnMessage){r, sends, (char *)data + (size_t)r * stride, bytes, 0};
    return count;
}

static void exchange_all(const SharedWeights *s, int count)
{
    if (count) s->ranks->exchange(s->ranks, s->messages, count, s->limit);
}

static int first_mate(const SharedWeights *s)
{
    int r = 0;
    while (r < s->ranks->size && !s->with[r]) r++;
    return r;
}

/* Of the ranks of this home, this one is the first. */
static bool is_host(const SharedWeights *s) { return first_mate(s) > s->ranks->rank; }

void shared_weights_meet(const SharedWeights *s)
{
    char here = 0;
    if (!s || !s->shared) return;
    exchange_all(s, add_mates(s, add_mates(s, 0, false, s->answer, 1, 1), true, &here, 0, 1));
}

/* ---- who has the same home ------------------------------------------------------------------- */

static int64_t node_of_processor(int processor)
{
    char path[64];
    int node = -1;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d", processor);
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && node < 0 && (e = readdir(folder));)
        if (sscanf(e->d_name, "node%d", &node) != 1) node = -1;
    if (folder) closedir(folder);
    return node;
}

static int64_t own_node(void)
{
    cpu_set_t mask;
    int64_t node = -1;
    bool any = false;
    if (sched_getaffinity(0, sizeof mask, &mask)) return -1;
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &mask)) continue;
        const int64_t at = node_of_processor((int)i);
        if (any && at != node) return -1;
        node = at;
        any = true;
    }
    return node;
}

static Home home_of(const SharedWeights *s)
{
    Home home;
    struct stat spaces;
    memset(&home, 0, sizeof home);
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (f && fread(home.boot, 1, sizeof home.boot - 1, f) == 0) home.boot[0] = '\0';
    if (f) fclose(f);
    if (stat("/proc/self/ns/pid", &spaces) == 0) home.spaces = spaces.st_ino;
    home.node = own_node();
    home.page = (uint64_t)sysconf(_SC_PAGESIZE);
    home.phase = (uintptr_t)s->model % home.page;
    return home;
}

/* As long as it is not known who, all are. */
static void find_mates(SharedWeights *s, Home *homes)
{
    const int own = s->ranks->rank;
    homes[own] = home_of(s);
    memset(s->with, 1, (size_t)s->ranks->size);
    s->with[own] = 0;
    const int count = add_mates(s, 0, false, homes, sizeof *homes, sizeof *homes);
    exchange_all(s, add_mates(s, count, true, &homes[own], 0, sizeof *homes));
    for (int r = 0; r < s->ranks->size; r++)
        s->with[r] = r != own && homes[own].boot[0] && memcmp(&homes[r], &homes[own], sizeof *homes) == 0;
}

/* ---- the file ---------------------------------------------------------------------------------- */

static void trim_spans(SharedWeights *s, const SharedSpan *span, int count)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), phase = (uintptr_t)s->model % page;
    for (int i = 0; i < count; i++) {
        const size_t begin = (span[i].begin + phase + page - 1) / page * page,
                     end = (span[i].end + phase) / page * page;
        if (begin >= end) continue;
        s->span[s->count++] = (SharedSpan){begin - phase, end - phase};
        s->bytes += end - begin;
    }
}

static char *map_file(const SharedWeights *s, int file)
{
    char *at = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* With the model's pages in it; −1: there is no memory for it. */
static int make_file(const SharedWeights *s)
{
    const int file = memfd_create("weights", MFD_CLOEXEC);
    char *to = file >= 0 && !posix_fallocate(file, 0, (off_t)s->bytes) ? map_file(s, file) : NULL, *at = to;
    for (int i = 0; to && i < s->count; at += s->span[i].end - s->span[i].begin, i++)
        memcpy(at, s->model + s->span[i].begin, s->span[i].end - s->span[i].begin);
    if (to)
        munmap(to, s->bytes);
    else if (file >= 0)
        close(file);
    return to ? file : -1;
}

static bool has_same_pages(const SharedWeights *s, int file)
{
    char *from = map_file(s, file), *at = from;
    bool same = from != NULL;
    for (int i = 0; same && i < s->count; at += s->span[i].end - s->span[i].begin, i++)
        same = memcmp(at, s->model + s->span[i].begin, s->span[i].end - s->span[i].begin) == 0;
    if (from) munmap(from, s->bytes);
    return same;
}

/* −1: it cannot be had, or has something else in it. */
static int open_file(const SharedWeights *s, const Offer *offer)
{
    char path[64];
    struct stat is;
    snprintf(path, sizeof path, "/proc/%lld/fd/%lld", (long long)offer->process, (long long)offer->file);
    const int file = offer->file >= 0 && offer->bytes == s->bytes ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return -1;
    if (fstat(file, &is) == 0 && is.st_dev == offer->device && is.st_ino == offer->inode && has_same_pages(s, file))
        return file;
    close(file);
    return -1;
}

/* To all of this home; whether all of them can have the file. */
static bool offer_file(const SharedWeights *s, int file)
{
    struct stat is = {0};
    Offer offer = {getpid(), file >= 0 && fstat(file, &is) == 0 ? file : -1, is.st_dev, is.st_ino, s->bytes};
    exchange_all(s, add_mates(s, 0, true, &offer, 0, sizeof offer));
    exchange_all(s, add_mates(s, 0, false, s->answer, 1, 1));
    char all = offer.file >= 0;
    for (int r = 0; r < s->ranks->size; r++) all = all && (!s->with[r] || s->answer[r]);
    exchange_all(s, add_mates(s, 0, true, &all, 0, 1));
    return all;
}

/* The same on the side of the others. */
static bool take_offer(const SharedWeights *s, int *file)
{
    const int host = first_mate(s);
    Offer offer;
    char all = 0;
    s->ranks->exchange(s->ranks, &(NnMessage){host, false, &offer, sizeof offer, 0}, 1, s->limit);
    *file = open_file(s, &offer);
    char has = *file >= 0;
    s->ranks->exchange(s->ranks, &(NnMessage){host, true, &has, 1, 0}, 1, s->limit);
    s->ranks->exchange(s->ranks, &(NnMessage){host, false, &all, 1, 0}, 1, s->limit);
    return all;
}

/* ---- the pages ----------------------------------------------------------------------------------- */

static int map_pages(SharedWeights *s, int file, NnError *error)
{
    off_t at = 0;
    for (int i = 0; i < s->count; i++) {
        const size_t bytes = s->span[i].end - s->span[i].begin;
        char *to = s->model + s->span[i].begin;
        if (mmap(to, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, file, at) == MAP_FAILED)
            return nn_fail_errno(error, "cannot share the weights with the other ranks of this machine");
        madvise(to, bytes, MADV_HUGEPAGE); /* a wish */
        at += (off_t)bytes;
    }
    s->shared = true;
    return 0;
}

static void copy_back(char *to, size_t bytes)
{
    char *own = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own == MAP_FAILED) return; /* it stays shared, and nobody writes any more */
    madvise(own, bytes, MADV_HUGEPAGE);
    memcpy(own, to, bytes);
    mremap(own, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static int share_pages(SharedWeights *s, NnError *error)
{
    int file = -1;
    if (!s->count || first_mate(s) == s->ranks->size) return 0;
    if (is_host(s)) file = make_file(s);
    const bool all = is_host(s) ? offer_file(s, file) : take_offer(s, &file);
    const int failed = all ? map_pages(s, file, error) : 0;
    if (file >= 0) close(file);
    return failed;
}

SharedWeights *shared_weights_new(const NnRanks *ranks, double limit, void *model, const SharedSpan *span, int count,
                                  NnError *error)
{
    const size_t size = (size_t)ranks->size;
    SharedWeights *s = nn_alloc(sizeof *s, error);
    if (!s) return NULL;
    *s = (SharedWeights){.ranks = ranks, .limit = limit, .model = model};
    Home *homes = nn_alloc(size * sizeof *homes, error);
    s->span = nn_alloc(((size_t)count + 1) * sizeof *s->span, error);
    s->with = nn_alloc(size, error);
    s->answer = nn_alloc(size, error);
    s->messages = nn_alloc(2 * size * sizeof *s->messages, error);
    int failed = !homes || !s->span || !s->with || !s->answer || !s->messages;
    if (!failed) {
        find_mates(s, homes);
        trim_spans(s, span, count);
        failed = share_pages(s, error);
    }
    free(homes);
    if (!failed) return s;
    shared_weights_free(s);
    return NULL;
}

void shared_weights_free(SharedWeights *s)
{
    if (!s) return;
    for (int i = 0; s->shared && i < s->count; i++)
        copy_back(s->model + s->span[i].begin, s->span[i].end - s->span[i].begin);
    free(s->span);
    free(s->with);
    free(s->answer);
    free(s->messages);
    free(s);
}

SharedSpan shared_weights_part(const SharedWeights *s, SharedSpan of)
{
    for (int i = 0; s && s->shared && i < s->count; i++) {
        const size_t begin = s->span[i].begin > of.begin ? s->span[i].begin : of.begin;
        const size_t end = s->span[i].end < of.end ? s->span[i].end : of.end;
        if (begin < end) return (SharedSpan){begin, end};
    }
    return (SharedSpan){of.end, of.end};
}
