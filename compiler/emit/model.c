/*
 * The model's block: a struct with one array for each parameter, buffer and
 * optimizer state, and the functions that initialise, set and get them.
 */
#include "emit/emitter.h"
#include "emit/entry_point.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static Tensor *model_at(const Emitter *e, int i) { return e->net->model.at[i]; }

static bool is_bf16(const Tensor *t) { return t->dtype == DTYPE_BF16; }

void model_write_struct(Emitter *e)
{
    Text *out = &e->source;
    comment_write_section(e, "model: parameters, buffers, the optimizer's state");
    text_add(out, "/* Lengths are rounded up so that every array starts on a 64-byte boundary of the block. */\n");
    text_addf(out, "struct %s {\n    uint64_t seed;\n    int64_t step; /* training steps done */\n", e->prefix);
    const bool momentum = emitter_sets_momentum(e);
    if (momentum) text_addf(out, "    %s momentum; /* of the next steps; 8 bytes */\n", e->real);
    text_addf(out, "    uint64_t reserved[%lld];\n", (long long)model_head_bytes(e->net) / 8 - (momentum ? 3 : 2));
    for (int i = 0; i < e->net->model.count; i++)
        if (!model_is_constant(e, model_at(e, i))) model_write_member(e, model_at(e, i), e->member[i]);
    if (e->prepared.count) text_add(out, "    /* made of the above when these are set */\n");
    for (int i = 0; i < e->prepared.count; i++) model_write_member(e, e->prepared.at[i], e->prepared_member[i]);
    text_add(out, "};\n\n");
    emitter_put_parts(e, out,
                      "typedef char {prefix}_block_has_its_size[sizeof(struct {prefix}) == {bytes} ? 1 : -1];\n\n",
                      PARTS({"bytes", emitter_number(e, e->train_bytes)}));
}

/* ---- tables -------------------------------------------------------------- */

static int kind_of(const Tensor *t)
{
    if (t->kind == TENSOR_PARAM) return t->trainable ? 0 : 1;
    return t->kind == TENSOR_BUFFER ? 2 : 3;
}

static void write_tensor_row(Emitter *e, int i)
{
    static const char *const kinds[] = {"NN_TRAINED", "NN_FROZEN", "NN_BUFFER", "NN_STATE"};
    const Tensor *t = model_at(e, i);
    text_addf(&e->source, "    {\"%s\", %s, %d, {", t->name, kinds[kind_of(t)], t->shape.rank);
    for (int k = 0; k < MAX_RANK; k++) text_addf(&e->source, "%s%lld", k ? ", " : "", (long long)t->shape.dim[k]);
    text_addf(&e->source, "}, %lld},\n", (long long)shape_count(t->shape));
}

static void write_offsets(Emitter *e)
{
    text_addf(&e->source, "static const size_t %s_offset[] = {\n", e->prefix);
    for (int i = 0; i < e->net->model.count; i++) {
        const char *part = model_is_constant(e, model_at(e, i)) ? "_frozen" : "";
        text_addf(&e->source, "    offsetof(struct %s%s, %s),\n", e->prefix, part, e->member[i]);
    }
    text_add(&e->source, e->net->model.count ? "};\n\n" : "    0\n};\n\n");
}

static const char *gradient_element(const Emitter *e, const Entry *entry, const Tensor *gradient)
{
    if (!e->options->standalone) return entry->value_of[gradient->id]->constant;
    return emitter_number(e, entry->plan->place[gradient->id].offset / dtype_size(gradient->dtype));
}

/* {tensor, element}: frozen tensors, buffers and states have no gradient. */
static void write_gradient_rows(Emitter *e, const Entry *entry)
{
    for (int i = 0; i < entry->program->gradients.count; i++) {
        const ParamGrad *pair = entry->program->gradients.at[i];
        const int tensor = model_index(e, pair->param);
        text_addf(&e->source, "    {%d, %s}, /* %s */\n", tensor, gradient_element(e, entry, pair->gradient),
                  e->member[tensor]);
    }
}

