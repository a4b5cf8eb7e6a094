/* Sizes and names of number formats. */
#include "graph/dtype.h"

typedef struct DTypeInfo {
    const char *name, *c_type;
    int size;
} DTypeInfo;

static const DTypeInfo infos[DTYPE_COUNT] = {
    [DTYPE_F32] = {"f32", "float", 4},   [DTYPE_F64] = {"f64", "double", 8},  [DTYPE_BF16] = {"bf16", "uint16_t", 2},
    [DTYPE_I8] = {"i8", "int8_t", 1},    [DTYPE_I16] = {"i16", "int16_t", 2}, [DTYPE_U8] = {"u8", "uint8_t", 1},
    [DTYPE_I32] = {"i32", "int32_t", 4},
};

int dtype_size(DType t) { return infos[t].size; }
const char *dtype_name(DType t) { return infos[t].name; }
const char *dtype_c_type(DType t) { return infos[t].c_type; }
