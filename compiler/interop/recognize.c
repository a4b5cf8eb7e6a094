/* recognize: each rule looks at one node and what it takes, and rewrites that node in place. */
#include "interop/recognize.h"

#include <math.h>
#include <string.h>

#include "graph/op.h"
#include "interop/labels.h"

/* ---- nodes ---------------------------------------------------------------------- */

static bool is_node(const ImportNode *n, const char *op) { return strcmp(n->op, op) == 0; }

static ImportNode *taken_by(const ImportNode *n, int i) { return i < n->inputs.count ? n->inputs.at[i] : NULL; }

/* The input number i, if it is that layer and nothing else uses it. */
static ImportNode *part_of(const ImportNode *n, int i, const char *op)
{
    ImportNode *part = taken_by(n, i);
    return part && part->uses == 1 && is_node(part, op) ? part : NULL;
}

static bool real_is(const ImportNode *n, const char *name, double wanted)
{
    const ImportArg *arg = import_arg(n, name);
    if (!arg) return false;
    const ImportValue *value = arg->value;
    if (value->kind == IMPORT_LIST && value->items.count == 1) value = value->items.at[0];
    double number = value->kind == IMPORT_INT ? (double)value->integer : value->real;
    return (value->kind == IMPORT_INT || value->kind == IMPORT_REAL) && fabs(number - wanted) <= 1e-6 * fabs(wanted);
}

/* The integers of an argument: one, or those of a list; −1 where it has others, or more than `most`. */
static int integers_of(const ImportNode *n, const char *name, int64_t *out, int most)
{
    const ImportArg *arg = import_arg(n, name);
    if (!arg) return -1;
    if (arg->value->kind == IMPORT_INT) out[0] = arg->value->integer;
    if (arg->value->kind == IMPORT_INT) return 1;
    const List *items = &arg->value->items;
    if ((arg->value->kind != IMPORT_DIMS && arg->value->kind != IMPORT_LIST) || items->count > most) return -1;
    for (int i = 0; i < items->count; i++) {
        const ImportValue *value = items->at[i];
        if (value->kind != IMPORT_INT) return -1;
        out[i] = value->integer;
    }
    return items->count;
}

static bool integers_are(const ImportNode *n, const char *name, int count, const int64_t *wanted)
{
    int64_t found[MAX_RANK + 1];
    if (integers_of(n, name, found, MAX_RANK) != count) return false;
    return memcmp(found, wanted, (size_t)count * sizeof *found) == 0;
}

/* All are that number; also where it is not said, and `initial` is it. */
static bool integers_all_are(const ImportNode *n, const char *name, int64_t wanted, int64_t initial)
{
    int64_t found[MAX_RANK];
    if (!import_arg(n, name)) return wanted == initial;
    int count = integers_of(n, name, found, MAX_RANK);
    for (int i = 0; i < count; i++)
        if (found[i] != wanted) return false;
    return count > 0;
}

static bool flag_is(const ImportNode *n, const char *name, bool wanted, bool initial)
{
    const ImportArg *arg = import_arg(n, name);
    return arg ? arg->value->kind == IMPORT_BOOL && (arg->value->integer != 0) == wanted : wanted == initial;
}

static void set_argument(ImportGraph *g, ImportNode *n, const char *name, ImportValue value)
{
    ImportArg *arg = import_arg(n, name);
    if (!arg) {
        arg = arena_alloc(g->arena, sizeof *arg);
        list_push(g->arena, &n->args, arg);
        arg->name = name;
    }
    arg->value = arena_alloc(g->arena, sizeof *arg->value);
    *arg->value = value;
}

static ImportValue import_integer(int64_t integer) { return (ImportValue){.kind = IMPORT_INT, .integer = integer}; }

/* The node becomes another layer, of one input and without arguments. */
static bool becomes(ImportGraph *g, ImportNode *n, const char *op, ImportNode *in)
{
    n->op = op;
    n->inputs = n->args = (List){0};
    list_push(g->arena, &n->inputs, in);
    return true;
}