static void write_gradient_offsets(Emitter *e, ProgramKind kind, const char *suffix)
{
    const Entry *entry = entry_of(e, kind);
    if (!entry) return;
    emitter_put_parts(e, &e->source,
                      "/* Where {prefix}_{kind} leaves the gradient of a tensor in its scratch, in elements. */\n"
                      "static const struct {\n"
                      "    int tensor;\n"
                      "    int64_t element;\n"
                      "} {prefix}_{kind}_offset[] = {\n",
                      PARTS({"kind", suffix}));
    write_gradient_rows(e, entry);
    text_add(&e->source, entry->program->gradients.count ? "};\n\n" : "    {-1, 0} /* there is none */\n};\n\n");
}

void model_write_tables(Emitter *e)
{
    comment_write_section(e, "tensors by name");
    text_addf(&e->source, "static const nn_tensor_info %s_tensors[] = {\n", e->prefix);
    for (int i = 0; i < e->net->model.count; i++) write_tensor_row(e, i);
    text_add(&e->source, e->net->model.count ? "};\n\n" : "    {\"\", NN_BUFFER, 0, {0, 0, 0, 0}, 0}\n};\n\n");
    write_offsets(e);
    constants_write_table(e);
    write_gradient_offsets(e, PROGRAM_GRAD, "grad");
    write_gradient_offsets(e, PROGRAM_VJP, "vjp");
}

/* ---- init ---------------------------------------------------------------- */

typedef enum Draw { DRAW_CONSTANT, DRAW_NORMAL, DRAW_UNIFORM, DRAW_IDENTITY, DRAW_ORTHOGONAL } Draw;

typedef struct Start {
    Draw draw;
    double a, b; /* constant a; deviation a; bounds a, b */
} Start;

static Start symmetric(double bound) { return (Start){DRAW_UNIFORM, -bound, bound}; }

/* Glorot and Bengio 2010; He et al. 2015; LeCun et al. 1998; PyTorch's reset_parameters. */
static Start start_of(const Init *init)
{
    double in = (double)(init->fan_in > 0 ? init->fan_in : 1), out = (double)(init->fan_out > 0 ? init->fan_out : 1);
    switch (init->kind) {
    case INIT_CONSTANT: return (Start){DRAW_CONSTANT, init->a, 0};
    case INIT_NORMAL: return (Start){DRAW_NORMAL, init->a, 0};
    case INIT_UNIFORM: return (Start){DRAW_UNIFORM, init->a, init->b};
    case INIT_HE_NORMAL: return (Start){DRAW_NORMAL, sqrt(2 / in), 0};
    case INIT_HE_UNIFORM: return symmetric(sqrt(6 / in));
    case INIT_XAVIER_NORMAL: return (Start){DRAW_NORMAL, sqrt(2 / (in + out)), 0};
    case INIT_XAVIER_UNIFORM: return symmetric(sqrt(6 / (in + out)));
    case INIT_LECUN_NORMAL: return (Start){DRAW_NORMAL, sqrt(1 / in), 0};
    case INIT_TORCH: return symmetric(1 / sqrt(in));
    case INIT_IDENTITY: return (Start){DRAW_IDENTITY, 1, 0};
    case INIT_ORTHOGONAL: return (Start){DRAW_ORTHOGONAL, init->a, 0};
    case INIT_GABOR:
    case INIT_VALUES:
    case INIT_DEFAULT: break; /* Tensor.values; resolved by init_with_fans and init_of_bias */
    }
    assert(0 && "unknown initialisation");
    return (Start){DRAW_CONSTANT, 0, 0};
}

/* Its first values are those of its initialisation, not weights that are built in. */
static bool is_initialised(const Emitter *e, const Tensor *t)
{
    return !e->options->lower.constants || t->kind == TENSOR_STATE;
}

static bool draws(const Emitter *e, Draw draw)
{
    for (int i = 0; i < e->net->model.count; i++) {
        const Tensor *t = model_at(e, i);
        if (is_initialised(e, t) && !t->values && start_of(&t->init).draw == draw) return true;
    }
    return false;
}

