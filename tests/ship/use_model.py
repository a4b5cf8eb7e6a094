"""What tests/ship asks of the modules that `nnc build --python` made: see there."""
import sys

import numpy

sys.path.insert(0, "made")
import built_in
import lenet_model

x = numpy.fromfile("pixels", numpy.uint8).reshape(4, 1, 32, 32) / numpy.float32(255)
labels = numpy.array([7, 2, 1, 0])  # the first digits of MNIST's test set


def refuses(what, function, *arguments):
    try:
        function(*arguments)
    except what as error:
        return str(error)
    raise AssertionError("%s%r was not refused" % (function, arguments))


def close(a, b):
    assert a.shape == b.shape and abs(a - b).max() <= 1e-5, abs(a - b).max()


model = lenet_model.Model("w.safetensors")
assert (model.batch, model.input_shape, model.output_shape) == (3, (1, 32, 32), (10,))
assert model.classes == [str(i) for i in range(10)]
y = model.predict(x)  # a batch, and one sample of the next
close(y, numpy.load("y.npy").reshape(4, 10))
close(built_in.Model().predict(x), y)
assert built_in.Model().classes == model.classes

# The tensors of one make another.
tensors = {n: t for n, t in model.tensors().items() if n in lenet_model.read_safetensors("w.safetensors")[0]}
assert tensors["c1.weight"].shape == (6, 1, 5, 5)
numpy.savez("w.npz", **tensors)
for weights in (tensors, "w.npz"):
    other = lenet_model.Model(weights)
    for name, values in tensors.items():
        assert (other.tensors()[name] == values).all(), name

# Steps: the loss of these samples falls; the same seed gives the same.
losses = [[], []]
for i in range(2):
    learner = lenet_model.Model(seed=5)
    for _ in range(8):
        losses[i].append(learner.step(x[:3], labels[:3], 0.01))
assert losses[0] == losses[1] and losses[0][-1] < losses[0][0], losses

assert "takes 3 samples, not 2" in refuses(ValueError, model.step, x[:2], labels[:2], 0.1)
assert "1024 numbers, not 5" in refuses(ValueError, model.predict, numpy.zeros((2, 5)))
assert "missing c1.bias" in refuses(ValueError, model.load, {"a": 1})
assert "c1.bias of 7 elements" in refuses(ValueError, model.set, "c1.bias", numpy.zeros(7))
assert "no code for training" in refuses(RuntimeError, built_in.Model().step, x[:3], labels[:3], 0.1)
assert "built in" in refuses(RuntimeError, built_in.Model().load, {})
