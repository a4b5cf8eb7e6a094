/*
 * language_help: what `nnc help NAME` and `nnc help TOPIC` say about the language.
 *
 * Enters: the table of operators, the tables of the train section, the standard
 * blocks.  Leaves: names, arguments with their defaults and ranges, formulas.
 * All of it is read from where the compiler itself reads it; only what a
 * schedule or an augmentation does is described here, since it is the runtime that
 * does it.
 */
#include <string.h>

#include "commands/support/command.h"
#include "elab/attributes.h"
#include "elab/train_spec.h"
#include "graph/op.h"

/* ---- arguments --------------------------------------------------------------- */

/* "conv(out, k, stride=1)"; the name alone where there are none. */
static void print_call(FILE *out, const char *name, const Attr *attrs)
{
    fputs(name, out);
    for (const Attr *a = attrs; a && a->name; a++)
        fprintf(out, "%s%s%s%s", a == attrs ? "(" : ", ", a->name, a->initial ? "=" : "", a->initial ? a->initial : "");
    fputs(attrs && attrs->name ? ")" : "", out);
}

static void print_attrs(FILE *out, const Attr *attrs)
{
    Arena *arena = arena_new();
    if (attrs && attrs->name) fputs("\narguments:\n", out);
    for (const Attr *a = attrs; a && a->name; a++) {
        const char *left = a->initial ? arena_printf(arena, "%s=%s", a->name, a->initial) : a->name;
        fprintf(out, "  %-22s%s\n", left, attr_takes(arena, a));
    }
    arena_free(arena);
}

/* ---- what there is besides operators -------------------------------------------- */

/* A named value of a key of the train section, in words. */
typedef struct Meaning {
    const char *key, *name, *text;
} Meaning;

static const Meaning meanings[] = {
    {"schedule", "constant", "lr"},
    {"schedule", "step", "lr * gamma^floor(epoch / every)"},
    {"schedule", "multistep", "lr * gamma^n after n of the epochs in `at`"},
    {"schedule", "cosine", "a linear rise over `warmup` epochs, then half a cosine from lr down to `floor`"},
    {"schedule", "onecycle",
     "half a cosine from peak/25 up to peak in the first `warmup` (a fraction) of all steps, then down to peak/250000; "
     "cycle_momentum: the momentum goes from max_momentum down to base_momentum and up again"},
    {"schedule", "exponential", "lr * gamma^epoch"},
    {"schedule", "plateau",
     "lr, multiplied by gamma whenever the validation loss has not fallen for more than `patience` epochs"},
    {"schedule", "bold_driver",
     "lr, multiplied by grow after an epoch whose training loss fell, by cut after one whose rose"},
    {"augment", "crop", "pads with `pad` zeros and crops a square of `size` at a random position"},
    {"augment", "flip", "flips left and right with probability 1/2; alternate: first so, then in every other epoch"},
    {"augment", "resize", "scales the shorter side to `size`"},
    {"augment", "rotate", "rotates by a random angle of up to `deg` degrees either way"},
    {"augment", "cutout", "blanks a square of `size` at a random position"},
    {"augment", "jitter", "changes brightness, contrast and saturation by random factors from 1 - x to 1 + x"},
    {"augment", "translate", "moves by up to `size` pixels along both axes; what is new is reflected"},
    {"regularize", "l1", "adds x * sum(|w|) over the weights to the loss"},
    {"regularize", "l2", "adds x * sum(w^2) over the weights to the loss"},
    {"clip", "norm", "scales all gradients so that their global norm is at most x"},
    {"clip", "value", "clamps every element of a gradient to -x … x"},
    {"stop", "patience", "stops when the validation loss has not fallen for n epochs"},
    {"init", "identity", "1 at [i][i], in the middle of a convolution's kernel, else 0"},
    {"init", "dirac", "the same, by PyTorch's name for convolutions"},
    {"init", "orthogonal", "orthonormal rows (columns, if there are more rows), times gain; a row per output"},
    {"init", "gabor", "Gabor filters of a Gaussian of deviation sigma, an angle per output"},
    {"init", "default", "he_normal for a weight; for a bias 0, or as `torch` where the weight is"},
    {"init", "he_normal", "normal, deviation sqrt(2 / fan_in)"},
    {"init", "he_uniform", "uniform within sqrt(6 / fan_in) of 0"},
    {"init", "xavier_normal", "normal, deviation sqrt(2 / (fan_in + fan_out))"},
    {"init", "xavier_uniform", "uniform within sqrt(6 / (fan_in + fan_out)) of 0"},
    {"init", "lecun_normal", "normal, deviation sqrt(1 / fan_in)"},
    {"init", "torch", "uniform within 1 / sqrt(fan_in) of 0, PyTorch's default for this layer"},
    {"init", "zeros", "0"},
    {"init", "ones", "1"},
    {"init", "normal", "normal, deviation `std`"},
    {"init", "uniform", "uniform from a to b"},
    {"init", "constant", "v"},
    {"init", "file",
     "a tensor of a file, .safetensors, .npy, .npz or .pt; the path is relative to the source's folder"},
    {NULL, NULL, NULL},
};