/* The tensor as a pointer to its first element. */
static const char *elements_text(const Emitter *e, int i)
{
    const Tensor *t = model_at(e, i);
    const bool rows = model_array_shape(e, t).rank > 1;
    return arena_printf(e->arena, rows ? "(%s *)m->%s" : "%.0sm->%s", dtype_c_type(t->dtype), e->member[i]);
}

static void write_values(Emitter *e, int i)
{
    const Tensor *t = model_at(e, i);
    const int64_t count = shape_count(t->shape);
    text_add(&e->source, "    {\n");
    text_addf(&e->source, "        static const %s values[%lld] = {", e->real, (long long)count);
    for (int64_t k = 0; k < count; k++)
        text_addf(&e->source, "%s%s", k ? ", " : "", writer_real(e->writer, t->values[k]));
    if (is_bf16(t)) {
        emitter_uses(e, "nn_bf16_round");
        text_addf(&e->source, "};\n        nn_bf16_round(values, %lld, %s);\n    }\n", (long long)count,
                  elements_text(e, i));
    } else {
        text_addf(&e->source, "};\n        memcpy(m->%s, values, sizeof values);\n    }\n", e->member[i]);
    }
}

/* 1 at [k][k], in the middle of the kernel: the block is zeroed before. */
static void write_identity(Emitter *e, int i)
{
    const Shape s = model_at(e, i)->shape;
    const int64_t kh = s.rank > 2 ? s.dim[2] : 1, kw = s.rank > 3 ? s.dim[3] : 1;
    const int64_t count = s.dim[0] < s.dim[1] ? s.dim[0] : s.dim[1];
    emitter_put_parts(e, &e->source,
                      "    for (int k = 0; k < {count}; k++) ({elements})[k * {step} + {middle}] = {one};\n",
                      PARTS({"one", is_bf16(model_at(e, i)) ? "0x3f80" : "1"}, {"count", emitter_number(e, count)},
                            {"elements", elements_text(e, i)}, {"step", emitter_number(e, (s.dim[1] + 1) * kh * kw)},
                            {"middle", emitter_number(e, kh / 2 * kw + kw / 2)}));
}

static void write_start(Emitter *e, int i)
{
    const Tensor *t = model_at(e, i);
    if (t->values) {
        write_values(e, i);
        return;
    }
    const Start s = start_of(&t->init);
    const int64_t count = shape_count(t->shape), rows = t->shape.rank ? t->shape.dim[0] : 1;
    const TemplatePart *parts = PARTS({"elements", elements_text(e, i)}, {"count", emitter_number(e, count)},
                                      {"a", writer_real(e->writer, s.a)}, {"b", writer_real(e->writer, s.b)},
                                      {"rows", emitter_number(e, rows)}, {"columns", emitter_number(e, count / rows)},
                                      {"tensor", emitter_number(e, i)}, {"format", is_bf16(t) ? "_bf16" : ""});
    switch (s.draw) {
    case DRAW_CONSTANT:
        if (s.a != 0 && is_bf16(t)) emitter_uses(e, "nn_fill_bf16");
        if (s.a != 0) emitter_put_parts(e, &e->source, "    nn_fill{format}({elements}, {count}, {a});\n", parts);
        break;
    case DRAW_NORMAL:
        emitter_uses(e, is_bf16(t) ? "nn_fill_normal_bf16" : "nn_fill_normal");
        emitter_put_parts(e, &e->source,
                          "    nn_fill_normal{format}({elements}, {count}, {a}, {prefix}_stream(seed, {tensor}));\n",
                          parts);
        break;
    case DRAW_ORTHOGONAL:
        emitter_uses(e, "nn_fill_normal");
        emitter_put_parts(e, &e->source,
                          "    nn_fill_normal({elements}, {count}, 1, {prefix}_stream(seed, {tensor}));\n"
                          "    nn_make_orthogonal({elements}, {rows}, {columns}, {a});\n",
                          parts);
        break;
    case DRAW_IDENTITY: write_identity(e, i); break;
    case DRAW_UNIFORM:
        emitter_uses(e, is_bf16(t) ? "nn_fill_uniform_bf16" : "nn_fill_uniform");
        emitter_put_parts(
            e, &e->source,
            "    nn_fill_uniform{format}({elements}, {count}, {a}, {b}, {prefix}_stream(seed, {tensor}));\n", parts);
        break;
    }
}

