/*
 * Weights that are built in.
 *
 * The constant is the model's struct with the bytes of a block in which all weights are
 * set, packed ones included, so that NET_infer reads it as it reads any other model.
 * Numbers are hexadecimal floats, which are exact in every compiler.  Where the weights are
 * in a file, that has the same bytes after a header of 64:
 *
 *    0  "NNCMODEL"
 *    8  uint32 version, 1
 *   12  uint32 0x01020304 in the byte order of the machine that wrote it
 *   16  uint64 fingerprint of what the C expects: struct, packing, normalisation, classes
 *   24  uint64 bytes of the model
 *   32  uint64 checksum of these bytes
 *   40  zeros
 */
#include "emit/trained.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "emit/emitter.h"

static const TrainedModel *trained_of(const Emitter *e) { return e->options->trained; }

/* Code that trains takes all inputs as training does; what makes them of x is a function of its own. */
static bool normalizes(const Emitter *e)
{
    const TrainedModel *t = trained_of(e);
    return t && e->options->lower.constants && (t->mean || t->input_bytes);
}

static int64_t inputs_of_batch(const Emitter *e) { return emitter_inputs(e) * e->options->lower.batch; }

void trained_reserve_input(Emitter *e)
{
    if (!emitter_converts_input(e)) return;
    e->input_offset = emitter_input_place(e);
    if (e->input_offset >= 0) return;
    e->input_offset = e->infer_scratch;
    e->infer_scratch += round_up(inputs_of_batch(e) * (int64_t)sizeof(float), PLAN_ALIGN);
}

