/*
 * The self-test of a model that is built in.
 *
 * Enters: outputs that nnc has computed of made-up inputs.  Leaves: NET_self_test, which makes the
 * same inputs where the code runs, infers and compares.  So another compiler, its flags, the
 * processor's floating point and the model's bytes are checked at once, without files.
 *
 * All samples of the batch are the same, so that the outputs of one are enough.  The scratch is
 * that of inference, and behind it the outputs and the inputs of the batch.
 */
#include <string.h>

#include "emit/emitter.h"

static const SelfTest *self_test_of(const Emitter *e)
{
    const TrainedModel *t = e->options->trained;
    return t && !e->options->lower.constants ? t->self_test : NULL;
}

static int64_t outputs_place(const Emitter *e) { return round_up(e->infer_scratch, PLAN_ALIGN); }

static int64_t batch_bytes(const Emitter *e, int64_t elements)
{
    return round_up(e->options->lower.batch * elements * (int64_t)sizeof(float), PLAN_ALIGN);
}

static int64_t inputs_place(const Emitter *e) { return outputs_place(e) + batch_bytes(e, emitter_outputs(e)); }

void self_test_write_prototypes(Emitter *e)
{
    if (!self_test_of(e)) return;
    emitter_put_parts(
        e, &e->header,
        "/* Infers what is made up here, and compares with what nnc computed: the number of outputs that\n"
        " * differ, of {of} of the whole batch.  scratch: {PREFIX}_SELF_TEST_SCRATCH bytes. */\n"
        "#define {PREFIX}_SELF_TEST_SCRATCH {bytes}u\n"
        "int {prefix}_self_test(const {prefix} *, void *scratch);\n\n",
        PARTS({"of", emitter_number(e, self_test_of(e)->count * e->options->lower.batch)},
              {"bytes", emitter_number(e, inputs_place(e) + batch_bytes(e, emitter_inputs(e)))}));
}

static void write_comparison(Emitter *e, const SelfTest *test)
{
    emitter_put_parts(e, &e->source,
                      "    for (long n = 0; n < {PREFIX}_BATCH; n++) {\n"
                      "        for (long i = 0; i < {count}; i++) {\n"
                      "            const float difference = y[n * {PREFIX}_OUTPUTS + i{step}] - expected[i];\n"
                      "            if (!(difference >= -tolerance && difference <= tolerance)) {\n"
                      "                wrong++;\n"
                      "            }\n"
                      "        }\n"
                      "    }\n"
                      "    return wrong;\n}\n\n",
                      PARTS({"count", emitter_number(e, test->count)},
                            {"step", test->step == 1 ? "" : arena_printf(e->arena, " * %lld", (long long)test->step)}));
}

void self_test_write(Emitter *e)
{
    const SelfTest *test = self_test_of(e);
    if (!test) return;
    const bool bytes = strcmp(trained_input_type(e), "uint8_t") == 0;
    comment_write_section(e, "a test of the model where it runs");
    emitter_put(e, &e->source, "int {prefix}_self_test(const {prefix} *m, void *scratch)\n{\n");
    text_addf(&e->source, "    static const float expected[%lld] = {", (long long)test->count);
    initializer_write_floats(&e->source, test->outputs, test->count, "\n        ");
    text_addf(&e->source, "};\n    const float tolerance = %af;\n", (double)test->tolerance);
    emitter_put_parts(e, &e->source,
                      "    float *const y = (float *)scratch + {outputs};\n"
                      "    {type} *const x = ({type} *)((float *)scratch + {inputs});\n"
                      "    uint32_t state = 0;\n"
                      "    int wrong = 0;\n"
                      "    for (long i = 0; i < {PREFIX}_INPUTS; i++) {\n"
                      "        state = state * {factor}u + {increment}u;\n"
                      "        for (long n = 0; n < {PREFIX}_BATCH; n++) {\n"
                      "            x[n * {PREFIX}_INPUTS + i] = {value};\n"
                      "        }\n"
                      "    }\n"
                      "    {prefix}_infer(m, x, y, scratch);\n",
                      PARTS({"outputs", emitter_number(e, outputs_place(e) / (int64_t)sizeof(float))},
                            {"inputs", emitter_number(e, inputs_place(e) / (int64_t)sizeof(float))},
                            {"factor", emitter_number(e, SELF_TEST_FACTOR)},
                            {"increment", emitter_number(e, SELF_TEST_INCREMENT)}, {"type", trained_input_type(e)},
                            {"value", bytes ? "(uint8_t)(state >> 24)" : "(float)(state >> 24) / 255.0f"}));
    write_comparison(e, test);
}
