"""predict_module.py DIRECTORY MODULE SHAPE: the outputs for the samples in x.raw go to module.raw."""
import importlib
import sys

import numpy

sys.path.insert(0, sys.argv[1])
shape = [int(n) for n in sys.argv[3].split("x")]
x = numpy.fromfile("x.raw", numpy.float32).reshape([-1] + shape)
importlib.import_module(sys.argv[2]).Model().predict(x).tofile("module.raw")
