"""
Makes loss_*.nn and loss_*.safetensors of this list: one pass of a loss and its gradients,
computed by PyTorch in double precision.

    python3 tests/refs/losses.py

Targets are classes of samples or of pixels (with some that are ignored), or probabilities.
"""
import os

import torch
from torch import nn
from torch.nn import functional as F

from files import write

FOLDER = os.path.dirname(os.path.abspath(__file__))
BATCH = 4
WEIGHTS = [0.5, 2.0, 1.0]

IMAGE = """    input(2x5x4)
    conv(3, 3, pad=1) as c
"""
VECTOR = """    input(6)
    dense(3) as d
"""


class Image(nn.Module):
    shape = (2, 5, 4)

    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, x):
        return self.c(x)


class Vector(nn.Module):
    shape = (6,)

    def __init__(self, outputs=3):
        super().__init__()
        self.d = nn.Linear(6, outputs)

    def forward(self, x):
        return self.d(x)


def classes(scores, ignored=None):
    shape = scores.shape[:1] + scores.shape[2:]
    target = torch.randint(0, scores.shape[1], shape)
    if ignored is not None:
        target[torch.rand(shape) < 0.3] = ignored
    return target


def probabilities(scores):
    return torch.softmax(torch.randn_like(scores), 1)


def weights(like):
    return torch.tensor(WEIGHTS, dtype=like.dtype)


def focal(s, t, gamma=2.0):
    log_p = F.log_softmax(s, 1).gather(1, t.unsqueeze(1))
    return (-((1 - log_p.exp()) ** gamma) * log_p).mean()


# name, body, module, loss as the net has it, target, loss as PyTorch has it
CASES = [
    ("pixels", IMAGE, Image, "cross_entropy", classes, F.cross_entropy),
    (
        "pixels_ignored",
        IMAGE,
        Image,
        "cross_entropy(ignore_index=1, weights=[0.5, 2, 1], smoothing=0.1)",
        lambda s: classes(s, 1),
        lambda s, t: F.cross_entropy(s, t, weights(s), ignore_index=1, label_smoothing=0.1),
    ),
    (
        "pixels_nll",
        IMAGE + "    log_softmax\n",
        Image,
        "nll(ignore_index=255)",
        lambda s: classes(s, 255),
        lambda s, t: F.nll_loss(F.log_softmax(s, 1), t, ignore_index=255),
    ),
    ("pixels_focal", IMAGE, Image, "focal", classes, focal),
    ("ignored", VECTOR, Vector, "cross_entropy(ignore_index=2)", lambda s: classes(s, 2),
     lambda s, t: F.cross_entropy(s, t, ignore_index=2)),
    ("soft", VECTOR + "    softmax\n", Vector, "cross_entropy(targets=probabilities)", probabilities, F.cross_entropy),
    (
        "soft_weighted",
        VECTOR,
        Vector,
        "cross_entropy(targets=probabilities, weights=[0.5, 2, 1], smoothing=0.2)",
        probabilities,
        lambda s, t: F.cross_entropy(s, t, weights(s), label_smoothing=0.2),
    ),
    ("soft_pixels", IMAGE, Image, "cross_entropy(targets=probabilities)", probabilities, F.cross_entropy),
    (
        "hinge_sign",
        VECTOR.replace("3", "1"),
        lambda: Vector(1),
        "hinge(margin=0.5)",
        lambda s: torch.randint(0, 2, s.shape).to(s.dtype) * 2 - 1,
        lambda s, t: F.relu(0.5 - t * s).mean(),
    ),
]

NET = """# Made by losses.py.
net loss {{
{}}}
train loss {{
    loss {}
    batch {}
}}
"""


def main():
    torch.manual_seed(3)
    for name, body, module, text, draw, loss_of in CASES:
        net = module().double()
        x = torch.randn(BATCH, *getattr(module, "shape", (6,)), dtype=torch.float64).float().double()
        for p in net.parameters():
            p.data = p.data.float().double()
        scores = net(x)
        target = draw(scores)
        if target.dtype == torch.float64:
            target = target.float().double()
        loss = loss_of(scores, target)
        loss.backward()
        tensors = {key: p.data.float() for key, p in net.named_parameters()}
        tensors.update({"grad." + key: p.grad for key, p in net.named_parameters()})
        tensors.update({"x": x.float(), "target": target, "loss": loss.detach().reshape(1)})
        path = os.path.join(FOLDER, "loss_" + name)
        write(path + ".safetensors", tensors)
        with open(path + ".nn", "w") as file:
            file.write(NET.format(body, text, BATCH))


main()
