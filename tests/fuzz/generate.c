/*
 * A random net, as text.
 *
 * Enters: a seed.  Leaves: a file of the language with one net and its train
 * section, over all operators that the compiler has: layers, combinators and
 * losses are taken from the table of operators, their arguments from the tables
 * of attributes, so that a new operator is tried without a line here.
 *
 * Nothing here knows which arguments fit which shape.  A candidate is appended
 * to a net `input(SHAPE) CANDIDATE` of its own and elaborated; what the compiler
 * refuses is dropped, and its message printed to nowhere.  What it takes has a
 * shape, from which the next candidate goes on.
 */
#include "autodiff/program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elab/elaborate.h"
#include "generate.h"
#include "runtime/kernels/system/random.h"

/* ---- the generator ---------------------------------------------------------------- */

enum {
    MAX_ELEMENTS = 3000, /* of a value */
    MAX_PARAMS = 20000,
    MAX_MACS = 300000, /* per sample */
    MAX_DEPTH = 3,     /* of pipelines in pipelines */
    ATTEMPTS = 12      /* at one layer */
};

/* Text from a shape to a shape. */
typedef struct Pipe {
    Shape out;
    Text text;
} Pipe;

static const char *shape_word(Generator *g, Shape s) { return shape_text(g->arena, s); }

/* ---- trying ------------------------------------------------------------------------- */

static void print_to_nowhere(Compilation *c)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    diag_print(c, out, size % 2);
    fclose(out);
    free(text);
}

static bool small_enough(const Graph *net)
{
    for (int i = 0; i < net->tensors.count; i++) {
        if (shape_count(((Tensor *)net->tensors.at[i])->shape) >
            MAX_ELEMENTS * (((Tensor *)net->tensors.at[i])->batched ? 1 : 4))
            return false;
    }
    return graph_macs(net) <= MAX_MACS && graph_param_count(net, true) + graph_param_count(net, false) <= MAX_PARAMS;
}

/* Does the compiler take `text` after input(in)?  Then *out is what it gives. */
static bool taken(Generator *g, Shape in, const char *text, Shape *out)
{
    Compilation *c = compilation_new();
    List none = {0};
    const char *source = format(g, "%s\nnet try { input(%s) identity %s }\n", g->blocks.data ? g->blocks.data : "",
                                shape_word(g, in), text);
    const File *file = front_parse_text(c, "try.nn", source, strlen(source));
    Graph *net = file ? elaborate(c, file, NULL, &none) : NULL;
    if (!net && c->errors == 0) {
        fprintf(stderr, "refused without a message: %s\n", source);
        abort();
    }
    bool good = net && c->errors == 0 && small_enough(net);
    if (good) *out = net->output->shape;
    print_to_nowhere(c);
    compilation_free(c);
    return good;
}

static bool pipe_add(Generator *g, Pipe *p, const char *text)
{
    Shape out;
    if (!taken(g, p->out, text, &out)) return false;
    p->out = out;
    text_addf(&p->text, "%s%s", p->text.length ? "\n" : "", text);
    return true;
}

static Pipe pipe_from(Generator *g, Shape in)
{
    Pipe p = {.out = in};
    text_init(&p.text, g->arena);
    text_add(&p.text, "");
    return p;
}

/* ---- pieces of a pipeline ------------------------------------------------------------------ */

static const Op *random_op(Generator *g, OpClass class, bool heavy)
{
    for (;;) {
        const Op *op = op_table[random_int(g->r, 0, op_table_count - 1)];
        if (op->class != class || op->traits & OP_SOURCE) continue;
        if (heavy && !(op->traits & OP_WEIGHTED) && !op->window) continue;
        return op;
    }
}

/* What brings values to where a function is defined, and not too large. */
static const char *domain_text(const Op *op)
{
    static const struct {
        const char *op, *before;
    } domains[] = {
        {"log", "sigmoid shift(0.25) "},
        {"sqrt", "sigmoid shift(0.25) "},
        {"reciprocal", "sigmoid shift(0.25) "},
        {"pow", "sigmoid shift(0.25) "},
        {"exp", "tanh "},
    };
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        if (strcmp(domains[i].op, op->name) == 0) return domains[i].before;
    }
    return "";
}

static bool add_layer(Generator *g, Pipe *p)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        const Op *op = random_op(g, OP_LAYER, random_chance(g->r, 0.35));
        const char *call = call_text(g, op, p->out);
        if (random_chance(g->r, 0.95)) call = format(g, "%s%s", domain_text(op), call);
        if (random_chance(g->r, 0.2)) call = format(g, "%s as n%d", call, g->names++);
        Shape out;
        if (!taken(g, p->out, call, &out)) continue;
        if (random_chance(g->r, 0.2)) call = format(g, "%s -> %s", call, shape_word(g, out));
        return pipe_add(g, p, call);
    }
    return false;
}