static const char *meaning_of(const char *key, const char *name)
{
    for (const Meaning *m = meanings; name && m->key; m++)
        if (strcmp(m->key, key) == 0 && strcmp(m->name, name) == 0) return m->text;
    return "";
}

/* The standard blocks, or NULL; they live as long as the compilation. */
static const List *standard_blocks(Compilation *c)
{
    static const char text[] = "import std\n";
    const File *file = front_parse_text(c, "<help>", text, sizeof text - 1);
    return file ? &file->blocks : NULL;
}

static void print_block_call(Compilation *c, const Def *block, FILE *out)
{
    fputs(block->name, out);
    for (int i = 0; i < block->params.count; i++) {
        const Param *p = block->params.at[i];
        fprintf(out, "%s%s%s%s", i == 0 ? "(" : ", ", p->name, p->value ? "=" : "",
                p->value ? front_expr_text(c, p->value) : "");
    }
    fputs(block->params.count > 0 ? ")" : "", out);
}

/* The comment that stands right above the block in its source. */
static void print_comment(const Compilation *c, const Def *block, FILE *out)
{
    const char *text = ((const Source *)c->sources.at[block->name_span.file])->text;
    const char *line = text + block->name_span.begin;
    while (line > text && line[-1] != '\n') line--;
    const char *end = line, *begin = line;
    while (begin > text && line[0] != '\n') {
        for (line = begin - 1; line > text && line[-1] != '\n'; line--)
            ;
        if (line[0] != '#') break;
        begin = line;
    }
    while (begin < end) {
        const char *stop = strchr(begin, '\n');
        fprintf(out, "    %.*s\n", (int)(stop - begin - (begin[1] == ' ' ? 2 : 1)), begin + (begin[1] == ' ' ? 2 : 1));
        begin = stop + 1;
    }
}

/* ---- topics ----------------------------------------------------------------------- */

typedef enum TopicKind { TOPIC_OPS, TOPIC_CHOICES, TOPIC_KEYS, TOPIC_INITS, TOPIC_BLOCKS } TopicKind;

typedef struct Topic {
    const char *name, *one; /* "layers", "layer" */
    const char *summary;
    TopicKind kind;
    OpClass class;
    const char *key;
} Topic;

static const Topic topics[] = {
    {"layers", "layer", "the building blocks of a net", TOPIC_OPS, OP_LAYER, NULL},
    {"combinators", "combinator", "operations that join branches", TOPIC_OPS, OP_COMBINE, NULL},
    {"blocks", "standard block", "standard blocks (import std)", TOPIC_BLOCKS, 0, NULL},
    {"initialisations", "initialisation", "initial values of weights", TOPIC_INITS, 0, NULL},
    {"training", "key", "keys of a train section", TOPIC_KEYS, 0, NULL},
    {"losses", "loss", "values of the key `loss`", TOPIC_OPS, OP_LOSS, NULL},
    {"optimizers", "optimizer", "values of the key `optimizer`", TOPIC_OPS, OP_OPTIMIZER, NULL},
    {"schedules", "schedule", "values of the key `schedule`: the learning rate over time", TOPIC_CHOICES, 0,
     "schedule"},
    {"regularizers", "regularizer", "values of the key `regularize`", TOPIC_CHOICES, 0, "regularize"},
    {"clipping", "clipping", "values of the key `clip`", TOPIC_CHOICES, 0, "clip"},
    {"augmentations", "augmentation", "values of the key `augment`", TOPIC_CHOICES, 0, "augment"},
    {"stopping", "stopping rule", "values of the key `stop`", TOPIC_CHOICES, 0, "stop"},
};
enum { TOPIC_COUNT = sizeof topics / sizeof *topics };

