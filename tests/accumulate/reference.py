"""
Makes reference.safetensors: training of reference.nn with gradient accumulation, by PyTorch in
double precision, as its manuals do it: the loss of each batch is divided by their number, and
backward() adds up.  Batchnorm takes its statistics from each batch, so this is not a step on one
large batch.

    python3 tests/accumulate/reference.py
"""
import os
import sys

import torch
from torch import nn

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(FOLDER, "../refs"))
from files import distance, write

STEPS, BATCHES, BATCH = 10, 4, 3


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.b, self.d, self.e = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Linear(16, 5), nn.Linear(5, 3)

    def forward(self, x):
        x = nn.functional.avg_pool2d(torch.tanh(self.b(self.c(x))), 2).flatten(1)
        return self.e(torch.tanh(self.d(x)))


def train(given, dtype):
    net = Net().to(dtype)
    net.load_state_dict({name: given[name].to(dtype) for name in net.state_dict() if name in given}, strict=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    losses = []
    for xs, targets in zip(given["x"].to(dtype), given["target"].to(dtype)):
        optimizer.zero_grad()
        total = 0
        for x, target in zip(xs, targets):
            loss = nn.functional.mse_loss(net(x), target) / BATCHES
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        optimizer.step()
        losses.append(total)
    after = {"after." + name: t for name, t in net.state_dict().items() if t.is_floating_point()}
    return {"loss": torch.tensor(losses, dtype=dtype), **after}


def main():
    torch.manual_seed(1)
    given = {name: t.clone() for name, t in Net().state_dict().items() if t.is_floating_point()}
    given["x"] = torch.randn(STEPS, BATCHES, BATCH, 2, 6, 6)
    given["target"] = torch.randn(STEPS, BATCHES, BATCH, 3)
    exact, single = train(given, torch.float64), train(given, torch.float32)
    worst = max(distance(single[key], exact[key]) for key in exact)
    print(f"single precision is {worst:.1e} away")
    assert worst < 1e-5
    write(os.path.join(FOLDER, "reference.safetensors"), {**given, **{k: t.float() for k, t in exact.items()}})


main()
