"""
Makes op_*.nn and loss_*.nn with their .safetensors: layers, combinators and losses one by
one, forward and backward, computed by PyTorch in double precision.

    python3 tests/refs/operators.py

Of a layer: x, the parameters, y for inference, train.y where training differs, dy (random),
dx and the gradients of the parameters.  Of a loss: three steps of gradient descent on one
dense layer.  What PyTorch 1.13 does not have is written here from its definition.
"""
import os

import torch
from torch import nn
from torch.nn import functional as F

from files import write

FOLDER = os.path.dirname(os.path.abspath(__file__))
BATCH = 2
POINTWISE = "3x5x4"


def branch(x, p, name):
    """A 1x1 convolution, as a branch that has values of its own."""
    return F.conv2d(x, p[name + ".weight"], p[name + ".bias"])


def two(text, compute):
    """A combinator of two branches, the second of one channel, which is stretched."""
    parameters = {"a.weight": (3, 3, 1, 1), "a.bias": (3,), "b.weight": (1, 3, 1, 1), "b.bias": (1,)}
    body = text + " { conv(3, 1) as a } { conv(1, 1) as b }"
    return (POINTWISE, body, parameters, lambda x, p: compute(branch(x, p, "a"), branch(x, p, "b")))


def pointwise(body, compute):
    return (POINTWISE, body, {}, lambda x, p: compute(x))


# Layers of values that must be positive.
POSITIVE = {
    "log": pointwise("log", torch.log),
    "sqrt": pointwise("sqrt", torch.sqrt),
    "reciprocal": pointwise("reciprocal", torch.reciprocal),
    "pow": pointwise("pow(1.7)", lambda x: x**1.7),
}

# Made last, so that the numbers of the others stay what they are.
QUANTIZED = {
    "round": pointwise("round", torch.round),
    "fake_quantize": pointwise("fake_quantize(0.0625, zero=3, low=-16, high=15)",
                               lambda x: torch.fake_quantize_per_tensor_affine(x, 0.0625, 3, -16, 15)),
}

LAYERS = {
    "celu": pointwise("celu(alpha=0.7)", lambda x: F.celu(x, 0.7)),
    "softsign": pointwise("softsign", F.softsign),
    "mish": pointwise("mish", F.mish),
    "sign": pointwise("sign", torch.sign),
    "erf": pointwise("erf", torch.erf),
    "exp": pointwise("exp", torch.exp),
    "abs": pointwise("abs", torch.abs),
    "neg": pointwise("neg", torch.neg),
    "square": pointwise("square", torch.square),
    "sin": pointwise("sin", torch.sin),
    "cos": pointwise("cos", torch.cos),
    "clamp": pointwise("clamp(-0.5, 0.8)", lambda x: torch.clamp(x, -0.5, 0.8)),
    "pow_integer": pointwise("pow(3)", lambda x: x**3),
    "scale": pointwise("scale([0.5, -1, 2])", lambda x: x * x.new_tensor([0.5, -1, 2]).view(3, 1, 1)),
    "shift": pointwise("shift([0.5, -1, 2])", lambda x: x + x.new_tensor([0.5, -1, 2]).view(3, 1, 1)),
    "slice": pointwise("slice(1, 1, 5, step=2)", lambda x: x[:, :, 1:5:2]),
    "permute": pointwise("permute(2x0x1)", lambda x: x.permute(0, 3, 1, 2)),
    "reduce_mean": pointwise("reduce_mean([1, 2])", lambda x: x.mean((2, 3), keepdim=True)),
    "reduce_sum": pointwise("reduce_sum(0)", lambda x: x.sum(1, keepdim=True)),
    "reduce_max": pointwise("reduce_max(2)", lambda x: x.amax(3, keepdim=True)),
    "reduce_min": pointwise("reduce_min([1, 2])", lambda x: x.amin((2, 3), keepdim=True)),
    "depth_to_space": ("8x3x2", "depth_to_space(2)", {}, lambda x, p: F.pixel_shuffle(x, 2)),
    "space_to_depth": ("2x6x4", "space_to_depth(2)", {}, lambda x, p: F.pixel_unshuffle(x, 2)),
    "stop_gradient": (
        POINTWISE,
        "add { conv(3, 1) as a } { conv(1, 1) as b  stop_gradient }",
        {"a.weight": (3, 3, 1, 1), "a.bias": (3,), "b.weight": (1, 3, 1, 1), "b.bias": (1,)},
        lambda x, p: branch(x, p, "a") + branch(x, p, "b").detach(),
    ),
    # y = x, dx = -0.3 dy
    "gradient_reversal": pointwise("gradient_reversal(0.3)", lambda x: 1.3 * x.detach() - 0.3 * x),
    "elu_trained": (
        POINTWISE,
        "elu(trained=yes) as e",
        {"e.weight": (3,)},
        lambda x, p: torch.where(x > 0, x, p["e.weight"].view(3, 1, 1) * torch.expm1(x)),
    ),
    "instancenorm": (
        POINTWISE,
        "instancenorm(affine=yes) as n",
        {"n.weight": (3,), "n.bias": (3,)},
        lambda x, p: F.instance_norm(x, weight=p["n.weight"], bias=p["n.bias"]),
    ),
    "sub": two("sub", torch.sub),
    "div": two("div", lambda a, b: a / b),
    "minimum": two("minimum", torch.minimum),
    "mean": two("mean", lambda a, b: (a + b) / 2),
    "add_stretched": two("add", torch.add),
    "mul_stretched": two("mul", torch.mul),
    "maximum_stretched": two("maximum", torch.maximum),
}


