"""
Makes layer_*.nn and layer_*.safetensors: layers of all ranks of values, forward and backward,
computed by PyTorch in double precision.

    python3 tests/refs/layers.py

x, the parameters, y of inference, train.y and after.* where training differs, dy (random), dx and
the gradients of the parameters.  Parameters are random; those called running_var are positive.
"""
import os

import torch
from torch.nn import functional as F

from files import write

FOLDER = os.path.dirname(os.path.abspath(__file__))
BATCH = 2


def affine(label, *shape):
    return {label + ".weight": shape, label + ".bias": shape}


def norm(p, label, x, axis):
    """layer_norm over one axis, wherever it is."""
    last = x.movedim(axis + 1, -1)
    return F.layer_norm(last, last.shape[-1:], p[label + ".weight"], p[label + ".bias"]).movedim(-1, axis + 1)


def cumulative(x, p, training):
    """The first batch of momentum=None has the factor 1."""
    return F.batch_norm(x, p["n.running_mean"], p["n.running_var"], p["n.weight"], p["n.bias"], training, 1.0)


def odd(x):
    """Two rows above and a column to the right: twice the edge less what is mirrored at it."""
    x = torch.cat([2 * x[:, :, :1] - x[:, :, [2, 1]], x], 2)
    return torch.cat([x, 2 * x[..., -1:] - x[..., -2:-1]], 3)


def attention(x, p):
    """Two heads of 6 features."""
    q, k, v = F.linear(x, p["qkv.weight"], p["qkv.bias"]).view(-1, 7, 3, 2, 6).permute(2, 0, 3, 1, 4)
    weights = (0.4 * q @ k.transpose(-1, -2)).softmax(-1)
    return (weights @ v).transpose(1, 2).reshape(-1, 7, 12) + p["pos"]


