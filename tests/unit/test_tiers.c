/*
 * The two codes of --jit tiered: for nets of tests/gradients and tests/refs they
 * compute the same to the last bit, and share one model.
 */
#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/backend.h"
#include "elab/elaborate.h"
#include "emit/emit.h"
#include "front/front.h"

enum { SIZE_INPUTS, SIZE_OUTPUTS, SIZE_MODEL, SIZE_SCRATCH, SIZE_TARGETS, SIZES };
enum { BATCH = 3, ROUNDS = 3 };

/* One code, with memory of its own. */
typedef struct Code {
    const size_t *sizes;
    void *(*init)(void *, int, uint64_t);
    void (*infer)(const void *, const float *, float *, void *);
    void (*vjp)(void *, const float *, const float *, float *, float *, void *);
    float (*step)(void *, const float *, const void *, float, void *); /* NULL: no train section */
    char *model, *scratch;
    float *y, *dx;
} Code;

typedef struct Net {
    Compilation *c;
    const EmitResult *emitted;
    Jit *jit;
    Code code[2]; /* tcc's, cc's */
    float *x, *dy;
    void *target;
} Net;

static void *zeros(size_t bytes)
{
    size_t size = (bytes + 64) & ~(size_t)63;
    return memset(aligned_alloc(64, size), 0, size);
}

static void *symbol(const Net *n, const char *name)
{
    return jit_symbol(n->jit, arena_printf(n->c->arena, "%s_%s", n->emitted->prefix, name));
}

static void open_code(Net *n, Code *code)
{
    code->sizes = symbol(n, "sizes");
    ck_assert_ptr_nonnull(code->sizes);
    *(void **)&code->init = symbol(n, "init");
    *(void **)&code->infer = symbol(n, "infer");
    *(void **)&code->vjp = symbol(n, "vjp");
    *(void **)&code->step = symbol(n, "step");
    code->model = zeros(code->sizes[SIZE_MODEL]);
    code->scratch = zeros(code->sizes[SIZE_SCRATCH]);
    code->y = zeros(BATCH * code->sizes[SIZE_OUTPUTS] * sizeof(float));
    code->dx = zeros(BATCH * code->sizes[SIZE_INPUTS] * sizeof(float));
}

static void close_code(Code *code)
{
    free(code->model);
    free(code->scratch);
    free(code->y);
    free(code->dx);
}

static void wait_for_faster(Net *n)
{
    const char *why;
    JitNews news;
    while ((news = jit_poll(n->jit, &why)) == JIT_NO_NEWS) usleep(2000);
    ck_assert_msg(news == JIT_FASTER, "%s", why);
    ck_assert_int_eq(jit_poll(n->jit, &why), JIT_NO_NEWS);
}

/* Between −1 and 1, some of them 0. */
static float *numbers(size_t count, unsigned seed)
{
    float *p = zeros(count * sizeof *p);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = seed >> 28 ? (float)(seed >> 8) / 8388608.0f - 1.0f : 0.0f;
    }
    return p;
}

static void *targets(const Net *n, const TrainSpec *spec)
{
    size_t count = BATCH * n->code[0].sizes[SIZE_TARGETS];
    if (!spec || !spec->loss.op->target) return numbers(count, 3);
    int32_t *labels = zeros(count * sizeof *labels);
    for (size_t i = 0; i < count; i++) labels[i] = (int32_t)(i % n->code[0].sizes[SIZE_OUTPUTS]);
    return labels;
}

/* A reference of gradients alone: its train section need not fit the net. */
static bool is_of_vjp(const char *path) { return strstr(path, "_vjp.nn") != NULL; }

static Net net_open(const char *path)
{
    Net n = {.c = compilation_new()};
    List none = {0};
    const File *file = front_parse_file(n.c, path);
    Graph *net = file ? elaborate(n.c, file, NULL, &none) : NULL;
    ck_assert_msg(net != NULL, "%s", path);
    bool trains = train_section_exists(file, net) && !is_of_vjp(path);
    TrainSpec *spec = trains ? train_spec(n.c, file, net, &none) : NULL;
    EmitOptions options = {.lower.batch = BATCH,
                           .lower.infer = true,
                           .lower.train = trains,
                           .lower.vjp = true,
                           .standalone = true,
                           .threads = 2};
    n.emitted = emit_c(net, spec, &options);
    ck_assert_msg(n.emitted != NULL, "%s", path);
    const char *error = NULL;
    n.jit = jit_compile(JIT_TIERED, n.emitted->source, n.c->arena, &error);
    ck_assert_msg(n.jit != NULL, "%s: %s", path, error ? error : "");
    open_code(&n, &n.code[0]);
    wait_for_faster(&n);
    open_code(&n, &n.code[1]);
    n.x = numbers(BATCH * n.code[0].sizes[SIZE_INPUTS], 1);
    n.dy = numbers(BATCH * n.code[0].sizes[SIZE_OUTPUTS], 2);
    n.target = targets(&n, spec);
    return n;
}

static void net_close(Net *n)
{
    close_code(&n->code[0]);
    close_code(&n->code[1]);
    free(n->x);
    free(n->dy);
    free(n->target);
    jit_free(n->jit);
    compilation_free(n->c);
}

