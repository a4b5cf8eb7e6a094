"""
Makes nets.nn and NAME.safetensors: what PyTorch makes of NaN and infinities, layer
by layer, forwards and on the way back.

    python3 tests/special/special.py

For every layer there are two files: NAME has a NaN and both infinities in x,
NAME_back has them in dy.  The batch is such that every sample has one of them at
most, and one has none.  What is left out is where nnc differs, as the operator's
file says.  PyTorch's own answer may depend on an element's place, whether it falls
into a vector or into what is left over: here they are in vectors.
"""
import os
import sys

import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "refs"))
from files import write  # noqa: E402

FOLDER = os.path.dirname(os.path.abspath(__file__))
SPECIAL = [float("nan"), float("inf"), -float("inf")]
VECTOR, IMAGE = (7,), (2, 4, 4)

# What may stand in dy, where it is not all of SPECIAL.
BACK = {"maximum": [], "softsign": SPECIAL[:1], "layernorm": SPECIAL[:1], "groupnorm": SPECIAL[:1]}


def minpool(x):
    return -F.max_pool2d(-x, 2)


def maxout(x):
    return x.reshape(x.shape[0], -1, 2).max(2)[0]


def shuffle(x):
    return x.reshape(x.shape[0], 2, 2, 3, 3).transpose(1, 2).reshape(x.shape)


