/* The unit tests of the kernels over int8 numbers, with one table: what the C compiler's flags allow. */
#include <stddef.h>
#include <stdint.h>

#include "runtime/kernels/quantized/quantized_average.h"
#include "runtime/kernels/quantized/quantized_conv.h"
#include "runtime/kernels/quantized/quantized_depthwise.h"
#include "runtime/kernels/quantized/quantized_grouped.h"
#include "runtime/kernels/quantized/quantized_map.h"
#include "runtime/kernels/quantized/quantized_pool.h"
#include "tests/unit/libraries.h"
#include <check.h>

#define SYMBOL(function)            \
    {                               \
#function, (void *)function \
    }

static const nn_symbol kernels[] = {
    SYMBOL(nn_int8_panels),
    SYMBOL(nn_int8_forward),
    SYMBOL(nn_int8_depthwise_panels),
    SYMBOL(nn_int8_depthwise),
    SYMBOL(nn_int8_grouped_panels),
    SYMBOL(nn_int8_grouped),
    SYMBOL(nn_int8_sum),
    SYMBOL(nn_int8_join),
    SYMBOL(nn_int8_lookup),
    SYMBOL(nn_int8_from_floats),
    SYMBOL(nn_int8_maxpool),
    SYMBOL(nn_int8_avgpool),
    {NULL, NULL},
};

static int runs(void) { return 1; }

const nn_library nn_libraries[] = {{"flags", kernels, runs}, {NULL, NULL, NULL}};
const nn_symbol *const emulated_libraries[] = {NULL};

Suite *int8_kernels_suite(void);

int main(void)
{
    int8_kernels_suite();
    return 0;
}
