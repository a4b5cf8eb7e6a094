/*
 * The ways of running C text: both compile the same small texts, resolve the
 * same outside functions, and turn a mistake into one line.
 */
#include <check.h>
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"

static const JitKind kinds[] = {JIT_TCC, JIT_CC, JIT_CC_EXACT};

static Jit *compile(JitKind kind, const char *source, Arena *arena)
{
    const char *error = NULL;
    Jit *jit = jit_compile(kind, source, arena, &error);
    ck_assert_msg(jit != NULL, "%s", error ? error : "no message");
    ck_assert_ptr_null(error);
    return jit;
}

START_TEST(calls_a_function)
{
    Arena *arena = arena_new();
    Jit *jit = compile(kinds[_i], "int twice(int x) { return 2 * x; }", arena);
    int (*twice)(int) = (int (*)(int))jit_symbol(jit, "twice");
    ck_assert_ptr_nonnull((void *)twice);
    ck_assert_int_eq(twice(21), 42);
    ck_assert_ptr_null(jit_symbol(jit, "thrice"));
    jit_free(jit);
    jit_free(NULL);
    arena_free(arena);
}
END_TEST

/* Generated code declares what it uses of libm and string.h itself. */
START_TEST(resolves_outside_functions)
{
    static const char source[] =
        "float expf(float); float sqrtf(float); float tanhf(float); float fmaxf(float, float); float erff(float);\n"
        "float powf(float, float); float floorf(float); float log1pf(float); float cosf(float); float sinf(float);\n"
        "float logf(float); float fabsf(float); float fminf(float, float);\n"
        "double exp(double); double log(double); double erf(double); double pow(double, double);\n"
        "void *memcpy(void *, const void *, unsigned long); void *memset(void *, int, unsigned long);\n"
        "void *memmove(void *, const void *, unsigned long); int strcmp(const char *, const char *);\n"
        "float single(float x) { float a = expf(x) + sqrtf(x) + tanhf(x) + fmaxf(x, 2) + erff(x) + powf(x, 3);\n"
        "    return a + floorf(x) + log1pf(x) + cosf(x) + sinf(x) + logf(x) + fabsf(-x) + fminf(x, 0); }\n"
        "double twofold(double x) { return exp(x) + log(x) + erf(x) + pow(x, 3); }\n"
        "int bytes(void) { char a[8], b[8]; memset(a, 1, 8); memcpy(b, a, 8); memmove(b + 1, b, 4);\n"
        "    return a[0] + b[7] + strcmp(\"a\", \"a\"); }\n";
    Arena *arena = arena_new();
    Jit *jit = compile(kinds[_i], source, arena);
    float (*single)(float) = (float (*)(float))jit_symbol(jit, "single");
    double (*twofold)(double) = (double (*)(double))jit_symbol(jit, "twofold");
    int (*bytes)(void) = (int (*)(void))jit_symbol(jit, "bytes");
    float x = 0.5f;
    float expected = expf(x) + sqrtf(x) + tanhf(x) + fmaxf(x, 2) + erff(x) + powf(x, 3) + floorf(x) + log1pf(x) +
                     cosf(x) + sinf(x) + logf(x) + fabsf(-x) + fminf(x, 0);
    ck_assert_float_eq_tol(single(x), expected, 1e-5f); /* -march=native may contract and vectorise */
    ck_assert_double_eq_tol(twofold(0.5), exp(0.5) + log(0.5) + erf(0.5) + pow(0.5, 3), 1e-14);
    ck_assert_int_eq(bytes(), 2);
    jit_free(jit);
    arena_free(arena);
}
END_TEST

/* Called as one of ints, it would return nonsense. */
START_TEST(refuses_undeclared_functions)
{
    Arena *arena = arena_new();
    const char *error = NULL;
    ck_assert_ptr_null(jit_compile(JIT_TCC, "float f(float x) { return expf(x); }", arena, &error));
    ck_assert_ptr_nonnull(strstr(error, "implicit declaration of function 'expf'"));
    arena_free(arena);
}
END_TEST