/* ---- parameters ------------------------------------------------------------------- */

static ImportParam *param_called(const ImportNode *n, const char *name)
{
    for (int i = 0; i < n->params.count; i++) {
        ImportParam *param = n->params.at[i];
        if (strcmp(param->name, name) == 0) return param;
    }
    return NULL;
}

/* A vector along the axis: the other axes are 1. */
static bool lies_along(Shape s, int axis, int64_t size)
{
    if (axis >= s.rank) return false;
    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] != (i == axis ? size : 1)) return false;
    return true;
}

/* The `param`, reshaped or not, that lies along the axis; NULL: it is none. */
static const ImportNode *vector_along(const ImportNode *n, int axis, int64_t size)
{
    if (!n || !lies_along(n->shape, axis, size)) return NULL;
    while (n && n->uses == 1 && (is_node(n, "reshape") || is_node(n, "flatten"))) n = taken_by(n, 0);
    return n && n->uses == 1 && is_node(n, "param") && n->params.count == 1 ? n : NULL;
}

/* Of a node that adds or multiplies two values: one made by `op` alone, and a vector. */
static ImportNode *with_vector(const ImportNode *n, const char *op, int axis, int64_t size, const ImportNode **vector)
{
    for (int i = 0; n->inputs.count == 2 && i < 2; i++) {
        ImportNode *part = part_of(n, i, op);
        *vector = part ? vector_along(taken_by(n, 1 - i), axis, size) : NULL;
        if (*vector) return part;
    }
    return NULL;
}

/* The layer has the vector as its own parameter, and is called after it where it has no name. */
static void add_vector(ImportGraph *g, ImportNode *n, const char *name, const ImportNode *vector)
{
    const ImportParam *from = vector->params.at[0];
    ImportParam *param = arena_alloc(g->arena, sizeof *param);
    *param = (ImportParam){
        .name = name, .rank = 1, .dims = {(int64_t)from->count}, .count = from->count, .data = from->data};
    list_push(g->arena, &n->params, param);
    const char *own = n->label ? label_of_layer(g->arena, n->label, NULL) : NULL;
    if (!own && vector->label) n->label = label_of_layer(g->arena, vector->label, NULL);
}

/* The node is the layer that it took: its arguments, its parameters and its name. */
static bool takes_over(ImportNode *n, const ImportNode *layer)
{
    n->op = layer->op;
    n->inputs = layer->inputs;
    n->args = layer->args;
    n->params = layer->params;
    n->label = layer->label;
    n->origin = layer->origin;
    return true;
}

/* ---- rules -------------------------------------------------------------------------- */

/* x · sigmoid(x), x · hardsigmoid(x), x · tanh(softplus(x)) */
static bool recognize_gate(ImportGraph *g, ImportNode *n)
{
    if (!is_node(n, "mul") || n->inputs.count != 2) return false;
    for (int i = 0; i < 2; i++) {
        ImportNode *x = taken_by(n, 1 - i), *smooth = part_of(n, i, "sigmoid"), *hard = part_of(n, i, "hardsigmoid");
        if (smooth && taken_by(smooth, 0) == x) return becomes(g, n, "silu", x);
        if (hard && taken_by(hard, 0) == x) return becomes(g, n, "hardswish", x);
        const ImportNode *tanh = part_of(n, i, "tanh"), *softplus = tanh ? part_of(tanh, 0, "softplus") : NULL;
        if (softplus && taken_by(softplus, 0) == x) return becomes(g, n, "mish", x);
    }
    return false;
}

/* Of x · (inner + 1) · 0.5, where x is input 1 − i of the product: inner, if it is that operator. */
static const ImportNode *gelu_inner(const ImportNode *product, int i, const char *op)
{
    const ImportNode *shift = part_of(product, i, "shift");
    return shift && real_is(shift, "by", 1) ? part_of(shift, 0, op) : NULL;
}

