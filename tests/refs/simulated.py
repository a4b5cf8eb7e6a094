"""
Makes simulated_int8.nn and simulated_int8.safetensors: a step of training with simulated
int8, computed by PyTorch in double precision.

    python3 tests/refs/simulated.py

Scales are learned by LSQ (Esser et al., Learned Step Size Quantization, ICLR 2020): what is
written here is its forward pass, with a rounding that passes gradients through; the gradients
are autograd's.  The same step is done twice more in single precision, once with PyTorch's own
fake quantisation for the input and the weights (values between layers are rounded in two steps,
as int32 sums are, which PyTorch does not have).  All three must agree: so no number lies so near
to the middle between two integers that rounding errors decide, and LSQ here is PyTorch's.
"""
import os

import torch
from torch.nn import functional as F

from files import distance, write

FOLDER = os.path.dirname(os.path.abspath(__file__))
BATCH, RATE, EPS = 6, 0.1, 1e-5

NET = """# Made by simulated.py.
net simulated_int8 {
    input(2x6x6)
    conv(4, 3) as c1  batchnorm as b1  relu
    batchnorm as alone
    avgpool(2, stride=1)
    concat { conv(3, 3, pad=1, bias=no) as c2 } { conv(2, 1) as c3  relu }
    add { conv(5, 1) as c4 } { }
    avgpool(2, stride=1, count_pad=no)
    flatten
    dense(3) as d
}
train simulated_int8 {
    loss cross_entropy
    optimizer sgd(lr=0.1)
    batch 6
}
"""

PARAMETERS = {
    "c1.weight": (4, 2, 3, 3), "c1.bias": (4,), "b1.weight": (4,), "b1.bias": (4,),
    "alone.weight": (4,), "alone.bias": (4,),
    "c2.weight": (3, 4, 3, 3), "c3.weight": (2, 4, 1, 1), "c3.bias": (2,),
    "c4.weight": (5, 5, 1, 1), "c4.bias": (5,), "d.weight": (3, 20), "d.bias": (3,),
}  # fmt: skip

# The scales: so many rows; the numbers of a row, by which LSQ scales the gradient.
SCALES = {
    "x": (1, 72), "c1.qweight": (4, 18), "relu1.y": (1, 64), "alone.y": (1, 64), "c2.qweight": (3, 36),
    "c3.qweight": (2, 4), "concat1.y": (1, 45), "c4.qweight": (5, 5), "c4.y": (1, 45), "add1.y": (1, 45),
    "d.qweight": (3, 20), "d.y": (1, 3),
}  # fmt: skip


class Round(torch.autograd.Function):
    """w, where a gradient passes through to r."""

    @staticmethod
    def forward(ctx, r, w):
        return w.clone()

    @staticmethod
    def backward(ctx, dw):
        return dw, None


class Step(torch.autograd.Function):
    """scale · factor; the gradient of factor is that of the product, by scale, times LSQ's g."""

    @staticmethod
    def forward(ctx, factor, scale, g):
        ctx.save_for_backward(scale)
        ctx.g = g
        return scale * factor

    @staticmethod
    def backward(ctx, dstep):
        return ctx.g * dstep / ctx.saved_tensors[0], None, None


def away(v):
    """To nearest, ties away from zero."""
    return torch.sign(v) * torch.floor(v.abs() + 0.5)