/* Gram and Schmidt, each vector twice: the rows, or where there are more of them the columns. */
static void write_orthogonal(Writer *w)
{
    writer_put(w, "static void nn_make_orthogonal($real *p, int rows, int columns, $real gain)\n"
                  "{\n"
                  "const int wide = rows <= columns, count = wide ? rows : columns, length = wide ? columns : rows;\n"
                  "const int64_t next = wide ? columns : 1, step = wide ? 1 : columns;\n"
                  "for (int i = 0; i < count; i++) {\n"
                  "$real *v = p + i * next;\n"
                  "for (int other = 0; other < 2 * i; other++) {\n"
                  "const $real *u = p + other % i * next;\n"
                  "$real product = 0;\n"
                  "for (int k = 0; k < length; k++) {\n"
                  "product += u[k * step] * v[k * step];\n"
                  "}\n"
                  "for (int k = 0; k < length; k++) {\n"
                  "v[k * step] -= product * u[k * step];\n"
                  "}\n"
                  "}\n"
                  "$real square = 0;\n"
                  "for (int k = 0; k < length; k++) {\n"
                  "square += v[k * step] * v[k * step];\n"
                  "}\n"
                  "for (int k = 0; k < length; k++) {\n"
                  "v[k * step] /= $sqrt(square);\n"
                  "}\n"
                  "}\n"
                  "for (int64_t k = 0; k < (int64_t)rows * columns; k++) {\n"
                  "p[k] *= gain;\n"
                  "}\n"
                  "}\n\n");
}

/* A function of its own: inlined in each of its calls, the mixing would be half of init. */
static void write_stream(Emitter *e)
{
    emitter_uses(e, "nn_mix");
    emitter_put(
        e, &e->source,
        "/* The random numbers of a tensor.  The seed is mixed before the tensor's number is added: else a\n"
        " * tensor would start as the one before it does under the next seed. */\n"
        "static uint64_t {prefix}_stream(uint64_t seed, uint64_t tensor) { return nn_mix(nn_mix(seed) + tensor); }"
        "\n\n");
}

static void write_fillers(Emitter *e)
{
    bool constant = false;
    for (int i = 0; i < e->net->model.count; i++) {
        const Tensor *t = model_at(e, i);
        constant = constant || (is_initialised(e, t) && !is_bf16(t) && !t->values &&
                                start_of(&t->init).draw == DRAW_CONSTANT && start_of(&t->init).a != 0);
    }
    Writer *w = e->writer = writer_new(e->arena, e->options->lower.use_double);
    if (constant) {
        writer_put(w, "static void nn_fill($real *p, int64_t count, $real value)\n"
                      "{\n"
                      "for (int64_t k = 0; k < count; k++) {\n"
                      "p[k] = value;\n"
                      "}\n"
                      "}\n\n");
    }
    if (draws(e, DRAW_ORTHOGONAL)) write_orthogonal(w);
    emitter_uses_names(e, w);
    text_add(&e->source, writer_text(w));
    if (draws(e, DRAW_NORMAL) || draws(e, DRAW_UNIFORM) || draws(e, DRAW_ORTHOGONAL)) write_stream(e);
}

