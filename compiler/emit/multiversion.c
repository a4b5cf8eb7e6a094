/*
 * Function multiversioning: the kernels a second time, for a processor that has more
 * than the flags of the C compiler allow, and dispatch on the CPU.
 *
 * Enters: the kernels that the text contains, and a target.  Leaves: the same
 * kernels under names of their own, between pragmas that allow the compiler the
 * target's instructions; a test of the processor; and for each kernel that the
 * layers call a macro that picks one of the two, which ends before the kernels.  So the
 * file needs no flags to be fast where it was meant to run, and none of it is run that a
 * processor lacks.
 *
 * Only the kernels are there twice: in layers that have no kernel little would
 * be gained.  A kernel's file declares or includes its descriptors before
 * `#ifdef NN_LINKED`; these types are shared, and every other name of the second
 * text gets a new prefix.  Where the flags allow the target anyway (-march=native),
 * or the machine is of another kind, the preprocessor leaves the second text out.
 */
#include "emit/emitter.h"
#include "emit/kernel_slice.h"
#include "runtime/kernels/library.h"

#include <string.h>

/* Lines of the comment that opens the file. */
const char *multiversion_comment(Arena *arena, Target target)
{
    const TargetInfo *t = target_info(target);
    if (t->lacking)
        return arena_printf(arena,
                            " * Its kernels are there for any machine, and again for %s; the second are\n"
                            " * used where the processor has it.\n",
                            t->title);
    return t->title ? arena_printf(arena, " * Its kernels use %s where the compiler is allowed it.\n", t->title)
                    : " * Its kernels use the instructions that the compiler's flags allow.\n";
}

/* ---- texts ------------------------------------------------------------------ */

/* Without comments, blank lines and spaces at the ends of lines. */
static char *without_comments(Arena *arena, const char *text)
{
    char *copy = arena_alloc(arena, strlen(text) + 2), *to = copy;
    for (const char *p = text; *p; p++) {
        if (p[0] == '/' && p[1] == '*') {
            p = strstr(p + 2, "*/") + 1;
            continue;
        }
        if (*p == '\n') {
            while (to > copy && to[-1] == ' ') to--;
            if (to == copy || to[-1] == '\n') continue;
        }
        *to++ = *p;
    }
    *to = '\0';
    return copy;
}

/* The length of the identifier that begins here, or 0. */
static size_t word_at(const char *text, const char *p)
{
    if (!is_identifier_char(*p) || (p > text && is_identifier_char(p[-1]))) return 0;
    size_t length = 0;
    while (is_identifier_char(p[length])) length++;
    return length;
}

/* ---- the second text ------------------------------------------------------------ */

typedef struct Multiversion {
    Emitter *e;
    const TargetInfo *target;
    Map *files;     /* done */
    Map *shared;    /* names that both texts have in common */
    Map *functions; /* that layers may call */
    Text text;      /* all of it, before what no layer reaches is left out */
} Multiversion;

static void add_words(Multiversion *t, const char *line, size_t length)
{
    char *copy = arena_strndup(t->e->arena, line, length);
    for (const char *p = copy; *p; p++) {
        size_t word = word_at(copy, p);
        if (word) map_put(t->shared, arena_strndup(t->e->arena, p, word), t);
    }
}

/* A declaration: `void nn_relu(long n, …` */
static void add_function(Multiversion *t, const char *line, size_t length)
{
    char *copy = arena_strndup(t->e->arena, line, length);
    char *open = strchr(copy, '(');
    if (!open) return;
    char *name = open;
    while (name > copy && is_identifier_char(name[-1])) name--;
    map_put(t->functions, arena_strndup(t->e->arena, name, (size_t)(open - name)), t);
}

/* nn_W → nn_avx512_W, NN_ROWS → NN_AVX512_ROWS */
static const char *version_of(const Multiversion *t, const char *name)
{
    const bool lower = *name == 'n';
    return arena_printf(t->e->arena, "%.3s%s_%s", name, lower ? t->target->name : t->target->upper, name + 3);
}

static bool is_kernel_name(const char *word) { return strncmp(word, "nn_", 3) == 0 || strncmp(word, "NN_", 3) == 0; }

