/*
 * The generated header, and the record that carries the same functions under
 * one type for all models.
 */
#include <string.h>

#include "elab/value.h"
#include "emit/emitter.h"

static void write_constants(Emitter *e)
{
    const TemplatePart *parts = PARTS(
        {"batch", emitter_number(e, e->options->lower.batch)}, {"inputs", emitter_number(e, emitter_inputs(e))},
        {"outputs", emitter_number(e, emitter_outputs(e))}, {"params", emitter_number(e, emitter_params(e))},
        {"model_bytes", emitter_number(e, e->infer_bytes)}, {"train_bytes", emitter_number(e, e->train_bytes)},
        {"infer_scratch", emitter_number(e, e->infer_scratch)}, {"train_scratch", emitter_number(e, e->train_scratch)},
        {"weights", e->options->lower.constants ? "trained weights" : "weights"});
    emitter_put_parts(e, &e->header,
                      "enum {\n"
                      "    {PREFIX}_BATCH = {batch},\n"
                      "    {PREFIX}_INPUTS = {inputs}, /* elements of a sample */\n"
                      "    {PREFIX}_OUTPUTS = {outputs},\n",
                      parts);
    interface_write_part_constants(e);
    emitter_put_parts(e, &e->header,
                      "    {PREFIX}_PARAMS = {params}\n"
                      "};\n"
                      "/* Bytes; the caller's blocks are aligned to 64. */\n"
                      "#define {PREFIX}_MODEL_BYTES {model_bytes}u /* {weights} */\n"
                      "#define {PREFIX}_TRAIN_BYTES {train_bytes}u /* {weights} and the optimizer's state */\n"
                      "#define {PREFIX}_INFER_SCRATCH {infer_scratch}u\n",
                      parts);
    if (e->options->lower.constants)
        emitter_put_parts(e, &e->header, "#define {PREFIX}_CONSTANT_BYTES {constants}u /* frozen weights */\n",
                          PARTS({"constants", emitter_number(e, constants_bytes(e))}));
    if (e->options->lower.train)
        emitter_put_parts(e, &e->header, "#define {PREFIX}_TRAIN_SCRATCH {train_scratch}u\n", parts);
    accumulate_write_constants(e);
}

static void write_momentum_prototype(Emitter *e)
{
    if (!emitter_sets_momentum(e)) return;
    emitter_put_parts(
        e, &e->header,
        "/* The momentum of the steps from now on, {max} after init: the schedule has it at {max} when a run\n"
        " * begins, at {base} when the rate is at its peak, and at {max} again in the end. */\n"
        "void {prefix}_set_momentum({prefix} *, float momentum);\n\n",
        PARTS({"max", real_text(e->arena, e->spec->schedule.max_momentum)},
              {"base", real_text(e->arena, e->spec->schedule.base_momentum)}));
}

static void write_training_prototypes(Emitter *e)
{
    emitter_put_parts(
        e, &e->header,
        "/* Scratch: {PREFIX}_TRAIN_SCRATCH bytes.  The loss is the batch's mean. */\n{targets}\n"
        "/* Inference that also gives y's loss over the first `count` samples. */\n"
        "float {prefix}_eval(const {prefix} *, const float *x, const {target} *target, int count, float *y, "
        "void *scratch);\n"
        "/* Forward, loss, backward, update. */\n"
        "float {prefix}_step({prefix} *, const float *x, const {target} *target, float lr, void *scratch);\n"
        "/* The same without the update; then a gradient is got from the same scratch. */\n"
        "float {prefix}_grad({prefix} *, const float *x, const {target} *target, void *scratch);\n"
        "int {prefix}_get_grad(const {prefix} *, const char *name, float *values, size_t count, "
        "const void *scratch);\n\n",
        PARTS({"targets", interface_target_comment(e)}));
    accumulate_write_prototypes(e);
    hooks_write_prototypes(e);
    chunks_write_prototypes(e);
    write_momentum_prototype(e);
    interface_write_losses_prototype(e);
}