static void write_string(Text *out, const char *text)
{
    text_add(out, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (isalnum(*p) || (*p < 128 && isprint(*p) && !strchr("\"\\?", *p)))
            text_addf(out, "%c", *p);
        else
            text_addf(out, "\\%03o", *p);
    text_add(out, "\"");
}

/* ---- the constant ------------------------------------------------------------- */

static void write_constant(Emitter *e)
{
    emitter_put(e, &e->source, "static const struct {prefix} {prefix}_constants");
    if (e->team) text_add(&e->source, " __attribute__((aligned(64)))");
    text_add(&e->source, " = {\n    0, 0, {0}");
    for (int i = 0; i < e->net->model.count; i++) {
        text_add(&e->source, ",");
        initializer_write_trained(e, e->net->model.at[i], e->offset[i]);
    }
    for (int i = 0; i < e->prepared.count; i++) {
        text_add(&e->source, ",");
        initializer_write_trained(e, e->prepared.at[i], model_prepared_offset(e, i));
    }
    emitter_put(e, &e->source,
                "\n};\n\n"
                "const {prefix} *{prefix}_trained(void)\n"
                "{\n"
                "    return &{prefix}_constants;\n"
                "}\n\n");
}

/* ---- the file ------------------------------------------------------------------- */

/* FNV-1a over words of four bytes: whatever changes in one word changes the sum. */
static uint64_t checksum(const unsigned char *bytes, int64_t count)
{
    uint64_t sum = HASH_START;
    for (int64_t i = 0; i + 4 <= count; i += 4) {
        uint32_t word;
        memcpy(&word, bytes + i, sizeof word);
        sum = (sum ^ word) * 0x100000001b3u;
    }
    return sum;
}

static uint64_t mix_text(uint64_t sum, const char *text) { return hash_bytes(sum, text, strlen(text) + 1); }

static const char *struct_text(const Emitter *e)
{
    Emitter copy = *e;
    text_init(&copy.source, e->arena);
    model_write_struct(&copy);
    return copy.source.data;
}

static uint64_t fingerprint(const Emitter *e)
{
    const TrainedModel *t = trained_of(e);
    uint64_t sum = mix_text(mix_text(HASH_START, struct_text(e)), e->preparation);
    for (int i = 0; i < e->prepared.count; i++)
        sum = mix_text(sum, ((const Tensor *)e->prepared.at[i])->producer->op->name);
    if (t->mean) sum = hash_bytes(sum, t->mean, (size_t)t->channels * sizeof *t->mean);
    if (t->mean) sum = hash_bytes(sum, t->std, (size_t)t->channels * sizeof *t->std);
    for (int i = 0; t->class_names && i < t->class_count; i++) sum = mix_text(sum, t->class_names[i]);
    return sum;
}

const char *trained_file(const Emitter *e)
{
    const TrainedModel *t = trained_of(e);
    if (!t || !t->beside) return NULL;
    char *file = arena_alloc(e->arena, (size_t)(TRAINED_HEADER_BYTES + t->bytes));
    const uint32_t numbers[] = {1, 0x01020304};
    const uint64_t sums[] = {fingerprint(e), (uint64_t)t->bytes, checksum(t->block, t->bytes), 0, 0, 0};
    memcpy(file, "NNCMODEL", 8);
    memcpy(file + 8, numbers, sizeof numbers);
    memcpy(file + 16, sums, sizeof sums);
    memcpy(file + TRAINED_HEADER_BYTES, t->block, (size_t)t->bytes);
    return file;
}

static void write_loader(Emitter *e)
{
    emitter_put(e, &e->source,
                "static uint64_t {prefix}_checksum(const unsigned char *bytes, size_t count)\n"
                "{\n"
                "    uint64_t sum = 0xcbf29ce484222325u;\n"
                "    for (size_t i = 0; i + 4 <= count; i += 4) {\n"
                "        uint32_t word;\n"
                "        memcpy(&word, bytes + i, sizeof word);\n"
                "        sum = (sum ^ word) * 0x100000001b3u;\n"
                "    }\n"
                "    return sum;\n"
                "}\n\n"
                "const {prefix} *{prefix}_load(const void *bytes, size_t length)\n"
                "{\n"
                "    const unsigned char *const file = (const unsigned char *)bytes;\n"
                "    uint32_t numbers[2];\n"
                "    uint64_t sums[3];\n");
    text_addf(&e->source,
              "    if (length != %d + %lld || (uintptr_t)bytes %% %d != 0) {\n        return NULL;\n    }\n",
              TRAINED_HEADER_BYTES, (long long)trained_of(e)->bytes, e->team ? 64 : 8);
    text_add(&e->source,
             "    memcpy(numbers, file + 8, sizeof numbers);\n"
             "    memcpy(sums, file + 16, sizeof sums);\n"
             "    if (memcmp(file, \"NNCMODEL\", 8) != 0 || numbers[0] != 1 || numbers[1] != 0x01020304) {\n"
             "        return NULL;\n"
             "    }\n");
    text_addf(&e->source, "    if (sums[0] != 0x%llxu || sums[1] != length - %d) {\n        return NULL;\n    }\n",
              (unsigned long long)fingerprint(e), TRAINED_HEADER_BYTES);
    text_addf(&e->source, "    if (sums[2] != %s_checksum(file + %d, length - %d)) {\n        return NULL;\n    }\n",
              e->prefix, TRAINED_HEADER_BYTES, TRAINED_HEADER_BYTES);
    text_addf(&e->source, "    return (const struct %s *)(const void *)(file + %d);\n}\n\n", e->prefix,
              TRAINED_HEADER_BYTES);
}

/* For assemblers of ELF files. */
static void write_incbin(Emitter *e)
{
    emitter_put(e, &e->source,
                "#ifdef {PREFIX}_INCBIN\n"
                "__asm__(\".pushsection .rodata\\n.balign 64\\n{prefix}_file_begin:\\n.incbin \\\"\" {PREFIX}_INCBIN\n"
                "        \"\\\"\\n{prefix}_file_end:\\n.popsection\\n\");\n"
                "extern const unsigned char {prefix}_file_begin[] __attribute__((visibility(\"hidden\")));\n"
                "extern const unsigned char {prefix}_file_end[] __attribute__((visibility(\"hidden\")));\n\n"
                "const {prefix} *{prefix}_trained(void)\n"
                "{\n"
                "    return {prefix}_load({prefix}_file_begin, (size_t)({prefix}_file_end - {prefix}_file_begin));\n"
                "}\n"
                "#endif\n\n");
}

/* ---- classes ---------------------------------------------------------------------- */

static void write_class_names(Emitter *e)
{
    const TrainedModel *t = trained_of(e);
    char number[16];
    if (!t->class_count) return;
    emitter_put(e, &e->source, "const char *{prefix}_class_name(int i)\n{\n    static const char *const names[] = {");
    for (int i = 0; i < t->class_count; i++) {
        snprintf(number, sizeof number, "%d", i);
        text_add(&e->source, "\n        ");
        write_string(&e->source, t->class_names ? t->class_names[i] : number);
        text_add(&e->source, ",");
    }
    text_addf(&e->source, "\n    };\n    return i >= 0 && i < %d ? names[i] : \"\";\n}\n\n", t->class_count);
}

void trained_write_model(Emitter *e)
{
    if (!trained_of(e)) return;
    comment_write_section(e, "what the model has learnt");
    write_class_names(e);
    if (e->options->lower.constants) {
        constants_write_values(e);
        return;
    }
    if (!trained_of(e)->beside) {
        write_constant(e);
        return;
    }
    write_loader(e);
    write_incbin(e);
}

/* ---- a program ------------------------------------------------------------------------ */

void trained_write_main(Emitter *e)
{
    const TrainedModel *t = trained_of(e);
    if (!e->options->main) return;
    comment_write_section(e, "a program around the model");
    emitter_put_parts(
        e, &e->source,
        "#define NN_INFO() {prefix}_info()\n"
        "#define NN_MEANING {meaning}\n"
        "#define NN_FIT '{fit}'\n"
        "#define NN_CLASS(i) {class}\n",
        PARTS({"meaning", emitter_number(e, t->meaning)}, {"fit", t->fit},
              {"class", t->class_count ? arena_printf(e->arena, "%s_class_name(i)", e->prefix) : "((void)(i), \"\")"}));
    emitter_put(e, &e->source,
                t->beside ? "#ifdef {PREFIX}_INCBIN\n"
                            "#define NN_MODEL() {prefix}_trained()\n"
                            "#else\n"
                            "#define NN_LOAD(bytes, length) {prefix}_load(bytes, length)\n"
                            "#endif\n\n"
                          : "#define NN_MODEL() {prefix}_trained()\n\n");
    if (t->self_test)
        emitter_put(e, &e->source,
                    "#define NN_SELF_TEST_SCRATCH {PREFIX}_SELF_TEST_SCRATCH\n"
                    "#define NN_SELF_TEST(model, scratch) {prefix}_self_test((const {prefix} *)(model), scratch)\n\n");
    support_add_text(e, "program.h", &e->source);
}

/* ---- inputs -------------------------------------------------------------------------- */

static void write_channel_values(Emitter *e, const char *name, const float *values)
{
    text_addf(&e->source, "    static const float %s[%d] = {", name, trained_of(e)->channels);
    initializer_write_floats(&e->source, values, trained_of(e)->channels, "\n        ");
    text_add(&e->source, "};\n");
}

/* PREFIX_NAME: x of the type → what the layers take. */
static void write_conversion(Emitter *e, const char *linkage, const char *name, bool bytes)
{
    const TrainedModel *t = trained_of(e);
    const char *value = bytes ? "(float)x[i] / 255.0f" : "x[i]";
    const int64_t channels = t->mean ? t->channels : 1;
    text_addf(&e->source, "%svoid %s_%s(const %s *x, float *to)\n{\n", linkage, e->prefix, name,
              bytes ? "uint8_t" : "float");
    if (t->mean) write_channel_values(e, "mean", t->mean);
    if (t->mean) write_channel_values(e, "std", t->std);
    text_addf(&e->source, "    for (long i = 0; i < %lld; i++) {\n", (long long)inputs_of_batch(e));
    if (t->mean && channels > 1)
        text_addf(&e->source, "        const long c = i / %lld %% %lld;\n", (long long)(emitter_inputs(e) / channels),
                  (long long)channels);
    const char *c = channels > 1 ? "c" : "0";
    if (t->mean)
        text_addf(&e->source, "        to[i] = (%s - mean[%s]) / std[%s];\n", value, c, c);
    else
        text_addf(&e->source, "        to[i] = %s;\n", value);
    text_add(&e->source, "    }\n}\n\n");
}

static void write_converting_infer(Emitter *e, const char *name, const char *type, const char *conversion)
{
    emitter_put_parts(e, &e->source,
                      "{linkage}void {prefix}_{name}(const {prefix} *m, const {type} *x, float *y, void *scratch)\n{\n"
                      "    float *const converted = (float *)scratch + {offset};\n"
                      "    {prefix}_{conversion}(x, converted);\n"
                      "    {prefix}_infer_converted(m, converted, y, scratch);\n"
                      "}\n\n",
                      PARTS({"linkage", strcmp(name, "infer") == 0 ? "" : "static "}, {"name", name}, {"type", type},
                            {"offset", emitter_number(e, e->input_offset / (int64_t)sizeof(float))},
                            {"conversion", conversion}));
}

void trained_write_conversion(Emitter *e)
{
    const TrainedModel *t = trained_of(e);
    if (!emitter_converts_input(e) && !normalizes(e)) return;
    comment_write_section(e, "inputs: what the layers take of x");
    if (normalizes(e)) {
        write_conversion(e, "", "normalize", t->input_bytes);
        return;
    }
    if (t->input_bytes) {
        write_conversion(e, "static ", "convert_bytes", true);
        write_converting_infer(e, "infer", "uint8_t", "convert_bytes");
    }
    if (!t->mean) return;
    write_conversion(e, "static ", "convert", false);
    write_converting_infer(e, t->input_bytes ? "infer_floats" : "infer", "float", "convert");
}

const char *trained_float_infer(const Emitter *e)
{
    const TrainedModel *t = trained_of(e);
    if (!emitter_converts_input(e) || !t->input_bytes) return "infer";
    return t->mean ? "infer_floats" : "infer_converted";
}

/* ---- the header ------------------------------------------------------------------------ */

static const char *given_range(const Emitter *e)
{
    const TrainedModel *t = trained_of(e);
    if (t->input_bytes) return ", pixels from 0 to 255";
    if (net_input_shape(e->net).rank == 3) return ", pixels from 0 to 1";
    return t->mean ? ", not normalised" : "";
}

static void write_normalize_prototype(Emitter *e)
{
    if (!normalizes(e)) return;
    emitter_put_parts(e, &e->header,
                      "/* A batch of x{range} becomes what all other functions take{aliases} */\n"
                      "void {prefix}_normalize(const {type} *x, float *to);\n\n",
                      PARTS({"range", given_range(e)}, {"type", trained_of(e)->input_bytes ? "uint8_t" : "float"},
                            {"aliases", trained_of(e)->input_bytes ? "." : "; `to` may be x."}));
}

static void write_model_prototypes(Emitter *e)
{
    if (e->options->lower.constants) return;
    if (!trained_of(e)->beside) {
        emitter_put(e, &e->header,
                    "/* The trained model, a constant. */\n"
                    "const {prefix} *{prefix}_trained(void);\n\n");
        return;
    }
    emitter_put(e, &e->header,
                "/* The model in the bytes of the file beside this one, which must stay where they are; they are\n"
                " * aligned to 64.  NULL: they are damaged, or not the file of this code. */\n"
                "const {prefix} *{prefix}_load(const void *bytes, size_t length);\n\n"
                "#ifdef {PREFIX}_INCBIN /* the file's name in quotes: it becomes a part of the program */\n"
                "const {prefix} *{prefix}_trained(void);\n"
                "#endif\n\n");
}

const char *trained_input_range(const Emitter *e)
{
    if (!trained_of(e)) return "";
    return normalizes(e) ? ", normalised" : given_range(e);
}

const char *trained_input_type(const Emitter *e)
{
    return emitter_converts_input(e) && trained_of(e)->input_bytes ? "uint8_t" : "float";
}

void trained_write_prototypes(Emitter *e)
{
    const TrainedModel *t = trained_of(e);
    if (!t) return;
    write_normalize_prototype(e);
    write_model_prototypes(e);
    if (!t->class_count) return;
    text_addf(&e->header, "#define %s_CLASSES %d\n", e->upper, t->class_count);
    emitter_put(e, &e->header,
                "/* 0 <= i < {PREFIX}_CLASSES; \"\" for others. */\n"
                "const char *{prefix}_class_name(int i);\n\n");
}