/* √(2/π) · (x + 0.044715 · x³) */
static bool is_gelu_argument(const ImportNode *n, const ImportNode *x)
{
    const ImportNode *sum = n && real_is(n, "by", 0.79788456080286535588) ? part_of(n, 0, "add") : NULL;
    for (int i = 0; sum && sum->inputs.count == 2 && i < 2; i++) {
        const ImportNode *cubic = part_of(sum, i, "scale");
        const ImportNode *cube = cubic && real_is(cubic, "by", 0.044715) ? part_of(cubic, 0, "pow") : NULL;
        if (cube && real_is(cube, "exponent", 3) && taken_by(cube, 0) == x && taken_by(sum, 1 - i) == x) return true;
    }
    return false;
}

/* x · (erf(x / √2) + 1) · 0.5, x · (tanh(…) + 1) · 0.5 */
static bool recognize_gelu(ImportGraph *g, ImportNode *n)
{
    const ImportNode *product = is_node(n, "scale") && real_is(n, "by", 0.5) ? part_of(n, 0, "mul") : NULL;
    for (int i = 0; product && product->inputs.count == 2 && i < 2; i++) {
        ImportNode *x = taken_by(product, 1 - i);
        const ImportNode *erf = gelu_inner(product, i, "erf"), *tanh = gelu_inner(product, i, "tanh");
        const ImportNode *scale = erf ? part_of(erf, 0, "scale") : NULL;
        if (scale && real_is(scale, "by", M_SQRT1_2) && taken_by(scale, 0) == x) return becomes(g, n, "gelu", x);
        if (!tanh || !is_gelu_argument(part_of(tanh, 0, "scale"), x)) continue;
        becomes(g, n, "gelu", x);
        set_argument(g, n, "approximate", (ImportValue){.kind = IMPORT_SYMBOL, .text = "tanh"});
        return true;
    }
    return false;
}

/* The mean over height and width of an image. */
static bool recognize_global_pool(ImportGraph *g, ImportNode *n)
{
    if (!is_node(n, "reduce_mean") || n->shape.rank != 3 || !integers_are(n, "axes", 2, (int64_t[]){1, 2}))
        return false;
    return becomes(g, n, "global_avgpool", taken_by(n, 0));
}

/* [g][C/g][H][W] → [C/g][g][H][W] */
static bool recognize_shuffle(ImportGraph *g, ImportNode *n)
{
    const ImportNode *turn = is_node(n, "reshape") && n->shape.rank == 3 ? part_of(n, 0, "permute") : NULL;
    if (!turn || turn->shape.rank != 4 || !integers_are(turn, "axes", 4, (int64_t[]){1, 0, 2, 3})) return false;
    const ImportNode *split = part_of(turn, 0, "reshape");
    ImportNode *x = split ? taken_by(split, 0) : NULL;
    if (!x || !shape_equal(x->shape, n->shape) || split->shape.dim[2] != n->shape.dim[1]) return false;
    int64_t groups = split->shape.dim[0];
    if (split->shape.dim[3] != n->shape.dim[2]) return false;
    becomes(g, n, "channel_shuffle", x);
    set_argument(g, n, "groups", import_integer(groups));
    return true;
}

static bool pads_with_zeros(const ImportNode *pad)
{
    const ImportArg *mode = import_arg(pad, "mode");
    if (mode && strcmp(mode->value->text, "zeros") != 0 && strcmp(mode->value->text, "constant") != 0) return false;
    return (!import_arg(pad, "value") || real_is(pad, "value", 0)) && integers_all_are(pad, "channels", 0, 0);
}

/* Zeros around an image, and then an average that counts them. */
static bool recognize_padded_pool(ImportGraph *g, ImportNode *n)
{
    int64_t sides[4], k[2] = {0};
    ImportNode *pad = is_node(n, "avgpool") ? part_of(n, 0, "pad") : NULL;
    if (!pad || !pads_with_zeros(pad) || !integers_all_are(n, "pad", 0, 0) || !flag_is(n, "ceil", false, false))
        return false;
    if (!flag_is(n, "count_pad", true, true) || integers_of(pad, "sides", sides, 4) != 4) return false;
    int axes = integers_of(n, "k", k, 2);
    if (axes < 1 || sides[0] != sides[2] || sides[1] != sides[3] || sides[0] != sides[1]) return false;
    if (2 * sides[0] > k[0] || 2 * sides[0] > k[axes - 1]) return false;
    set_argument(g, n, "pad", import_integer(sides[0]));
    n->inputs.at[0] = taken_by(pad, 0);
    return true;
}