static void write_infer_prototype(Emitter *e)
{
    emitter_put_parts(e, &e->header,
                      "/* x: [{PREFIX}_BATCH] of {shape}{range}; y: [{PREFIX}_BATCH][{PREFIX}_OUTPUTS]; scratch: "
                      "{PREFIX}_INFER_SCRATCH bytes. */\n"
                      "void {prefix}_infer(const {prefix} *, const {type} *x, float *y, void *scratch);\n\n",
                      PARTS({"shape", shape_text(e->arena, net_input_shape(e->net))}, {"range", trained_input_range(e)},
                            {"type", trained_input_type(e)}));
}

/* Where x may be, so that it takes no memory of its own.  Bytes are behind the floats that they become. */
static void write_input_place(Emitter *e)
{
    int64_t place = emitter_input_place(e);
    if (place < 0) return;
    const bool bytes = strcmp(trained_input_type(e), "uint8_t") == 0;
    if (bytes) place += 3 * emitter_inputs(e) * e->options->lower.batch;
    emitter_put_parts(e, &e->header,
                      "/* Of inference: x may be in the scratch, at this byte; then it is written over. */\n"
                      "#define {PREFIX}_INPUT_AT {place}u\n\n",
                      PARTS({"place", emitter_number(e, place)}));
}

static void write_prototypes(Emitter *e)
{
    emitter_put(e, &e->header,
                "typedef struct {prefix} {prefix}; /* lives in the caller's block */\n\n"
                "/* Lays the model out in a block of {PREFIX}_TRAIN_BYTES (training) or {PREFIX}_MODEL_BYTES and "
                "initialises it. */\n"
                "{prefix} *{prefix}_init(void *block, int training, uint64_t seed);\n\n"
                "/* A tensor in PyTorch's name and shape.  0, or -1: no such name, or another count. */\n"
                "int {prefix}_set({prefix} *, const char *name, const float *values, size_t count);\n"
                "int {prefix}_get(const {prefix} *, const char *name, float *values, size_t count);\n\n");
    write_input_place(e);
    write_infer_prototype(e);
    trained_write_prototypes(e);
    self_test_write_prototypes(e);
    if (e->options->lower.train) write_training_prototypes(e);
    emitter_put(e, &e->header, "const nn_model_info *{prefix}_info(void);\n");
}