static const char *const key_meanings[][2] = {
    {"loss", "the quantity to minimise: nnc help losses"},
    {"optimizer", "how the weights are updated: nnc help optimizers"},
    {"schedule", "the learning rate over time: nnc help schedules"},
    {"regularize", "penalties on large weights: nnc help regularizers"},
    {"clip", "limits on the gradient: nnc help clipping"},
    {"batch", "samples per step; 64"},
    {"epochs", "passes over the data; 10"},
    {"seed", "seed of the weights and of the order of the samples; 1"},
    {"normalize", "dataset (the mean and deviation of the training data, the default), mean=[...] std=[...], or none"},
    {"fit", "how an image of another size becomes the input: resize (the default), pad or crop"},
    {"augment", "random changes of the training images: nnc help augmentations"},
    {"stop", "when to stop early: nnc help stopping"},
    {"order", "shuffle (the default), or sequential: the samples as they come"},
    {"valid", "the validation part: a share of the training samples, or a number of them; that of the data, else 0"},
    {"keep", "best (the weights of the lowest validation loss; the default with stop), or last"},
    {"ema", "ema(decay): evaluates and saves the exponential average of the weights"},
    {"lookahead", "lookahead(k=5, alpha=0.5): every k steps back to a slow average of the weights"},
    {"mixup", "mixup(alpha): mixes the samples of a batch, and their targets, two by two"},
    {"cutmix", "cutmix(alpha): puts a rectangle of another sample into each, and mixes the targets by area"},
    {"teacher",
     "teacher(\"NET.nn\", \"WEIGHTS\", temperature=4, weight=0.9): adds the distillation loss of that net's scores"},
    {"group", "\"PATTERN\" (lr=1, weight_decay=1, train=yes): factors for the parameters whose names match"},
};

static void print_entry(FILE *out, const char *name, const char *text) { fprintf(out, "  %-18s%s\n", name, text); }

static const char *key_meaning(const char *key)
{
    for (size_t i = 0; i < sizeof key_meanings / sizeof *key_meanings; i++)
        if (strcmp(key_meanings[i][0], key) == 0) return key_meanings[i][1];
    return "";
}

/* The index-th word of a topic and what it is in a line; NULL beyond the last. */
static const char *topic_word(const Topic *topic, int index, const List *blocks, const char **text)
{
    const Attr *attrs;
    const char *name = NULL;
    *text = "";
    switch (topic->kind) {
    case TOPIC_OPS:
        for (int i = 0; i < op_table_count; i++)
            if (op_table[i]->class == topic->class && index-- == 0) {
                *text = op_table[i]->summary;
                return op_table[i]->name;
            }
        return NULL;
    case TOPIC_CHOICES:
        name = train_choice(topic->key, index, &attrs);
        *text = meaning_of(topic->key, name);
        return name;
    case TOPIC_KEYS:
        name = train_keys()[index];
        *text = name ? key_meaning(name) : "";
        return name;
    case TOPIC_INITS:
        name = init_choice(index, &attrs);
        *text = meaning_of("init", name);
        return name;
    case TOPIC_BLOCKS: return blocks && index < blocks->count ? ((const Def *)blocks->at[index])->name : NULL;
    }
    return NULL;
}

