/*
 * convert_resize: images in other sizes.
 *
 * Along each axis an output is a sum over inputs, y[i] = Σ_j M[i][j] · x[j], with M known when
 * the net is made.  Where M is what the layer `resize` does, that is written; else, where M is
 * small, the product with it: y = M_h · x · M_wᵀ.
 */
#include <math.h>
#include <string.h>

#include "interop/convert_window.h"

enum { MATRIX_LIMIT = 4096 }; /* numbers of an M that is written into the source */

typedef enum ResizeKind { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC } ResizeKind;
typedef enum Places { HALF_PIXEL, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC, HALF_PIXEL_FOR_NEAREST } Places;

typedef struct Resize {
    ResizeKind kind;
    Places places;
    const char *rounding; /* of RESIZE_NEAREST: ONNX's nearest_mode */
    double a;             /* of the cubic kernel */
    bool exclude_outside; /* weights beyond the edge are 0, and the others divided by their sum */
    double scale[2];
    int64_t out[2];
    bool sized;    /* `out` was given, not `scale` */
    bool by_scale; /* 1 / scale is the step from pixel to pixel, not in / out */
} Resize;

/* ---- one axis --------------------------------------------------------------------------------- */

/* Where output i lies in the input. */
static double place_of(const Resize *r, double scale, int64_t in, int64_t out, int64_t i)
{
    switch (r->places) {
    case ALIGN_CORNERS: return out > 1 ? (double)(i * (in - 1)) / (double)(out - 1) : 0;
    case ASYMMETRIC: return (double)i / scale;
    case HALF_PIXEL_FOR_NEAREST: return ((double)i + 0.5) / scale;
    case PYTORCH_HALF_PIXEL:
        if (out == 1) return 0;
        break;
    case HALF_PIXEL: break;
    }
    return ((double)i + 0.5) / scale - 0.5;
}

static double rounded(const char *rounding, double place)
{
    if (strcmp(rounding, "floor") == 0) return floor(place);
    if (strcmp(rounding, "ceil") == 0) return ceil(place);
    return strcmp(rounding, "round_prefer_ceil") == 0 ? floor(place + 0.5) : ceil(place - 0.5);
}