void interface_write_header(Emitter *e)
{
    emitter_put_parts(e, &e->header,
                      "/* The network {net}: its sizes and functions.  Generated by nnc. */\n"
                      "#ifndef {PREFIX}_NN_H\n"
                      "#define {PREFIX}_NN_H\n\n",
                      PARTS({"net", e->net->name}));
    support_add_info_types(&e->header, true);
    text_add(&e->header, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    write_constants(e);
    text_add(&e->header, "\n");
    write_prototypes(e);
    text_add(&e->header, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}

/* ---- the record ------------------------------------------------------------ */

static void write_step_wrappers(Emitter *e)
{
    emitter_put(e, &e->source,
                "static float {prefix}_any_step(void *m, const float *x, const void *target, float lr, void *scratch)\n"
                "{\n"
                "    return {prefix}_step((struct {prefix} *)m, x, (const {target} *)target, lr, scratch);\n}\n\n"
                "static float {prefix}_any_grad(void *m, const float *x, const void *target, void *scratch)\n{\n"
                "    return {prefix}_grad((struct {prefix} *)m, x, (const {target} *)target, scratch);\n}\n\n"
                "static int {prefix}_any_get_grad(const void *m, const char *name, float *values, size_t count, const "
                "void *scratch)\n{\n"
                "    return {prefix}_get_grad((const struct {prefix} *)m, name, values, count, scratch);\n}\n\n");
}

static void write_wrappers(Emitter *e)
{
    emitter_put(e, &e->source,
                "static void *{prefix}_any_init(void *block, int training, uint64_t seed)\n{\n"
                "    return {prefix}_init(block, training, seed);\n}\n\n"
                "static int {prefix}_any_set(void *m, const char *name, const float *values, size_t count)\n{\n"
                "    return {prefix}_set((struct {prefix} *)m, name, values, count);\n}\n\n"
                "static int {prefix}_any_get(const void *m, const char *name, float *values, size_t count)\n{\n"
                "    return {prefix}_get((const struct {prefix} *)m, name, values, count);\n}\n\n"
                "static void {prefix}_any_infer(const void *m, const float *x, float *y, void *scratch)\n{\n");
    text_addf(&e->source, "    %s_%s((const struct %s *)m, x, y, scratch);\n}\n\n", e->prefix, trained_float_infer(e),
              e->prefix);
    if (!e->options->lower.train) return;
    if (emitter_sets_momentum(e))
        emitter_put(e, &e->source,
                    "static void {prefix}_any_set_momentum(void *m, float momentum)\n{\n"
                    "    {prefix}_set_momentum((struct {prefix} *)m, momentum);\n}\n\n");
    emitter_put(
        e, &e->source,
        "static float {prefix}_any_eval(const void *m, const float *x, const void *target, int count, float *y, "
        "void *scratch)\n{\n"
        "    return {prefix}_eval((const struct {prefix} *)m, x, (const {target} *)target, count, y, scratch);\n"
        "}\n\n");
    if (emitter_steps(e)) write_step_wrappers(e);
    accumulate_write_wrappers(e);
    hooks_write_wrappers(e);
    chunks_write_wrappers(e);
}

void interface_write_info(Emitter *e)
{
    const bool train = e->options->lower.train;
    const Objectives all = train_objectives(e->spec, e->net);
    comment_write_section(e, "the same functions under the types of every model");
    write_wrappers(e);
    interface_write_part_tables(e);
    emitter_put_parts(
        e, &e->source,
        "const nn_model_info *{prefix}_info(void)\n"
        "{\n"
        "    static const nn_model_info info = {\n"
        "        NN_ABI, \"{net}\", \"{loss}\", {batch},\n"
        "        {input_dims},\n"
        "        {output_dims},\n"
        "        {inputs}, {outputs}, {params},\n"
        "        {infer_bytes}u, {train_bytes}u,\n"
        "        {infer_scratch}u, {train_scratch}u,\n"
        "        {target_kind}, {targets},\n"
        "        {tensors}, {prefix}_tensors,\n"
        "        {prefix}_any_init, {prefix}_any_set, {prefix}_any_get, {prefix}_any_infer,\n",
        PARTS({"net", e->net->name}, {"loss", train ? e->spec->loss.op->name : ""},
              {"batch", emitter_number(e, e->options->lower.batch)},
              {"input_dims", interface_dims(e, net_input_shape(e->net))},
              {"output_dims", interface_dims(e, e->net->output->shape)},
              {"inputs", emitter_number(e, emitter_inputs(e))}, {"outputs", emitter_number(e, emitter_outputs(e))},
              {"params", emitter_number(e, emitter_params(e))}, {"infer_bytes", emitter_number(e, e->infer_bytes)},
              {"train_bytes", emitter_number(e, e->train_bytes)},
              {"infer_scratch", emitter_number(e, e->infer_scratch)},
              {"train_scratch", emitter_number(e, e->train_scratch)},
              {"target_kind", all.classes ? "NN_CLASSES" : "NN_VALUES"},
              {"targets", emitter_number(e, all.target_count)}, {"tensors", emitter_number(e, e->net->model.count)}));
    emitter_put(e, &e->source, train ? "        {prefix}_any_eval, " : "        NULL, ");
    emitter_put(e, &e->source,
                emitter_steps(e) ? "{prefix}_any_step, {prefix}_any_grad, {prefix}_any_get_grad,\n"
                                 : "NULL, NULL, NULL,\n");
    interface_write_part_members(e);
    accumulate_write_info_members(e);
    emitter_put(e, &e->source, emitter_sets_momentum(e) ? "        {prefix}_any_set_momentum,\n" : "        NULL,\n");
    hooks_write_info_members(e);
    chunks_write_info_members(e);
    factors_write_info_members(e);
    text_add(&e->source, "    };\n    return &info;\n}\n");
}