static void same(const char *path, const char *what, const void *a, const void *b, size_t bytes)
{
    const unsigned char *p = a, *q = b;
    size_t i = 0;
    while (i < bytes && p[i] == q[i]) i++;
    ck_assert_msg(i == bytes, "%s: %s differs at byte %zu of %zu", path, what, i, bytes);
}

static void same_all(const Net *n, const char *path, const char *when)
{
    const Code *a = &n->code[0], *b = &n->code[1];
    same(path, arena_printf(n->c->arena, "the model after %s", when), a->model, b->model, a->sizes[SIZE_MODEL]);
    same(path, arena_printf(n->c->arena, "y after %s", when), a->y, b->y,
         BATCH * a->sizes[SIZE_OUTPUTS] * sizeof(float));
    same(path, arena_printf(n->c->arena, "dx after %s", when), a->dx, b->dx,
         BATCH * a->sizes[SIZE_INPUTS] * sizeof(float));
}

static void compare(const char *path)
{
    Net n = net_open(path);
    float loss[2] = {0};
    same(path, "sizes", n.code[0].sizes, n.code[1].sizes, SIZES * sizeof(size_t));
    for (int i = 0; i < 2; i++) n.code[i].init(n.code[i].model, 1, 7);
    same_all(&n, path, "init");
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2; i++) {
            Code *code = &n.code[i];
            code->vjp(code->model, n.x, n.dy, code->y, code->dx, code->scratch);
            if (code->step) loss[i] = code->step(code->model, n.x, n.target, 0.01f, code->scratch);
        }
        same_all(&n, path, "vjp and step");
        same(path, "the loss", &loss[0], &loss[1], sizeof loss[0]);
        for (int i = 0; i < 2; i++) n.code[i].infer(n.code[i].model, n.x, n.code[i].y, n.code[i].scratch);
        same_all(&n, path, "infer");
    }
    net_close(&n);
}

static int is_net(const struct dirent *d)
{
    size_t length = strlen(d->d_name);
    return length > 3 && strcmp(d->d_name + length - 3, ".nn") == 0;
}

/* Every fourth net of the folder, which takes a quarter of a minute; all where ALL is set. */
static void compare_folder(const char *folder)
{
    const int step = getenv("ALL") ? 1 : 4;
    struct dirent **nets;
    int count = scandir(folder, &nets, is_net, alphasort);
    ck_assert_int_gt(count, 0);
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, nets[i]->d_name);
        if (i % step == 0) compare(path);
        free(nets[i]);
    }
    free(nets);
}

START_TEST(same_bits)
{
    static const char *const folders[] = {"tests/refs", "tests/gradients"};
    compare_folder(folders[_i]);
}
END_TEST

/* No compiler: tcc's code goes on, and why is said once. */
START_TEST(no_compiler)
{
    Arena *arena = arena_new();
    const char *error = NULL, *why = NULL;
    setenv("CC", "no-such-compiler", 1);
    Jit *jit = jit_compile(JIT_TIERED, "int f(void) { return 5; }", arena, &error);
    ck_assert_ptr_nonnull(jit);
    JitNews news;
    while ((news = jit_poll(jit, &why)) == JIT_NO_NEWS) usleep(2000);
    ck_assert_int_eq(news, JIT_NO_FASTER);
    ck_assert_msg(why && strstr(why, "no-such-compiler"), "%s", why ? why : "nothing");
    ck_assert_int_eq(jit_poll(jit, &why), JIT_NO_NEWS);
    ck_assert_int_eq(((int (*)(void))jit_symbol(jit, "f"))(), 5);
    jit_free(jit);
    arena_free(arena);
}
END_TEST

/* A compiler that takes long is ended with the code that it works for. */
START_TEST(freed_while_compiling)
{
    char script[] = "/tmp/nnc-test-slow-XXXXXX";
    int file = mkstemp(script);
    ck_assert_int_ge(file, 0);
    ck_assert_int_gt(dprintf(file, "#!/bin/sh\nexec sleep 60\n"), 0);
    ck_assert_int_eq(fchmod(file, 0700), 0);
    close(file);
    setenv("CC", script, 1);
    Arena *arena = arena_new();
    const char *error = NULL;
    Jit *jit = jit_compile(JIT_TIERED, "int f(void) { return 6; }", arena, &error);
    ck_assert_ptr_nonnull(jit);
    ck_assert_int_eq(jit_poll(jit, &(const char *){NULL}), JIT_NO_NEWS);
    usleep(50000);
    jit_free(jit);
    arena_free(arena);
    unlink(script);
}
END_TEST

Suite *tiers_suite(void)
{
    Suite *suite = suite_create("tiers");
    TCase *bits = tcase_create("same bits");
    tcase_add_loop_test(bits, same_bits, 0, 2);
    suite_add_tcase(suite, bits);
    TCase *ends = tcase_create("ends");
    tcase_set_timeout(ends, 30); /* the compiler sleeps for twice as long */
    tcase_add_test(ends, no_compiler);
    tcase_add_test(ends, freed_while_compiling);
    suite_add_tcase(suite, ends);
    return suite;
}
