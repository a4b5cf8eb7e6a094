/*
 * verify: `nnc verify CHECKPOINT…`: whether checkpoints are of the same run.
 *
 * Enters: checkpoints.  Leaves: where each of them stands, with the hash of its history and of its tensors;
 * and for each after the first, that it is the same, how far it is the same, or at which step the two
 * part.  Exit status 0: all are the same as far as they go.
 */
#include <inttypes.h>
#include <string.h>

#include "commands/train/resume.h"
#include "runtime/train/history.h"
#include "runtime/train/state.h"

static const Option options[] = {{0}};

typedef struct Verified {
    const char *path;
    NnTensors *file;
    TrainState state;
} Verified;

static size_t tensor_size(const NnTensor *t) { return t->count * nn_type_size(t->type); }

static uint64_t hash_tensors(const NnTensors *file)
{
    uint64_t hash = HASH_START;
    for (int i = 0; i < nn_tensors_count(file); i++) {
        const NnTensor *t = nn_tensors_at(file, i);
        hash = hash_bytes(hash, t->name, strlen(t->name) + 1);
        hash = hash_bytes(hash, t->data, tensor_size(t));
    }
    return hash;
}

static int open_checkpoint(Verified *v, const char *path)
{
    NnError error = {0};
    *v = (Verified){.path = path, .file = nn_tensors_open(path, &error)};
    if (!v->file || state_read(&v->state, v->file, path, &error)) return fail_error(&error);
    const History *h = &v->state.history;
    printf("%s: step %" PRId64 ", history %016" PRIx64 ", tensors %016" PRIx64 "\n", path, v->state.step, h->chain,
           hash_tensors(v->file));
    return STATUS_OK;
}

/* ---- two of them ---------------------------------------------------------------------- */

static bool says_what_runs(const char *key)
{
    return strncmp(key, "run.", 4) == 0 || strcmp(key, "net.hash") == 0 || strcmp(key, "data.hash") == 0;
}

/* Two runs of different things. */
static bool is_other_run(const Verified *a, const Verified *b)
{
    const char *key, *value;
    for (int i = 0; (key = nn_tensors_metadata_at(a->file, i, &value)); i++) {
        const char *other = nn_tensors_metadata(b->file, key);
        if (!says_what_runs(key) || (other && strcmp(other, value) == 0)) continue;
        printf("%s is another run than %s: %s is %s, not %s\n", b->path, a->path, resume_key_text(key),
               other ? other : "(none)", value);
        return true;
    }
    return false;
}

static bool is_same_tensor(const NnTensor *x, const NnTensor *y)
{
    return y && x->type == y->type && x->count == y->count && memcmp(x->data, y->data, tensor_size(x)) == 0;
}

/* At the same step. */
static int compare_checkpoint_tensors(const Verified *a, const Verified *b)
{
    for (int i = 0; i < nn_tensors_count(a->file); i++) {
        const NnTensor *t = nn_tensors_at(a->file, i);
        if (is_same_tensor(t, nn_tensors_find(b->file, t->name))) continue;
        printf("%s differs from %s in the tensor %s, after the same steps\n", b->path, a->path, t->name);
        return STATUS_INPUT;
    }
    printf("%s is the same as %s\n", b->path, a->path);
    return STATUS_OK;
}

static int report_parting(const Verified *a, const Verified *b, HistoryParting p)
{
    if (p.first == p.last)
        printf("%s parts from %s at step %" PRId64 "\n", b->path, a->path, p.first);
    else
        printf("%s parts from %s between the steps %" PRId64 " and %" PRId64 "\n", b->path, a->path, p.first, p.last);
    return STATUS_INPUT;
}

static int compare_checkpoints(const Verified *a, const Verified *b)
{
    HistoryParting parting;
    const History *x = &a->state.history, *y = &b->state.history;
    if (is_other_run(a, b)) return STATUS_INPUT;
    if (x->begin != y->begin)
        return fail(STATUS_INPUT, "the histories of %s and %s begin at different steps, %" PRId64 " and %" PRId64,
                    a->path, b->path, x->begin, y->begin);
    if (history_parts(x, y, &parting)) return report_parting(a, b, parting);
    if (a->state.step == b->state.step) return compare_checkpoint_tensors(a, b);
    const bool later = b->state.step > a->state.step;
    printf("%s is the same run as %s, %s\n", b->path, a->path, later ? "later" : "earlier");
    return STATUS_OK;
}

/* ---- the command ------------------------------------------------------------------------ */

static int verify_files(char **paths, int count)
{
    Verified first;
    int status = open_checkpoint(&first, paths[0]);
    for (int i = 1; first.file && i < count; i++) {
        Verified other;
        int one = open_checkpoint(&other, paths[i]);
        if (!one && !status) one = compare_checkpoints(&first, &other);
        nn_tensors_close(other.file);
        if (one > status) status = one;
    }
    nn_tensors_close(first.file);
    return status;
}

static int verify_run(int argc, char **argv)
{
    OptionReader reader;
    options_begin(&reader, &command_verify, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD) return STATUS_USAGE;
    if (!reader.operand_count) return usage_error(&command_verify, "missing input file");
    const int status = verify_files(reader.operands, reader.operand_count);
    const int written = finish_output();
    return written ? written : status;
}

const Command command_verify = {
    .name = "verify",
    .summary = "tell whether checkpoints are of the same run, or where two runs part",
    .usage = "verify CHECKPOINT...",
    .options = options,
    .details = "A checkpoint carries a chain of hashes over the samples, the learning rate and the loss of\n"
               "every step.  Exit status 0: all are bitwise the same run, as far as they go.\n",
    .run = verify_run,
};
