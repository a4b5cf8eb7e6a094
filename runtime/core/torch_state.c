/*
 * The checkpoint of a PyTorch file → the tensors of its state_dict.
 *
 * A file holds a tensor, a state_dict, or a dictionary with a state_dict in one of its entries, beside the
 * optimizer and the epoch.  DataParallel puts "module." before all names, torch.compile
 * "_orig_mod.": they are taken away.
 */
#include "runtime/core/torch.h"

#include <stdlib.h>
#include <string.h>

/* ---- finding it ------------------------------------------------------------------------ */

static bool is_tensor_entry(const PickleItems *items, size_t i)
{
    return items->at[i]->kind == PICKLE_TEXT && items->at[i + 1]->kind == PICKLE_TENSOR;
}

static size_t count_tensors(const PickleValue *v)
{
    size_t count = 0;
    if (v->kind == PICKLE_DICT)
        for (size_t i = 0; i + 1 < v->items.count; i += 2) count += is_tensor_entry(&v->items, i);
    return count;
}

/* Under one of the names that people give it. */
static const PickleValue *find_named_state(const PickleValue *checkpoint)
{
    static const char *const names[] = {"state_dict", "model_state_dict", "model_state", "model", "net",
                                        "network",    "weights",          "params",      NULL};
    for (int i = 0; names[i]; i++) {
        const PickleValue *state = pickle_find(checkpoint, names[i]);
        if (state && count_tensors(state)) return state;
    }
    return NULL;
}

/* The only entry that is a dictionary of tensors. */
static const PickleValue *find_only_state(const PickleValue *checkpoint)
{
    const PickleValue *found = NULL;
    for (size_t i = 1; checkpoint->kind == PICKLE_DICT && i < checkpoint->items.count; i += 2) {
        const PickleValue *entry = checkpoint->items.at[i];
        if (!count_tensors(entry)) continue;
        if (found) return NULL;
        found = entry;
    }
    return found;
}

static const PickleValue *find_state(const PickleValue *checkpoint)
{
    const PickleValue *state = find_named_state(checkpoint);
    if (!state && count_tensors(checkpoint)) state = checkpoint;
    return state ? state : find_only_state(checkpoint);
}

/* ---- names ------------------------------------------------------------------------------- */

static bool all_begin_with(const NnTensors *file, const char *prefix)
{
    for (int i = 0; i < file->count; i++)
        if (strncmp(file->at[i].name, prefix, strlen(prefix))) return false;
    return file->count > 0;
}

static void strip_prefixes(NnTensors *file)
{
    static const char *const prefixes[] = {"module.", "_orig_mod."};
    for (int k = 0; k < 2; k++)
        while (all_begin_with(file, prefixes[k]))
            for (int i = 0; i < file->count; i++) file->at[i].name += strlen(prefixes[k]);
}

static int compare_state_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int check_state_names(Pickle *p, const NnTensors *file)
{
    const char **sorted = pickle_alloc(p, (size_t)file->count * sizeof *sorted);
    if (!sorted) return -1;
    for (int i = 0; i < file->count; i++) sorted[i] = file->at[i].name;
    qsort(sorted, (size_t)file->count, sizeof *sorted, compare_state_names);
    for (int i = 1; i < file->count; i++)
        if (!strcmp(sorted[i - 1], sorted[i])) return pickle_fail(p, "two tensors are called %.200s", sorted[i]);
    return 0;
}

/* ---- tensors ------------------------------------------------------------------------------- */

static int take_state_tensor(Pickle *p, NnTensor *tensor, PickleText name, const TorchTensor *t)
{
    char *text = pickle_alloc(p, name.length + 1);
    size_t bytes;
    if (!text) return -1;
    memcpy(text, name.at, name.length);
    *tensor = (NnTensor){.name = text, .type = t->storage->type, .rank = t->rank};
    memcpy(tensor->dims, t->dims, sizeof t->dims);
    if (strlen(text) != name.length) return pickle_fail(p, "the name of a tensor has a zero in it");
    return tensors_size(tensor, &bytes) ? 0 : pickle_fail(p, "the tensor %.200s is too large", text);
}

static int take_state(NnTensors *file, Pickle *p, const PickleItems *entries, const TorchTensor **tensors)
{
    for (size_t i = 0; i + 1 < entries->count; i += 2) {
        if (!is_tensor_entry(entries, i)) continue;
        const TorchTensor *t = tensors[file->count] = entries->at[i + 1]->tensor;
        if (take_state_tensor(p, &file->at[file->count++], entries->at[i]->text, t)) return -1;
    }
    strip_prefixes(file);
    return check_state_names(p, file);
}

/* A tensor alone is called as that of an .npy. */
static int take_single(NnTensors *file, Pickle *p, const TorchTensor *t, const TorchTensor **tensors)
{
    tensors[file->count] = t;
    return take_state_tensor(p, &file->at[file->count++], (PickleText){"array", 5}, t);
}

int torch_state_dict(NnTensors *file, Pickle *p, PickleValue *checkpoint, const TorchTensor ***tensors)
{
    const bool single = checkpoint->kind == PICKLE_TENSOR;
    const PickleValue *state = single ? NULL : find_state(checkpoint);
    if (!state && !single) return pickle_fail(p, "it holds no state_dict, that is, no dictionary of tensors by names");
    size_t count = single ? 1 : count_tensors(state);
    file->at = calloc(count, sizeof *file->at);
    *tensors = pickle_alloc(p, count * sizeof **tensors);
    if (!file->at || !*tensors) return pickle_fail(p, "not enough memory for %zu tensors", count);
    return single ? take_single(file, p, checkpoint->tensor, *tensors) : take_state(file, p, &state->items, *tensors);
}

/* ---- data ----------------------------------------------------------------------------------- */

static bool is_contiguous(const TorchTensor *t)
{
    uint64_t stride = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        if (t->dims[i] != 1 && t->strides[i] != stride) return false;
        stride *= (uint64_t)t->dims[i];
    }
    return true;
}

/* Element by element, the last index fastest. */
static void gather_elements(const TorchTensor *t, const unsigned char *from, size_t size, size_t count,
                            unsigned char *to)
{
    int64_t index[NN_MAX_RANK] = {0};
    uint64_t at = 0;
    for (size_t i = 0; i < count; i++, to += size) {
        memcpy(to, from + at * size, size);
        for (int d = t->rank - 1; d >= 0; d--) {
            at += t->strides[d];
            if (++index[d] < t->dims[d]) break;
            at -= t->strides[d] * (uint64_t)t->dims[d];
            index[d] = 0;
        }
    }
}

int torch_gather(NnTensor *tensor, const TorchTensor *t, const unsigned char *storage, unsigned char **gathered,
                 NnError *error)
{
    const size_t size = nn_type_size(tensor->type);
    const unsigned char *from = storage + (t->storage->begin + t->offset) * size;
    if (!is_contiguous(t) && tensor->count) {
        *gathered = nn_memory(tensor->count * size, error);
        if (!*gathered) return -1;
        gather_elements(t, from, size, tensor->count, *gathered);
        from = *gathered;
    }
    tensor->data = from;
    return 0;
}
