/*
 * check: `nnc check NET.nn`.
 *
 * Enters: a file.  Leaves: "ok" and a line of totals, when every stage up to the
 * memory plans of all its programs succeeds.  With --gradients or --reference
 * the net is also run, in check_gradients.c and check_reference.c.
 */
#include "commands/check/check.h"
#include "commands/support/imported.h"

#include <inttypes.h>
#include <string.h>

enum { GRADIENTS = OPTION_FIRST_OWN, SAMPLES, SEED, EPS, REFERENCE, TOLERANCE, RTOL, ATOL, PLAIN, TARGET };

static const Option options[] = {
    {GRADIENTS, "gradients", NULL, "compare gradients with central differences, in double precision"},
    {SAMPLES, "samples", "N", "elements of each tensor to compare (default 32), or all"},
    {SEED, "seed", "S", "seed of the random values (default 1)"},
    {EPS, "eps", "X", "step of the differences (default 1e-5)"},
    {REFERENCE, "reference", "FILE",
     "compare with a reference file (safetensors), or an ONNX model with a folder of *.pb"},
    {TOLERANCE, "tolerance", "X", "largest relative error (default 1e-6 for gradients, 1e-4 for a reference)"},
    {RTOL, "rtol", "X", "of an ONNX model: largest relative error (default 1e-3)"},
    {ATOL, "atol", "X", "of an ONNX model: absolute error that is always allowed (default 1e-7)"},
    OPTION_ROW_JIT,
    {TARGET, "target", "CPU", "check `expect flash_bytes` and `ram_bytes` for a microcontroller, such as cortex-m4"},
    {PLAIN, "plain", NULL, "with --reference: check the plain form (nnc --plain) instead of the fast one"},
    OPTION_ROW_BATCH,
    OPTION_ROW_NET,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    OPTION_ROW_SET,
    OPTION_ROWS_FREEZE,
    OPTION_ROW_THREADS,
    OPTION_ROWS_PASSES OPTION_ROW_LIMIT,
    {0},
};

/* ---- the stages -------------------------------------------------------------- */

/* In the plain form.  A limit of memory is for training by the section, if there is one. */
static const Plan *plan_program(const CheckOptions *o, const Model *l, ProgramKind kind)
{
    bool vjp = kind == PROGRAM_VJP;
    EmitOptions options = {.lower.batch = l->batch,
                           .lower.target = target_native(),
                           .lower.plain = true,
                           .lower.train = l->train_section,
                           .lower.vjp = vjp};
    if (!vjp || !l->train_section) options.lower.memory_limit = o->load.memory_limit;
    return lower_program(l->net, kind, l->spec, &options.lower, NULL);
}

/* Programs with a loss are built when there is a train section. */
static bool build_all(const CheckOptions *o, const Model *l, int64_t *infer_bytes, int64_t *step_bytes)
{
    static const ProgramKind kinds[] = {PROGRAM_INFER, PROGRAM_VJP,      PROGRAM_EVAL,  PROGRAM_GRAD,
                                        PROGRAM_STEP,  PROGRAM_GRAD_ADD, PROGRAM_UPDATE};
    int count = l->train_section ? (int)(sizeof kinds / sizeof *kinds) : 2;
    *infer_bytes = *step_bytes = 0;
    for (int i = 0; i < count; i++) {
        const Plan *plan = plan_program(o, l, kinds[i]);
        if (!plan) return false;
        if (kinds[i] == PROGRAM_INFER) *infer_bytes = plan->arena_bytes;
        if (kinds[i] == PROGRAM_STEP) *step_bytes = plan->arena_bytes;
    }
    return true;
}

static int check_stages(const CheckOptions *o)
{
    Model l;
    int64_t infer_bytes, step_bytes;
    int status = load_net(&o->load, &l);
    if (status != STATUS_OK) return status;
    bool built = build_all(o, &l, &infer_bytes, &step_bytes);
    status = load_status(&o->load);
    if (!built || status != STATUS_OK) return status ? status : STATUS_INPUT;
    Arena *arena = l.c->arena;
    int64_t params = graph_param_count(l.net, true) + graph_param_count(l.net, false);
    printf("ok\n%s: %d nodes, %" PRId64 " parameters, %" PRId64 " MACs, %s -> %s; batch %" PRId64 ": %" PRId64
           " bytes for inference",
           l.net->name, l.net->nodes.count, params, graph_macs(l.net),
           shape_text(arena, ((Tensor *)l.net->inputs.at[0])->shape), shape_text(arena, l.net->output->shape), l.batch,
           infer_bytes);
    if (l.train_section) printf(", %" PRId64 " for a training step", step_bytes);
    putchar('\n');
    return STATUS_OK;
}

/* ---- the command line ---------------------------------------------------------- */

static bool take_check_option(CheckOptions *o, int id, const char *value)
{
    const Command *self = &command_check;
    switch (id) {
    case GRADIENTS: return o->gradients = true;
    case SAMPLES:
        if (strcmp(value, "all") != 0) return option_int(self, "samples", value, 1, 1 << 30, &o->samples);
        o->samples = -1;
        return true;
    case SEED: return option_int(self, "seed", value, 0, INT64_MAX, &o->seed);
    case EPS: return option_real(self, "eps", value, 1e-12, 1, &o->eps);
    case REFERENCE: o->reference = value; return true;
    case TOLERANCE: return option_real(self, "tolerance", value, 1e-300, 1e300, &o->tolerance);
    case RTOL: return option_real(self, "rtol", value, 0, 1e300, &o->rtol);
    case ATOL: return option_real(self, "atol", value, 0, 1e300, &o->atol);
    case TARGET: return option_target(self, value, &o->load.device);
    case PLAIN: return o->load.plain = true;
    default: return load_option(&o->load, self, id, value) == TAKEN_YES;
    }
}

static int check(CheckOptions *o, const OptionReader *reader)
{
    if (!options_one_file(reader)) return STATUS_USAGE;
    if (o->gradients && o->reference)
        return usage_error(&command_check, "--gradients and --reference cannot be combined");
    if ((o->gradients || o->load.plain) && !plain_form_allows(&o->load, &command_check)) return STATUS_USAGE;
    o->load.path = reader->operands[0];
    int status = o->gradients                                  ? check_gradients(o)
                 : o->reference && is_model_file(o->load.path) ? check_onnx(o)
                 : o->reference                                ? check_reference(o)
                                                               : check_stages(o);
    int written = finish_output();
    return status ? status : written;
}

static int check_run(int argc, char **argv)
{
    CheckOptions o = {.samples = 32, .seed = 1, .eps = 1e-5, .rtol = 1e-3, .atol = 1e-7};
    OptionReader reader;
    int status = STATUS_OK;
    load_options_init(&o.load);
    options_begin(&reader, &command_check, argc, argv);
    for (int id; status == STATUS_OK && (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_check_option(&o, id, reader.value)) status = STATUS_USAGE;
    if (status == STATUS_OK) status = check(&o, &reader);
    load_options_free(&o.load);
    return status;
}

const Command command_check = {
    .name = "check",
    .summary = "parse and build a net; check its gradients, or compare it with a reference",
    .usage = "check NET.nn [--gradients | --reference FILE] [options]",
    .options = options,
    .details = "--gradients runs the net in training mode on random values, with a random dL/dy\n"
               "and, where there is a train section, with its loss and random targets.\n"
               "A reference file holds some of x, y, train.y, dy, dx, target, loss, parameters by\n"
               "name, grad.NAME, after.NAME; whatever it holds is compared.\n",
    .run = check_run,
};
