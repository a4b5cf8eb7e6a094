/* safetensors, .npy, .npz, and both forms of PyTorch's files. */
#include <stdlib.h>

#include "runtime/core/core.h"
#include "tests/fuzz_inputs/fuzz_inputs.h"

enum { ELEMENTS = 1 << 16 }; /* of a tensor whose values are looked at */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    NnError error = {0};
    NnTensors *file = nn_tensors_parse("fuzz", bytes, size, &error);
    for (int i = 0; file && i < nn_tensors_count(file); i++) {
        const NnTensor *t = nn_tensors_at(file, i);
        if (t->count > ELEMENTS || nn_tensors_fetch(file, t, &error)) continue;
        float *values = malloc((t->count + 1) * sizeof *values);
        nn_tensor_floats(t, values);
        free(values);
    }
    nn_tensors_close(file);
    return 0;
}