/* What brings a value into another shape. */
static const char *adapter(Generator *g, Shape from, Shape to)
{
    const char *count = format(g, "%lld", (long long)shape_count(to));
    if (shape_equal(from, to)) return "";
    if (from.rank == 2 && to.rank == 2 && from.dim[0] == to.dim[0])
        return format(g, "dense(%lld)", (long long)to.dim[1]);
    if (from.rank % 2 == 0 || to.rank % 2 == 0)
        return format(g, "flatten dense(%s) reshape(%s)", count, shape_word(g, to));
    if (to.rank == 1) {
        const char *flat = from.rank == 1 ? "" : random_chance(g->r, 0.5) ? "flatten " : "global_avgpool flatten ";
        return format(g, "%sdense(%s)", flat, count);
    }
    if (from.rank == 1) return format(g, "dense(%s) reshape(%s)", count, shape_word(g, to));
    const char *fit = "";
    if (from.dim[1] != to.dim[1] || from.dim[2] != to.dim[2])
        fit = format(g, "adaptive_%s(%lldx%lld) ", random_chance(g->r, 0.5) ? "avgpool" : "maxpool",
                     (long long)to.dim[1], (long long)to.dim[2]);
    return from.dim[0] == to.dim[0] ? fit : format(g, "%sconv(%lld, 1)", fit, (long long)to.dim[0]);
}

static Pipe random_pipe(Generator *g, Shape in, int depth, int layers);

/* The same for the branches after the first. */
static const char *branch_domain(const char *combine)
{
    return strcmp(combine, "div") == 0 ? "sigmoid shift(0.25)" : "";
}

/* Perhaps with some dimensions of 1. */
static Shape random_stretched(Generator *g, Shape s)
{
    for (int axis = 0; axis < s.rank; axis++) {
        if (random_chance(g->r, 0.5)) s.dim[axis] = 1;
    }
    return s;
}

/* A parameter or a constant, best of that shape. */
static bool add_source(Generator *g, Pipe *p, Shape shape)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        const Op *op = op_table[random_int(g->r, 0, op_table_count - 1)];
        if (op->traits & OP_SOURCE && pipe_add(g, p, call_text(g, op, shape))) return true;
    }
    return false;
}

/* What the second branch of matmul may be. */
static Shape random_factor(Generator *g, Shape first)
{
    Shape s = first;
    for (int axis = 0; axis < s.rank - 2; axis++)
        if (random_chance(g->r, 0.3)) s.dim[axis] = 1;
    s.dim[s.rank - 2] = first.dim[s.rank - 1];
    s.dim[s.rank - 1] = random_int(g->r, 1, 7);
    return s;
}

/* A branch that ends in `out`, or in what is stretched to it or joined to it along the axis. */
static const char *branch_text(Generator *g, Shape in, Shape out, const char *combine, int axis, int depth)
{
    bool product = strcmp(combine, "matmul") == 0 && out.rank > 1;
    Shape target = product ? random_factor(g, out) : out;
    Pipe p = random_pipe(g, in, depth + 1, (int)random_int(g->r, 0, 2));
    if (random_chance(g->r, 0.15)) add_source(g, &p, target);
    bool joins = strcmp(combine, "concat") == 0;
    if (joins && p.out.rank == out.rank) target.dim[axis] = p.out.dim[axis];
    if (!joins && !product && random_chance(g->r, 0.3)) target = random_stretched(g, out);
    if (!joins && !product && out.rank == 3 && random_chance(g->r, 0.1)) target = shape_image(out.dim[0], 1, 1);
    return format(g, "{ %s %s %s }", p.text.data, adapter(g, p.out, target), branch_domain(combine));
}

static bool add_combine(Generator *g, Pipe *p, int depth)
{
    const Op *op = random_op(g, OP_COMBINE, false);
    Pipe first = random_pipe(g, p->out, depth + 1, (int)random_int(g->r, 0, 3));
    Text text;
    text_init(&text, g->arena);
    int axis = op->attrs && random_chance(g->r, 0.5) ? (int)random_int(g->r, 0, first.out.rank - 1) : 0;
    text_addf(&text, "%s%s { %s }", op->name, axis ? format(g, "(axis=%d)", axis) : "", first.text.data);
    bool two = op->shape == op_find("sub", OP_COMBINE)->shape || strcmp(op->name, "matmul") == 0;
    int64_t more = two ? 1 : random_int(g->r, 1, 2);
    for (int64_t i = 0; i < more; i++)
        text_addf(&text, " %s", branch_text(g, p->out, first.out, op->name, axis, depth));
    return pipe_add(g, p, text.data);
}