/* With the names of the second text. */
static void add_renamed(Multiversion *t, const char *line, size_t length)
{
    const char *copy = arena_strndup(t->e->arena, line, length);
    const char *rest = copy; /* what has not been added */
    for (const char *p = copy; *p;) {
        const size_t word = word_at(copy, p);
        const char *name = word && is_kernel_name(p) ? arena_strndup(t->e->arena, p, word) : NULL;
        if (name && !map_get(t->shared, name)) {
            text_add_bytes(&t->text, rest, (size_t)(p - rest));
            text_add(&t->text, version_of(t, name));
            rest = p + word;
        }
        p += word ? word : 1;
    }
    text_add(&t->text, rest);
}

static void add_file(Multiversion *t, const char *file);

static void add_line(Multiversion *t, const char *line, size_t length)
{
    const char *included = kernel_text_included(t->e->arena, line);
    if (included)
        add_file(t, included);
    else
        add_renamed(t, line, length);
}

/* The descriptors that a file includes before its declarations. */
static void share_included(Multiversion *t, const char *line)
{
    const char *file = kernel_text_included(t->e->arena, line);
    if (!file || map_get(t->files, file)) return;
    map_put(t->files, file, t);
    const char *text = without_comments(t->e->arena, kernel_text_of(file));
    for (const char *next; *text; text = next) {
        next = text + strcspn(text, "\n");
        next += *next == '\n';
        if (*text != '#') add_words(t, text, (size_t)(next - text));
    }
}

/* Of a file with declarations for linked kernels only what defines them. */
static void add_file(Multiversion *t, const char *file)
{
    if (map_get(t->files, file)) return;
    map_put(t->files, file, t);
    const char *text = without_comments(t->e->arena, kernel_text_of(file));
    enum { DECLARED, LINKED, DEFINED, OVER } part = strstr(text, "#ifdef NN_LINKED") ? DECLARED : DEFINED;
    bool whole = part == DEFINED;
    int depth = 0; /* of conditions, from `#ifdef NN_LINKED` */
    for (const char *line = text, *next; *line; line = next) {
        next = line + strcspn(line, "\n");
        next += *next == '\n';
        bool opens = strncmp(line, "#if", 3) == 0;
        if (part == DECLARED && starts_directive(line, "#ifdef NN_LINKED")) {
            part = LINKED;
            text_add(&t->text, "#ifdef NN_LINKED\n");
        } else if (part == LINKED && depth == 1 && starts_directive(line, "#else")) {
            part = DEFINED;
            text_add(&t->text, "#else\n");
        } else if (!whole && depth == 1 && starts_directive(line, "#endif")) {
            part = OVER;
            text_add(&t->text, "#endif\n");
        } else if (part == DECLARED && *line == '#') {
            share_included(t, line);
        } else if (part == DECLARED) {
            add_words(t, line, (size_t)(next - line));
        } else if (part == LINKED) {
            add_function(t, line, (size_t)(next - line));
            add_renamed(t, line, (size_t)(next - line));
        } else if (part == DEFINED) {
            add_line(t, line, (size_t)(next - line));
        }
        if (part != DECLARED) depth += opens ? 1 : starts_directive(line, "#endif") ? -1 : 0;
    }
}

/* ---- around it ------------------------------------------------------------------- */

/* Opens what is compiled only where the target is not what the flags allow anyway. */
static void write_condition(const Multiversion *t)
{
    text_addf(&t->e->source, "#if defined(__GNUC__) && %s\n", t->target->lacking);
}

/* The text with the instructions of the target allowed. */
static void write_for_target(const Multiversion *t, const char *text)
{
    const char *features = t->target->features, *plus = strchr(features, '+');
    emitter_put_parts(t->e, &t->e->source,
                      "#if defined(__clang__)\n"
                      "#pragma clang attribute push(__attribute__((target(\"{names}\"))), apply_to = function)\n"
                      "#else\n"
                      "#pragma GCC push_options\n"
                      "#pragma GCC target(\"{features}\")\n"
                      "#endif\n"
                      "{text}"
                      "#if defined(__clang__)\n"
                      "#pragma clang attribute pop\n"
                      "#else\n"
                      "#pragma GCC pop_options\n"
                      "#endif\n",
                      PARTS({"features", features}, {"names", plus ? plus + 1 : features}, {"text", text}));
}

