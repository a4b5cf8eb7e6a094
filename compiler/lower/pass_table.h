/*
 * The passes of the pipeline, in the order in which they run.
 *
 * One row a pass: PASS(ID, name, applies, run, requires, effect, switch_help).  The
 * table drives the order, the switches (--no-NAME), their help, --dump=NAME and the
 * table of passes in docs/architecture.md.
 *
 *   applies      does it run on this program at all? (pipeline.c)
 *   run          the pass; NULL for choices that selection or the memory planner (memory_limit.c) makes
 *   requires     passes that must be on for it: PASS_BIT(…) | …
 *   effect       what is true of the program afterwards
 */
#ifndef NNC_LOWER_PASS_TABLE_H
#define NNC_LOWER_PASS_TABLE_H

/* clang-format off */
#define PASS_TABLE(PASS) \
    PASS(BATCH_BLOCKING, "batch-blocking", on_any_program, NULL, PASS_BIT(LAYOUT), \
         "nets of few channels: all values between input and loss are batch-blocked; rounding differs", \
         "nets of few channels: NCHW or NHWC as in all others, not 16 samples side by side") \
    PASS(WINOGRAD, "winograd", on_any_program, NULL, PASS_BIT(LAYOUT), \
         "3x3 and 5x5 convolutions use Winograd's algorithm where that is faster; rounding differs", \
         "3x3 and 5x5 convolutions as direct sums: more multiplications, less rounding") \
    PASS(LAYOUT, "layout", on_any_program, NULL, 0, \
         "images may be NHWC", \
         "all images NCHW: plain convolutions, nothing fused") \
    PASS(SELECTION, "selection", on_any_program, run_selection, PASS_BIT(LEGALIZATION), \
         "every node has a variant, the way it is computed, and a layout", \
         "every layer in its plain form") \
    PASS(FUSION, "fusion", on_any_program, run_fusion, PASS_BIT(SELECTION) | PASS_BIT(LAYOUT), \
         "batchnorm, residual sum and relu are epilogues of the node before, relu's gradient is part of the node after; rounding differs at inference", \
         "no epilogues: batchnorm, sum and relu are computed separately") \
    PASS(LEGALIZATION, "legalization", on_any_program, run_legalization, PASS_BIT(SELECTION), \
         "what the variants need is there: reorders between layouts, packed weights, workspaces", \
         "as without selection") \
    PASS(CONCAT_ELIMINATION, "concat-elimination", on_any_program, run_concat_elimination, PASS_BIT(LAYOUT), \
         "branches of a concat are written into its output; bitwise identical", \
         "concat copies its branches instead of their being written into its output") \
    PASS(PREPACK, "prepack", on_constant_weights, run_prepack, 0, \
         "what depends on the parameters alone is computed when they are set; bitwise identical", \
         "inference packs its weights in every call") \
    PASS(GRADIENT_SPLITTING, "gradient-splitting", on_accumulation, run_gradient_splitting, 0, \
         "large gradients are computed and applied a slice at a time; bitwise identical", \
         "large gradients are computed whole") \
    PASS(MICRO_BATCHES, "micro-batches", on_any_program, NULL, 0, \
         "large training batches run in micro-batches; sums in another order", \
         "large batches at once, with as much memory as that takes") \
    PASS(REMATERIALIZATION, "rematerialization", on_any_program, NULL, PASS_BIT(LAYOUT), \
         "values are recomputed in the backward pass to save memory; bitwise identical", \
         "a step that takes much memory keeps what is cheap to recompute")
/* clang-format on */

typedef enum PassId {
#define PASS(id, name, applies, run, requires, effect, help) PASS_##id,
    PASS_TABLE(PASS)
#undef PASS
        PASS_COUNT
} PassId;

#define PASS_BIT(id) (1u << PASS_##id)

#endif
