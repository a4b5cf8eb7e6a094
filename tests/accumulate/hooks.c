/*
 * A text of a net with hooks (--hooks --prefix part): step against step_hooked, on the same batches.
 *
 *   hooks FIRST
 *
 * Each trained tensor is announced once, FIRST before all others, by the caller's thread, and with the
 * values that it has after the whole pass; then the number of batches.  A hook that doubles all of that
 * changes nothing, since the update divides the one by the other.  Every tensor has the same bits after
 * each step.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "part.h"

enum { STEPS = 3, MOST = 256 };

static void fail(const char *what, const char *of)
{
    printf("%s: %s\n", what, of);
    exit(1);
}

static void *block(size_t bytes, int filling)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes + 64) != 0) exit(3);
    return memset(p, filling, bytes);
}

typedef struct Seen {
    const nn_model_info *info;
    pthread_t caller;
    float *values[MOST], *place[MOST]; /* by tensor; values: a copy of when it was announced */
    int count, first, ended;
} Seen;

static void see(void *ctx, int tensor, float *gradient, size_t count)
{
    Seen *s = ctx;
    if (!pthread_equal(s->caller, pthread_self())) fail("another thread called", "ready");
    if (tensor == -1) {
        if (count != 1 || *gradient != 1) fail("not one batch", "batches");
        s->ended++;
        *gradient *= 2;
        return;
    }
    const nn_tensor_info *t = &s->info->tensors[tensor];
    if (s->ended || s->values[tensor] || t->kind != NN_TRAINED || t->count != count) fail("announced", t->name);
    if (s->count++ == 0) s->first = tensor;
    s->values[tensor] = memcpy(block(count * sizeof *gradient, 0), gradient, count * sizeof *gradient);
    s->place[tensor] = gradient;
}

static void check_seen(void *ctx)
{
    Seen *s = ctx;
    if (s->ended != 1) fail("the number of batches was not announced", "before_update");
    for (int i = 0; i < s->info->tensor_count; i++) {
        const nn_tensor_info *t = &s->info->tensors[i];
        if (!s->values[i] && t->kind == NN_TRAINED) fail("was not announced", t->name);
        if (!s->values[i]) continue;
        if (memcmp(s->values[i], s->place[i], t->count * sizeof(float)) != 0) fail("was not final", t->name);
        for (size_t k = 0; k < t->count; k++) s->place[i][k] *= 2;
        free(s->values[i]);
        s->values[i] = NULL;
    }
}

static void compare(const nn_model_info *info, const void *a, const void *b)
{
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float *x = block(t->count * sizeof *x, 0), *y = block(t->count * sizeof *y, 0);
        info->get(a, t->name, x, t->count);
        info->get(b, t->name, y, t->count);
        if (memcmp(x, y, t->count * sizeof *x) != 0) fail("differs", t->name);
        free(x);
        free(y);
    }
}

static float next_random(void)
{
    static unsigned state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 16777216.0f;
}

int main(int count, char **arguments)
{
    const nn_model_info *info = part_info();
    void *plain = info->init(block(info->train_bytes, 0xff), 1, 7);
    void *hooked = info->init(block(info->train_bytes, 0xff), 1, 7);
    void *scratch = block(info->train_scratch, 0xff), *gradients = block(info->gradients_bytes, 0);
    const size_t inputs = (size_t)info->batch * info->inputs;
    float *x = block(inputs * sizeof *x, 0);
    int32_t *labels = block((size_t)info->batch * sizeof *labels, 0);
    if (count != 2 || info->tensor_count > MOST) return 2;
    for (int step = 0; step < STEPS; step++) {
        Seen seen = {.info = info, .caller = pthread_self()};
        const nn_hooks hooks = {&seen, see, check_seen};
        for (size_t i = 0; i < inputs; i++) x[i] = next_random() - 0.5f;
        for (int i = 0; i < info->batch; i++) labels[i] = (int)(next_random() * (float)info->outputs);
        const float want = info->step(plain, x, labels, 0.05f, scratch);
        const float loss = part_step_hooked(hooked, x, labels, 0.05f, gradients, scratch, &hooks);
        if (loss != want) fail("differs", "the loss");
        if (strcmp(info->tensors[seen.first].name, arguments[1]) != 0)
            fail("came first", info->tensors[seen.first].name);
        compare(info, plain, hooked);
    }
    return 0;
}
