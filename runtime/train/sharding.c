#define _GNU_SOURCE /* madvise */

#include "runtime/train/sharding.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct Sharding {
    const nn_model_info *info;
    const NnRanks *ranks;
    double limit;
    int *owner;          /* [tensor] the rank that it belongs to; −1: all of them */
    unsigned char *skip; /* [tensor]: another rank updates it */
    size_t *begin;       /* [rank + 1]: where a rank's are */
    NnMessage *messages;
};

/* ---- who has what ------------------------------------------------------------------------ */

/* The largest trained tensor without an owner, or -1. */
static int largest_left(const Sharding *s)
{
    int largest = -1;
    for (int i = 0; i < s->info->tensor_count; i++) {
        const nn_tensor_info *t = &s->info->tensors[i];
        if (t->kind != NN_TRAINED || s->owner[i] >= 0) continue;
        if (largest < 0 || t->count > s->info->tensors[largest].count) largest = i;
    }
    return largest;
}

bool sharding_is_state_of(const nn_tensor_info *state, const nn_tensor_info *param)
{
    const size_t length = strlen(param->name);
    return param->kind == NN_TRAINED && strncmp(state->name, param->name, length) == 0 && state->name[length] == '.';
}

static void divide_tensors(Sharding *s)
{
    const int count = s->info->tensor_count;
    size_t *has = s->begin + 1;
    for (int i = 0; i < count; i++) s->owner[i] = -1;
    for (int i; (i = largest_left(s)) >= 0;) {
        int least = 0;
        for (int r = 1; r < s->ranks->size; r++)
            if (has[r] < has[least]) least = r;
        s->owner[i] = least;
        s->skip[i] = least != s->ranks->rank;
        has[least] += s->info->tensors[i].count;
    }
    for (int r = 0; r < s->ranks->size; r++) s->begin[r + 1] += s->begin[r];
    for (int i = 0; i < count; i++)
        for (int k = 0; s->info->tensors[i].kind == NN_STATE && k < count; k++)
            if (sharding_is_state_of(&s->info->tensors[i], &s->info->tensors[k])) s->owner[i] = s->owner[k];
}

/* ---- the step ---------------------------------------------------------------------------- */

static void move_values(const Sharding *s, void *model, float *values, bool out)
{
    for (int r = 0; r < s->ranks->size; r++) {
        float *at = values + s->begin[r];
        if (out != (r == s->ranks->rank)) continue;
        for (int i = 0; i < s->info->tensor_count; i++) {
            const nn_tensor_info *t = &s->info->tensors[i];
            if (t->kind != NN_TRAINED || s->owner[i] != r) continue;
            if (out)
                s->info->get(model, t->name, at, t->count);
            else
                s->info->set(model, t->name, at, t->count);
            at += t->count;
        }
    }
}

static NnMessage message_of(const Sharding *s, float *values, int owner, int peer, bool sends)
{
    const size_t count = s->begin[owner + 1] - s->begin[owner];
    return (NnMessage){peer, sends, values + s->begin[owner], count * sizeof(float), 0};
}

void sharding_update(const Sharding *s, void *model, void *gradients, float lr, void *scratch)
{
    const int own = s->ranks->rank;
    int count = 0;
    s->info->update_some(model, gradients, lr, scratch, &(nn_share){s->skip, 0, 1, 1, gradients});
    move_values(s, model, gradients, true);
    for (int r = 0; r < s->ranks->size; r++) {
        if (r == own) continue;
        s->messages[count++] = message_of(s, gradients, r, r, false);
        s->messages[count++] = message_of(s, gradients, own, r, true);
    }
    if (count) s->ranks->exchange(s->ranks, s->messages, count, s->limit);
    move_values(s, model, gradients, false);
}

/* ---- the state ----------------------------------------------------------------------------- */

static bool has_foreign_state(const Sharding *s, int tensor, int rank)
{
    return s->info->tensors[tensor].kind == NN_STATE && s->owner[tensor] >= 0 && s->owner[tensor] != rank;
}

void sharding_collect_state(const Sharding *s, void *model, float *values)
{
    for (int i = 0; i < s->info->tensor_count; i++) {
        const nn_tensor_info *t = &s->info->tensors[i];
        const bool first = s->ranks->rank == 0;
        if (!has_foreign_state(s, i, 0) || (!first && s->owner[i] != s->ranks->rank)) continue;
        const NnMessage message = {first ? s->owner[i] : 0, !first, values, t->count * sizeof(float), 0};
        if (!first) s->info->get(model, t->name, values, t->count);
        s->ranks->exchange(s->ranks, &message, 1, s->limit);
        if (first) s->info->set(model, t->name, values, t->count);
    }
}

static bool page_is_zero(const char *page, size_t bytes)
{
    return page[0] == 0 && memcmp(page, page + 1, bytes - 1) == 0;
}

/* Pages of zeros read as zeros without memory, too.  The block is private memory that no file is behind. */
static void give_back_zeros(void *block, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *end = (char *)block + bytes, *at = (char *)block + (page - (size_t)block % page) % page;
    while (at + page <= end) {
        char *from = at;
        while (at + page <= end && page_is_zero(at, page)) at += page;
        if (at > from) madvise(from, (size_t)(at - from), MADV_DONTNEED);
        if (at + page <= end) at += page;
    }
}

void sharding_give_back(const nn_model_info *info, void *model) { give_back_zeros(model, info->train_bytes); }

void sharding_forget_state(const Sharding *s, void *model, float *values)
{
    for (int i = 0; i < s->info->tensor_count; i++) {
        const nn_tensor_info *t = &s->info->tensors[i];
        if (!has_foreign_state(s, i, s->ranks->rank)) continue;
        memset(values, 0, t->count * sizeof *values);
        s->info->set(model, t->name, values, t->count);
    }
    sharding_give_back(s->info, model);
}

/* ---- memory -------------------------------------------------------------------------------- */

size_t sharding_floats(const nn_model_info *info)
{
    size_t trained = 0, largest = 0;
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        if (t->kind == NN_TRAINED) trained += t->count;
        if (t->count > largest) largest = t->count;
    }
    return trained > largest ? trained : largest;
}

Sharding *sharding_new(const nn_model_info *info, const NnRanks *ranks, double limit, NnError *error)
{
    const size_t tensors = (size_t)info->tensor_count, size = (size_t)ranks->size;
    Sharding *s = nn_alloc(sizeof *s, error);
    if (!s) return NULL;
    *s = (Sharding){.info = info, .ranks = ranks, .limit = limit};
    s->owner = nn_alloc((tensors + 1) * sizeof *s->owner, error);
    s->skip = nn_alloc(tensors + 1, error);
    s->begin = nn_alloc((size + 1) * sizeof *s->begin, error);
    s->messages = nn_alloc(2 * size * sizeof *s->messages, error);
    if (!s->owner || !s->skip || !s->begin || !s->messages) {
        sharding_free(s);
        return NULL;
    }
    divide_tensors(s);
    return s;
}

void sharding_free(Sharding *s)
{
    if (!s) return;
    free(s->owner);
    free(s->skip);
    free(s->begin);
    free(s->messages);
    free(s);
}
