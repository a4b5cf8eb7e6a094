/* Files of int8 weights. */
#include "commands/support/quantized.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/support/feeding.h"
#include "commands/support/simulated.h"

typedef struct ScaleFile {
    NnTensors *file;
    const char *path;
    const Model *m;
    json_t *how; /* the metadata `quantization`, or NULL */
    NnError error;
} ScaleFile;

static int no_scale(ScaleFile *f, const char *name)
{
    if (!f->error.status)
        nn_fail(&f->error, NN_BAD_INPUT, "%s has no scale of %s: it was made for another net than %s", f->path, name,
                f->m->net->name);
    return 0;
}

/* The file's tensor of so many numbers, or NULL. */
static const NnTensor *scale_tensor(ScaleFile *f, const char *name, const char *what, size_t count)
{
    const NnTensor *t = nn_tensors_find(f->file, arena_printf(f->m->c->arena, "quantization/%s.%s", name, what));
    return t && t->count == count && !nn_tensors_fetch(f->file, t, &f->error) ? t : NULL;
}

static bool scale_of_file(void *user, const Tensor *value, Affine *a)
{
    ScaleFile *f = user;
    const NnTensor *scale = scale_tensor(f, value->name, "scale", 1);
    const NnTensor *zero = scale_tensor(f, value->name, "zero_point", 1);
    int32_t point = 0;
    if (!scale || !zero || nn_tensor_ints(zero, &point, &f->error)) return no_scale(f, value->name);
    nn_tensor_doubles(scale, &a->scale);
    a->zero = point;
    const bool sound = a->scale > 0 && a->scale < 1e30 && point >= -128 && point <= 127;
    return sound || no_scale(f, value->name);
}

/* NEON adds two products in 16 bits, which twice -128 times -128 exceeds. */
static bool weights_are_symmetric(ScaleFile *f, const char *layer)
{
    const NnTensor *t = nn_tensors_find(f->file, arena_printf(f->m->c->arena, "%s.qweight", layer));
    if (!t || t->type != NN_I8) return true; /* refused where they are loaded */
    if (nn_tensors_fetch(f->file, t, &f->error)) return false;
    const void *least = memchr(t->data, 0x80, t->count);
    if (least)
        nn_fail(&f->error, NN_BAD_INPUT, "%s: weight %td of %s is -128: weights of int8 are from -127 to 127", f->path,
                (const char *)least - (const char *)t->data, layer);
    return !least;
}

static const double *weight_scales_of_file(void *user, const WeightRequest *r)
{
    ScaleFile *f = user;
    const int64_t rows = r->shape.dim[0];
    const char *layer = r->of->name;
    const NnTensor *t = scale_tensor(f, layer, "qweight.scale", (size_t)rows);
    double *scales = arena_alloc(f->m->c->arena, (size_t)rows * sizeof *scales);
    if (t) nn_tensor_doubles(t, scales);
    if (!t) no_scale(f, layer);
    return t && weights_are_symmetric(f, layer) ? scales : NULL;
}

static bool in_f32_by_file(void *user, const Node *layer)
{
    const ScaleFile *f = user;
    const json_t *names = json_object_get(f->how, "in_f32");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && strcmp(name, layer->name) == 0) return true;
    }
    return false;
}

typedef enum FileKind { FILE_OF_FLOATS, FILE_OF_INTEGERS, FILE_SIMULATED } FileKind;

/* Pipes are read once, by those that load them. */
static FileKind scales_kind(const char *path)
{
    struct stat s;
    NnError error = {0};
    if (!path || stat(path, &s) || !S_ISREG(s.st_mode)) return FILE_OF_FLOATS;
    NnTensors *header = nn_tensors_open_header(path, &error);
    FileKind kind = FILE_OF_FLOATS;
    if (header && simulated_is_of(header)) kind = FILE_SIMULATED;
    if (header && nn_tensors_metadata(header, "quantization")) kind = FILE_OF_INTEGERS;
    nn_tensors_close(header);
    return kind;
}

static int load_simulated(Model *m, const char *path, bool simulates)
{
    if (simulates) return simulated_apply(m);
    fprintf(stderr, "nnc: note: %s was trained with simulated int8: nnc quantize makes int8 weights of it\n", path);
    return STATUS_OK;
}

int quantized_load(Model *m, const char *path, bool learns, bool simulates)
{
    const FileKind kind = scales_kind(path);
    if (kind == FILE_OF_FLOATS) return STATUS_OK;
    if (kind == FILE_SIMULATED) return load_simulated(m, path, simulates);
    if (learns && m->net->heads.count)
        return fail(STATUS_INPUT, "%s has heads, which are not trained beside int8 weights", m->net->name);
    ScaleFile f = {.path = path, .m = m};
    f.file = nn_tensors_open(path, &f.error);
    if (!f.file) return fail_error(&f.error);
    const char *how = nn_tensors_metadata(f.file, "quantization");
    f.how = how ? json_loads(how, 0, NULL) : NULL;
    const QuantizeSource source = {&f, scale_of_file, weight_scales_of_file, in_f32_by_file, learns};
    const QuantizedNet *net = quantize_net(m->net, &source);
    json_decref(f.how);
    const char *hash = nn_tensors_metadata(f.file, "quantization.certificate");
    m->certificate = hash ? arena_strdup(m->c->arena, hash) : NULL;
    nn_tensors_close(f.file);
    if (!net) return fail_error(&f.error);
    m->original = m->net;
    m->net = net->graph;
    m->quantized = net;
    return STATUS_OK;
}
