/* What the files of emit/ share while one text is written. */
#ifndef NNC_EMIT_EMITTER_H
#define NNC_EMIT_EMITTER_H

#include "elab/objectives.h"
#include "emit/emit.h"
#include "emit/kernel_slice.h"

/* One program with the names it goes by in the text. */
typedef struct Entry {
    const Graph *program;
    const Plan *plan;
    const struct NamedValue **value_of; /* by tensor id: of its scratch; see scratch.c */
} Entry;

/* How the threads of an entry point share a function. */
typedef enum Share {
    SHARE_NONE,    /* the first thread does it */
    SHARE_SAMPLES, /* it takes a number of samples: each thread does its own */
    SHARE_PARTS    /* it takes t and T and does part t of T */
} Share;

/* A function for one layer, or for all layers of the same shape. */
typedef struct Function {
    const char *name;
    const char *signature; /* "const float *x, float *y" */
    const char *body;
    Share share;
    const ArrayShape *shapes; /* of its arrays: inputs, then outputs */
    List users;               /* of Node, in order of first call */
} Function;

typedef struct Emitter {
    Compilation *compilation;
    Arena *arena;
    const EmitOptions *options;
    const Graph *net;
    const TrainSpec *spec;
    const char *prefix; /* lenet */
    const char *upper;  /* LENET */
    bool team;          /* entry points are run by threads: not in the plain form */
    const char *real;   /* float or double */
    Entry entry[PROGRAM_KINDS];
    int entries;
    List functions;                   /* of Function */
    Map *by_text;                     /* signature and body → Function */
    Map *function_names;              /* taken */
    Map *value_names;                 /* taken by locals of entry points */
    Map *kernels;                     /* names of the kernels that the functions call */
    Map *used;                        /* names of the runtime that the text uses: nn_relu, nn_mix */
    const char **member;              /* by position in net->model: name in the struct */
    int *model_index;                 /* by tensor id of the net: its position in net->model */
    int64_t *offset;                  /* by position in net->model: bytes from the struct's start */
    List prepared;                    /* of Tensor of the inference program: TENSOR_PREPACKED */
    const char **prepared_member;     /* by position there: name in the struct */
    int64_t infer_bytes, train_bytes; /* the model's block */
    int64_t infer_scratch, train_scratch;
    int64_t input_offset;       /* in the scratch of inference: where trained.c puts what it makes of x */
    int losses;                 /* that a caller can see: 0, or several */
    int64_t losses_offset;      /* bytes in the training scratch */
    MemoryLimitResult limited;  /* of train_scratch */
    const char *preparation;    /* text of PREFIX_prepare; "": there is nothing to prepare */
    KernelSlice slice;          /* of pasted kernels */
    const char *second_kernels; /* for the target; NULL: there are none */
    List dispatched;            /* names of kernels that are there twice */
    List sums;                  /* of Tensor of the net, in the order of the model: what gradients are added of */
    CodeParts code;
    Text header, source;
    Writer *writer; /* for bodies of functions */
} Emitter;

/* Whether the momentum is a number of the model's block, which the caller of steps may set. */
static inline bool emitter_sets_momentum(const Emitter *e)
{
    return e->options->lower.train && e->spec->schedule.cycle_momentum;
}

/* Whether x becomes what the layers take; trained.c writes NET_infer then. */
static inline bool emitter_converts_input(const Emitter *e)
{
    const TrainedModel *t = e->options->trained;
    return t && !e->options->lower.constants && (t->mean || t->input_bytes);
}

/* emitter.c */
const Entry *entry_of(const Emitter *, ProgramKind);
int64_t emitter_input_place(const Emitter *); /* bytes of the scratch before the input's place; -1: it has none */
void emitter_uses(Emitter *, const char *name);
void emitter_uses_names(Emitter *, const Writer *);
const char *emitter_upper(const Emitter *,
                          const char *name); /* as a part of a macro's name: block1.aux -> BLOCK1_AUX */

/* function_arrays.c */
const char *function_input_name(Emitter *, const Node *, int i); /* of its parameter for in[i] */
const Tensor *function_array(const Node *, int i);               /* in[i], or out[i - in_count] */
const char *function_array_name(Emitter *, const Node *, int i); /* of its parameter */

/* functions.c */
const char *lr_factor(Emitter *, const Node *); /* of an update: "", or "10.0f * " before lr */
Function *function_for(Emitter *, const Graph *, const Node *);
const char *functions_rows_body(Emitter *, const Graph *, const Node *); /* of Op.outer_rows */
void functions_declare(Emitter *);
void functions_write(Emitter *);

/* staging.c: the function of a node that takes samples in chunks, around the body for one */
const char *staging_body(Emitter *, const Graph *, const Node *, const char *body);
Node staging_inner(const Node *);                         /* as its operator made it */
const char *staging_suffix(const Node *, const Tensor *); /* of the parameter for the tensor */

/* comments.c: on the nodes that a function serves, above it */
void comment_write(Emitter *, const Function *);
void comment_write_section(Emitter *, const char *title); /* a line that opens a part of the text */

/* model_layout.c */
void model_layout(Emitter *);
bool model_is_constant(const Emitter *, const Tensor *);       /* of the text: it is no part of the block */
int model_index(const Emitter *, const Tensor *);              /* of a program's or the net's model tensor */
const char *model_member(const Emitter *, const Tensor *);     /* its name in the struct; of prepared ones too */
ArrayShape model_array_shape(const Emitter *, const Tensor *); /* of the member; rank 1: it is flat */
int64_t model_prepared_offset(const Emitter *, int i);         /* bytes from the struct's start */
bool model_has(const Emitter *, DType);                        /* a tensor of the block in that format */
void model_write_member(Emitter *, const Tensor *, const char *member);

