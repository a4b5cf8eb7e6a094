/*
 * version: `nnc --version`: what this program is made of, and which compiler it finds.
 */
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "commands/pictures/sixel.h"
#include "commands/support/command.h"
#include "commands/train/ranks.h"
#include "graph/target.h"
#include "runtime/data/mat.h"
#include "runtime/kernels/library.h"

enum { COMMAND_BYTES = 1024, LINE_BYTES = 256 };

/* The first line of `COMMAND --version`; false where that cannot be run. */
static bool compiler_version(const char *command, char line[LINE_BYTES])
{
    char ask[COMMAND_BYTES];
    if (snprintf(ask, sizeof ask, "%s --version 2>/dev/null", command) >= (int)sizeof ask) return false;
    FILE *answer = popen(ask, "r");
    if (!answer) return false;
    bool read = fgets(line, LINE_BYTES, answer) != NULL;
    while (getc(answer) != EOF) continue; /* a compiler whose pipe is closed is no failure */
    if (pclose(answer) != 0 || !read) return false;
    line[strcspn(line, "\n")] = 0;
    return true;
}

int print_version(void)
{
    const char *runs;
    nn_kernel_library(&runs);
    puts("nnc " NNC_VERSION);
    fputs("targets:         ", stdout);
    for (int i = 0; i < TARGET_COUNT; i++) printf("%s ", target_name((Target)i));
    printf("(this processor: %s)\n", runs);
    puts("--jit tcc:       libtcc, built in");
    char line[LINE_BYTES], matlab[MAT_LIBRARY_TEXT];
    const char *command = jit_compiler_command();
    bool found = compiler_version(command, line);
    printf("--jit cc:        %s%s%s\n", command, found ? ": " : " was not found, or has no --version",
           found ? line : "");
    mat_library(matlab);
    printf("MATLAB files:    %s\n", matlab);
    printf("sixel pictures:  %s\n", sixel_library() ? sixel_library() : "no: libsixel is not there");
    char path[RANKS_PATH_BYTES];
    const char *ranks = ranks_library(path, sizeof path);
    printf("many machines:   %s\n", ranks ? ranks : "no: built without MPI");
    return finish_output();
}