/* Loops, groups, conditions and blocks around a pipeline. */
static bool add_wrapped(Generator *g, Pipe *p, int depth)
{
    Pipe inner = random_pipe(g, p->out, depth + 1, (int)random_int(g->r, 1, 3));
    const char *body = inner.text.data;
    int number = g->names++;
    switch (random_int(g->r, 0, 6)) {
    case 0:
        return pipe_add(g, p, format(g, "repeat 2 { group \"r%d.{in.channels}\" { identity } %s }", number, body)) ||
               pipe_add(g, p, body);
    case 1: return pipe_add(g, p, format(g, "group g%d { %s }", number, body));
    case 2: return pipe_add(g, p, format(g, "sequential s%d { %s }", number, body));
    case 3: return pipe_add(g, p, format(g, "frozen { %s }", body));
    case 4: return pipe_add(g, p, format(g, "if in.rank == %d { %s } else { nonsense }", p->out.rank, body));
    case 5: return pipe_add(g, p, format(g, "for i in 0..2 { if i == 1 { %s } else { identity } }", body));
    default: break;
    }
    text_addf(&g->blocks, "block b%d(n=1) {\n%s\n}\n", number, body);
    return pipe_add(g, p, format(g, "b%d(2)", number));
}

/* A value kept, some layers, and the value again beside what they made. */
static bool add_skip(Generator *g, Pipe *p, int depth)
{
    Pipe inner = random_pipe(g, p->out, depth + 1, (int)random_int(g->r, 1, 3));
    int number = g->names++;
    const char *combine = random_op(g, OP_COMBINE, false)->name;
    return pipe_add(g, p,
                    format(g, "identity as k%d\n%s\n%s { } { from k%d %s %s }", number, inner.text.data, combine,
                           number, adapter(g, p->out, inner.out), branch_domain(combine)));
}

/* What a loss needs at the end of a net; several where it has the choice.  (The
 * loss of a probability that has been rounded to 1 is not what it would be in
 * double precision, hence the tanh.) */
static const char *ending(Random *r, const Op *loss)
{
    static const struct {
        const char *loss, *layer;
    } endings[] = {
        {"cross_entropy", "softmax"}, {"cross_entropy", "log_softmax"},
        {"cross_entropy", ""},        {"nll", "log_softmax"},
        {"bce", "tanh sigmoid"},      {"kl_div", "log_softmax"},
        {"focal", "softmax"},         {"focal", ""},
        {"distill", "softmax"},       {"distill", ""},
    };
    const char *found = "";
    int seen = 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (strcmp(endings[i].loss, loss->name) == 0 && random_int(r, 0, seen++) == 0) found = endings[i].layer;
    }
    return found;
}

/* A head with a loss and a target of its own. */
static const char *own_head(Generator *g, Shape in)
{
    const Op *loss = random_op(g, OP_LOSS, false);
    Shape out = shape_vector(random_int(g->r, loss->target ? 2 : 1, 5));
    return format(g, "head h%d (weight=%.3g, loss=%s, target=t%d) { %s identity %s }", g->heads,
                  0.1 + random_real(g->r), call_text(g, loss, out), (int)random_int(g->r, 0, 1) + g->heads,
                  adapter(g, in, out), ending(g->r, loss));
}

/* The value as it is, as a further output, perhaps with a loss. */
static const char *output_text(Generator *g)
{
    const char *arguments = random_chance(g->r, 0.5) ? format(g, " (loss=mse, target=u%d)", g->heads) : "";
    return format(g, "identity\noutput h%d%s", g->heads, arguments);
}

static bool add_head(Generator *g, Pipe *p)
{
    const char *text = format(g, "head h%d (weight=%.3g) { %s identity }", g->heads, 0.1 + random_real(g->r),
                              adapter(g, p->out, g->head));
    if (random_chance(g->r, 0.3))
        text = output_text(g);
    else if (!g->may_head || random_chance(g->r, 0.5))
        text = own_head(g, p->out);
    bool added = pipe_add(g, p, text);
    g->heads += added;
    return added;
}

static void add_something(Generator *g, Pipe *p, int depth)
{
    double what = random_real(g->r);
    if (depth == 0 && g->heads < 2 && what < 0.07)
        add_head(g, p);
    else if (depth < MAX_DEPTH && what < 0.2)
        add_combine(g, p, depth);
    else if (depth < MAX_DEPTH && what < 0.3)
        add_wrapped(g, p, depth);
    else if (depth < MAX_DEPTH && what < 0.38)
        add_skip(g, p, depth);
    else
        add_layer(g, p);
}

static Pipe random_pipe(Generator *g, Shape in, int depth, int layers)
{
    Pipe p = pipe_from(g, in);
    for (int i = 0; i < layers; i++) add_something(g, &p, depth);
    return p;
}

/* ---- the whole file --------------------------------------------------------------------------- */

