"""The net of tests/golden/bf16.nn in PyTorch, with the weights that the generated C has.

reference.py WEIGHTS OUTPUTS: the outputs are those of PyTorch, and the weights are bf16.
reference.py --round F32 BF16: the weights of the first file, rounded by PyTorch, are those of the second.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F

SHAPES = [(16, 3, 3, 3), (16,), (16, 1, 3, 3), (24, 16, 1, 1), (24,), (32, 24, 3, 3), (20, 1152), (20,), (5, 20), (5,)]
NARROW = [True, False, True, True, False, True, True, False, False, False]


def tensors(path):
    values, made = torch.from_numpy(np.fromfile(path, dtype=np.float32)), []
    for shape in SHAPES:
        count = int(np.prod(shape))
        made.append(values[:count].reshape(shape))
        values = values[count:]
    assert len(values) == 0
    return made


def rounded(t):
    return t.to(torch.bfloat16).to(torch.float32)


if sys.argv[1] == "--round":
    for wide, got, narrow in zip(tensors(sys.argv[2]), tensors(sys.argv[3]), NARROW):
        assert torch.equal(rounded(wide) if narrow else wide, got)
    sys.exit()

w1, b1, w2, w3, b3, w4, w5, b5, w6, b6 = weights = tensors(sys.argv[1])
for t, narrow in zip(weights, NARROW):
    assert not narrow or torch.equal(rounded(t), t)
x = torch.from_numpy((np.arange(3 * 432) * 37 % 101).astype(np.float32) / np.float32(50) - np.float32(1))
h = F.relu(F.conv2d(x.reshape(3, 3, 12, 12), w1, b1, padding=1))
h = F.max_pool2d(F.relu(F.conv2d(h, w2, padding=1, groups=16)), 2)
h = F.relu(F.conv2d(F.conv2d(h, w3, b3), w4, padding=1))
y = F.linear(F.relu(F.linear(h.flatten(1), w5, b5)), w6, b6)
got = torch.from_numpy(np.fromfile(sys.argv[2], dtype=np.float32)).reshape(3, 5)
assert torch.allclose(y, got, rtol=1e-4, atol=1e-5), (y, got)