class Simulated:
    """The net with tensors of one precision."""

    def __init__(self, given, dtype, torch_quantizes=False):
        self.t = {name: t.to(dtype) if t.is_floating_point() else t for name, t in given.items()}
        self.trained = [name for name in given if name in PARAMETERS or name.endswith("_factor")]
        for name in self.trained:
            self.t[name] = self.t[name].clone().requires_grad_()
        self.torch_quantizes = torch_quantizes

    def step(self, name):
        name, count = "quantization/" + name, SCALES[name][1]
        return Step.apply(self.t[name + ".scale_factor"], self.t[name + ".scale"], 1 / (count * 127) ** 0.5)

    def zero(self, name):
        return self.t["quantization/" + name + ".zero_point"]

    @staticmethod
    def lsq(v, step, low, high, whole):
        return step * torch.clamp(Round.apply(v / step, whole), low, high)

    def value(self, v, name, unit=None, averages_from=None):
        """v in int8; of sums, each 1 of which is `unit`; of averages of integers, whose halves are rounded
        away from that integer."""
        step, zero = self.step(name), self.zero(name)
        if self.torch_quantizes and unit is None and averages_from is None:
            # As uint8: the gradient of PyTorch 1.13 is that of another zero point where that is below 0.
            return torch._fake_quantize_learnable_per_tensor_affine(v, step, zero + 128, 0, 255, 1.0)
        place = (v / step).detach()
        if unit is not None:
            fine = 2 ** torch.ceil(torch.log2(0.5 / (unit / step.detach())))
            assert (fine <= 16384).all() and (fine >= 1).all()
            place = torch.floor(place * fine + 0.5) / fine
        if averages_from is None:
            whole = away(place)
        else:  # floats know a half no better than to some digits
            shift = zero - averages_from
            whole = away(torch.floor((place + shift) * 2048 + 0.5) / 2048) - shift
        return self.lsq(v, step, -128 - zero, 127 - zero, whole)

    def weight(self, w, layer):
        step = self.step(layer + ".qweight")
        if self.torch_quantizes:
            return torch._fake_quantize_learnable_per_channel_affine(w, step, torch.zeros_like(step), 0, -127, 127, 1.0)
        step = step.reshape(-1, *[1] * (w.dim() - 1))
        return self.lsq(w, step, -127, 127, away((w / step).detach()))

    @staticmethod
    def bias(b, unit):
        return Round.apply(b, (unit * away(b / unit)).detach())

    def fold(self, norm):
        scale = self.t[norm + ".weight"] / torch.sqrt(self.t[norm + ".running_var"] + EPS)
        return scale, self.t[norm + ".bias"] - self.t[norm + ".running_mean"] * scale

    def layer(self, name, f, x, input_scale, norm=None):
        """The layer's sums and what 1 of them is, by output."""
        w, b = self.t[name + ".weight"], self.t.get(name + ".bias")
        if norm:
            scale, shift = self.fold(norm)
            w, b = w * scale.reshape(-1, 1, 1, 1), b * scale + shift
        unit = (self.step(input_scale) * self.step(name + ".qweight")).detach()
        y = f(x, self.weight(w, name), None if b is None else self.bias(b, unit))
        return y, unit.reshape(1, -1, *[1] * (y.dim() - 2))

    def forward(self, x):
        h = self.value(x, "x")
        h, unit = self.layer("c1", F.conv2d, h, "x", norm="b1")
        h = self.value(F.relu(h), "relu1.y", unit)
        scale, shift = self.fold("alone")
        unit = (self.step("relu1.y") * scale.abs() / 127).detach()
        h = h * scale.reshape(1, -1, 1, 1) + self.bias(shift, unit).reshape(1, -1, 1, 1)
        h = self.value(h, "alone.y", unit.reshape(1, -1, 1, 1))
        # Where padding counts it is the integer of the number 0 that halves are rounded away from.
        h = self.value(F.avg_pool2d(h, 2, stride=1), "alone.y", averages_from=self.zero("alone.y"))
        a, unit = self.layer("c2", lambda *args: F.conv2d(*args, padding=1), h, "alone.y")
        a = self.value(a, "concat1.y", unit)
        b, unit = self.layer("c3", F.conv2d, h, "alone.y")
        h = torch.cat([a, self.value(F.relu(b), "concat1.y", unit)], 1)
        a, unit = self.layer("c4", F.conv2d, h, "concat1.y")
        h = self.value(self.value(a, "c4.y", unit) + h, "add1.y")
        h = self.value(F.avg_pool2d(h, 2, stride=1), "add1.y", averages_from=0)
        h, unit = self.layer("d", F.linear, h.flatten(1), "add1.y")
        return self.value(h, "d.y", unit)

    def train(self):
        y = self.forward(self.t["x"])
        loss = F.cross_entropy(y, self.t["target"])
        gradients = torch.autograd.grad(loss, [self.t[name] for name in self.trained])
        result = {"y": y, "loss": loss.reshape(1)}
        for name, g in zip(self.trained, gradients):
            result["grad." + name] = g
            result["after." + name] = self.t[name] - RATE * g
        for norm in "b1", "alone":
            for statistic in ".running_mean", ".running_var":
                result["after." + norm + statistic] = self.t[norm + statistic]
        return {name: t.detach() for name, t in result.items()}


def find_scales(given):
    """Of which every value but d.y reaches beyond what the integers do."""
    reach = {"x": 2.0, "relu1.y": 2.0, "alone.y": 2.5, "concat1.y": 1.5, "c4.y": 1.2, "add1.y": 1.2, "d.y": 2.5}
    zeros = {"x": 3, "relu1.y": -128, "alone.y": -20, "concat1.y": -50, "c4.y": 7, "add1.y": -31, "d.y": 12}
    scale = given["b1.weight"] / torch.sqrt(given["b1.running_var"] + EPS)
    for name, (rows, _) in SCALES.items():
        if name in reach:
            size = torch.tensor([2 * reach[name] / 255])
            given["quantization/" + name + ".zero_point"] = torch.tensor([float(zeros[name])])
        else:
            w = given[name.replace(".qweight", ".weight")].flatten(1)
            w = w * scale.reshape(-1, 1) if name == "c1.qweight" else w
            size = w.abs().amax(1) / 127
        given["quantization/" + name + ".scale"] = size
        given["quantization/" + name + ".scale_factor"] = 0.75 + 0.5 * torch.rand(rows)


def make():
    given = {name: torch.randn(shape) for name, shape in PARAMETERS.items()}
    for name in given:
        if name.endswith(".weight"):
            given[name] /= given[name][0].numel() ** 0.5
    for norm in "b1", "alone":
        given[norm + ".weight"] = 0.5 + torch.rand(4)
        given[norm + ".running_mean"], given[norm + ".running_var"] = 0.3 * torch.randn(4), 0.5 + torch.rand(4)
    given["x"] = torch.randn(BATCH, 2, 6, 6)
    given["target"] = torch.randint(0, 3, (BATCH,))
    find_scales(given)
    return given


def smallest(exact):
    """Of the gradients' largest numbers."""
    return min(t.abs().max().item() for name, t in exact.items() if name.startswith("grad."))


def main():
    for seed in range(1000):
        torch.manual_seed(seed)
        given = make()
        exact = Simulated(given, torch.float64).train()
        others = [Simulated(given, torch.float32, own).train() for own in (False, True)]
        worst = [max(distance(o[name], exact[name]) for name in exact) for o in others]
        if max(worst) < 1e-5 and smallest(exact) > 1e-3:
            break
    else:
        raise SystemExit("no seed at which rounding errors do not matter, and everything has a gradient")
    print(f"simulated_int8: seed {seed}, single precision is {worst[0]:.1e} away, with PyTorch's own {worst[1]:.1e}")
    print(f"the largest number of each gradient is at least {smallest(exact):.1e}")
    path = os.path.join(FOLDER, "simulated_int8")
    note = {"quantization.simulated": '{"version": 1, "format": "int8"}'}
    write(path + ".safetensors", {**given, **exact}, note)
    with open(path + ".nn", "w") as file:
        file.write(NET)


main()
