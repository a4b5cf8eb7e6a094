#!/usr/bin/env python3
"""
mnist_m.py MNIST CIFAR10 OUT.npz: a digit data set of two domains.

Domain 0 is MNIST, grey digits on black.  Domain 1 is made as MNIST-M is (Ganin et al.,
Domain-Adversarial Training of Neural Networks, 2016, section 5.2.4): of a digit and a patch of a
colour photograph the difference |photograph - digit|, channel by channel.  Theirs are of BSDS500;
these are cut from CIFAR-10, training digits with training photographs and test digits with test
photographs.

    x_train, y_train, domain_train   10,000 digits of domain 0 with their classes, and 10,000
                                     others of domain 1, whose class is -100: they have none
    x_test, y_test, domain_test      the 10,000 test digits, all of domain 1

MNIST is a folder of the four IDX files, which may be compressed; CIFAR10 one of the binary form.
It needs NumPy.
"""
import gzip
import os
import sys

import numpy as np

EACH = 10000  # training digits of a domain
NO_CLASS = -100


def idx(folder, name, header):
    path = os.path.join(folder, name)
    with gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb") as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


def digits(folder, part):
    images = idx(folder, f"{part}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)
    return np.repeat(images, 3, 1), idx(folder, f"{part}-labels-idx1-ubyte", 8).astype(np.int64)


def photographs(folder, names):
    rows = [np.fromfile(os.path.join(folder, name), np.uint8).reshape(-1, 3073) for name in names]
    return np.concatenate(rows)[:, 1:].reshape(-1, 3, 32, 32)


def blend(images, photos, random):
    """The difference from 28x28 of a photograph each, anywhere in its 32x32."""
    chosen = photos[random.integers(0, len(photos), len(images))]
    top, left = random.integers(0, 5, (2, len(images)))
    out = np.empty_like(images)
    for i, photo in enumerate(chosen):
        patch = photo[:, top[i] : top[i] + 28, left[i] : left[i] + 28]
        out[i] = np.abs(patch.astype(np.int16) - images[i])
    return out


def main(mnist, cifar, out):
    random = np.random.default_rng(1)
    x, y = digits(mnist, "train")
    x_test, y_test = digits(mnist, "t10k")
    photos = photographs(cifar, [f"data_batch_{i}.bin" for i in range(1, 6)])
    target = blend(x[EACH : 2 * EACH], photos, random)
    np.savez(
        out,
        x_train=np.concatenate([x[:EACH], target]),
        y_train=np.concatenate([y[:EACH], np.full(EACH, NO_CLASS)]),
        domain_train=np.repeat(np.float32([0, 1]), EACH),
        x_test=blend(x_test, photographs(cifar, ["test_batch.bin"]), random),
        y_test=y_test,
        domain_test=np.ones(len(y_test), np.float32),
    )


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: mnist_m.py MNIST CIFAR10 OUT.npz")
    main(*sys.argv[1:])
