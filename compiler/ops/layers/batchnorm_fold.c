/*
 * batchnorm.fold: inference as y = scale[c] · x + shift[c], with what makes these numbers.
 *
 *   scale = weight / sqrt(running_var + eps);   shift = bias − running_mean · scale
 *   dweight = (dscale − running_mean · dshift) / sqrt(running_var + eps);   dbias = dshift
 *
 * Gradients are for training with the running statistics (quantize/simulate.h), which stay as they are.
 */
#include "ops/layers/batchnorm.h"

#include "autodiff/backward.h"

static const char *const fold_in[] = {"weight", "bias", NULL};
static const char *const fold_out[] = {"scale", "shift", NULL};

static void fold_plain(Writer *w, const Node *n)
{
    const BatchnormAttrs *a = n->attrs;
    writer_bind_int(w, "C", n->out[0]->shape.dim[0]);
    writer_bind_real(w, "eps", a->eps);
    if (batchnorm_is_cumulative(n)) writer_put(w, "(void)num_batches_tracked;");
    writer_put(w, "for ($int c = 0; c < $C; c++) {");
    if (batchnorm_is_affine(n)) {
        writer_put(w, "scale[c] = weight[c] / $sqrt(running_var[c] + $eps);\n"
                      "shift[c] = bias[c] - running_mean[c] * scale[c];\n");
    } else {
        writer_put(w, "scale[c] = 1 / $sqrt(running_var[c] + $eps);\n"
                      "shift[c] = -running_mean[c] * scale[c];\n");
    }
    writer_put(w, "}");
}

static const char *const dweight_in[] = {"dscale", "dshift", "running_mean", "running_var", NULL};
static const char *const dweight_out[] = {"dweight", NULL};

static void dweight_plain_of_fold(Writer *w, const Node *n)
{
    const BatchnormAttrs *a = n->attrs;
    writer_bind_int(w, "C", n->out[0]->shape.dim[0]);
    writer_bind_real(w, "eps", a->eps);
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    dweight[c] = (dscale[c] - running_mean[c] * dshift[c]) / $sqrt(running_var[c] + $eps);\n"
                  "}\n");
}

static const Op fold_dweight = {
    .name = "batchnorm.fold_dweight",
    .class = OP_INTERNAL,
    .in = dweight_in,
    .out = dweight_out,
    .plain = dweight_plain_of_fold,
};

/* Both outputs are used wherever it is differentiated. */
static void fold_grad(Backward *b, const Node *n)
{
    if (!batchnorm_is_affine(n)) return;
    Tensor *dshift = backward_of(b, n->out[1]);
    backward_give_by(b, &fold_dweight, n, 0, 3, (Tensor *[]){dshift, n->in[2], n->in[3]});
    if (backward_wants(b, n->in[1])) backward_give(b, n->in[1], dshift);
}

const Op batchnorm_fold = {
    .name = "batchnorm.fold",
    .class = OP_INTERNAL,
    .in = fold_in,
    .out = fold_out,
    .grad = fold_grad,
    .plain = fold_plain,
};
