/*
 * nn.h: what generated code tells the world about a model.  The text of this
 * file is part of every generated header, so that the header stands alone.
 */
#ifndef NN_MODEL_INFO_H
#define NN_MODEL_INFO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { NN_ABI = 8 };

enum nn_tensor_kind {
    NN_TRAINED = 0, /* a parameter that steps change */
    NN_FROZEN = 1,  /* a parameter that they do not */
    NN_BUFFER = 2,  /* running statistics */
    NN_STATE = 3    /* the optimizer's */
};

enum nn_target_kind {
    NN_CLASSES = 0, /* int32_t labels[BATCH] */
    NN_VALUES = 1   /* float values[BATCH][target_count] */
};

typedef struct nn_tensor_info {
    const char *name; /* PyTorch's, as in a safetensors file */
    int kind;
    int rank;
    int dims[4];
    size_t count;
} nn_tensor_info;

/* One of several outputs or targets: some elements of a sample's row of them. */
typedef struct nn_part_info {
    const char *name; /* "": the net's own, which is the first */
    int kind;         /* of a target: nn_target_kind */
    int rank;
    int dims[4];
    size_t offset, count; /* elements of the row */
} nn_part_info;

typedef struct nn_loss_info {
    const char *name; /* "": the net's own, which is the first */
    const char *loss; /* "mse", … */
    double weight;    /* in the sum that steps minimise */
    int target;       /* the target part that it takes */
    int evaluated;    /* 1: an output's, part of the sum that eval returns; 0: a head's */
} nn_loss_info;

/* What a training step calls while it runs, in the caller's thread. */
typedef struct nn_hooks {
    void *ctx;
    /* This gradient is final: until the update, only the hooks touch it.  Of each trained tensor once;
     * after the last, with tensor -1, of the number of batches in the block. */
    void (*ready)(void *ctx, int tensor, float *gradient, size_t count);
    void (*before_update)(void *ctx); /* or NULL; the update takes what the block holds when it returns */
} nn_hooks;

/*
 * A batch in chunks, whose result does not depend on who computes them.  Between segment i and segment
 * i + 1 of grad_chunk, which have the same scratch, stands collective i: the values at `from` of all chunks
 * become one, which all get at `to`.  (The last segment is that of number collective_count.)
 *
 *   NN_MEAN      Σ w · v / Σ w over the chunks, w = samples / samples of a whole chunk
 *   NN_MOMENTS   mean, Σ (v − mean)² and count of the values of all chunks, from the same of each
 */
enum nn_collective_kind { NN_MEAN = 0, NN_MOMENTS = 1 };

typedef struct nn_collective {
    int kind;
    int pieces;
    struct {
        size_t from, to, count; /* floats of the scratch */
    } piece[3];
} nn_collective;

typedef struct nn_chunk {
    int segment;
    int first;       /* 1: of the chunks of a batch that are computed with this model: it moves running statistics */
    uint64_t before; /* chunks before it in its batch: random layers go on from there */
    void *ctx;
    /* These elements of a gradient are final, and nothing reads the parameter any more; of each element once. */
    void (*ready)(void *ctx, int tensor, float *gradient, size_t count);
    /* [tensor] 1: of these (nn_factored) the factors are wanted, and the gradient is not computed, though it is said to
     * be ready; or NULL.  They are there until `factors` returns. */
    const unsigned char *factored;
    void (*factors)(void *ctx, int tensor, const float *left, const float *right);
} nn_chunk;

/* A gradient [rows][columns] that is a sum of outer products: Σ_v right[v][row] · left[v][column]. */
typedef struct nn_factored {
    int tensor;
    int vectors, rows, columns; /* left: [vectors][columns], right: [vectors][rows] */
} nn_factored;

/* What of an update is done: part `part` of `parts` of each trained tensor with skip[tensor] = 0. */
typedef struct nn_share {
    const unsigned char *skip;
    int part, parts;      /* several parts only where the update is local */
    int last;             /* 1: the step ends with it */
    const float *batches; /* as the block of gradients has them: of that, only the sums are read */
} nn_share;

/* The functions are those of the header under one type for all models. */
typedef struct nn_model_info {
    int abi; /* NN_ABI */
    const char *name;
    const char *loss; /* "cross_entropy", …; "" when there is no training code */
    int batch;
    int input_rank, input_dims[4];   /* of one sample: C, H, W or F */
    int output_rank, output_dims[4]; /* of the first output */
    size_t inputs, outputs, params;  /* elements per sample; trained and frozen parameters */
    size_t model_bytes, train_bytes; /* of the model's block: for inference alone, and with the optimizer's state */
    size_t infer_scratch, train_scratch;
    int target_kind;     /* NN_CLASSES: all are; else floats, in which a class is a whole number */
    size_t target_count; /* elements per sample */
    int tensor_count;
    const nn_tensor_info *tensors;

    void *(*init)(void *block, int training, uint64_t seed);
    int (*set)(void *model, const char *name, const float *values, size_t count);
    int (*get)(const void *model, const char *name, float *values, size_t count);
    void (*infer)(const void *model, const float *x, float *y, void *scratch);

    /* NULL when there is no training code */
    float (*eval)(const void *model, const float *x, const void *target, int count, float *y, void *scratch);
    float (*step)(void *model, const float *x, const void *target, float lr, void *scratch);
    float (*grad)(void *model, const float *x, const void *target, void *scratch);
    int (*get_grad)(const void *model, const char *name, float *values, size_t count, const void *scratch);

    /* where there are several outputs or targets: what a row of them consists of; else 0, NULL */
    int output_part_count;
    const nn_part_info *output_parts;
    int target_part_count;
    const nn_part_info *target_parts;
    /* where there are several losses: of the last eval, step or grad, each without its weight */
    int loss_count;
    const nn_loss_info *loss_list;
    const float *(*losses)(const void *scratch);

    /* gradient accumulation; 0, NULL when there is no code for it */
    size_t gradients_bytes;
    float (*grad_add)(void *model, const float *x, const void *target, void *gradients, void *scratch);
    void (*update)(void *model, void *gradients, float lr, void *scratch);
    int (*get_grad_sum)(const void *gradients, const char *name, float *values, size_t count);

    /* of the steps from now on; NULL where the schedule does not change it */
    void (*set_momentum)(void *model, float momentum);

    /* gradient accumulation with hooks; NULL when there is no code for it (nnc --hooks) */
    float (*grad_add_hooked)(void *model, const float *x, const void *target, void *gradients, void *scratch,
                             const nn_hooks *hooks);

    /* a batch in chunks; NULL, 0 when there is no code for it */
    float (*grad_chunk)(void *model, const float *x, const void *target, void *gradients, void *scratch,
                        const nn_chunk *chunk);
    int collective_count;
    const nn_collective *collectives;
    /* A share of an update; it neither touches other tensors and their states nor clears gradients. */
    void (*update_some)(void *model, void *gradients, float lr, void *scratch, const nn_share *share);
    int update_is_local; /* 1: an element's update depends on that element's gradient alone; else on all gradients */
    /* Bytes from the begin of the model, and of the block of gradients, to a trained tensor's values; -1: there are none */
    int (*place)(int tensor, size_t *in_model, size_t *in_gradients);
    /* which gradients grad_chunk can give as factors, and some rows of one, to the bit as grad_chunk computes them */
    int factored_count;
    const nn_factored *factored;
    void (*gradient_rows)(int tensor, const float *left, const float *right, int first, int count, float *rows);
} nn_model_info;

#ifdef __cplusplus
}
#endif

#endif
