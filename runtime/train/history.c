/*
 * The chain of a run's steps.
 */
#include "runtime/train/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 16 /* of a mark, in hexadecimal */ };

/* The finalizer of MurmurHash3 (Appleby), over the sum of both. */
static uint64_t chain_word(uint64_t hash, uint64_t word)
{
    hash = hash * UINT64_C(0x9e3779b97f4a7c15) + word;
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

static uint64_t double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void history_init(History *h, int64_t begin) { *h = (History){.begin = begin, .stride = 1}; }

static void keep_every_other(History *h)
{
    h->count /= 2;
    h->stride *= 2;
    for (int i = 0; i < h->count; i++) h->mark[i] = h->mark[2 * i + 1];
}

void history_add(History *h, const int32_t *rows, int count, double loss, double lr)
{
    uint64_t chain = chain_word(h->chain, (uint64_t)count);
    for (int i = 0; i < count; i++) chain = chain_word(chain, (uint32_t)rows[i]);
    h->chain = chain_word(chain_word(chain, double_bits(loss)), double_bits(lr));
    h->steps++;
    if (h->steps % h->stride != 0) return;
    h->mark[h->count++] = h->chain;
    if (h->count == HISTORY_MARKS) keep_every_other(h);
}

/* ---- files ---------------------------------------------------------------------------- */

int history_write(const History *h, NnTensorWriter *w, NnError *error)
{
    char head[128], marks[HISTORY_MARKS * DIGITS + 1] = "";
    snprintf(head, sizeof head, "%" PRId64 " %" PRId64 " %" PRId64 " %016" PRIx64, h->begin, h->steps, h->stride,
             h->chain);
    for (int i = 0; i < h->count; i++) snprintf(marks + (size_t)i * DIGITS, DIGITS + 1, "%016" PRIx64, h->mark[i]);
    return nn_writer_metadata(w, "history", head, error) || nn_writer_metadata(w, "history.marks", marks, error) ? -1
                                                                                                                 : 0;
}

static bool read_marks(History *h, const char *marks)
{
    h->count = (int)(strlen(marks) / DIGITS);
    for (int i = 0; i < h->count; i++) {
        char digits[DIGITS + 1] = "", *end;
        memcpy(digits, marks + (size_t)i * DIGITS, DIGITS);
        h->mark[i] = strtoull(digits, &end, 16);
        if (*end) return false;
    }
    return h->count == h->steps / h->stride;
}

int history_read(History *h, const NnTensors *file, const char *path, int64_t step, NnError *error)
{
    const char *head = nn_tensors_metadata(file, "history"), *marks = nn_tensors_metadata(file, "history.marks");
    history_init(h, step);
    if (!head || !marks) return 0;
    const int fields =
        sscanf(head, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNx64, &h->begin, &h->steps, &h->stride, &h->chain);
    const bool sane = fields == 4 && h->stride > 0 && h->begin >= 0 && h->steps >= 0 && h->begin + h->steps == step;
    if (sane && strlen(marks) < (size_t)HISTORY_MARKS * DIGITS && read_marks(h, marks)) return 0;
    return nn_fail(error, NN_BAD_INPUT, "%s: its history is damaged", path);
}

/* ---- comparing -------------------------------------------------------------------------- */

/* After so many steps of the chain, where it is known. */
static bool chain_at(const History *h, int64_t steps, uint64_t *chain)
{
    *chain = h->chain;
    if (steps == h->steps) return true;
    if (steps % h->stride != 0 || steps > h->steps) return false;
    *chain = steps ? h->mark[steps / h->stride - 1] : 0;
    return true;
}

bool history_parts(const History *a, const History *b, HistoryParting *parting)
{
    const int64_t stride = a->stride > b->stride ? a->stride : b->stride;
    const int64_t both = a->steps < b->steps ? a->steps : b->steps;
    int64_t same = 0;
    for (int64_t at = stride < both ? stride : both; same < both; at = at + stride < both ? at + stride : both) {
        uint64_t x, y;
        const bool known = chain_at(a, at, &x) && chain_at(b, at, &y);
        if (known && x != y) {
            *parting = (HistoryParting){a->begin + same + 1, a->begin + at};
            return true;
        }
        if (known) same = at;
        if (at == both) break;
    }
    return false;
}
