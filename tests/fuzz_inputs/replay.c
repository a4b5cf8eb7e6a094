/* A target without libFuzzer: replay FILE… runs it once with each file. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/core/core.h"
#include "tests/fuzz_inputs/fuzz_inputs.h"

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        NnError error = {0};
        size_t size;
        char *bytes = nn_read_file(argv[i], &size, &error);
        if (!bytes) {
            fprintf(stderr, "%s\n", error.text);
            return 1;
        }
        printf("%s\n", argv[i]);
        fflush(stdout); /* the last line names the input that ends the process */
        LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
        free(bytes);
    }
    return 0;
}
