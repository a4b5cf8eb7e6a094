"""Takes the steps of reference.safetensors with the module `accumulated`: see run.sh."""
import sys

import numpy

sys.path.insert(0, ".")
import accumulated

tensors, _ = accumulated.read_safetensors(sys.argv[1])
model = accumulated.Model({t: v for t, v in tensors.items() if "." in t and not t.startswith("after.")})


def check(name, value):
    error = abs(value - tensors[name]).max() / abs(tensors[name]).max()
    assert error <= 1e-5, "%s is off by %g" % (name, error)


losses = []
for batches, targets in zip(tensors["x"], tensors["target"]):
    losses.append(numpy.mean([model.accumulate(x, t) for x, t in zip(batches, targets)]))
    model.update(0.1)
check("loss", numpy.array(losses))
after = [name for name in tensors if name.startswith("after.")]
assert len(after) == 10, after
for name in after:
    check(name, model.tensors()[name[len("after.") :]])