def focal(scores, target):
    """Lin et al. 2017, equation 5, with gamma 2 and alpha by class."""
    alpha = scores.new_tensor([0.25, 0.75, 0.5, 1])[target]
    logs = F.log_softmax(scores, 1).gather(1, target[:, None])[:, 0]
    return (-alpha * (1 - logs.exp()) ** 2 * logs).mean()


def distill(scores, teacher):
    """Hinton et al. 2015, section 2, with T = 3."""
    logs = F.log_softmax(scores / 3, 1)
    return 9 * F.kl_div(logs, F.softmax(teacher / 3, 1), reduction="batchmean")


# loss, what stands before it, its function, whether the target is probabilities, or a teacher's scores
LOSSES = {
    "focal": ("focal(gamma=2, alpha=[0.25, 0.75, 0.5, 1])", "", focal, False),
    "kl_div": ("kl_div(reduction=batchmean)", "log_softmax", lambda s, t: F.kl_div(F.log_softmax(s, 1), t, reduction="batchmean"), True),
    "kl_div_mean": (
        "kl_div",
        "log_softmax",
        lambda s, t: F.kl_div(F.log_softmax(s, 1), t, reduction="mean"),
        True,
    ),
    "distill": ("distill(temperature=3)", "", distill, "scores"),
}


def layer(name, case, positive):
    shape, body, parameters, compute = case
    sizes = [int(size) for size in shape.split("x")]
    given = {"x": torch.randn(BATCH, *sizes)}
    if positive:
        given["x"] = given["x"].abs() + 0.1
    given.update({key: torch.randn(sizes) for key, sizes in parameters.items()})
    exact = {key: t.double().requires_grad_() for key, t in given.items()}
    y = compute(exact["x"], exact)
    given["y"] = y.detach().float()
    given["dy"] = torch.randn(y.shape)
    wanted = list(exact.values())
    # sign has no gradient: PyTorch gives zeros.
    gradients = torch.autograd.grad(y, wanted, given["dy"].double(), allow_unused=True)
    for (key, t), gradient in zip(exact.items(), gradients):
        gradient = torch.zeros_like(t) if gradient is None else gradient
        given["dx" if key == "x" else "grad." + key] = gradient.detach().float()
    save("op_" + name, f"net op_{name} {{\n    input({shape})\n    {body}\n}}\n", given)


def loss(name, case):
    text, before, compute, soft = case
    steps, batch = 3, 5
    given = {"x": torch.randn(steps, batch, 6)}
    target = torch.rand(steps, batch, 4)
    if soft == "scores":
        target = 8 * target - 4
    else:
        target = target / target.sum(2, keepdim=True) if soft else torch.randint(0, 4, (steps, batch))
    given["target"] = target
    given["d.weight"], given["d.bias"] = torch.randn(4, 6), torch.randn(4)
    weight, bias = (nn.Parameter(given[key].double()) for key in ("d.weight", "d.bias"))
    optimizer, losses = torch.optim.SGD([weight, bias], lr=0.1), []
    for x, t in zip(given["x"].double(), target.double() if soft else target):
        optimizer.zero_grad()
        value = compute(F.linear(x, weight, bias), t)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    given["loss"] = torch.tensor(losses)
    given["after.d.weight"], given["after.d.bias"] = weight.detach().float(), bias.detach().float()
    net = f"net n {{\n    input(6)\n    dense(4) as d  {before}".rstrip()
    train = f"train n {{\n    loss {text}\n    optimizer sgd(lr=0.1)\n    batch {batch}\n}}\n"
    save("loss_" + name, net + "\n}\n" + train, given)


def learned_scale():
    """fake_quantize with a learned scale: PyTorch has it in single precision."""
    scale, zero, low, high, factor = torch.tensor([0.11]), torch.tensor([3.0]), -16, 15, 0.25
    x = torch.randn(BATCH, 3, 5, 4).requires_grad_()
    y = torch._fake_quantize_learnable_per_tensor_affine(x, scale.requires_grad_(), zero, low, high, factor)
    dy = torch.randn(y.shape)
    dx, dscale = torch.autograd.grad(y, (x, scale), dy)
    given = {"x": x, "fq.scale": scale, "y": y, "dy": dy, "dx": dx, "grad.fq.scale": dscale}
    body = "fake_quantize(0.0625, zero=3, low=-16, high=15, learned=yes, grad_factor=0.25) as fq"
    save("op_fake_quantize_learned", f"net op_fake_quantize_learned {{\n    input({POINTWISE})\n    {body}\n}}\n",
         {key: t.detach() for key, t in given.items()})


def save(name, text, tensors):
    path = os.path.join(FOLDER, name)
    write(path + ".safetensors", tensors)
    with open(path + ".nn", "w") as file:
        file.write("# Made by operators.py.\n" + text)


def main():
    torch.manual_seed(1)
    for name, case in LAYERS.items():
        layer(name, case, positive=False)
    for name, case in POSITIVE.items():
        layer(name, case, positive=True)
    for name, case in LOSSES.items():
        loss(name, case)
    for name, case in QUANTIZED.items():
        layer(name, case, positive=False)
    learned_scale()


main()