void model_write_init(Emitter *e)
{
    Text *out = &e->source;
    comment_write_section(e, "initial values");
    write_fillers(e);
    text_add(out, e->preparation);
    text_addf(out, "%s *%s_init(void *block, int training, uint64_t seed)\n{\n", e->prefix, e->prefix);
    text_addf(out, "    struct %s *m = (struct %s *)block;\n", e->prefix, e->prefix);
    bool has_state = e->train_bytes > e->infer_bytes;
    if (has_state) {
        text_addf(out, "    memset(block, 0, training ? sizeof *m : %lld);\n", (long long)e->infer_bytes);
    } else {
        text_add(out, "    (void)training;\n    memset(block, 0, sizeof *m);\n");
    }
    text_add(out, "    m->seed = seed;\n");
    if (emitter_sets_momentum(e))
        text_addf(out, "    m->momentum = %s;\n", writer_real(e->writer, e->spec->schedule.max_momentum));
    for (int i = 0; i < e->net->model.count; i++) {
        if (model_at(e, i)->kind != TENSOR_STATE && is_initialised(e, model_at(e, i))) write_start(e, i);
    }
    if (e->options->lower.constants)
        emitter_put_parts(e, out, "    memcpy((char *)block + {head}, &{prefix}_start, sizeof {prefix}_start);\n",
                          PARTS({"head", emitter_number(e, model_head_bytes(e->net))}));
    bool open = false;
    for (int i = 0; i < e->net->model.count; i++) {
        const Tensor *t = model_at(e, i);
        if (t->kind != TENSOR_STATE || t->init.a == 0) continue;
        if (!open) text_add(out, "    if (!training) {\n        return m;\n    }\n");
        open = true;
        write_start(e, i);
    }
    if (e->prepared.count) text_addf(out, "    %s_prepare(m, -1);\n", e->prefix);
    text_add(out, "    return m;\n}\n\n");
}

/* ---- set, get, get_grad --------------------------------------------------- */

static void write_get_gradient(Emitter *e, ProgramKind kind, const char *suffix)
{
    const Entry *entry = entry_of(e, kind);
    if (!entry) return;
    const int rows = entry->program->gradients.count > 0 ? entry->program->gradients.count : 1;
    emitter_put_parts(e, &e->source,
                      "int {prefix}_get_{kind}(const {prefix} *m, const char *name, {real} *values, size_t count, "
                      "const void *scratch)\n"
                      "{\n"
                      "    const int i = {prefix}_find(name, count);\n"
                      "    (void)m;\n"
                      "    for (int k = 0; k < {rows}; k++) {\n"
                      "        if (i >= 0 && {prefix}_{kind}_offset[k].tensor == i) {\n"
                      "            memcpy(values, (const {real} *)scratch + {prefix}_{kind}_offset[k].element, "
                      "count * sizeof *values);\n"
                      "            return 0;\n"
                      "        }\n"
                      "    }\n"
                      "    return -1;\n"
                      "}\n\n",
                      PARTS({"kind", suffix}, {"rows", emitter_number(e, rows)}));
}

static void write_find(Emitter *e)
{
    emitter_put_parts(e, &e->source,
                      "static int {prefix}_find(const char *name, size_t count)\n"
                      "{\n"
                      "    for (int i = 0; i < {tensors}; i++) {\n"
                      "        if (strcmp({prefix}_tensors[i].name, name) == 0) {\n"
                      "            return {prefix}_tensors[i].count == count ? i : -1;\n"
                      "        }\n"
                      "    }\n"
                      "    return -1;\n"
                      "}\n\n",
                      PARTS({"tensors", emitter_number(e, e->net->model.count)}));
}

/* ---- values of the caller, which are {real}, and how they are stored ------------- */

/* How `count` values become elements at `at`, and back; whole numbers are exact in floats up to 2^24. */
static const struct StoredFormat {
    DType type;
    const char *set, *get;
} stored_formats[] = {
    {DTYPE_I8,
     "for (size_t k = 0; k < count; k++) {\n"
     "            ((int8_t *)at)[k] = (int8_t)values[k];\n"
     "        }",
     "for (size_t k = 0; k < count; k++) {\n"
     "            values[k] = (float)((const int8_t *)at)[k];\n"
     "        }"},
    {DTYPE_BF16, "nn_bf16_round(values, (int64_t)count, (uint16_t *)(void *)at);",
     "nn_bf16_widen((const uint16_t *)(const void *)at, (int64_t)count, values);"},
    {DTYPE_I32,
     "for (size_t k = 0; k < count; k++) {\n"
     "            ((int32_t *)(void *)at)[k] = (int32_t)values[k];\n"
     "        }",
     "for (size_t k = 0; k < count; k++) {\n"
     "            values[k] = (float)((const int32_t *)(const void *)at)[k];\n"
     "        }"},
};
enum { STORED_FORMATS = sizeof stored_formats / sizeof *stored_formats };