/* What TinyCC does by calls: 64-bit unsigned against reals, structs, initialisers. */
START_TEST(converts_and_copies)
{
    static const char source[] = "typedef unsigned long long u64; struct S { float a[100]; };\n"
                                 "float f1(u64 x) { return x; } double f2(u64 x) { return x; }\n"
                                 "u64 f3(float x) { return (u64)x; } u64 f4(double x) { return (u64)x; }\n"
                                 "static struct S id(struct S s) { struct S t = s; return t; }\n"
                                 "float f5(float x) { struct S s = {{1, x}}; return id(s).a[1] + id(s).a[99]; }\n"
                                 "float inf(void) { return 1e39f; } int nan(float x) { return x != x; }\n";
    Arena *arena = arena_new();
    Jit *jit = compile(kinds[_i], source, arena);
    ck_assert_float_eq(((float (*)(uint64_t))jit_symbol(jit, "f1"))(UINT64_MAX), 0x1p64f);
    ck_assert_double_eq(((double (*)(uint64_t))jit_symbol(jit, "f2"))(UINT64_C(1) << 63), 0x1p63);
    ck_assert_uint_eq(((uint64_t(*)(float))jit_symbol(jit, "f3"))(0x1p63f), UINT64_C(1) << 63);
    ck_assert_uint_eq(((uint64_t(*)(double))jit_symbol(jit, "f4"))(12345.9), 12345);
    ck_assert_float_eq(((float (*)(float))jit_symbol(jit, "f5"))(7), 7);
    ck_assert(isinf(((float (*)(void))jit_symbol(jit, "inf"))()));
    ck_assert_int_eq(((int (*)(float))jit_symbol(jit, "nan"))(NAN), 1);
    jit_free(jit);
    arena_free(arena);
}
END_TEST

START_TEST(reports_an_error_in_one_line)
{
    static const char *const sources[] = {"int f(void) { return x; }\nint g(void) { return y; }\n", "int f( {",
                                          "#error no\n"};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        Arena *arena = arena_new();
        const char *error = NULL;
        ck_assert_ptr_null(jit_compile(kinds[_i], sources[i], arena, &error));
        ck_assert_ptr_nonnull(error);
        ck_assert_ptr_null(strchr(error, '\n'));
        ck_assert_msg(strstr(error, "error") != NULL, "%s", error);
        arena_free(arena);
    }
}
END_TEST

/* A type of two gigabytes, which sizes in ints cannot tell. */
START_TEST(types_may_be_large)
{
    static const char source[] = "struct block { float huge[538000000], last; };\n"
                                 "long f(void) { return (long)sizeof(struct block); }\n";
    const int64_t bytes = INT64_C(538000001) * 4;
    Arena *arena = arena_new();
    ck_assert_int_eq(jit_kind_for(JIT_TIERED, 1 << 20), JIT_TIERED);
    ck_assert_int_eq(jit_kind_for(JIT_CC, bytes), JIT_CC);
    Jit *jit = compile(jit_kind_for(JIT_TCC, bytes), source, arena);
    ck_assert_int_eq(jit_kind(jit), JIT_CC_EXACT);
    ck_assert_int_eq(((long (*)(void))jit_symbol(jit, "f"))(), bytes);
    jit_free(jit);
    arena_free(arena);
}
END_TEST

START_TEST(names_an_unknown_function)
{
    Arena *arena = arena_new();
    const char *error = NULL;
    ck_assert_ptr_null(jit_compile(kinds[_i], "int nowhere(void); int f(void) { return nowhere(); }", arena, &error));
    ck_assert_msg(error && strstr(error, "nowhere"), "%s", error ? error : "no message");
    arena_free(arena);
}
END_TEST

START_TEST(two_at_once_do_not_meet)
{
    Arena *arena = arena_new();
    Jit *a = compile(kinds[_i], "static int n = 1; int f(void) { return n++; }", arena);
    Jit *b = compile(kinds[_i], "static int n = 10; int f(void) { return n++; }", arena);
    int (*f)(void) = (int (*)(void))jit_symbol(a, "f"), (*g)(void) = (int (*)(void))jit_symbol(b, "f");
    ck_assert_int_eq(f(), 1);
    ck_assert_int_eq(g(), 10);
    ck_assert_int_eq(f(), 2);
    jit_free(a);
    ck_assert_int_eq(g(), 11);
    jit_free(b);
    arena_free(arena);
}
END_TEST

static void *compile_many(void *result)
{
    Arena *arena = arena_new();
    *(int *)result = 0;
    for (int i = 0; i < 20; i++) {
        const char *error;
        char *source = arena_printf(arena, "int f(void) { return %d; }", i);
        Jit *jit = jit_compile(JIT_TCC, source, arena, &error);
        *(int *)result += jit && ((int (*)(void))jit_symbol(jit, "f"))() == i;
        jit_free(jit);
    }
    arena_free(arena);
    return NULL;
}