/* An image that is reflected or repeated at its border, and a convolution without padding. */
static bool recognize_pad_mode(ImportGraph *g, ImportNode *n)
{
    ImportNode *pad = is_node(n, "conv") && integers_all_are(n, "pad", 0, 0) ? part_of(n, 0, "pad") : NULL;
    const ImportArg *mode = pad ? import_arg(pad, "mode") : NULL, *sides = pad ? import_arg(pad, "sides") : NULL;
    if (!mode || !sides || !integers_all_are(pad, "channels", 0, 0)) return false;
    if (strcmp(mode->value->text, "reflect") != 0 && strcmp(mode->value->text, "replicate") != 0) return false;
    n->inputs.at[0] = taken_by(pad, 0);
    set_argument(g, n, "pad", *sides->value);
    set_argument(g, n, "pad_mode", *mode->value);
    return true;
}

/* A convolution or a dense layer without bias, and a vector added to it. */
static bool recognize_bias(ImportGraph *g, ImportNode *n)
{
    static const char *const layers[] = {"conv", "conv1d", "deconv", "deconv1d", "dense"};
    const ImportNode *vector;
    for (size_t i = 0; is_node(n, "add") && i < sizeof layers / sizeof *layers; i++) {
        int axis = strcmp(layers[i], "dense") == 0 ? n->shape.rank - 1 : 0;
        ImportNode *layer = with_vector(n, layers[i], axis, n->shape.dim[axis], &vector);
        if (!layer || !flag_is(layer, "bias", false, true) || !shape_equal(layer->shape, n->shape)) continue;
        set_argument(g, layer, "bias", (ImportValue){.kind = IMPORT_BOOL, .integer = 1});
        add_vector(g, layer, "bias", vector);
        return takes_over(n, layer);
    }
    return false;
}

/* dense of each row of a value with more axes, and a vector added to it. */
static bool recognize_bias_of_rows(ImportGraph *g, ImportNode *n)
{
    const int last = n->shape.rank - 1;
    const ImportNode *vector;
    if (!is_node(n, "add") || last < 2) return false;
    ImportNode *back = with_vector(n, "reshape", last, n->shape.dim[last], &vector);
    ImportNode *dense = back ? part_of(back, 0, "dense") : NULL;
    if (!dense || !shape_equal(back->shape, n->shape) ||
        dense->shape.dim[dense->shape.rank - 1] != n->shape.dim[last] || !flag_is(dense, "bias", false, true))
        return false;
    set_argument(g, dense, "bias", (ImportValue){.kind = IMPORT_BOOL, .integer = 1});
    add_vector(g, dense, "bias", vector);
    return takes_over(n, back);
}

/* A batchnorm whose scale and shift come after it: both become its own.  Either adds as many
 * parameters as are gone. */
static bool recognize_norm(ImportGraph *g, ImportNode *n)
{
    const ImportNode *found;
    bool scales = is_node(n, "mul");
    if (!scales && !is_node(n, "add")) return false;
    ImportNode *norm = with_vector(n, "batchnorm", 0, n->shape.dim[0], &found);
    const ImportParam *vector = norm ? found->params.at[0] : NULL;
    ImportParam *weight = norm ? param_called(norm, "weight") : NULL, *bias = norm ? param_called(norm, "bias") : NULL;
    if (!weight || !bias || weight->count != vector->count || !shape_equal(norm->shape, n->shape)) return false;
    float *w = arena_alloc(g->arena, weight->count * sizeof *w), *b = arena_alloc(g->arena, bias->count * sizeof *b);
    for (size_t c = 0; c < weight->count; c++) {
        w[c] = scales ? weight->data[c] * vector->data[c] : weight->data[c];
        b[c] = scales ? bias->data[c] * vector->data[c] : bias->data[c] + vector->data[c];
    }
    weight->data = w;
    bias->data = b;
    g->param_count -= (int64_t)vector->count;
    return takes_over(n, norm);
}

