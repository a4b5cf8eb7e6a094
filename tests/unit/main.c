/*
 * The runner of the unit tests: every suite in a process of its own per test,
 * so that a crash is one failure.  Arguments choose suites by the names of their
 * test cases.  The last line is what tests/run.sh adds up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

/* What no test takes, not even one that runs the C compiler under sanitizers on a busy
 * machine; CK_DEFAULT_TIMEOUT in the environment overrides it. */
#define TIMEOUT_SECONDS "600"

static int chosen(Suite *suite, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (suite_tcase(suite, argv[i])) return 1;
    return argc < 2;
}

int main(int argc, char **argv)
{
    setenv("CK_DEFAULT_TIMEOUT", TIMEOUT_SECONDS, 0); /* read when a test case is created */
    SRunner *runner = srunner_create(NULL);
    for (const SuiteMaker *make = suite_makers; *make; make++) {
        Suite *suite = (*make)();
        if (chosen(suite, argc, argv)) srunner_add_suite(runner, suite);
    }
    srunner_run_all(runner, CK_ENV);
    int run = srunner_ntests_run(runner), failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("unit: %d passed, %d failed\n", run - failed, failed);
    return failed != 0;
}
