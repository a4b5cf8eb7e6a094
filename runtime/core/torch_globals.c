/*
 * The globals that PyTorch's pickles may use, and what they build here.
 *
 *     torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)
 *     torch._utils._rebuild_parameter(tensor, requires_grad, hooks)
 *     collections.OrderedDict(), with its entries as pairs in protocols 0 and 1
 *
 * A storage is a persistent id, a tuple: ('storage', its type, key, device, elements), in the older
 * form followed by None or the view (key, offset, elements).
 */
#include "runtime/core/torch.h"

static bool is_count(const PickleValue *v) { return v->kind == PICKLE_INT && v->integer >= 0; }

/* ---- tensors ------------------------------------------------------------------------- */

static bool is_counts(const PickleValue *v)
{
    if (v->kind != PICKLE_TUPLE && v->kind != PICKLE_LIST) return false;
    for (size_t i = 0; i < v->items.count; i++)
        if (!is_count(v->items.at[i])) return false;
    return true;
}

/* The last element that the tensor reaches lies in its storage; its elements can be counted. */
static bool fits_storage(const TorchTensor *t)
{
    uint64_t last = t->offset, count = 1, step;
    for (int i = 0; i < t->rank; i++)
        if (t->dims[i] == 0) return t->offset <= t->storage->length;
    for (int i = 0; i < t->rank; i++)
        if (__builtin_mul_overflow((uint64_t)t->dims[i] - 1, t->strides[i], &step) ||
            __builtin_add_overflow(last, step, &last) || __builtin_mul_overflow(count, (uint64_t)t->dims[i], &count))
            return false;
    return last < t->storage->length && count <= PTRDIFF_MAX / 8;
}

static PickleValue *make_tensor(Pickle *p, const PickleItems *args)
{
    PickleValue **a = args->at;
    if (args->count < 4 || a[0]->kind != PICKLE_STORAGE || !is_count(a[1]) || !is_counts(a[2]) || !is_counts(a[3]) ||
        a[2]->items.count != a[3]->items.count)
        return pickle_fail(p, "a tensor is not described as PyTorch does it"), NULL;
    if (a[2]->items.count > NN_MAX_RANK)
        return pickle_fail(p, "a tensor has %zu dimensions, more than %d", a[2]->items.count, NN_MAX_RANK), NULL;
    PickleValue *v = pickle_value(p, PICKLE_TENSOR);
    TorchTensor *t = pickle_alloc(p, sizeof *t);
    if (!v || !t) return NULL;
    *t = (TorchTensor){.storage = a[0]->storage, .offset = (uint64_t)a[1]->integer, .rank = (int)a[2]->items.count};
    for (int i = 0; i < t->rank; i++) {
        t->dims[i] = a[2]->items.at[i]->integer;
        t->strides[i] = (uint64_t)a[3]->items.at[i]->integer;
    }
    v->tensor = t;
    if (fits_storage(t)) return v;
    pickle_fail(p, "a tensor is larger than its storage of %llu elements", (unsigned long long)t->storage->length);
    return NULL;
}

static PickleValue *make_parameter(Pickle *p, const PickleItems *args)
{
    if (args->count && args->at[0]->kind == PICKLE_TENSOR) return args->at[0];
    pickle_fail(p, "a parameter is not a tensor");
    return NULL;
}

static PickleValue *make_tuple(Pickle *p, const PickleItems *args)
{
    if (args->count == 1 && (args->at[0]->kind == PICKLE_TUPLE || args->at[0]->kind == PICKLE_LIST)) return args->at[0];
    pickle_fail(p, "a size is not a tuple");
    return NULL;
}

/* ---- dictionaries ---------------------------------------------------------------------- */

static bool append_pair(Pickle *p, PickleValue *dict, const PickleValue *pair)
{
    bool is_pair = (pair->kind == PICKLE_TUPLE || pair->kind == PICKLE_LIST) && pair->items.count == 2;
    if (!is_pair) pickle_fail(p, "the entries of an OrderedDict are no pairs");
    return is_pair && pickle_append(p, &dict->items, pair->items.at[0]) &&
           pickle_append(p, &dict->items, pair->items.at[1]);
}

static PickleValue *make_dict(Pickle *p, const PickleItems *args)
{
    PickleValue *dict = pickle_value(p, PICKLE_DICT);
    if (!dict || !args->count) return dict;
    const PickleValue *pairs = args->at[0];
    if (pairs->kind != PICKLE_LIST && pairs->kind != PICKLE_TUPLE)
        return pickle_fail(p, "the entries of an OrderedDict are no list"), NULL;
    for (size_t i = 0; i < pairs->items.count; i++)
        if (!append_pair(p, dict, pairs->items.at[i])) return NULL;
    return dict;
}

/* ---- storages ----------------------------------------------------------------------------- */

/* ('storage', type, key, device, elements[, view]); the view is None or (key, offset, elements). */
static bool read_storage(TorchStorage *s, const PickleItems *id)
{
    PickleValue **a = id->at;
    if (id->count < 5 || !pickle_text_is(a[0], "storage") || a[1]->kind != PICKLE_GLOBAL || a[1]->global->call ||
        a[2]->kind != PICKLE_TEXT || !is_count(a[4]))
        return false;
    uint64_t elements = (uint64_t)a[4]->integer;
    *s = (TorchStorage){.key = a[2]->text, .type = a[1]->global->type, .elements = elements, .length = elements};
    if (id->count == 5 || a[5]->kind == PICKLE_NONE) return true;
    if (a[5]->kind != PICKLE_TUPLE || a[5]->items.count != 3) return false;
    const PickleValue *begin = a[5]->items.at[1], *length = a[5]->items.at[2];
    if (!is_count(begin) || !is_count(length)) return false;
    s->begin = (uint64_t)begin->integer;
    s->length = (uint64_t)length->integer;
    return s->begin <= elements && s->length <= elements - s->begin;
}

static PickleValue *make_storage(Pickle *p, const PickleValue *id)
{
    PickleValue *v = pickle_value(p, PICKLE_STORAGE);
    TorchStorage *s = pickle_alloc(p, sizeof *s);
    if (!v || !s) return NULL;
    v->storage = s;
    if (id->kind == PICKLE_TUPLE && read_storage(s, &id->items)) return v;
    pickle_fail(p, "a storage is not described as PyTorch does it");
    return NULL;
}

static const PickleGlobal globals[] = {
    {"collections", "OrderedDict", make_dict, 0},
    {"torch._utils", "_rebuild_tensor", make_tensor, 0},
    {"torch._utils", "_rebuild_tensor_v2", make_tensor, 0},
    {"torch._utils", "_rebuild_parameter", make_parameter, 0},
    {"torch", "Size", make_tuple, 0},
    {"torch", "DoubleStorage", NULL, NN_F64},
    {"torch", "FloatStorage", NULL, NN_F32},
    {"torch", "HalfStorage", NULL, NN_F16},
    {"torch", "BFloat16Storage", NULL, NN_BF16},
    {"torch", "LongStorage", NULL, NN_I64},
    {"torch", "IntStorage", NULL, NN_I32},
    {"torch", "ShortStorage", NULL, NN_I16},
    {"torch", "CharStorage", NULL, NN_I8},
    {"torch", "ByteStorage", NULL, NN_U8},
    {"torch", "BoolStorage", NULL, NN_BOOL},
    {0},
};

const PickleHost torch_pickle_host = {globals, make_storage};