static int64_t random_side(Random *r) { return random_chance(r, 0.9) ? random_int(r, 1, 11) : random_int(r, 12, 30); }

static Shape random_input(Random *r)
{
    if (random_chance(r, 0.2)) return shape_vector(random_chance(r, 0.5) ? random_int(r, 1, 20) : random_channels(r));
    if (random_chance(r, 0.15)) return (Shape){2, {random_int(r, 1, 9), random_channels(r)}};
    if (random_chance(r, 0.05))
        return (Shape){4, {random_int(r, 1, 4), random_int(r, 1, 5), random_int(r, 1, 4), random_int(r, 1, 6)}};
    for (;;) {
        Shape s = shape_image(random_chance(r, 0.6) ? random_int(r, 1, 4) : random_channels(r), random_side(r),
                              random_side(r));
        if (shape_count(s) <= MAX_ELEMENTS / 2) return s;
    }
}

static const char *train_text(Generator *g, const Op *loss, Shape out)
{
    Random *r = g->r;
    const Op *optimizer = random_op(g, OP_OPTIMIZER, false);
    Text text;
    text_init(&text, g->arena);
    text_addf(&text, "train fuzz {\n    loss %s\n    optimizer %s\n", call_text(g, loss, out),
              call_text(g, optimizer, out));
    if (random_chance(r, 0.2))
        text_addf(&text, "    regularize l%d(%.3g)\n", (int)random_int(r, 1, 2), random_real(r) / 10);
    if (random_chance(r, 0.1)) text_addf(&text, "    regularize l1(0.01) l2(0.02)\n");
    if (random_chance(r, 0.3))
        text_addf(&text, "    clip %s(%.3g)\n", random_chance(r, 0.5) ? "norm" : "value", exp2(6 * random_real(r) - 5));
    text_add(&text, "}\n");
    return text.data;
}

/* The opening of the net: one input, or two that are joined. */
static const char *input_text(Generator *g, Shape *in)
{
    *in = random_input(g->r);
    if (random_chance(g->r, 0.9)) return format(g, "input(%s)", shape_word(g, *in));
    Shape other = random_input(g->r);
    return format(g, "input(%s) as in2\ninput(%s) as in1\nadd { } { from in2 %s }", shape_word(g, other),
                  shape_word(g, *in), adapter(g, other, *in));
}

FuzzNet *fuzz_net(uint64_t seed, const char *source)
{
    FuzzNet *n = calloc(1, sizeof *n);
    Compilation *c = compilation_new();
    *n = (FuzzNet){.seed = seed, .c = c, .source = arena_strdup(c->arena, source)};
    List none = {0};
    const File *file = front_parse_text(c, "fuzz.nn", source, strlen(source));
    n->net = file ? elaborate(c, file, NULL, &none) : NULL;
    n->spec = n->net ? train_spec(c, file, n->net, &none) : NULL;
    Graph *program = n->spec && !c->errors ? program_build(n->net, PROGRAM_STEP, n->spec, 1, 1) : NULL;
    if (program && !c->errors) return n;
    if (getenv("FUZZ_MESSAGES")) diag_print(c, stdout, false);
    fuzz_free(n);
    return NULL;
}

static const char *random_source(Generator *g)
{
    Random *r = g->r;
    const Op *loss = random_op(g, OP_LOSS, false);
    int least = loss->target ? 2 : 1; /* classes */
    Shape out = random_chance(r, 0.6) ? shape_vector(random_int(r, least, 9))
                                      : shape_image(random_int(r, least, 4), random_int(r, 1, 4), random_int(r, 1, 4));
    Shape in;
    const char *input = input_text(g, &in);
    g->head = out;
    g->may_head = strcmp(ending(r, loss), "") == 0;
    Pipe p = random_pipe(g, in, 0, (int)random_int(r, 1, 8));
    return format(g, "%snet fuzz {\n%s\n%s\n%s\n%s\n}\n%s", g->blocks.data ? g->blocks.data : "", input, p.text.data,
                  adapter(g, p.out, out), ending(r, loss), train_text(g, loss, out));
}

/* A whole is seldom refused: a name twice, arguments of a loss that do not fit. */
FuzzNet *fuzz_generate(uint64_t seed)
{
    Random r = {.seed = nn_skip(1, seed)};
    for (;;) {
        Arena *arena = arena_new();
        Generator g = {.r = &r, .arena = arena};
        text_init(&g.blocks, arena);
        FuzzNet *n = fuzz_net(seed, random_source(&g));
        arena_free(arena);
        if (!n) continue;
        n->batch = random_chance(&r, 0.9) ? random_int(&r, 1, 5) : random_int(&r, 6, 17);
        return n;
    }
}

void fuzz_free(FuzzNet *n)
{
    compilation_free(n->c);
    free(n);
}
