"""
Makes steps_*.nn and steps_*.safetensors: training steps of rmsprop and adagrad in
all their variants, computed by PyTorch in double precision.

    python3 tests/refs/steps.py

Rounding hardly matters in them: there is no maximum to choose, and few gradients
come near 0.  This is checked here, by the same steps in single precision, which
must end within 1e-5; so an optimizer that passes at nnc's 1e-4 has the right
formula, and one that has another (eps inside the root, say) does not.
"""
import os

import torch
from torch import nn

from files import distance, write

FOLDER = os.path.dirname(os.path.abspath(__file__))
STEPS, BATCH = 20, 6
RMSPROP, ADAGRAD = torch.optim.RMSprop, torch.optim.Adagrad

# name, as the net has it, as PyTorch has it
VARIANTS = [
    ("rmsprop", "rmsprop(lr=1e-3)", RMSPROP, dict(lr=1e-3)),
    (
        "rmsprop_momentum",
        "rmsprop(lr=1e-3, alpha=0.9, eps=1e-3, momentum=0.8, weight_decay=0.1)",
        RMSPROP,
        dict(lr=1e-3, alpha=0.9, eps=1e-3, momentum=0.8, weight_decay=0.1),
    ),
    (
        "rmsprop_centered",
        "rmsprop(lr=1e-3, alpha=0.9, eps=1e-3, centered=yes)",
        RMSPROP,
        dict(lr=1e-3, alpha=0.9, eps=1e-3, centered=True),
    ),
    ("adagrad", "adagrad(lr=1e-2)", ADAGRAD, dict(lr=1e-2)),
    (
        "adagrad_initial",
        "adagrad(lr=1e-2, weight_decay=0.1, initial=0.01, eps=1e-3)",
        ADAGRAD,
        dict(lr=1e-2, weight_decay=0.1, initial_accumulator_value=0.01, eps=1e-3),
    ),
]

NET = """# Made by steps.py.
net steps {{
    input(2x6x6)
    conv(4, 3) as c  tanh
    avgpool(2)
    flatten
    dense(5) as d  tanh
    dense(3) as e
}}
train steps {{
    loss mse
    optimizer {}
    batch 6
}}
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.d, self.e = nn.Conv2d(2, 4, 3), nn.Linear(16, 5), nn.Linear(5, 3)

    def forward(self, x):
        x = nn.functional.avg_pool2d(torch.tanh(self.c(x)), 2).flatten(1)
        return self.e(torch.tanh(self.d(x)))


def train(given, dtype, kind, arguments):
    net = Net().to(dtype)
    net.load_state_dict({name: given[name].to(dtype) for name in net.state_dict()})
    optimizer, losses = kind(net.parameters(), **arguments), []
    for x, target in zip(given["x"].to(dtype), given["target"].to(dtype)):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    after = {"after." + name: t for name, t in net.state_dict().items()}
    return {"loss": torch.tensor(losses, dtype=dtype), **after}


def main():
    torch.manual_seed(1)
    given = {name: t.clone() for name, t in Net().state_dict().items()}
    given["x"] = torch.randn(STEPS, BATCH, 2, 6, 6)
    given["target"] = torch.randn(STEPS, BATCH, 3)
    for name, text, kind, arguments in VARIANTS:
        exact = train(given, torch.float64, kind, arguments)
        single = train(given, torch.float32, kind, arguments)
        worst = max(distance(single[key], exact[key]) for key in exact)
        print(f"steps_{name}: single precision is {worst:.1e} away")
        assert worst < 1e-5
        path = os.path.join(FOLDER, "steps_" + name)
        write(path + ".safetensors", {**given, **exact})
        with open(path + ".nn", "w") as file:
            file.write(NET.format(text))


main()