/* Threads, clocks, random numbers and what is rounded when parameters are set have nothing to tune. */
static bool has_vectors(const char *kernel)
{
    static const char *const without[] = {"team", "clock", "random", "bf16"};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        if (strcmp(kernel, without[i]) == 0) return false;
    return true;
}

/* The kernels that layers call, by their names in the first text. */
static List called_functions(const Multiversion *t)
{
    List called = {0};
    for (int i = 0; i < map_count(t->functions); i++) {
        const char *function = map_key(t->functions, i);
        if (map_get(t->e->used, function)) list_push(t->e->arena, &called, (char *)function);
    }
    return called;
}

/* Of the second text, what they reach. */
static KernelSlice reached(const Multiversion *t, const List *called)
{
    Arena *arena = t->e->arena;
    Map *used = map_new(arena);
    for (int i = 0; i < called->count; i++) map_put(used, version_of(t, called->at[i]), t->e);
    return kernel_slice(arena, t->text.data, used);
}

static void write_dispatch(const Multiversion *t, const List *called)
{
    Text *out = &t->e->source;
    const char *name = t->target->name;
    if (strstr(t->target->test, "nn_cpu_")) text_add(out, without_comments(t->e->arena, kernel_text_of("cpu.h")));
    emitter_put_parts(t->e, out,
                      "\n"
                      "static __attribute__((unused)) int nn_has_{name}(void)\n"
                      "{\n"
                      "    return {test};\n"
                      "}\n\n",
                      PARTS({"name", name}, {"test", t->target->test}));
    for (int i = 0; i < called->count; i++) {
        const char *function = called->at[i];
        emitter_put_parts(t->e, out, "#define {function} (nn_has_{name}() ? {version} : {function})\n",
                          PARTS({"function", function}, {"name", name}, {"version", version_of(t, function)}));
    }
}

static bool multiversion_read(Emitter *e, Multiversion *t)
{
    *t = (Multiversion){e,  target_info(e->options->target), map_new(e->arena), map_new(e->arena), map_new(e->arena),
                        {0}};
    text_init(&t->text, e->arena);
    if (!e->options->paste_kernels || !t->target->lacking) return false;
    for (int i = 0; i < map_count(e->kernels); i++) {
        const char *kernel = map_key(e->kernels, i);
        if (has_vectors(kernel)) add_file(t, arena_printf(e->arena, "%s.h", kernel));
    }
    return t->text.length > 0;
}

void multiversion_write_declarations(Emitter *e)
{
    Multiversion t;
    if (!multiversion_read(e, &t)) return;
    const List called = called_functions(&t);
    const KernelSlice slice = reached(&t, &called);
    text_addf(&e->source, "/* Where the processor has %s, the layers call kernels for it. */\n", t.target->title);
    write_condition(&t);
    write_for_target(&t, slice.prototypes);
    write_dispatch(&t, &called);
    text_add(&e->source, "#endif\n\n");
    e->second_kernels = slice.definitions;
    e->dispatched = called;
}

void multiversion_write_end_of_dispatch(Emitter *e)
{
    for (int i = 0; i < e->dispatched.count; i++)
        text_addf(&e->source, "#undef %s\n", (const char *)e->dispatched.at[i]);
    if (e->dispatched.count) text_add(&e->source, "\n");
}

void multiversion_write_definitions(Emitter *e)
{
    const Multiversion t = {.e = e, .target = target_info(e->options->target)};
    if (!e->second_kernels) return;
    text_addf(&e->source, "/* The same kernels for %s, without the comments. */\n", t.target->title);
    write_condition(&t);
    text_addf(&e->source, "#define NN_%s_%s 1\n", t.target->upper, t.target->upper);
    write_for_target(&t, e->second_kernels);
    text_add(&e->source, "#endif\n\n");
}

/* ---- this machine ------------------------------------------------------------------ */

Target target_native(void)
{
    const char *name;
    nn_kernel_library(&name);
    for (int i = 0; i < TARGET_COUNT; i++) {
        if (strcmp(name, target_name((Target)i)) == 0 && i != TARGET_GENERIC) return (Target)i;
    }
#if defined(__aarch64__)
    return TARGET_NEON; /* needs no flags: its kernels are the generic ones */
#else
    return TARGET_GENERIC;
#endif
}
