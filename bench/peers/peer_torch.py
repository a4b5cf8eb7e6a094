#!/usr/bin/python3
"""PyTorch as a peer of nnc: one row of the benchmark.

peer_torch.py time MODEL BATCH infer|train THREADS SECONDS [channels_last] [bf16]
    prints "median_ms least_ms resident_mb runs"; bf16: with autocast, which computes
    convolutions and dense layers in bf16 and keeps parameters in f32
peer_torch.py export MODEL FILE.onnx
    writes the model for onnxruntime, batch 1
peer_torch.py version

Models have the shapes of dsl_examples, initial weights as PyTorch draws them;
GoogLeNet is without its training heads.  Training is SGD with momentum on
random data, cross-entropy, batchnorm and dropout in training mode.
"""
import sys
import time

try:
    import torch
    import torchvision
except ImportError as error:
    sys.exit("not installed: " + str(error))
from torch import nn


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Tanh(),
        nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.Tanh(),
        nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def cifar():
    layers, channels = [], 3
    for width in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 128), nn.ReLU(), nn.Linear(128, 10))


SMALL = {"lenet": (lenet, (1, 32, 32)), "mlp": (mlp, (1, 28, 28)), "cifar": (cifar, (3, 32, 32))}


def make(name):
    """The model, the shape of a sample, the number of classes."""
    torch.manual_seed(0)
    if name in SMALL:
        return SMALL[name][0](), SMALL[name][1], 10
    more = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    return getattr(torchvision.models, name)(**more), (3, 224, 224), 1000


def resident():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0


def passes(model, x, y, train, bf16=False):
    """The function that is timed."""
    def autocast():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16)

    if not train:
        model.eval()

        def infer():
            with torch.no_grad(), autocast():
                model(x)
        return infer
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        with autocast():
            loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
    return step


def measure(run, seconds):
    for _ in range(3):
        run()
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    times.sort()
    return times


def time_row(name, batch, mode, threads, seconds, *how):
    torch.set_num_threads(int(threads))
    model, shape, classes = make(name)
    x = torch.randn(int(batch), *shape)
    y = torch.randint(0, classes, (int(batch),))
    if "channels_last" in how:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    times = measure(passes(model, x, y, mode == "train", "bf16" in how), float(seconds))
    print("%.4f %.4f %.0f %d" % (times[len(times) // 2] * 1e3, times[0] * 1e3, resident(), len(times)))


def export(name, path):
    model, shape, _ = make(name)
    torch.onnx.export(model.eval(), torch.randn(1, *shape), path, opset_version=13)


if __name__ == "__main__":
    word, rest = sys.argv[1], sys.argv[2:]
    if word == "version":
        print("PyTorch", torch.__version__)
    elif word == "export":
        export(*rest)
    else:
        time_row(*rest)