/* d / sqrt(mean(d²) + eps), d = x − mean(x), over the last axis; eps where it is so, else −1. */
static double layernorm_eps(const ImportNode *quotient, ImportNode **x)
{
    int64_t axis = quotient->shape.rank - 1;
    const ImportNode *root = part_of(quotient, 1, "sqrt"), *d = taken_by(quotient, 0);
    const ImportNode *shift = root ? part_of(root, 0, "shift") : NULL;
    const ImportNode *variance = shift ? part_of(shift, 0, "reduce_mean") : NULL;
    const ImportNode *square = variance ? part_of(variance, 0, "square") : NULL;
    if (!square || taken_by(square, 0) != d || !is_node(d, "sub") || d->uses != 2) return -1;
    const ImportNode *mean = part_of(d, 1, "reduce_mean");
    *x = taken_by(d, 0);
    if (!mean || taken_by(mean, 0) != *x || !integers_are(mean, "axes", 1, &axis)) return -1;
    if (!integers_are(variance, "axes", 1, &axis) || variance->shape.rank != quotient->shape.rank) return -1;
    const ImportValue *eps = import_arg(shift, "by")->value;
    return eps->kind == IMPORT_REAL ? eps->real : -1;
}

/* The same, times a vector, plus a vector. */
static bool recognize_layernorm(ImportGraph *g, ImportNode *n)
{
    int axis = n->shape.rank - 1;
    const ImportNode *bias, *weight;
    if (!is_node(n, "add")) return false;
    const ImportNode *product = with_vector(n, "mul", axis, n->shape.dim[axis], &bias);
    const ImportNode *quotient = product ? with_vector(product, "div", axis, n->shape.dim[axis], &weight) : NULL;
    ImportNode *x;
    double eps = quotient && quotient->inputs.count == 2 ? layernorm_eps(quotient, &x) : -1;
    if (eps < 0 || !shape_equal(x->shape, n->shape)) return false;
    becomes(g, n, "layernorm", x);
    set_argument(g, n, "eps", (ImportValue){.kind = IMPORT_REAL, .real = eps});
    if (axis > 0) set_argument(g, n, "axis", import_integer(axis));
    n->label = n->origin = NULL;
    add_vector(g, n, "weight", weight);
    add_vector(g, n, "bias", bias);
    return true;
}

/* [g][C·H·W/g], an instance's channels, and the value's shape again. */
static bool recognize_groupnorm(ImportGraph *g, ImportNode *n)
{
    const ImportNode *norm = is_node(n, "reshape") ? part_of(n, 0, "instancenorm") : NULL;
    const ImportNode *image = norm && norm->params.count == 0 ? part_of(norm, 0, "reshape") : NULL;
    ImportNode *x = image ? taken_by(image, 0) : NULL;
    if (!x || !shape_equal(x->shape, n->shape) || n->shape.dim[0] % image->shape.dim[0] != 0) return false;
    const ImportArg *eps = import_arg(norm, "eps");
    becomes(g, n, "groupnorm", x);
    set_argument(g, n, "groups", import_integer(image->shape.dim[0]));
    if (eps) set_argument(g, n, "eps", *eps->value);
    set_argument(g, n, "affine", (ImportValue){.kind = IMPORT_BOOL});
    return true;
}