START_TEST(threads_compile_at_once)
{
    pthread_t threads[4];
    int right[4];
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, compile_many, &right[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(right[i], 20);
    }
}
END_TEST

/* ---- the system compiler's private directory ------------------------------------- */

/* A directory of our own as TMPDIR; what is left in it afterwards is a mistake. */
static char *use_tmpdir(void)
{
    char *directory = strdup("/tmp/nnc-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    setenv("TMPDIR", directory, 1);
    return directory;
}

static void check_empty_and_remove(char *directory)
{
    DIR *dir = opendir(directory);
    ck_assert_ptr_nonnull(dir);
    int entries = 0;
    while (readdir(dir)) entries++;
    closedir(dir);
    ck_assert_int_eq(entries, 2); /* . and .. */
    rmdir(directory);
    free(directory);
}

START_TEST(cc_leaves_nothing)
{
    char *directory = use_tmpdir();
    Arena *arena = arena_new();
    const char *error;
    jit_free(compile(JIT_CC, "int f(void) { return 1; }", arena));
    ck_assert_ptr_null(jit_compile(JIT_CC, "int f(", arena, &error));
    arena_free(arena);
    check_empty_and_remove(directory);
}
END_TEST

START_TEST(cc_missing_is_said)
{
    char *directory = use_tmpdir();
    Arena *arena = arena_new();
    const char *error = NULL;
    setenv("CC", "no-such-compiler -O1", 1);
    ck_assert_ptr_null(jit_compile(JIT_CC, "int f(void) { return 1; }", arena, &error));
    ck_assert_msg(error && strstr(error, "no-such-compiler") && strstr(error, "CC"), "%s",
                  error ? error : "no message");
    arena_free(arena);
    check_empty_and_remove(directory);
}
END_TEST

START_TEST(cc_without_a_directory)
{
    Arena *arena = arena_new();
    const char *error = NULL;
    setenv("NNC_CACHE", "off", 1); /* what was compiled before needs no directory */
    setenv("TMPDIR", "/nonexistent/nowhere", 1);
    ck_assert_ptr_null(jit_compile(JIT_CC, "int f(void) { return 1; }", arena, &error));
    ck_assert_msg(error && strstr(error, "/nonexistent/nowhere"), "%s", error ? error : "no message");
    arena_free(arena);
}
END_TEST

/* A compiler that never ends, and a signal: the process dies of it, tidily. */
START_TEST(cc_interrupted_leaves_nothing)
{
    char *directory = use_tmpdir();
    char script[256];
    snprintf(script, sizeof script, "%s/../nnc-test-cc-%ld", directory, (long)getpid());
    FILE *file = fopen(script, "w");
    fputs("#!/bin/sh\nexec sleep 30\n", file);
    fchmod(fileno(file), 0700);
    fclose(file);
    setenv("CC", script, 1);
    pid_t child = fork();
    if (child == 0) {
        const char *error;
        signal(SIGTERM, SIG_DFL); /* the runner's handler would end its whole group */
        jit_compile(JIT_CC, "int f(void) { return 1; }", arena_new(), &error);
        _exit(0);
    }
    usleep(200000);
    kill(child, SIGTERM);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    unlink(script);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    check_empty_and_remove(directory);
}
END_TEST

Suite *backend_suite(void)
{
    Suite *suite = suite_create("backend");
    TCase *both = tcase_create("both ways");
    tcase_add_loop_test(both, calls_a_function, 0, 2);
    tcase_add_loop_test(both, resolves_outside_functions, 0, 2);
    tcase_add_loop_test(both, converts_and_copies, 0, 2);
    tcase_add_loop_test(both, reports_an_error_in_one_line, 0, 2);
    tcase_add_loop_test(both, names_an_unknown_function, 0, 2);
    tcase_add_loop_test(both, two_at_once_do_not_meet, 0, 2);
    suite_add_tcase(suite, both);
    TCase *tcc = tcase_create("tcc");
    tcase_add_test(tcc, threads_compile_at_once);
    tcase_add_test(tcc, refuses_undeclared_functions);
    suite_add_tcase(suite, tcc);
    TCase *cc = tcase_create("cc");
    tcase_add_test(cc, types_may_be_large);
    tcase_add_test(cc, cc_leaves_nothing);
    tcase_add_test(cc, cc_missing_is_said);
    tcase_add_test(cc, cc_without_a_directory);
    tcase_add_test(cc, cc_interrupted_leaves_nothing);
    suite_add_tcase(suite, cc);
    return suite;
}