# name, shape of a sample, text, function of (x, parameters), shapes of parameters
CASES = [
    ("relu", VECTOR, "relu", lambda x: F.relu(x)),
    ("relu6", VECTOR, "relu6", lambda x: F.relu6(x)),
    ("leaky_relu", VECTOR, "leaky_relu(0.25)", lambda x: F.leaky_relu(x, 0.25)),
    ("prelu", VECTOR, "prelu as p", lambda x, weight: F.prelu(x, weight), {"weight": (7,)}),
    ("elu", VECTOR, "elu(0.5)", lambda x: F.elu(x, 0.5)),
    ("selu", VECTOR, "selu", lambda x: F.selu(x)),
    ("gelu", VECTOR, "gelu", lambda x: F.gelu(x)),
    ("gelu_tanh", VECTOR, "gelu(tanh)", lambda x: F.gelu(x, approximate="tanh")),
    ("silu", VECTOR, "silu", lambda x: F.silu(x)),
    ("sigmoid", VECTOR, "sigmoid", lambda x: torch.sigmoid(x)),
    ("tanh", VECTOR, "tanh", lambda x: torch.tanh(x)),
    ("hardswish", VECTOR, "hardswish", lambda x: F.hardswish(x)),
    ("hardsigmoid", VECTOR, "hardsigmoid", lambda x: F.hardsigmoid(x)),
    ("softplus", VECTOR, "softplus", lambda x: F.softplus(x)),
    ("celu", VECTOR, "celu(0.7)", lambda x: F.celu(x, 0.7)),
    ("softsign", VECTOR, "softsign", lambda x: F.softsign(x)),
    ("mish", VECTOR, "mish", lambda x: F.mish(x)),
    ("erf", VECTOR, "erf", lambda x: torch.erf(x)),
    ("exp", VECTOR, "exp", lambda x: torch.exp(x)),
    ("sign", VECTOR, "sign", lambda x: torch.sign(x)),
    ("round", VECTOR, "round", lambda x: torch.round(x)),
    ("round_floor", VECTOR, "round(floor)", lambda x: torch.floor(x)),
    ("round_ceil", VECTOR, "round(ceil)", lambda x: torch.ceil(x)),
    ("abs", VECTOR, "abs", lambda x: torch.abs(x)),
    ("neg", VECTOR, "neg", lambda x: -x),
    ("square", VECTOR, "square", lambda x: x * x),
    ("reciprocal", VECTOR, "reciprocal", lambda x: 1 / x),
    ("sin", VECTOR, "sin", lambda x: torch.sin(x)),
    ("cos", VECTOR, "cos", lambda x: torch.cos(x)),
    ("clamp", VECTOR, "clamp(-1, 1)", lambda x: torch.clamp(x, -1, 1)),
    ("pow", VECTOR, "pow(2)", lambda x: x**2),
    ("scale", VECTOR, "scale(3)", lambda x: x * 3),
    ("shift", VECTOR, "shift(2)", lambda x: x + 2),
    ("slice", IMAGE, "slice(1, 1, 3)", lambda x: x[:, :, 1:3]),
    ("permute", IMAGE, "permute([2, 0, 1])", lambda x: x.permute(0, 3, 1, 2)),
    ("reduce_mean", IMAGE, "reduce_mean([1, 2])", lambda x: x.mean((2, 3), keepdim=True)),
    ("reduce_sum", IMAGE, "reduce_sum([0])", lambda x: x.sum(1, keepdim=True)),
    ("pad_replicate", IMAGE, "pad([1, 1, 1, 1], mode=replicate)", lambda x: F.pad(x, (1, 1, 1, 1), mode="replicate")),
    ("pad_circular", IMAGE, "pad([1, 1, 1, 1], mode=circular)", lambda x: F.pad(x, (1, 1, 1, 1), mode="circular")),
    ("depth_to_space", (4, 2, 2), "depth_to_space(2)", lambda x: F.pixel_shuffle(x, 2)),
    ("instancenorm", IMAGE, "instancenorm(affine=no)", lambda x: F.instance_norm(x)),
    ("threshold", VECTOR, "threshold(0.1, 20)", lambda x: F.threshold(x, 0.1, 20)),
    ("softmax", VECTOR, "softmax", lambda x: F.softmax(x, 1)),
    ("softmax_channels", (3, 2, 2), "softmax", lambda x: F.softmax(x, 1)),
    ("log_softmax", VECTOR, "log_softmax", lambda x: F.log_softmax(x, 1)),
    ("maxpool", IMAGE, "maxpool(2)", lambda x: F.max_pool2d(x, 2)),
    ("maxpool_overlap", IMAGE, "maxpool(3, stride=1, pad=1)", lambda x: F.max_pool2d(x, 3, 1, 1)),
    ("minpool", IMAGE, "minpool(2)", minpool),
    ("avgpool", IMAGE, "avgpool(2)", lambda x: F.avg_pool2d(x, 2)),
    ("avgpool_overlap", IMAGE, "avgpool(3, stride=1, pad=1)", lambda x: F.avg_pool2d(x, 3, 1, 1)),
    ("lppool", IMAGE, "lppool(2)", lambda x: F.lp_pool2d(x, 2, 2)),
    ("lppool_3", IMAGE, "lppool(2, p=3)", lambda x: F.lp_pool2d(x, 3, 2)),
    ("adaptive_avgpool", IMAGE, "adaptive_avgpool(3)", lambda x: F.adaptive_avg_pool2d(x, 3)),
    ("adaptive_maxpool", IMAGE, "adaptive_maxpool(3)", lambda x: F.adaptive_max_pool2d(x, 3)),
    ("global_avgpool", IMAGE, "global_avgpool", lambda x: F.adaptive_avg_pool2d(x, 1)),
    ("global_maxpool", IMAGE, "global_maxpool", lambda x: F.adaptive_max_pool2d(x, 1)),
    ("maxout", (8,), "maxout(2)", maxout),
    ("lrn", (5, 2, 2), "lrn(3, alpha=0.1)", lambda x: F.local_response_norm(x, 3, 0.1)),
    ("layernorm", VECTOR, "layernorm(affine=no)", lambda x: F.layer_norm(x, (7,))),
    ("groupnorm", (4, 2, 2), "groupnorm(2, affine=no)", lambda x: F.group_norm(x, 2)),
    ("batchnorm", (3, 2, 2), "batchnorm(affine=no)", None),
    ("upsample", (2, 3, 3), "upsample(2)", lambda x: F.interpolate(x, scale_factor=2.0)),
    (
        "upsample_bilinear",
        (2, 3, 3),
        "upsample(2, bilinear)",
        lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear"),
    ),
    ("pad", (2, 3, 3), "pad([1, 1, 1, 1])", lambda x: F.pad(x, (1, 1, 1, 1))),
    ("pad_reflect", (2, 3, 3), "pad([1, 1, 1, 1], reflect)", lambda x: F.pad(x, (1, 1, 1, 1), "reflect")),
    ("channel_shuffle", (4, 3, 3), "channel_shuffle(2)", shuffle),
    ("add", VECTOR, "add { } { relu }", lambda x: x + F.relu(x)),
    ("mul", VECTOR, "mul { } { relu }", lambda x: x * F.relu(x)),
    ("maximum", VECTOR, "maximum { } { relu }", lambda x: torch.maximum(x, F.relu(x))),
    ("concat", VECTOR, "concat { } { relu }", lambda x: torch.cat([x, F.relu(x)], 1)),
    ("dense", VECTOR, "dense(5) as p", lambda x, weight, bias: F.linear(x, weight, bias), {"weight": (5, 7), "bias": (5,)}),
    (
        "conv",
        IMAGE,
        "conv(3, 3) as p",
        lambda x, weight, bias: F.conv2d(x, weight, bias),
        {"weight": (3, 2, 3, 3), "bias": (3,)},
    ),
    (
        "conv_1x1",
        IMAGE,
        "conv(3, 1) as p",
        lambda x, weight, bias: F.conv2d(x, weight, bias),
        {"weight": (3, 2, 1, 1), "bias": (3,)},
    ),
    (
        "conv_depthwise",
        IMAGE,
        "conv(2, 3, groups=2) as p",
        lambda x, weight, bias: F.conv2d(x, weight, bias, groups=2),
        {"weight": (2, 1, 3, 3), "bias": (2,)},
    ),
    (
        "deconv",
        IMAGE,
        "deconv(3, 2, stride=2) as p",
        lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, stride=2),
        {"weight": (2, 3, 2, 2), "bias": (3,)},
    ),
]