# name → the input's shape, the layers, the parameters, the same in PyTorch of (x, p) or (x, p, training)
LAYERS = {
    "softmax_last": ("3x5x4", "softmax(axis=-1)", {}, lambda x, p: x.softmax(-1)),
    "softmax_rows": ("5x7", "softmax(axis=1)", {}, lambda x, p: x.softmax(2)),
    "log_softmax_middle": ("3x5x4", "log_softmax(axis=1)", {}, lambda x, p: x.log_softmax(2)),
    "layernorm_last": ("5x7", "layernorm(axis=-1) as n", affine("n", 7), lambda x, p: norm(p, "n", x, 1)),
    "layernorm_channels": ("6x3x4", "layernorm(axis=0) as n", affine("n", 6), lambda x, p: norm(p, "n", x, 0)),
    "layernorm_middle": ("2x3x5x4", "layernorm(axis=2) as n", affine("n", 5), lambda x, p: norm(p, "n", x, 2)),
    "concat_rows": ("2x3x4", "concat(axis=1) { } { relu }", {}, lambda x, p: torch.cat([x, x.relu()], 2)),
    "concat_last": ("5x7", "concat(axis=-1) { square } { slice(1, 2) }", {}, lambda x, p: torch.cat([x * x, x[:, :, 2:]], 2)),
    "dense_sequence": (
        "5x7",
        "dense(4) as d",
        {"d.weight": (4, 7), "d.bias": (4,)},
        lambda x, p: F.linear(x, p["d.weight"], p["d.bias"]),
    ),
    "batchnorm_sequence": (
        "6x5",
        "batchnorm(momentum=1) as n",
        dict(affine("n", 6), **{"n.running_mean": (6,), "n.running_var": (6,)}),
        cumulative,
    ),
    "batchnorm_cumulative": (
        "3x4x5",
        "batchnorm(momentum=none) as n",
        dict(affine("n", 3), **{"n.running_mean": (3,), "n.running_var": (3,)}),
        cumulative,
    ),
    "avgpool_divisor": (
        "2x7x6",
        "avgpool(3, stride=2, pad=1, ceil=yes, divisor_override=4)",
        {},
        lambda x, p: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, divisor_override=4),
    ),
    "resize_nearest": ("2x5x7", "resize(size=[8, 4])", {}, lambda x, p: F.interpolate(x, (8, 4))),
    "resize_nearest_scale": ("2x5x7", "resize(scale=[1.7, 0.6])", {}, lambda x, p: F.interpolate(x, scale_factor=(1.7, 0.6))),
    "resize_bilinear": (
        "2x5x7",
        "resize([8, 4], mode=bilinear)",
        {},
        lambda x, p: F.interpolate(x, (8, 4), mode="bilinear", align_corners=False),
    ),
    "resize_bilinear_scale": (
        "2x5x7",
        "resize(scale=1.7, mode=bilinear)",
        {},
        lambda x, p: F.interpolate(x, scale_factor=1.7, mode="bilinear", align_corners=False),
    ),
    "resize_bilinear_corners": (
        "2x5x7",
        "resize([9, 4], mode=bilinear, align_corners=yes)",
        {},
        lambda x, p: F.interpolate(x, (9, 4), mode="bilinear", align_corners=True),
    ),
    "resize_bicubic": (
        "2x5x7",
        "resize([8, 4], mode=bicubic)",
        {},
        lambda x, p: F.interpolate(x, (8, 4), mode="bicubic", align_corners=False),
    ),
    "resize_bicubic_scale": (
        "2x5x7",
        "resize(scale=[1.7, 0.6], mode=bicubic)",
        {},
        lambda x, p: F.interpolate(x, scale_factor=(1.7, 0.6), mode="bicubic", align_corners=False),
    ),
    "resize_bicubic_corners": (
        "2x5x7",
        "resize([9, 1], mode=bicubic, align_corners=yes)",
        {},
        lambda x, p: F.interpolate(x, (9, 1), mode="bicubic", align_corners=True),
    ),
    "pad_channels": ("2x3x4", "pad([1, 0, 0, 2], channels=[1, 2])", {}, lambda x, p: F.pad(x, (0, 2, 1, 0, 1, 2))),
    "pad_constant": (
        "2x3x4",
        "pad([1, 0, 0, 2], channels=[0, 2], mode=constant, value=-0.5)",
        {},
        lambda x, p: F.pad(x, (0, 2, 1, 0, 0, 2), value=-0.5),
    ),
    "pad_reflect_channels": (
        "3x3x4",
        "pad([1, 2, 0, 3], channels=[1, 2], mode=reflect)",
        {},
        lambda x, p: F.pad(x[:, None], (2, 3, 1, 0, 1, 2), mode="reflect")[:, 0],
    ),
    "pad_replicate_channels": (
        "3x3x4",
        "pad([1, 2, 0, 3], channels=[1, 2], mode=replicate)",
        {},
        lambda x, p: F.pad(x[:, None], (2, 3, 1, 0, 1, 2), mode="replicate")[:, 0],
    ),
    "pad_circular_channels": (
        "3x3x4",
        "pad([1, 2, 0, 3], channels=[1, 2], mode=circular)",
        {},
        lambda x, p: F.pad(x[:, None], (2, 3, 1, 0, 1, 2), mode="circular")[:, 0],
    ),
    # as NumPy's "symmetric", and "reflect" with reflect_type="odd"
    "pad_symmetric": (
        "2x3x4",
        "pad([2, 0, 1, 3], mode=symmetric)",
        {},
        lambda x, p: x[:, :, [1, 0, 0, 1, 2, 2]][:, :, :, [0, 1, 2, 3, 3, 2, 1]],
    ),
    "pad_odd": (
        "2x3x4",
        "pad([2, 0, 0, 1], mode=odd)",
        {},
        lambda x, p: odd(x),
    ),
    "conv1d": (
        "4x11",
        "conv1d(6, 3, stride=2, pad=2, dilation=2, groups=2) as c",
        {"c.weight": (6, 2, 3), "c.bias": (6,)},
        lambda x, p: F.conv1d(x, p["c.weight"], p["c.bias"], 2, 2, 2, 2),
    ),
    "deconv1d": (
        "4x7",
        "deconv1d(6, 3, stride=2, pad=1, output_pad=1, dilation=2, groups=2) as c",
        {"c.weight": (4, 3, 3), "c.bias": (6,)},
        lambda x, p: F.conv_transpose1d(x, p["c.weight"], p["c.bias"], 2, 1, 1, 2, 2),
    ),
    "maxpool1d_dilated": ("3x11", "maxpool1d(2, stride=3, dilation=2, ceil=yes)", {}, lambda x, p: F.max_pool1d(x, 2, 3, 0, 2, True)),
    "avgpool1d_ceil": (
        "3x12",
        "avgpool1d(3, stride=2, pad=1, ceil=yes, count_pad=no)",
        {},
        lambda x, p: F.avg_pool1d(x, 3, 2, 1, True, False),
    ),
    "groupnorm_sequence": ("6x5", "groupnorm(3) as n", affine("n", 6), lambda x, p: F.group_norm(x, 3, p["n.weight"], p["n.bias"])),
    "instancenorm_sequence": (
        "4x7",
        "instancenorm(affine=yes) as n",
        affine("n", 4),
        lambda x, p: F.instance_norm(x, None, None, p["n.weight"], p["n.bias"]),
    ),
    "maxpool1d": ("3x11", "maxpool1d(3, stride=2, pad=1)", {}, lambda x, p: F.max_pool1d(x, 3, 2, 1)),
    "avgpool1d": ("3x11", "avgpool1d(3, stride=2, pad=1)", {}, lambda x, p: F.avg_pool1d(x, 3, 2, 1)),
    "matmul": (
        "2x4x5",
        "matmul { } { param(1x5x3) as w }",
        {"w": (1, 5, 3)},
        lambda x, p: torch.matmul(x, p["w"]),
    ),
    "attention": (
        "7x12",
        """dense(36) as qkv
    reshape(7x3x2x6)  permute([1, 2, 0, 3]) as parts
    matmul {
        from parts  slice(0, 0, 1)  reshape(2x7x6)  scale(0.4)
    } {
        from parts  slice(0, 1, 2)  reshape(2x7x6)  permute([0, 2, 1])
    }
    softmax(axis=-1)
    matmul { } { from parts  slice(0, 2)  reshape(2x7x6) }
    permute([1, 0, 2])  reshape(7x12)
    add { } { param(7x12) as pos }""",
        {"qkv.weight": (36, 12), "qkv.bias": (36,), "pos": (7, 12)},
        attention,
    ),
    "add_constant": (
        "2x3",
        "mul { } { constant([[1, -2, 0.5]]) }",
        {},
        lambda x, p: x * x.new_tensor([1, -2, 0.5]),
    ),
    "permute_four": ("2x3x4x5", "permute([3, 1, 0, 2])", {}, lambda x, p: x.permute(0, 4, 2, 1, 3)),
    "reduce_sequence": ("2x3x4", "reduce_mean(1, keep=no)", {}, lambda x, p: x.mean(2)),
}