/* Keys' kernel (Keys, 1981) at the distance d. */
static double keys(double a, double d)
{
    d = fabs(d);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/* What is beyond the edge is the edge, unless it is left out. */
static void resize_row(const Resize *r, double place, int64_t in, double *row)
{
    const int before = r->kind == RESIZE_CUBIC, taps = r->kind == RESIZE_NEAREST ? 1 : r->kind == RESIZE_LINEAR ? 2 : 4;
    const double low = r->kind == RESIZE_NEAREST ? rounded(r->rounding, place) : floor(place);
    double sum = 0;
    for (int t = 0; t < taps; t++) {
        const double at = low - before + t, d = fabs(place - at);
        const double weight = taps == 1 ? 1 : taps == 2 ? 1 - d : keys(r->a, d);
        if (r->exclude_outside && (at < 0 || at >= (double)in)) continue;
        row[(int64_t)fmax(0, fmin(at, (double)(in - 1)))] += weight;
        sum += weight;
    }
    for (int64_t j = 0; r->exclude_outside && j < in; j++) row[j] /= sum;
}

static double layer_scale(const Resize *r, int axis, int64_t in)
{
    return r->by_scale ? r->scale[axis] : (double)r->out[axis] / (double)in;
}

/* The layer nearest reads x[floor(i / scale)]. */
static bool axis_is_floor(const Resize *r, int axis, int64_t in)
{
    const int64_t out = r->out[axis];
    const float step = (float)(r->by_scale ? 1 / r->scale[axis] : (double)in / (double)out);
    for (int64_t i = 0; i < out; i++) {
        const double at = rounded(r->rounding, place_of(r, r->scale[axis], in, out, i));
        if (fmin((double)floorf((float)i * step), (double)(in - 1)) != fmax(0, fmin(at, (double)(in - 1))))
            return false;
    }
    return true;
}

/* The layer has the places of PyTorch's interpolate, with the scale that out / in is. */
static bool axis_is_layer(const Resize *r, int axis, int64_t in)
{
    const double scale = layer_scale(r, axis, in);
    if (fabs(r->scale[axis] - scale) > 1e-6 * scale) return false;
    if (r->kind == RESIZE_NEAREST) return axis_is_floor(r, axis, in);
    if (r->kind == RESIZE_CUBIC && (r->a != -0.75 || r->exclude_outside)) return false;
    if (r->places == PYTORCH_HALF_PIXEL) return r->out[axis] > 1 || in == 1;
    return r->places == HALF_PIXEL || r->places == ALIGN_CORNERS;
}

/* ---- nodes ---------------------------------------------------------------------------------------- */

/* Given as whole factors. */
static bool is_upsample(const Resize *r, const ImportNode *x)
{
    const bool halves = r->places == HALF_PIXEL || r->places == PYTORCH_HALF_PIXEL;
    if (r->sized || r->by_scale || (r->kind != RESIZE_NEAREST && (r->kind != RESIZE_LINEAR || !halves))) return false;
    return r->out[0] % x->shape.dim[1] == 0 && r->out[1] % x->shape.dim[2] == 0;
}

static ImportNode *resize_layer(Conversion *c, const Resize *r, ImportNode *x)
{
    static const char *const modes[] = {"nearest", "bilinear", "bicubic"};
    const bool upsample = is_upsample(r, x);
    ImportNode *n = layer(c, upsample ? "upsample" : "resize", x, shape_image(x->shape.dim[0], r->out[0], r->out[1]));
    if (upsample)
        arg_pair(c->imp, n, "scale", (const int64_t[]){r->out[0] / x->shape.dim[1], r->out[1] / x->shape.dim[2]});
    else if (r->by_scale)
        arg_reals(c->imp, n, "scale", 2, r->scale);
    else
        arg_dims(c->imp, n, "size", 2, r->out);
    arg_symbol(c->imp, n, "mode", modes[r->kind]);
    if (!upsample) arg_bool(c->imp, n, "align_corners", r->kind != RESIZE_NEAREST && r->places == ALIGN_CORNERS);
    return n;
}

/* M along axis 1 or 2 of the image: M · x, or x · Mᵀ. */
static ImportNode *resize_product(Conversion *c, const Resize *r, ImportNode *x, int axis)
{
    const int64_t in = x->shape.dim[1 + axis], out = r->out[axis];
    if (in == out && r->scale[axis] == 1) return x;
    if (in * out > MATRIX_LIMIT) {
        refuse(c, "no layer reads these places, and the matrix that does has %lld numbers", (long long)(in * out));
        return NULL;
    }
    double *m = arena_alloc(c->imp->arena, (size_t)(in * out) * sizeof *m);
    for (int64_t i = 0; i < out; i++) resize_row(r, place_of(r, r->scale[axis], in, out, i), in, m + i * in);
    ImportNode *matrix = constant_source(c, shape_image(1, out, in), m);
    if (axis == 1) matrix = permuted(c, matrix, (const int[]){0, 2, 1});
    ImportNode *n = axis == 0 ? combine(c, "matmul", matrix, x) : combine(c, "matmul", x, matrix);
    n->shape = x->shape;
    n->shape.dim[1 + axis] = out;
    return n;
}

static ImportNode *resize_node(Conversion *c, const Resize *r, ImportNode *x)
{
    Resize scaled = *r;
    scaled.by_scale = true;
    if (axis_is_layer(r, 0, x->shape.dim[1]) && axis_is_layer(r, 1, x->shape.dim[2])) return resize_layer(c, r, x);
    if (r->places != ALIGN_CORNERS && axis_is_layer(&scaled, 0, x->shape.dim[1]) &&
        axis_is_layer(&scaled, 1, x->shape.dim[2]))
        return resize_layer(c, &scaled, x);
    for (int axis = 0; x && axis < 2; axis++) x = resize_product(c, r, x, axis);
    return x;
}

/* ---- attributes ------------------------------------------------------------------------------------- */

/* The scales or the sizes of all axes: those of the image's. */
static bool resize_sizes(Conversion *c, OnnxConstant *k, bool are_sizes, const OnnxValue *x, Resize *r)
{
    if (k->count != x->rank) return refuse(c, "it has %lld scales or sizes", (long long)k->count);
    const double *values = constant_values(c->imp, k);
    for (int i = 0; i < x->rank; i++) {
        const int axis = i - (x->rank - 2);
        const double in = (double)x->dims[i], scale = are_sizes ? values[i] / in : values[i];
        const double out = are_sizes ? values[i] : floor(in * scale);
        if (i < 2 && scale != 1) return refuse(c, "it resizes the batch or the channels");
        if (!(out >= 1 && out < 1 << 20)) return refuse(c, "its output has no pixels, or too many");
        if (i < 2) continue;
        if (r->places == ALIGN_CORNERS && fabs(in * scale - out) > 1e-4)
            return refuse(c, "align_corners with a scale that gives no whole number of pixels is read in two ways");
        r->scale[axis] = scale;
        r->out[axis] = (int64_t)out;
    }
    return true;
}

static bool resize_kind(Conversion *c, Resize *r)
{
    const char *mode = onnx_attr_string(c, "mode", "nearest");
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    if (strcmp(mode, "bilinear") == 0) mode = "linear"; /* of opset 7 */
    for (int i = 0; i < 3; i++) {
        if (strcmp(mode, modes[i]) != 0) continue;
        r->kind = (ResizeKind)i;
        return true;
    }
    return refuse(c, "its mode is %s", mode);
}

static bool resize_places(Conversion *c, Resize *r)
{
    static const struct {
        const char *name;
        Places places;
    } rows[] = {{"half_pixel", HALF_PIXEL},
                {"pytorch_half_pixel", PYTORCH_HALF_PIXEL},
                {"align_corners", ALIGN_CORNERS},
                {"asymmetric", ASYMMETRIC},
                {"tf_half_pixel_for_nn", HALF_PIXEL_FOR_NEAREST}};
    const char *name = onnx_attr_string(c, "coordinate_transformation_mode", "half_pixel");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, name) != 0) continue;
        r->places = rows[i].places;
        return true;
    }
    return refuse(c, "its coordinate_transformation_mode is %s", name);
}

