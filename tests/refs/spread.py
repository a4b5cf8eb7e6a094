"""
Prints spread.txt: how far PyTorch, in single precision, stays from its own
reference files when it does the same again.

    python3 tests/refs/spread.py ../shared/refs > tests/refs/spread.txt

The steps of lenet_rmsprop and lenet_adagrad are repeated with one and two threads,
with and without MKL-DNN, as they are and with the images and the weights moved by
one unit in their last place (NUDGES times each): all of that rounds differently
and is as right.  What is printed for a tensor is the largest distance from the
file among these runs, and that of the same steps in double precision.

Why so far: in its first step rmsprop moves a weight by lr · g / (0.1 · |g| + eps).
Near g = 0 that is a slope of lr / eps = 1e5; a gradient of 4e-8 in d1.weight, whose
largest is 1.3e-2, is rounded by 8e-10, and the weight is off by 8e-5, 9e-4 of the
largest weight, after one step.  By the 20th, two elements under a max-pool are so
close that rounding decides which is the larger.
"""
import itertools
import os
import sys

import torch
from torch import nn

from files import distance, read

NUDGES = 40
OPTIMIZERS = {
    "lenet_rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=1e-3),
    "lenet_adagrad": lambda parameters: torch.optim.Adagrad(parameters, lr=1e-2),
}


class Lenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.d1, self.d2, self.d3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = torch.tanh(nn.functional.max_pool2d(self.c1(x), 2))
        x = torch.tanh(nn.functional.max_pool2d(self.c2(x), 2)).flatten(1)
        return self.d3(torch.tanh(self.d2(torch.tanh(self.d1(x)))))


def train(given, dtype, optimizer):
    net = Lenet().to(dtype)
    net.load_state_dict({name: given[name].to(dtype) for name in net.state_dict()})
    update, losses = optimizer(net.parameters()), []
    for x, target in zip(given["x"].to(dtype), given["target"]):
        update.zero_grad()
        loss = nn.functional.cross_entropy(net(x), target)
        loss.backward()
        update.step()
        losses.append(loss.item())
    after = {"after." + name: t for name, t in net.state_dict().items()}
    return {"loss": torch.tensor(losses, dtype=dtype), **after}


def nudged(given, seed):
    """Everything that is given, by one unit in the last place up or down, or as it is; 0: all as it is."""
    if seed == 0:
        return given
    torch.manual_seed(seed)
    unit = torch.finfo(torch.float32).eps
    move = lambda t: t * (1 + unit * torch.randint(-1, 2, t.shape)) if t.is_floating_point() else t
    return {name: move(t) for name, t in given.items()}


def spread(given, optimizer):
    runs = [train(given, torch.float64, optimizer)]
    for threads, mkldnn, seed in itertools.product((1, 2), (True, False), range(NUDGES + 1)):
        torch.set_num_threads(threads)
        torch.backends.mkldnn.enabled = mkldnn
        runs.append(train(nudged(given, seed), torch.float32, optimizer))
    return {name: max(distance(run[name], given[name]) for run in runs) for name in runs[0]}


def main(folder):
    print("# Made by spread.py, with PyTorch", torch.__version__)
    for net, optimizer in OPTIMIZERS.items():
        given = read(os.path.join(folder, net + ".safetensors"))
        for name, worst in spread(given, optimizer).items():
            print(f"{net} {name} {worst:.2e}")


main(sys.argv[1])