static int stored_bytes(DType type)
{
    for (int i = 0; i < STORED_FORMATS; i++)
        if (stored_formats[i].type == type) return dtype_size(type);
    return 0;
}

static bool has_formats(const Emitter *e)
{
    for (int i = 0; i < STORED_FORMATS; i++)
        if (model_has(e, stored_formats[i].type)) return true;
    return false;
}

static void write_formats(Emitter *e)
{
    enum { IN_LINE = 32 };
    if (!has_formats(e)) return;
    emitter_put(e, &e->source,
                "/* Bytes of an element: 1 of int8, 2 of bf16, 4 of int32, 0 of {real}. */\n"
                "static const unsigned char {prefix}_format[] = {");
    for (int i = 0; i < e->net->model.count; i++) {
        if (i) text_add(&e->source, i % IN_LINE ? ", " : ",\n    ");
        if (!i) text_add(&e->source, "\n    ");
        text_addf(&e->source, "%d", stored_bytes(model_at(e, i)->dtype));
    }
    text_add(&e->source, "\n};\n\n");
}

/* Copies or converts tensor i, to the block or from it. */
static void write_copy(Emitter *e, bool set)
{
    const char *constant = set ? "" : "const ", *at = constants_place(e, set);
    const char *copy =
        set ? "memcpy(%s, values, count * sizeof *values);" : "memcpy(values, %s, count * sizeof *values);";
    if (!has_formats(e)) {
        text_addf(&e->source, "    %s\n", arena_printf(e->arena, copy, at));
        return;
    }
    text_addf(&e->source, "    %schar *const at = %s;\n    switch (%s_format[i]) {\n", constant, at, e->prefix);
    for (int i = 0; i < STORED_FORMATS; i++)
        if (model_has(e, stored_formats[i].type))
            text_addf(&e->source, "    case %d:\n        %s\n        break;\n", stored_bytes(stored_formats[i].type),
                      set ? stored_formats[i].set : stored_formats[i].get);
    text_addf(&e->source, "    default: %s\n    }\n", arena_printf(e->arena, copy, "at"));
}

static void write_set(Emitter *e)
{
    emitter_put(e, &e->source,
                "int {prefix}_set({prefix} *m, const char *name, const {real} *values, size_t count)\n"
                "{\n"
                "    const int i = {prefix}_find(name, count);\n");
    emitter_put(e, &e->source,
                e->options->lower.constants ? "    if (i < 0 || {prefix}_is_constant[i]) {\n" : "    if (i < 0) {\n");
    text_add(&e->source, "        return -1;\n    }\n");
    write_copy(e, true);
    if (e->prepared.count) emitter_put(e, &e->source, "    {prefix}_prepare(m, i);\n");
    text_add(&e->source, "    return 0;\n}\n\n");
}

static void write_get(Emitter *e)
{
    emitter_put(e, &e->source,
                "int {prefix}_get(const {prefix} *m, const char *name, {real} *values, size_t count)\n"
                "{\n"
                "    const int i = {prefix}_find(name, count);\n"
                "    if (i < 0) {\n"
                "        return -1;\n"
                "    }\n");
    write_copy(e, false);
    text_add(&e->source, "    return 0;\n}\n\n");
}

void model_write_access(Emitter *e)
{
    write_find(e);
    write_formats(e);
    write_set(e);
    write_get(e);
    if (emitter_sets_momentum(e))
        emitter_put(e, &e->source,
                    "void {prefix}_set_momentum({prefix} *m, {real} momentum)\n{\n    m->momentum = momentum;\n}\n\n");
    write_get_gradient(e, PROGRAM_GRAD, "grad");
    write_get_gradient(e, PROGRAM_VJP, "vjp");
}
