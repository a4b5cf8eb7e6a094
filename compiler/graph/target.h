/*
 * Targets: the processors that kernels, tiles and costs are made for.
 *
 * A target is a page, runtime/kernels/config/NAME.h, with its sizes, its costs and how it is told
 * from others.  The build makes the table of targets from the pages (config/tables.sh).
 */
#ifndef NNC_GRAPH_TARGET_H
#define NNC_GRAPH_TARGET_H

/* TARGET_TABLE(TARGET): TARGET(ID, NAME, title, lacking, features, test, called, plain, compiler, options)
 * for each page. */
#include <stdbool.h>

#include "graph/target_table.h"

#define TARGET_ID(ID, ...) TARGET_##ID,
typedef enum Target { TARGET_TABLE(TARGET_ID) TARGET_COUNT } Target;
#undef TARGET_ID

/* For generated C that dispatches on the CPU (emit's multiversioning). */
typedef struct TargetInfo {
    const char *name;     /* "avx512": in names of functions */
    const char *upper;    /* "AVX512": in names of macros */
    const char *title;    /* "AVX-512"; NULL: none in particular */
    const char *lacking;  /* #if: its machine, and the flags do not allow its instructions; NULL: they need none */
    const char *features; /* for pragmas of gcc; of ARM "arch=ARCHITECTURE+feature" */
    const char *test;     /* an expression: the processor has them */
    const char *called;   /* "avx512", "cortex-m4": in --target */
    bool plain;           /* a machine without kernels: the plain form, planned for little memory */
    const char *compiler; /* of such a machine; NULL: none in particular */
    const char *options;  /* that it takes */
} TargetInfo;

const TargetInfo *target_info(Target);
static inline const char *target_name(Target target) { return target_info(target)->called; }
static inline bool target_is_plain(Target target) { return target_info(target)->plain; }

/*
 * What a machine's time goes to, in multiply-adds of a direct convolution that fits the
 * first cache: COMMON_COSTS, but for what NN_MACHINE_COSTS on the target's page says.
 */
typedef struct MachineCosts {
    double element;                      /* an element read from or written to memory */
    double weight_read;                  /* a weight, where the weights of all layers fit no cache */
    double weight_widen;                 /* making a float of a packed weight of 16 bits, in a cache */
    double weight_pack;                  /* making and reading a transformed weight, where it is not prepacked */
    double tile_2_3, tile_4_3, tile_2_5; /* Winograd F(m, r): the transforms of a tile and channel */
    double tile_pairs;                   /* the same of F(2, 3) in pairs of bf16, in products of these */
    double transform_rate;               /* of direct convolution's rate that products of transforms reach */
    double wgrad_product;                /* a product of transforms, of the weights' gradient */
    double wgrad_transform;              /* of a tile and channel, of the weights' gradient */
    double wgrad_rate;
    double wgrad_pairs_tile;   /* in pairs of bf16: the transforms of a tile and channel */
    double wgrad_pairs_kernel; /* and what a kernel's sums take to be transformed back and stored */
    double winograd_bf16;      /* Winograd's forms of images in bf16, beside images of floats */
    double bf16_product;       /* a multiply-add of a pair's element, where an instruction has them */
    double blocked_product;    /* a multiply-add of a batch-blocked layer: no vector of few channels is partly empty */
} MachineCosts;

/* Those of AVX2, measured on two cores: an element is 100 GMAC/s beside 5 G floats/s; transforms
 * and the reading of weights are those of VGG-16, ResNet-18 and ResNet-50, layer by layer.
 * blocked_product is an estimate that was checked on AVX-512.  Other targets' own are on their pages. */
#define COMMON_COSTS                                                                                                \
    .element = 20, .weight_read = 12, .weight_widen = 2, .weight_pack = 25, .tile_2_3 = 100, .tile_4_3 = 300,       \
    .tile_2_5 = 600, .tile_pairs = 300, .transform_rate = 0.9, .wgrad_product = 1.3, .wgrad_transform = 300,        \
    .wgrad_rate = 0.8, .wgrad_pairs_tile = 230, .wgrad_pairs_kernel = 800, .winograd_bf16 = 1, .bf16_product = 0.5, \
    .blocked_product = 0.5

const MachineCosts *machine_costs(Target);

/*
 * What the plain form takes on a machine without kernels, as the page measured or assumes it.
 * Bytes of code are a sum over what the functions' text consists of (emit/code_size.h); cycles
 * over multiply-adds and other operations.  All 0 for machines with kernels.
 */
typedef struct DeviceModel {
    double code_function, code_loop, code_branch, code_index, code_operation; /* bytes for each */
    double code_entry, code_call; /* of an entry point, and of each call that it makes */
    double code_float;            /* routines for floats, where there is no floating point unit */
    double code_factors;          /* of int8: a product with a factor of a table */
    double code_factor;           /* with one that is known */
    double code_rounding;         /* of a float to int8 */
    double stack;                 /* bytes that inference takes, at most */
    double cycles_mac, cycles_flop;
    bool dual_products; /* two products of int8 sums in one instruction */
    double cycles_dual; /* of a multiply-add that is computed so */
} DeviceModel;

const DeviceModel *device_model(Target);

#endif