/* model.c */
void model_write_struct(Emitter *);
void model_write_tables(Emitter *);
void model_write_init(Emitter *);
void model_write_access(Emitter *);

/* initializers.c: values as C */
void initializer_write_floats(Text *, const float *values, int64_t count, const char *line); /* `line` before each */
void initializer_write_trained(Emitter *, const Tensor *, int64_t offset); /* at that byte of the given block */

/* constants.c: training code whose weights are built in; nothing where they are not */
int64_t constants_bytes(const Emitter *); /* of those */
void constants_write_structs(Emitter *);
void constants_write_values(Emitter *);
void constants_write_table(Emitter *);
const char *constants_place(const Emitter *, bool set); /* of tensor i, to be set or read by its name */

/* entry_points.c */
void entry_points_write(Emitter *); /* with declarations of the layers, which it lists */

/* kernel_text.c */
const char *kernel_text_of(const char *file);
const char *kernel_text_included(Arena *, const char *line);

/* support.c: what the text needs around the layers */
void support_write_preamble(Emitter *);
void support_use_formats(Emitter *);      /* conversions of what is not f32; before the next */
void support_use_arithmetic(Emitter *);   /* in the fast form random.h and others are kernels, */
void support_write_arithmetic(Emitter *); /* else their text is written here */
void support_write_math(Emitter *);
void support_write_noise(Emitter *);
void support_read_kernels(Emitter *); /* when all calls are written */
void support_declare_kernels(Emitter *);
void support_define_kernels(Emitter *);
void support_write_threads(Emitter *);
void support_add_text(Emitter *, const char *file, Text *); /* with what it includes of ours */
void support_add_info_types(Text *, bool includes);         /* the text of nn.h */

/* multiversion.c: the kernels a second time */
const char *multiversion_comment(Arena *, Target);
void multiversion_write_declarations(Emitter *); /* with dispatch on the CPU */
void multiversion_write_end_of_dispatch(Emitter *);
void multiversion_write_definitions(Emitter *);

/* template.c: {name} stands for a part; {prefix}, {PREFIX}, {real} and {target} are known */
typedef struct TemplatePart {
    const char *name, *text;
} TemplatePart;

#define PARTS(...) ((const TemplatePart[]){__VA_ARGS__, {0}})

void emitter_put(const Emitter *, Text *, const char *template);
void emitter_put_parts(const Emitter *, Text *, const char *template, const TemplatePart *);
const char *emitter_number(const Emitter *, int64_t); /* as a part */

/* trained.c: weights that are built in */
void trained_reserve_input(Emitter *);
const char *trained_input_range(const Emitter *); /* of x, for a comment: ", pixels from 0 to 1"; or "" */
const char *trained_input_type(const Emitter *);  /* of the elements of x, in C */
void trained_write_prototypes(Emitter *);         /* in the header, those that only it has */
void trained_write_conversion(Emitter *);
void trained_write_model(Emitter *);
void trained_write_main(Emitter *);
const char *trained_float_infer(const Emitter *); /* its name in C, where x is floats */
const char *trained_file(const Emitter *);

/* self_test.c: nothing where none is asked for */
void self_test_write_prototypes(Emitter *);
void self_test_write(Emitter *);

/* accumulate.c: gradients of several batches; nothing where a text has no code for it */
void accumulate_list_sums(Emitter *);
int64_t accumulate_bytes(const Emitter *); /* of the caller's block */
void accumulate_write_constants(Emitter *);
void accumulate_write_prototypes(Emitter *);
void accumulate_write_struct(Emitter *);
void accumulate_write_access(Emitter *);
void accumulate_write_wrappers(Emitter *);
void accumulate_write_info_members(Emitter *); /* the last of the record */

/* Whether there is code for a step on a batch; a chunk of one takes its place. */
static inline bool emitter_steps(const Emitter *e) { return e->options->lower.train && !e->options->lower.chunks; }

/* chunks.c: gradients of a chunk of a batch (nn.h); nothing where a text has no code for it */
void chunks_write_prototypes(Emitter *);
void chunks_write_wrappers(Emitter *);
void chunks_write_info_members(Emitter *);

/* factors.c */
void factors_write_rows(Emitter *); /* the function, behind the entry points */
void factors_write_table(Emitter *);
void factors_write_info_members(Emitter *); /* the last of the record */

/* hooks.c: the same with hooks (nn.h); nothing where they are not asked for */
void hooks_write_prototypes(Emitter *);
void hooks_write_step(Emitter *);
void hooks_write_wrappers(Emitter *);
void hooks_write_info_members(Emitter *);

/* wrap.c */
void wrap_lines(Text *, const char *text);

/* interface.c: the header, and the info record */
void interface_write_header(Emitter *);
void interface_write_info(Emitter *);

/* interface_parts.c: several outputs, targets and losses */
void interface_write_part_constants(Emitter *);
const char *interface_target_comment(Emitter *);
void interface_write_losses_prototype(Emitter *);
void interface_write_part_tables(Emitter *);
void interface_write_part_members(Emitter *);
const char *interface_dims(Emitter *, Shape); /* "3, {1, 32, 32, 0}" */

static inline int64_t emitter_inputs(const Emitter *e) { return shape_count(net_input_shape(e->net)); }

static inline int64_t emitter_outputs(const Emitter *e) { return net_output_count(e->net); }

static inline int64_t emitter_params(const Emitter *e)
{
    return graph_param_count(e->net, true) + graph_param_count(e->net, false);
}

static inline const char *emitter_target_type(const Emitter *e)
{
    return train_objectives(e->spec, e->net).classes ? "int32_t" : e->real;
}

#endif