def run(name, shape, layers, parameters, compute):
    """Writes the net and its values."""
    dims = [int(size) for size in shape.split("x")]
    trains = compute.__code__.co_argcount == 3
    given = {label: torch.randn(size).double() for label, size in parameters.items()}
    values = {label: (t.exp() if label.endswith("running_var") else t) for label, t in given.items()}
    tensors = dict(values, x=torch.randn(BATCH, *dims).double())
    state = {label: t.clone() for label, t in values.items()}
    trained = [label for label in state if "running" not in label]
    leaves = [tensors["x"].clone().requires_grad_()] + [state[label].requires_grad_() for label in trained]
    if trains:
        tensors["y"] = compute(leaves[0], state, False)
        y = tensors["train.y"] = compute(leaves[0], state, True)
        tensors.update({"after." + label: state[label] for label in state if "running" in label})
    else:
        y = tensors["y"] = compute(leaves[0], state)
    tensors["dy"] = torch.randn(y.shape).double()
    gradients = torch.autograd.grad(y, leaves, tensors["dy"])
    tensors["dx"] = gradients[0]
    tensors.update({"grad." + label: gradient for label, gradient in zip(trained, gradients[1:])})
    path = os.path.join(FOLDER, "layer_" + name)
    write(path + ".safetensors", {label: t.detach().float() for label, t in tensors.items()})
    with open(path + ".nn", "w") as file:
        file.write(f"# Made by layers.py.\nnet layer {{\n    input({shape})\n    {layers}\n}}\n")


def main():
    for name, what in LAYERS.items():
        torch.manual_seed(1)
        run(name, *what)


if __name__ == "__main__":
    main()
