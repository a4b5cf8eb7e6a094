"""
Makes steps_*.nn and steps_*.safetensors: training steps of optimizers in their
variants, computed by PyTorch in double precision; of those that PyTorch 1.13 does not
have, from their papers' formulas.  The last are steps of OneCycleLR, which changes the
rate and the momentum.

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


class Formula(torch.optim.Optimizer):
    """An optimizer that is a function of a parameter, its state and the options."""

    def __init__(self, parameters, step, **options):
        super().__init__(parameters, options)
        self.formula = step

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["t"] = state.get("t", 0) + 1
                self.formula(p, p.grad, state, group)


def moments(state, g, beta1, beta2):
    """Adam's running means of g and g², corrected."""
    m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g * g
    return m / (1 - beta1 ** state["t"]), v / (1 - beta2 ** state["t"])


def nadam(p, g, state, o):
    """Dozat 2016 and the formula of PyTorch's manual.  PyTorch 1.13 itself has mu_t twice in
    the product up to t + 1; later versions follow the manual."""
    g = g + o["weight_decay"] * p
    mu, ahead = (0.9 * (1 - 0.5 * 0.96 ** ((state["t"] + k) * 4e-3)) for k in (0, 1))
    product = state["product"] = state.get("product", 1) * mu
    m = state["m"] = 0.9 * state.get("m", 0) + (1 - 0.9) * g
    v = state["v"] = 0.999 * state.get("v", 0) + (1 - 0.999) * g * g
    step = (1 - mu) / (1 - product) * g + ahead / (1 - product * ahead) * m
    p -= o["lr"] * step / ((v / (1 - 0.999 ** state["t"])).sqrt() + o["eps"])


def lamb(p, g, state, o):
    """You et al. 2020, algorithm 2, with the trust ratio ‖w‖ / ‖r‖."""
    m, v = moments(state, g, 0.9, 0.999)
    r = m / (v.sqrt() + 1e-6) + o["weight_decay"] * p
    p -= o["lr"] * p.norm() / r.norm() * r


def orthogonal(u):
    """Five of Jordan's Newton–Schulz iterations (2024), of the matrix that is not tall."""
    tall = u.shape[0] > u.shape[1]
    x = (u.T if tall else u) / (u.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    return x.T if tall else x


def muon(p, g, state, o):
    """Jordan 2024; vectors take AdamW's step, as in the published code."""
    if p.dim() == 1:
        m, v = moments(state, g, 0.9, 0.95)
        p -= o["lr"] * (o["weight_decay"] * p + m / (v.sqrt() + 1e-10))
        return
    b = state["b"] = 0.95 * state.get("b", 0) + 0.05 * g
    u = orthogonal((0.05 * g + 0.95 * b).flatten(1)).view_as(p)
    rows, columns = p.shape[0], p[0].numel()
    p -= o["lr"] * (o["weight_decay"] * p + max(1, rows / columns) ** 0.5 * u)


def sgd_ema(p, g, state, o):
    """The momentum is a running mean: b ← 0.9 b + 0.1 g."""
    b = state["b"] = 0.9 * state.get("b", 0) + (1 - 0.9) * g
    p -= o["lr"] * b


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
    (
        "nadam",
        "nadam(lr=2e-3, eps=1e-3, weight_decay=0.1)",
        Formula,
        dict(step=nadam, lr=2e-3, eps=1e-3, weight_decay=0.1),
    ),
    (
        "adam_amsgrad",
        "adam(lr=1e-2, beta2=0.5, eps=1e-3, amsgrad=yes)",
        torch.optim.Adam,
        dict(lr=1e-2, betas=(0.9, 0.5), eps=1e-3, amsgrad=True),
    ),
    ("lamb", "lamb(lr=1e-3, weight_decay=0.1)", Formula, dict(step=lamb, lr=1e-3, weight_decay=0.1)),
    ("muon", "muon(lr=1e-3, weight_decay=0.1)", Formula, dict(step=muon, lr=1e-3, weight_decay=0.1)),
    ("sgd_ema", "sgd(lr=0.1, momentum=0.9, form=ema)", Formula, dict(step=sgd_ema, lr=0.1)),
]

CYCLE = dict(max_lr=0.05, total_steps=STEPS, pct_start=0.35)
# name, optimizer and schedule as the net has them, as PyTorch has them
CYCLED = [
    ("onecycle_sgd", "sgd(lr=0.1)", "onecycle(0.05, warmup=0.35, cycle_momentum=yes)", torch.optim.SGD, dict(lr=0.1), CYCLE),
    (
        "onecycle_nesterov",
        "sgd(lr=0.1, momentum=0.9, nesterov=yes, weight_decay=0.01)",
        "onecycle(0.05, warmup=0.35, cycle_momentum=yes, base_momentum=0.5, max_momentum=0.8)",
        torch.optim.SGD,
        dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        dict(base_momentum=0.5, max_momentum=0.8, **CYCLE),
    ),
    (
        "onecycle_adam",
        "adam(eps=1e-3, weight_decay=0.1)",
        "onecycle(0.05, warmup=0.35, cycle_momentum=yes)",
        torch.optim.Adam,
        dict(eps=1e-3, weight_decay=0.1),
        CYCLE,
    ),
    (
        "onecycle_adamw",
        "adamw(eps=1e-3, amsgrad=yes)",
        "onecycle(0.05, warmup=0.35, cycle_momentum=yes, base_momentum=0)",
        torch.optim.AdamW,
        dict(eps=1e-3, amsgrad=True),
        dict(base_momentum=0, **CYCLE),
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
{}    batch 6
}}
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.d, self.e = nn.Conv2d(2, 4, 3), nn.Linear(16, 5), nn.Linear(5, 3)

    def forward(self, x):
        x = nn.functional.avg_pool2d(torch.tanh(self.c(x)), 2).flatten(1)
        return self.e(torch.tanh(self.d(x)))


def train(given, dtype, kind, arguments, cycle=None):
    net = Net().to(dtype)
    net.load_state_dict({name: given[name].to(dtype) for name in net.state_dict()})
    optimizer, losses = kind(net.parameters(), **arguments), []
    schedule = cycle and torch.optim.lr_scheduler.OneCycleLR(optimizer, **cycle)
    for x, target in zip(given["x"].to(dtype), given["target"].to(dtype)):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), target)
        loss.backward()
        optimizer.step()
        if schedule and len(losses) + 1 < STEPS:
            schedule.step()
        losses.append(loss.item())
    after = {"after." + name: t for name, t in net.state_dict().items()}
    return {"loss": torch.tensor(losses, dtype=dtype), **after}


def main():
    torch.manual_seed(1)
    given = {name: t.clone() for name, t in Net().state_dict().items()}
    given["x"] = torch.randn(STEPS, BATCH, 2, 6, 6)
    given["target"] = torch.randn(STEPS, BATCH, 3)
    constant = [(name, text, "", kind, arguments, None) for name, text, kind, arguments in VARIANTS]
    for name, text, schedule, kind, arguments, cycle in constant + CYCLED:
        exact = train(given, torch.float64, kind, arguments, cycle)
        single = train(given, torch.float32, kind, arguments, cycle)
        worst = max(distance(single[key], exact[key]) for key in exact)
        print(f"steps_{name}: single precision is {worst:.1e} away")
        assert worst < 1e-5
        path = os.path.join(FOLDER, "steps_" + name)
        write(path + ".safetensors", {**given, **exact})
        with open(path + ".nn", "w") as file:
            file.write(NET.format(text, schedule and f"    schedule {schedule}\n"))


main()
