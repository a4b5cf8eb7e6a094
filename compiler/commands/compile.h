/*
 * compile: what the commands that write C share: `nnc NET.nn -o NET.c` and `nnc build`.
 */
#ifndef NNC_COMPILE_H
#define NNC_COMPILE_H

#include "commands/support/load.h"
#include "commands/support/output.h"
#include "commands/train/trained.h"

enum {
    COMPILE_INFER = OPTION_FIRST_OWN,
    COMPILE_TRAIN,
    COMPILE_PLAIN,
    COMPILE_PREFIX,
    COMPILE_HEADER,
    COMPILE_DUMP,
    COMPILE_TARGET,
    COMPILE_WEIGHTS,
    COMPILE_WEIGHTS_OUT,
    COMPILE_INPUT_TYPE,
    COMPILE_MAIN,
    COMPILE_SELF_TEST,
    COMPILE_HOOKS,
    COMPILE_DATA,
    COMPILE_FIRST_OWN
};

/* clang-format off */
#define OPTION_ROWS_COMPILE \
    OPTION_ROW_BATCH, \
    {COMPILE_INFER, "infer", NULL, "code for inference only"}, \
    {COMPILE_TRAIN, "train", NULL, "code for training only (with evaluation)"}, \
    {OPTION_FREEZE, "freeze", "PATTERN", "do not train the parameters whose names match"}, \
    {OPTION_TRAIN, "train-only", "PATTERN", "train only the parameters whose names match"}, \
    {COMPILE_PLAIN, "plain", NULL, "strictly conforming C99 with simple loops, for reading and for any compiler"}, \
    {COMPILE_PREFIX, "prefix", "P", "prefix of all names in the C (default: the net's name)"}, \
    OPTION_ROW_NET, \
    OPTION_ROW_DEFINE, \
    OPTION_ROW_INPUT, \
    OPTION_ROW_SET, \
    OPTION_ROW_MAP, \
    {COMPILE_TARGET, "target", "CPU", "CPU to tune for: native (default)" TARGET_TABLE(AND_TARGET)}, \
    OPTION_ROW_THREADS, \
    OPTION_ROWS_PASSES OPTION_ROW_LIMIT, \
    OPTION_ROW_WEIGHTS_FORMAT, \
    OPTION_ROW_COMPUTE, \
    {COMPILE_WEIGHTS, "weights", "FILE", "build trained weights in: constants of the C; with --train, the block starts with those that are trained"}, \
    {COMPILE_WEIGHTS_OUT, "weights-out", "FILE.bin", "write the weights to a file that the C loads, not into the C"}, \
    {COMPILE_INPUT_TYPE, "input-type", "f32|u8", "with --weights: pixels from 0 to 1 (f32), or bytes from 0 to 255 (u8)"}, \
    {COMPILE_HOOKS, "hooks", NULL, "training steps with hooks that are called as gradients become final"}, \
    {COMPILE_DATA, "data", "PATH", "with update auto in the train section: the samples by which what is trained is chosen (default: the shipped digits)"}, \
    {COMPILE_MAIN, "main", NULL, "with --weights: add a main function, which prints the classes of images"}, \
    {COMPILE_SELF_TEST, "self-test", NULL, "with --weights: add a function that tests the model where it runs (with --main, the program's --self-test)"}
/* clang-format on */

typedef enum Stage { STAGE_NONE, STAGE_AST, STAGE_GRAPH, STAGE_PROGRAM, STAGE_PLAN, STAGE_EXPLANATION } Stage;

typedef struct CompileRequest {
    const Command *command; /* for messages */
    LoadOptions load;
    const char *output; /* NULL: none */
    const char *header; /* of --header */
    bool infer, train;  /* asked for; neither: what the file is for */
    bool plain, main, hooks;
    const char *target; /* NULL: native */
    TrainedRequest trained;
    const char *data; /* of --data, or NULL */
    Stage dump;
    int last_pass; /* LowerOptions.last_pass, of --dump=PASS */
} CompileRequest;

/* Takes the rows above; false after a message. */
bool compile_take_option(CompileRequest *, int id, const char *value);
/* The net's path, and the weights inside it where it is a MODEL.onnx to be written for inference. */
void compile_take_path(CompileRequest *, const char *path);
/* Of --target, or this machine's. */
Target compile_target(const CompileRequest *);
/* The plain form: asked for, or because the target has no kernels. */
bool compile_is_plain(const CompileRequest *);
/* The compiler and the options of a target that names them; else what is given. */
const char *compile_tool(const CompileRequest *, const char *otherwise);
const char *compile_tool_options(const CompileRequest *, const char *otherwise);
/* Options that cannot be combined: a Status, the message printed. */
int compile_check_options(const CompileRequest *);
/* A loaded net as C that includes `header`.  A Status, the message printed. */
int compile_emit(const CompileRequest *, Model *, const char *prefix, const char *header, EmitResult **);
/* What --weights-out writes, where the result has it. */
OutputFile compile_weights_file(const CompileRequest *, const EmitResult *);
/* What its names begin with in C. */
const char *compile_prefix(const CompileRequest *, const Model *);

#endif
