"""
Makes batchnorm_frozen.nn and batchnorm_frozen.safetensors: forward and backward through
frozen batchnorms by PyTorch in double precision, eval() and requires_grad_(False) for them
alone, and their statistics after the pass.

    python3 tests/refs/frozen.py
"""
import os

import torch
from torch import nn

from files import write

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "batchnorm_frozen")
NET = """# Made by frozen.py.
net frozen_norms {
    input(2x5x4)
    conv(3, 3, pad=1) as c1
    frozen { batchnorm as bn1 }
    relu
    conv(4, 3, bias=no) as c2
    batchnorm as bn2
    frozen { batchnorm as bn3 }
}
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 4, 3, bias=False)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        for norm in (self.bn1, self.bn2, self.bn3):
            for t in (norm.weight.data, norm.bias.data, norm.running_mean):
                t.normal_()
            norm.running_var.uniform_(0.5, 2)
        for norm in (self.bn1, self.bn3):
            norm.eval()
            norm.requires_grad_(False)

    def forward(self, x):
        return self.bn3(self.bn2(self.c2(torch.relu(self.bn1(self.c1(x))))))


def main():
    torch.manual_seed(5)
    net = Net()
    given = {name: t.clone() for name, t in net.state_dict().items() if t.dtype == torch.float32}
    net.double()
    x = torch.randn(3, 2, 5, 4)
    given["x"], x = x, x.double().requires_grad_()
    y = net(x)
    dy = torch.randn(y.shape)
    y.backward(dy.double())
    given.update({"dy": dy, "train.y": y.detach(), "dx": x.grad})
    given.update({"grad." + name: p.grad for name, p in net.named_parameters() if p.requires_grad})
    given.update({"after." + name: t for name, t in net.state_dict().items() if "running" in name})
    write(PATH + ".safetensors", given)
    with open(PATH + ".nn", "w") as file:
        file.write(NET)


main()