def spoil(t, special):
    """One of them in the middle of each of the first samples."""
    flat = t.reshape(t.shape[0], -1)
    for sample, value in enumerate(special):
        flat[sample, (flat.shape[1] // 2 + sample % 2) % flat.shape[1]] = value
    return t


def forward(case, x, parameters, training):
    if case[0] == "batchnorm":
        channels = x.shape[1]
        return F.batch_norm(x, torch.zeros(channels), torch.ones(channels), training=training)
    return case[3](x, **parameters)


def values(case, back):
    shape, sizes = case[1], case[4] if len(case) > 4 else {}
    torch.manual_seed(1)
    parameters = {name: torch.randn(size).requires_grad_() for name, size in sizes.items()}
    x = torch.randn((4,) + shape)
    x = (x if back else spoil(x, SPECIAL)).requires_grad_()
    y = forward(case, x, parameters, True)
    dy = torch.randn(y.shape)
    dy = spoil(dy, BACK.get(case[0], SPECIAL)) if back else dy
    y.backward(dy)
    found = {"x": x.detach(), "train.y": y.detach(), "dy": dy, "dx": x.grad}
    found["y"] = forward(case, x, parameters, False).detach()
    for name, t in parameters.items():
        found["p." + name], found["grad.p." + name] = t.detach(), t.grad
    return found


# Large enough for Winograd's algorithm, with one NaN and one infinity; in exact form alone.
WINOGRAD = "input(32x28x28) conv(32, 3, pad=1, bias=no) as p"


def winograd():
    torch.manual_seed(1)
    x, weight = torch.randn(1, 32, 28, 28), torch.randn(32, 32, 3, 3) / 17
    x[0, 3, 4, 5], x[0, 2, 9, 3] = float("nan"), float("inf")
    return {"x": x, "p.weight": weight, "y": F.conv2d(x, weight, padding=1)}


def main():
    with open(os.path.join(FOLDER, "nets.nn"), "w") as file:
        file.write("# Made by special.py.\n")
        for case in CASES:
            shape = "x".join(map(str, case[1]))
            for back in (False, True):
                name = case[0] + ("_back" if back else "")
                file.write(f"net {name} {{ input({shape}) {case[2]} }}\n")
                write(os.path.join(FOLDER, name + ".safetensors"), values(case, back))
        file.write(f"net winograd {{ {WINOGRAD} }}\n")
        write(os.path.join(FOLDER, "winograd.safetensors"), winograd())


main()