static void print_topic(const Topic *topic, Compilation *c, const List *blocks, FILE *out)
{
    const char *text, *name;
    fprintf(out, "%s: %s\n\n", topic->name, topic->summary);
    for (int i = 0; (name = topic_word(topic, i, blocks, &text)); i++) {
        if (topic->kind == TOPIC_BLOCKS) {
            fputs("  ", out);
            print_block_call(c, blocks->at[i], out);
            fputc('\n', out);
        } else {
            print_entry(out, name, text);
        }
    }
    fputs(topic->kind == TOPIC_KEYS ? "" : "\n'nnc help NAME' shows one of them with its arguments.\n", out);
}

/* ---- words -------------------------------------------------------------------------- */

static const char *article(const char *noun) { return strchr("aeiou", *noun) ? "an" : "a"; }

static void print_op(const Topic *topic, const Op *op, FILE *out)
{
    fprintf(out, "%s, %s %s: %s\n\n    ", op->name, article(topic->one), topic->one, op->summary);
    if (op->class == OP_COMBINE)
        fprintf(out, "%s { ... } { ... }", op->name);
    else
        print_call(out, op->name, op->attrs);
    fprintf(out, "\n\n    %s\n", op->formula);
    print_attrs(out, op->attrs);
}

static void print_choice(const Topic *topic, const char *name, const Attr *attrs, const char *text, FILE *out)
{
    fprintf(out, "%s, %s %s: %s\n\n    ", name, article(topic->one), topic->one, text);
    print_call(out, name, attrs);
    fputc('\n', out);
    print_attrs(out, attrs);
}

static void print_word(const Topic *topic, int index, Compilation *c, const List *blocks, FILE *out)
{
    const Attr *attrs;
    const char *text, *name = topic_word(topic, index, blocks, &text);
    switch (topic->kind) {
    case TOPIC_OPS: print_op(topic, op_find(name, topic->class), out); break;
    case TOPIC_CHOICES:
        train_choice(topic->key, index, &attrs);
        print_choice(topic, name, attrs, text, out);
        break;
    case TOPIC_INITS:
        init_choice(index, &attrs);
        print_choice(topic, name, attrs, text, out);
        break;
    case TOPIC_KEYS: fprintf(out, "%s, a key of the train section: %s\n", name, text); break;
    case TOPIC_BLOCKS:
        fprintf(out, "%s, a standard block (import std)\n\n    ", name);
        print_block_call(c, blocks->at[index], out);
        fputs("\n\n", out);
        print_comment(c, blocks->at[index], out);
        break;
    }
}

/* Every word of that name: step is a layer and a schedule. */
static bool print_words(const char *name, Compilation *c, const List *blocks, FILE *out)
{
    bool found = false;
    for (int t = 0; t < TOPIC_COUNT; t++) {
        const char *word, *text;
        for (int i = 0; (word = topic_word(&topics[t], i, blocks, &text)); i++) {
            if (strcmp(word, name) != 0) continue;
            fputs(found ? "\n" : "", out);
            print_word(&topics[t], i, c, blocks, out);
            found = true;
        }
    }
    return found;
}

bool help_word(const char *name, FILE *out)
{
    Compilation *c = compilation_new();
    const List *blocks = standard_blocks(c);
    bool found = false;
    for (int t = 0; t < TOPIC_COUNT && !found; t++) {
        found = strcmp(topics[t].name, name) == 0;
        if (found) print_topic(&topics[t], c, blocks, out);
    }
    found = found || print_words(name, c, blocks, out);
    compilation_free(c);
    return found;
}

void help_topics(FILE *out)
{
    for (int t = 0; t < TOPIC_COUNT; t++) print_entry(out, topics[t].name, topics[t].summary);
}

const char *help_nearest(Arena *arena, const char *name)
{
    Compilation *c = compilation_new();
    const List *blocks = standard_blocks(c);
    List names = {0};
    for (const Command *const *command = command_table; *command; command++)
        list_push(arena, &names, (void *)(*command)->name);
    for (int t = 0; t < TOPIC_COUNT; t++) {
        const char *word, *text;
        list_push(arena, &names, (void *)topics[t].name);
        for (int i = 0; (word = topic_word(&topics[t], i, blocks, &text)); i++)
            list_push(arena, &names, arena_strdup(arena, word));
    }
    compilation_free(c);
    return nearest_name(name, (const char *const *)names.at, names.count);
}
