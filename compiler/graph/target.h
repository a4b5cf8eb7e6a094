/*
 * Targets: the processors that kernels, tiles and costs are made for.
 *
 * A target is a page of sizes and costs, runtime/kernels/config/NAME.h, and a row here.
 */
#ifndef NNC_GRAPH_TARGET_H
#define NNC_GRAPH_TARGET_H

/* TARGET(ID, NAME, title, lacking, features, test): as in TargetInfo. */
#define TARGET_TABLE(TARGET)                                                                         \
    TARGET(GENERIC, generic, NULL, NULL, NULL, NULL)                                                 \
    TARGET(NEON, neon, "NEON", NULL, NULL, NULL)                                                     \
    TARGET(AVX2, avx2, "AVX2", "!(defined(__AVX2__) && defined(__FMA__))", "avx2,fma",               \
           "__builtin_cpu_supports(\"avx2\") && __builtin_cpu_supports(\"fma\")")                    \
    TARGET(AVX512, avx512, "AVX-512", "!defined(__AVX512F__)", "avx512f,avx512dq,avx512vl,avx2,fma", \
           "__builtin_cpu_supports(\"avx512f\") && __builtin_cpu_supports(\"avx512dq\") && "         \
           "__builtin_cpu_supports(\"avx512vl\") && __builtin_cpu_supports(\"fma\")")

#define TARGET_ID(ID, ...) TARGET_##ID,
typedef enum Target { TARGET_TABLE(TARGET_ID) TARGET_COUNT } Target;
#undef TARGET_ID

/* For generated C that dispatches on the CPU (emit's multiversioning). */
typedef struct TargetInfo {
    const char *name;     /* "avx512": in --target and in names of functions */
    const char *upper;    /* "AVX512": in names of macros */
    const char *title;    /* "AVX-512"; NULL: none in particular */
    const char *lacking;  /* #if: the compiler's flags do not allow its instructions; NULL: they need no flags */
    const char *features; /* for pragmas */
    const char *test;     /* an expression: the processor has them */
} TargetInfo;

const TargetInfo *target_info(Target);
static inline const char *target_name(Target target) { return target_info(target)->name; }

/*
 * What a machine's time goes to, in multiply-adds of a direct convolution that fits the
 * first cache: the costs of NN_MACHINE_COSTS on the target's page.
 */
typedef struct MachineCosts {
    double element;                      /* an element read from or written to memory */
    double weight_read;                  /* a weight, where the weights of all layers fit no cache */
    double weight_pack;                  /* making and reading a transformed weight, where it is not prepacked */
    double tile_2_3, tile_4_3, tile_2_5; /* Winograd F(m, r): the transforms of a tile and channel */
    double transform_rate;               /* of direct convolution's rate that products of transforms reach */
    double wgrad_product;                /* a product of transforms, of the weights' gradient */
    double wgrad_transform;              /* of a tile and channel, of the weights' gradient */
    double wgrad_rate;
    double blocked_product; /* a multiply-add of a batch-blocked layer: no vector of few channels is partly empty */
} MachineCosts;

const MachineCosts *machine_costs(Target);

#endif