/* A groupnorm without parameters, times a vector, plus a vector. */
static bool recognize_affine_groupnorm(ImportGraph *g, ImportNode *n)
{
    const ImportNode *bias, *weight;
    if (!is_node(n, "add")) return false;
    const ImportNode *product = with_vector(n, "mul", 0, n->shape.dim[0], &bias);
    ImportNode *norm = product ? with_vector(product, "groupnorm", 0, n->shape.dim[0], &weight) : NULL;
    if (!norm || norm->params.count || !shape_equal(norm->shape, n->shape)) return false;
    set_argument(g, norm, "affine", (ImportValue){.kind = IMPORT_BOOL, .integer = 1});
    add_vector(g, norm, "weight", weight);
    add_vector(g, norm, "bias", bias);
    return takes_over(n, norm);
}

/* Axes in another order, a layernorm along the last one, and the first order again. */
static bool recognize_turned_layernorm(ImportGraph *g, ImportNode *n)
{
    int64_t there[MAX_RANK], back[MAX_RANK], last = n->shape.rank - 1;
    ImportNode *norm = is_node(n, "permute") ? part_of(n, 0, "layernorm") : NULL;
    const ImportNode *turn = norm && last > 0 ? part_of(norm, 0, "permute") : NULL;
    if (!turn || !integers_are(norm, "axis", 1, &last)) return false;
    if (integers_of(n, "axes", back, MAX_RANK) != last + 1 || integers_of(turn, "axes", there, MAX_RANK) != last + 1)
        return false;
    for (int i = 0; i <= last; i++)
        if (there[back[i]] != i) return false;
    norm->inputs.at[0] = taken_by(turn, 0);
    set_argument(g, norm, "axis", import_integer(there[last]));
    return takes_over(n, norm);
}

static bool is_activation(const ImportNode *n)
{
    const Op *op = op_find(n->op, OP_LAYER);
    return op && op->slope && !op->params;
}

/* Two reshapes in a row, or with an activation between them: the first one goes. */
static bool recognize_reshapes(ImportGraph *g, ImportNode *n)
{
    (void)g;
    ImportNode *before = is_node(n, "reshape") ? taken_by(n, 0) : NULL;
    if (!before || before->uses != 1) return false;
    if (is_node(before, "reshape")) {
        n->inputs.at[0] = taken_by(before, 0);
        return true;
    }
    const ImportNode *first = is_activation(before) ? part_of(before, 0, "reshape") : NULL;
    if (!first) return false;
    before->inputs.at[0] = taken_by(first, 0);
    before->shape = taken_by(first, 0)->shape;
    return true;
}

/* ---- channels last ---------------------------------------------------------------- */

/* A layer that treats each pixel alike, so that channels may be the last axis or the first. */
static bool is_of_pixels(const ImportNode *n, int64_t pixels)
{
    const int64_t last = n->shape.rank - 1;
    if (n->uses != 1 || shape_count(n->shape) != pixels * n->shape.dim[last]) return false;
    if (is_node(n, "layernorm")) return integers_are(n, "axis", 1, &last);
    return is_node(n, "reshape") || is_node(n, "dense") || is_node(n, "dropout") || is_activation(n);
}

/* dense of each pixel is a convolution of 1x1: weight [out][in] is [out][in][1][1]. */
static void dense_to_conv(ImportGraph *g, ImportNode *n)
{
    ImportParam *weight = param_called(n, "weight");
    n->op = "conv";
    set_argument(g, n, "k", import_integer(1));
    weight->rank = 4;
    weight->dims[2] = weight->dims[3] = 1;
}

/* The layer with channels as axis 0, behind x. */
static void turn_layer(ImportGraph *g, ImportNode *n, ImportNode *x)
{
    Shape s = x->shape;
    s.dim[0] = n->shape.dim[n->shape.rank - 1];
    n->inputs.at[0] = x;
    n->shape = s;
    if (is_node(n, "layernorm")) set_argument(g, n, "axis", import_integer(0));
    if (is_node(n, "dense")) dense_to_conv(g, n);
}

