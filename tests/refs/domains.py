"""
Makes domains_*.nn and domains_*.safetensors: one pass of the losses that compare two domains and
its gradients, computed by PyTorch in double precision from the papers' formulas, with covariances
and kernel matrices; the compiler's are sums over pairs, with gradients of their own.

    python3 tests/refs/domains.py

Some samples are of neither domain.
"""
import os

import torch
from torch import nn
from torch.nn import functional as F

from files import write

FOLDER = os.path.dirname(os.path.abspath(__file__))
DOMAINS = [0, 1, 1, 0, -1, 0, 1, 1, 0, 2, 1]
BANDWIDTHS = [0.25, 0.5, 1, 2, 4]


def two(x, domain):
    rows = x.flatten(1)
    return rows[domain == 0], rows[domain == 1]


def covariance(rows):
    centred = rows - rows.mean(0)
    return centred.T @ centred / (len(rows) - 1)


def coral(x, domain):
    """Sun and Saenko 2016, equations 1 to 3."""
    a, b = two(x, domain)
    return (covariance(a) - covariance(b)).square().sum() / (4 * a.shape[1] ** 2)


def mmd(x, domain, bandwidths=BANDWIDTHS, relative=True):
    """Gretton et al. 2012, equation 5; the mean distance is differentiated, too."""
    a, b = two(x, domain)
    rows = torch.cat([a, b])
    distance = (rows[:, None] - rows[None]).square().sum(2)
    scale = distance.sum() / (len(rows) * (len(rows) - 1)) if relative else 1
    kernel = sum(torch.exp(-distance / (width * scale)) for width in bandwidths)
    n = len(a)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(2, 3, 3)
        self.d = nn.Linear(18, 4, bias=False)

    def forward(self, x):
        features = torch.tanh(self.c(x))
        return features, self.d(features.flatten(1))


BODY = """    input(2x5x4)
    conv(3, 3) as c  tanh%s
    flatten
    dense(4, bias=no) as d
"""
HEADS = """
    head statistics (loss=coral, target=domain, weight=30) { identity }
    head kernels (loss=mmd(bandwidths=[3, 40], relative=no), target=domain, weight=0.5) { identity }"""

# name, loss of the net, its heads and the losses of these: (name, weight, of the features, function)
CASES = [
    ("coral", "coral", "", [(None, 1, False, coral)]),
    ("mmd", "mmd", "", [(None, 1, False, mmd)]),
    (
        "heads",
        "cross_entropy",
        HEADS,
        [
            ("statistics", 30, True, coral),
            ("kernels", 0.5, True, lambda x, d: mmd(x, d, [3, 40], False)),
        ],
    ),
]


def case(loss, heads, losses):
    net, domain = Net(), torch.tensor(DOMAINS)
    for p in net.parameters():
        p.data = p.data.float().double()
    x = torch.randn(len(DOMAINS), 2, 5, 4).float().double() + (domain == 1)[:, None, None, None] * 0.5
    features, scores = net(x)
    tensors = {"x": x.float(), **{name: p.detach().float() for name, p in net.named_parameters()}}
    rows = domain[:, None].float()
    total = torch.zeros(())
    if heads:
        tensors["target"], tensors["target.domain"] = torch.randint(0, 4, domain.shape), rows
        total = F.cross_entropy(scores, tensors["target"])
    else:
        tensors["target"] = rows
    for name, weight, of_features, function in losses:
        value = function(features if of_features else scores, domain)
        total = total + weight * value
        if name:
            tensors["loss." + name] = value.detach().reshape(1).float()
    total.backward()
    tensors["loss"] = total.detach().reshape(1).float()
    tensors.update({"grad." + name: p.grad.float() for name, p in net.named_parameters() if p.grad is not None})
    return tensors


torch.set_default_dtype(torch.float64)
torch.manual_seed(5)
for name, loss, heads, losses in CASES:
    path = os.path.join(FOLDER, "domains_" + name)
    write(path + ".safetensors", case(loss, heads, losses))
    with open(path + ".nn", "w") as file:
        file.write(f"# Made by domains.py.\nnet domains {{\n{BODY % heads}}}\n")
        file.write(f"train domains {{\n    loss {loss}\n    batch {len(DOMAINS)}\n}}\n")