/* A sequence CxL is an image Cx1xL whose height stays. */
static bool resize_value(Conversion *c, OnnxConstant *k, bool are_sizes, Resize *r)
{
    OnnxWindow w;
    OnnxValue *x = window_value(c, &w);
    r->scale[0] = 1;
    r->out[0] = 1;
    if (!x || !resize_sizes(c, k, are_sizes, x, r)) return false;
    ImportNode *n = resize_node(c, r, window_node(c, x, &w));
    return n && window_result(c, n, x, &w);
}

static bool convert_resize(Conversion *c)
{
    Resize r = {.rounding = onnx_attr_string(c, "nearest_mode", "round_prefer_floor"),
                .a = onnx_attr_real(c, "cubic_coeff_a", -0.75),
                .exclude_outside = onnx_attr_int(c, "exclude_outside", 0)};
    if (onnx_attr(c, "axes") || onnx_attr_int(c, "antialias", 0)) return refuse(c, "it has axes or antialias");
    if (strcmp(onnx_attr_string(c, "keep_aspect_ratio_policy", "stretch"), "stretch") != 0)
        return refuse(c, "it keeps the aspect ratio");
    if (!resize_kind(c, &r) || !resize_places(c, &r)) return false;
    OnnxConstant *scales = has_input(c, 2) ? known(c, 2) : NULL;
    const bool are_sizes = !scales || scales->count == 0;
    OnnxConstant *k = !are_sizes ? scales : has_input(c, 3) ? must_know(c, 3, "sizes") : must_know(c, 2, "scales");
    r.sized = are_sizes;
    return k && resize_value(c, k, are_sizes, &r);
}

/* Until opset 10 places are i / scale, and how nearest rounds is said of enlarging alone. */
static bool convert_upsample(Conversion *c)
{
    Resize r = {.rounding = "floor", .places = ASYMMETRIC, .a = -0.75};
    const Onnx__AttributeProto *attr = onnx_attr(c, "scales");
    OnnxConstant *k =
        attr ? constant_new(c->imp, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, 1, (int64_t[]){(int64_t)attr->n_floats})
             : must_know(c, 1, "scales");
    if (!k || !resize_kind(c, &r)) return false;
    for (size_t i = 0; attr && i < attr->n_floats; i++) k->values[i] = (double)attr->floats[i];
    const double *values = constant_values(c->imp, k);
    for (int64_t i = 0; i < k->count; i++)
        if (values[i] < 1 && r.kind == RESIZE_NEAREST) return refuse(c, "how it rounds is not defined before opset 11");
    return resize_value(c, k, false, &r);
}

const OnnxOperator onnx_resize_operators[] = {
    {"Resize", 11, 0, 1, convert_resize},
    {"Resize", 10, 10, 1, convert_upsample},
    {"Upsample", 7, 9, 1, convert_upsample},
    {0},
};