/* [C][H][W] → [H][W][C], layers of pixels, dense among them, and back. */
static bool recognize_channels_last(ImportGraph *g, ImportNode *n)
{
    enum { LONGEST = 16 };
    ImportNode *chain[LONGEST], *at = taken_by(n, 0);
    int count = 0, products = 0;
    if (!is_node(n, "permute") || n->shape.rank != 3 || !integers_are(n, "axes", 3, (int64_t[]){2, 0, 1})) return false;
    const int64_t pixels = n->shape.dim[1] * n->shape.dim[2];
    for (; count < LONGEST && is_of_pixels(at, pixels); at = taken_by(at, 0)) {
        products += is_node(at, "dense");
        chain[count++] = at;
    }
    if (!products || at->uses != 1 || !is_node(at, "permute") || !integers_are(at, "axes", 3, (int64_t[]){1, 2, 0}) ||
        at->shape.dim[0] != n->shape.dim[1] || at->shape.dim[1] != n->shape.dim[2])
        return false;
    ImportNode *x = taken_by(at, 0);
    while (count-- > 0) {
        if (is_node(chain[count], "reshape")) continue;
        turn_layer(g, chain[count], x);
        x = chain[count];
    }
    return takes_over(n, x);
}

/* Nothing is padded, or a window of one element is pooled. */
static bool does_nothing(const ImportNode *n)
{
    if (is_node(n, "pad")) return integers_all_are(n, "sides", 0, -1) && integers_all_are(n, "channels", 0, 0);
    if (is_node(n, "reshape")) return shape_equal(n->shape, taken_by(n, 0)->shape);
    if (!is_node(n, "avgpool") && !is_node(n, "maxpool")) return false;
    return integers_all_are(n, "k", 1, -1) && integers_all_are(n, "stride", 1, 1) && integers_all_are(n, "pad", 0, 0) &&
           shape_equal(n->shape, taken_by(n, 0)->shape);
}

/* ---- the graph ------------------------------------------------------------------------ */

static void count_node_uses(ImportGraph *g)
{
    for (int i = 0; i < g->nodes.count; i++) ((ImportNode *)g->nodes.at[i])->uses = 0;
    for (int i = 0; i < g->outputs.count; i++) ((ImportOutput *)g->outputs.at[i])->node->uses++;
    for (int i = g->nodes.count - 1; i >= 0; i--) {
        const ImportNode *n = g->nodes.at[i];
        for (int k = 0; n->uses > 0 && k < n->inputs.count; k++) taken_by(n, k)->uses++;
    }
}

/* What nothing uses any more goes; inputs stay. */
static void drop_unused(ImportGraph *g)
{
    int kept = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        ImportNode *n = g->nodes.at[i];
        if (n->uses == 0 && !is_node(n, "input")) continue;
        n->index = kept;
        g->nodes.at[kept++] = n;
    }
    g->nodes.count = kept;
}

/* Uses of layers that do nothing become uses of what they take. */
static void pass_by(ImportGraph *g)
{
    for (int i = 0; i < g->nodes.count; i++) {
        ImportNode *n = g->nodes.at[i];
        for (int k = 0; k < n->inputs.count; k++)
            while (does_nothing(n->inputs.at[k])) n->inputs.at[k] = taken_by(n->inputs.at[k], 0);
    }
}

static bool recognize_node(ImportGraph *g, ImportNode *n)
{
    return recognize_gate(g, n) || recognize_gelu(g, n) || recognize_pad_mode(g, n) || recognize_global_pool(g, n) ||
           recognize_shuffle(g, n) || recognize_padded_pool(g, n) || recognize_groupnorm(g, n) ||
           recognize_affine_groupnorm(g, n) || recognize_turned_layernorm(g, n) || recognize_layernorm(g, n) ||
           recognize_norm(g, n) || recognize_bias(g, n) || recognize_bias_of_rows(g, n) || recognize_reshapes(g, n) ||
           recognize_channels_last(g, n);
}

void recognize_layers(ImportGraph *g)
{
    pass_by(g);
    count_node_uses(g);
    for (int i = 0; i < g->nodes.count; i++)
        while (recognize_node(g, g->nodes.at[i])) count_node_uses(g);
    pass_by(g);
    count_node_uses(g);
    drop_unused(g);
}
