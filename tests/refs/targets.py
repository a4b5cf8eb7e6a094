"""
Makes targets_*.nn and targets_*.safetensors: nets with several outputs, losses and targets, one
pass with its gradients and a few steps of sgd, computed by PyTorch in double precision.

    python3 tests/refs/targets.py
"""
import os

import torch
from torch import nn
from torch.nn import functional as F

from files import write

FOLDER = os.path.dirname(os.path.abspath(__file__))
BATCH, STEPS = 4, 3

BODY = """# Made by targets.py.
net targets {
    input(2x5x4)
    conv(3, 3) as c  tanh
    output features%(features)s
    flatten
    head side (%(side)s) { dense(%(sides)d) as fc }
    dense(3) as d
}
train targets {
    loss %(loss)s
    optimizer sgd(lr=0.1)
    batch 4
}
"""


class Net(nn.Module):
    def __init__(self, sides):
        super().__init__()
        self.c = nn.Conv2d(2, 3, 3)
        self.side = nn.ModuleDict({"fc": nn.Linear(18, sides)})
        self.d = nn.Linear(18, 3)

    def forward(self, x):
        features = torch.tanh(self.c(x))
        flat = features.flatten(1)
        return self.d(flat), features, self.side["fc"](flat)


def float32(tensors):
    return {name: t if t.dtype == torch.int64 else t.detach().float() for name, t in tensors.items()}


def named(net):
    return {name: p.clone() for name, p in net.named_parameters()}


def grads(net):
    return {"grad." + name: p.grad for name, p in net.named_parameters()}


def one_pass(net, x, targets, losses):
    """losses: (name, weight, function of outputs and targets); the first is the net's own."""
    found = {"x": x, **named(net), **targets}
    y, features, _ = net(x)
    found |= {"y": y, "y.features": features}
    total = 0
    for name, weight, function in losses:
        loss = function(net(x), targets)
        total = total + weight * loss
        if name:
            found["loss." + name] = loss.reshape(1)
    total.backward()
    return {**found, "loss": total.reshape(1), **grads(net)}


def steps(net, draw, losses):
    found, drawn, totals = named(net), [], []
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(STEPS):
        x, targets = draw()
        optimizer.zero_grad()
        total = sum(weight * function(net(x), targets) for _, weight, function in losses)
        total.backward()
        optimizer.step()
        drawn.append({"x": x, **targets})
        totals.append(total)
    for name in drawn[0]:
        found[name] = torch.stack([d[name] for d in drawn])
    after = {"after." + name: p for name, p in net.named_parameters()}
    return {**found, "loss": torch.stack(totals), **after}


def vjp(net, x):
    x = x.clone().requires_grad_()
    y, features, _ = net(x)
    dy, dfeatures = torch.randn_like(y), torch.randn_like(features)
    (y * dy).sum().add((features * dfeatures).sum()).backward()
    gradients = {name: g for name, g in grads(net).items() if g is not None}
    return {"x": x, **named(net), "dy": dy, "dy.features": dfeatures, "dx": x.grad, **gradients}


def save(name, text, tensors):
    path = os.path.join(FOLDER, name)
    with open(path + ".nn", "w") as file:
        file.write(text)
    write(path + ".safetensors", float32(tensors))


def images():
    return torch.randn(BATCH, 2, 5, 4)


# Classes, values and probabilities of a label: rows of floats.
def draw_mixed():
    return images(), {
        "target": torch.randint(0, 3, (BATCH,)),
        "target.map": torch.randn(BATCH, 3, 3, 2),
        "target.domain": torch.rand(BATCH, 1),
    }


MIXED = [
    (None, 1, lambda out, t: F.cross_entropy(out[0], t["target"], label_smoothing=0.1)),
    ("features", 0.5, lambda out, t: F.mse_loss(out[1], t["target.map"])),
    ("side", 0.25, lambda out, t: F.binary_cross_entropy_with_logits(out[2], t["target.domain"])),
]

# Two targets of classes, one of which is shared by two losses: rows of int32.
def draw_classes():
    return images(), {
        "target": torch.randint(0, 3, (BATCH,)),
        "target.colour": torch.randint(0, 2, (BATCH, 3, 2)),
    }


CLASSES = [
    (None, 1, lambda out, t: F.cross_entropy(out[0], t["target"])),
    ("features", 0.5, lambda out, t: F.cross_entropy(out[1], t["target.colour"])),
    ("side", 2, lambda out, t: F.multi_margin_loss(out[2], t["target"]) * 3),
]

torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
for name, draw, losses, sides, words in (
    (
        "mixed",
        draw_mixed,
        MIXED,
        1,
        {
            "features": " (loss=mse, target=map, weight=0.5)",
            "side": "loss=bce_logits, target=domain, weight=0.25",
            "loss": "cross_entropy(smoothing=0.1)",
        },
    ),
    (
        "classes",
        draw_classes,
        CLASSES,
        3,
        {
            "features": " (target=colour, weight=0.5)",
            "side": "weight=2, loss=hinge",
            "loss": "cross_entropy",
        },
    ),
):
    text = BODY % {"sides": sides, **words}
    save("targets_" + name, text, one_pass(Net(sides), *draw(), losses))
    save("targets_%s_steps" % name, text, steps(Net(sides), draw, losses))
save("targets_vjp", BODY % {"sides": 1, "features": "", "side": "weight=0.1", "loss": "mse"}, vjp(Net(1), images()))
