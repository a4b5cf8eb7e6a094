#!/usr/bin/python3
"""PyTorch's DistributedDataParallel over gloo as a peer of mpirun nnc train.

peer_ddp.py time MODEL BATCH PROCESSES STEPS [channels_last]
    prints "median_ms least_ms steps": steps of PROCESSES processes with one
    thread each, that share a batch
peer_ddp.py version

Models, optimizer and data are those of peer_torch.py.  A step is that of the
slowest process: the others wait for its gradients.
"""
import os
import socket
import sys
import time

try:
    import torch
    import torch.distributed
    import torch.multiprocessing
    import torchvision
except ImportError as error:
    sys.exit("not installed: " + str(error))
from torch import nn

import peer_torch


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def work(rank, name, batch, processes, steps, port, how):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=processes)
    model, shape, classes = peer_torch.make(name)
    torch.manual_seed(rank)
    x = torch.randn(batch // processes, *shape)
    y = torch.randint(0, classes, (batch // processes,))
    if "channels_last" in how:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    step = peer_torch.passes(nn.parallel.DistributedDataParallel(model), x, y, True)
    step()  # buckets are made anew after the first one
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    times.sort()
    if rank == 0:
        print("%.4f %.4f %d" % (times[len(times) // 2] * 1e3, times[0] * 1e3, steps), flush=True)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    word, rest = sys.argv[1], sys.argv[2:]
    if word == "version":
        if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
            sys.exit("built without gloo")
        print("PyTorch", torch.__version__)
    else:
        name, batch, processes, steps = rest[0], *map(int, rest[1:4])
        torch.multiprocessing.spawn(work, (name, batch, processes, steps, free_port(), rest[4:]), processes)
