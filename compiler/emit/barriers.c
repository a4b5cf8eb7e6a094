/*
 * Barriers: where the threads of an entry point wait for each other.
 *
 * Enters: the calls in their order, with what each reads and writes.  Leaves: a barrier
 * before each call that may touch bytes that another thread has touched since the last.
 */
#include "emit/entry_point.h"

/* What a call reads or writes. */
typedef struct Region {
    const Tensor *root;
    int64_t offset, bytes; /* in the arena; offset −1: outside memory */
    int64_t sample;        /* bytes from one sample to the next; 0: not by samples */
    int64_t begin, end;    /* of the channels of an image that it is a part of; else 0, INT64_MAX */
    bool written;
    Share share; /* of the call: which thread is at which part */
} Region;

static Region region_of(EntryPoint *p, const Tensor *t, bool written, Share share)
{
    const Place *place = &p->plan->place[tensor_storage(t)->id];
    int64_t sample = t->batched ? place->bytes / p->program->batch : 0;
    int64_t begin = t->parent ? t->channel_offset : 0,
            end = t->parent ? t->channel_offset + t->shape.dim[0] : INT64_MAX;
    return (Region){place->root, place->offset, place->bytes, sample, begin, end, written, share};
}

/* Both are channels of one image, and none of them are the same. */
static bool are_beside(const Region *a, const Region *b)
{
    return a->offset == b->offset && a->bytes == b->bytes && (a->end <= b->begin || b->end <= a->begin);
}

/* The same bytes may be meant, and somebody writes. */
static bool regions_meet(const Region *a, const Region *b)
{
    if (!a->written && !b->written) return false;
    bool arena = a->offset >= 0 && b->offset >= 0;
    if (!arena) return a->root == b->root;
    if (are_beside(a, b)) return false;
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

/* Two threads may come to the same bytes there.  Not if both calls are the first
 * thread's, and not if each thread is at its own samples and these lie alike. */
static bool regions_clash(const Region *a, const Region *b)
{
    if (!regions_meet(a, b)) return false;
    if (a->share == SHARE_NONE && b->share == SHARE_NONE) return false;
    if (a->share != SHARE_SAMPLES || b->share != SHARE_SAMPLES) return true;
    return a->offset != b->offset || a->sample != b->sample || a->sample == 0;
}

static void push_region(EntryPoint *p, List *list, Region region)
{
    Region *own = arena_alloc(p->e->arena, sizeof *own);
    *own = region;
    list_push(p->e->arena, list, own);
}

/* What a call touches: its inputs, of which some are written, and its outputs. */
static void list_regions(EntryPoint *p, const Node *n, Share share, List *list)
{
    for (int i = 0; i < n->in_count + n->out_count; i++) {
        bool input = i < n->in_count;
        const Tensor *t = input ? n->in[i] : n->out[i - n->in_count];
        push_region(p, list, region_of(p, t, !input || node_mutates(n, i), share));
    }
}

static bool any_clash(const List *before, const List *now)
{
    for (int i = 0; i < before->count; i++) {
        for (int k = 0; k < now->count; k++) {
            if (regions_clash(before->at[i], now->at[k])) return true;
        }
    }
    return false;
}

void barrier_write(EntryPoint *p)
{
    p->touched.count = 0;
    if (!p->e->team) return;
    entry_point_uses(p, NAME_TEAM);
    text_add(&p->text, "    nn_barrier(team);\n");
}

/* Threads wait for each other before a call that needs what another thread did
 * since they last waited, or writes where another may still read.  A single one never waits. */
static void separate(EntryPoint *p, const List *regions)
{
    if (!p->e->team) return;
    if (any_clash(&p->touched, regions)) barrier_write(p);
    for (int i = 0; i < regions->count; i++) list_push(p->e->arena, &p->touched, regions->at[i]);
}

void barrier_before_node(EntryPoint *p, const Node *n, Share share)
{
    List regions = {0};
    list_regions(p, n, share, &regions);
    separate(p, &regions);
}

static void separate_region(EntryPoint *p, Region region)
{
    List regions = {0};
    push_region(p, &regions, region);
    separate(p, &regions);
}

void barrier_before_read(EntryPoint *p, const Tensor *t) { separate_region(p, region_of(p, t, false, SHARE_NONE)); }
void barrier_before_write(EntryPoint *p, const Tensor *t) { separate_region(p, region_of(p, t, true, SHARE_NONE)); }

void barrier_before_fill(EntryPoint *p, int64_t offset, int64_t bytes)
{
    separate_region(p,
                    (Region){.offset = offset, .bytes = bytes, .end = INT64_MAX, .written = true, .share = SHARE_NONE});
}
