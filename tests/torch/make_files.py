#!/usr/bin/python3
"""Writes the PyTorch files beside it, which tests/unit/test_torch_files.c and tests/weights/run.sh read.

Values are small numbers that every type holds exactly.
"""
import os
from collections import OrderedDict

import torch

HERE = os.path.dirname(os.path.abspath(__file__))


def tensors():
    grid = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    return OrderedDict(
        [
            ("float", grid - 2.5),
            ("half", (grid / 4).half()),
            ("bfloat16", (grid * 2).bfloat16()),
            ("double", grid.double() + 0.125),
            ("long", torch.tensor(7)),
            ("bool", torch.tensor([True, False, True])),
            ("transposed", grid.t()),
            ("columns", grid[:, 1::2]),
            ("row", grid[2]),
            ("expanded", torch.tensor([[5.0], [6.0]]).expand(2, 3)),
            ("empty", torch.zeros(0, 3)),
            ("parameter", torch.nn.Parameter(torch.ones(2))),
        ]
    )


def checkpoint():
    torch.manual_seed(1)
    net = torch.nn.Sequential(
        OrderedDict([("fc", torch.nn.Linear(3, 2)), ("bn", torch.nn.BatchNorm1d(2))])
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(torch.rand(4, 3)).sum().backward()
    optimizer.step()
    with torch.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_(torch.arange(p.numel()).reshape(p.shape) + 10 * i)
    state = OrderedDict(("module." + k, v) for k, v in net.state_dict().items())
    return {
        "epoch": 3,
        "best": torch.tensor(0.5),
        "optimizer": optimizer.state_dict(),
        "state_dict": state,
    }


def save(name, what, **options):
    torch.save(what, os.path.join(HERE, name), **options)


def net():
    """Of the net in tests/weights/run.sh: wide values that would show another order."""
    return OrderedDict(
        [
            ("conv.weight", torch.arange(18.0).reshape(2, 1, 3, 3) / 16 - 0.5),
            ("conv.bias", torch.tensor([0.25, -0.25])),
            ("fc.weight", (torch.arange(24.0).reshape(8, 3) / 32).t()),
            ("fc.bias", torch.tensor([1.0, 2.0, 3.0]).half()),
        ]
    )


stream = {"_use_new_zipfile_serialization": False}
save("zip.pt", tensors())
save("zip_protocol_4.pt", tensors(), pickle_protocol=4)
save("stream.pt", tensors(), **stream)
save("stream_protocol_4.pt", tensors(), pickle_protocol=4, **stream)
save("checkpoint_zip.pt", checkpoint())
save("checkpoint_stream.pt", checkpoint(), **stream)
save("single.pt", torch.arange(3.0))
save("net_zip.pt", {"model": OrderedDict(("module." + k, v) for k, v in net().items())})
save("net_stream.pt", net(), **stream)
save("net_renamed.pt", OrderedDict((k.replace("conv", "features.0"), v) for k, v in net().items()))
