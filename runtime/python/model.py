import ctypes
import json
import os

import numpy

_c = ctypes


class _Record(_c.Structure):
    def shape(self):
        return tuple(self.dims[: self.rank])

    def label(self):
        return self.name.decode()


class _Tensor(_Record):
    _fields_ = [("name", _c.c_char_p), ("kind", _c.c_int), ("rank", _c.c_int), ("dims", _c.c_int * 4),
                ("count", _c.c_size_t)]


class _Part(_Record):
    _fields_ = [("name", _c.c_char_p), ("kind", _c.c_int), ("rank", _c.c_int), ("dims", _c.c_int * 4),
                ("offset", _c.c_size_t), ("count", _c.c_size_t)]


_floats = _c.POINTER(_c.c_float)


class _Info(_c.Structure):  # nn_model_info of nn.h
    _fields_ = [
        ("abi", _c.c_int), ("name", _c.c_char_p), ("loss", _c.c_char_p), ("batch", _c.c_int),
        ("input_rank", _c.c_int), ("input_dims", _c.c_int * 4),
        ("output_rank", _c.c_int), ("output_dims", _c.c_int * 4),
        ("inputs", _c.c_size_t), ("outputs", _c.c_size_t), ("params", _c.c_size_t),
        ("model_bytes", _c.c_size_t), ("train_bytes", _c.c_size_t),
        ("infer_scratch", _c.c_size_t), ("train_scratch", _c.c_size_t),
        ("target_kind", _c.c_int), ("target_count", _c.c_size_t),
        ("tensor_count", _c.c_int), ("tensors", _c.POINTER(_Tensor)),
        ("init", _c.CFUNCTYPE(_c.c_void_p, _c.c_void_p, _c.c_int, _c.c_uint64)),
        ("set", _c.CFUNCTYPE(_c.c_int, _c.c_void_p, _c.c_char_p, _floats, _c.c_size_t)),
        ("get", _c.CFUNCTYPE(_c.c_int, _c.c_void_p, _c.c_char_p, _floats, _c.c_size_t)),
        ("infer", _c.CFUNCTYPE(None, _c.c_void_p, _floats, _floats, _c.c_void_p)),
        ("eval", _c.c_void_p),
        ("step", _c.CFUNCTYPE(_c.c_float, _c.c_void_p, _floats, _c.c_void_p, _c.c_float, _c.c_void_p)),
        ("grad", _c.c_void_p), ("get_grad", _c.c_void_p),
        ("output_part_count", _c.c_int), ("output_parts", _c.POINTER(_Part)),
        ("target_part_count", _c.c_int), ("target_parts", _c.POINTER(_Part)),
        ("loss_count", _c.c_int), ("loss_list", _c.c_void_p), ("losses", _c.c_void_p),
        ("gradients_bytes", _c.c_size_t),
        ("grad_add", _c.CFUNCTYPE(_c.c_float, _c.c_void_p, _floats, _c.c_void_p, _c.c_void_p, _c.c_void_p)),
        ("update", _c.CFUNCTYPE(None, _c.c_void_p, _c.c_void_p, _c.c_float, _c.c_void_p)),
        ("get_grad_sum", _c.c_void_p),
    ]


_CLASSES, _STATE = 0, 3


def _block(size):
    """`size` zero bytes that begin at a multiple of 64, as the C wants its blocks."""
    memory = numpy.zeros(size + 64, numpy.uint8)
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + size]


def _rows(array, kind, columns):
    """The samples of an array as rows of numbers, C-contiguous."""
    array = numpy.asarray(array, kind)
    samples = len(array)
    if array.size != samples * columns:
        raise ValueError("a sample has %d numbers, not %d" % (columns, array.size // max(samples, 1)))
    return numpy.ascontiguousarray(array).reshape(samples, columns)


def _pointer(array):
    return array.ctypes.data_as(_floats)


def read_safetensors(path):
    """The tensors of a safetensors file by name (float32), and its metadata."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError("%s: %s is %s, not F32" % (path, name, entry["dtype"]))
        begin, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return tensors, metadata


class Model:
    """The network, with its weights in memory of its own.

    weights: a safetensors or .npz file, or a dict of arrays under PyTorch's names; None: those
    that were built in, or else initial values from `seed`.  The normalisation and the classes
    that `nnc train` writes beside the weights are used by `predict` and `classes`.

    batch         samples of a step
    input_shape   of one sample: (C, H, W), (L, D) or (F,)
    output_shape  of one sample, of the first output
    classes       names, where the weights have them, or None
    """

    def __init__(self, weights=None, seed=1):
        folder = os.path.dirname(os.path.abspath(__file__))
        self._library = _c.CDLL(os.path.join(folder, LIBRARY))
        info = self._library[PREFIX + "_info"]
        info.restype = _c.POINTER(_Info)
        self._info = info().contents
        if self._info.abi != ABI:
            raise RuntimeError("%s has the interface %d, not %d: build it anew" % (LIBRARY, self._info.abi, ABI))
        self.batch = self._info.batch
        self.input_shape = tuple(self._info.input_dims[: self._info.input_rank])
        self.output_shape = tuple(self._info.output_dims[: self._info.output_rank])
        self.classes = None
        self._mean = self._std = None
        self._built_in = weights is None and hasattr(self._library, PREFIX + "_trained")
        self._scratch = _block(max(self._info.infer_scratch, self._info.train_scratch))
        if self._built_in:
            self._take_built_in()
        else:
            self._make(seed)
            if weights is not None:
                self.load(weights)

    def _take_built_in(self):
        trained = self._library[PREFIX + "_trained"]
        trained.restype = _c.c_void_p
        self._model = trained()
        name = self._library[PREFIX + "_class_name"]
        name.restype = _c.c_char_p
        names = [name(i) for i in range(self._info.outputs)]
        self.classes = [n.decode() for n in names] if all(names) else None

    def _make(self, seed):
        trains = bool(self._info.step)
        self._memory = _block(self._info.train_bytes if trains else self._info.model_bytes)
        self._gradients = _block(self._info.gradients_bytes)
        self._model = self._info.init(self._memory.ctypes.data, int(trains), seed)

    def load(self, weights):
        """Sets tensors from a safetensors or .npz file or a dict.  Names that the net does not have,
        and parameters or statistics that are missing, are an error."""
        if self._built_in:
            raise RuntimeError("the weights of this library are built in")
        metadata = {}
        if not isinstance(weights, dict):
            path = os.fspath(weights)
            weights, metadata = (dict(numpy.load(path)), {}) if path.endswith(".npz") else read_safetensors(path)
        wanted = {t.label() for t in self._tensor_list() if t.kind != _STATE}
        missing, unknown = wanted - set(weights), set(weights) - {t.label() for t in self._tensor_list()}
        if missing or unknown:
            raise ValueError("weights that do not fit: missing %s; unknown %s"
                             % (", ".join(sorted(missing)) or "none", ", ".join(sorted(unknown)) or "none"))
        for name, values in weights.items():
            self.set(name, values)
        if "normalize.mean" in metadata:
            self._mean = [float(x) for x in metadata["normalize.mean"].split(",")]
            self._std = [float(x) for x in metadata["normalize.std"].split(",")]
        if "classes" in metadata:
            self.classes = json.loads(metadata["classes"])

    def _tensor_list(self):
        return [self._info.tensors[i] for i in range(self._info.tensor_count)]

    def set(self, name, values):
        """Sets a tensor, in its shape in PyTorch or in any of as many elements."""
        values = numpy.ascontiguousarray(values, numpy.float32)
        if self._info.set(self._model, name.encode(), _pointer(values), values.size):
            raise ValueError("no tensor %s of %d elements" % (name, values.size))

    def tensors(self):
        """Parameters, running statistics and the optimizer's state: copies, by name."""
        values = {}
        for t in self._tensor_list():
            array = numpy.empty(t.shape(), numpy.float32)
            if self._info.get(self._model, t.name, _pointer(array), array.size) == 0:
                values[t.label()] = array
        return values

    def _normalized(self, x):
        if self._mean is None:
            return x
        channels = x.reshape(len(x), len(self._mean), -1)
        mean = numpy.array(self._mean, numpy.float32)[:, None]
        std = numpy.array(self._std, numpy.float32)[:, None]
        return numpy.ascontiguousarray((channels - mean) / std).reshape(x.shape)

    def predict(self, x):
        """The outputs of any number of samples, (N,) + input_shape, pixels from 0 to 1.  Of several
        outputs, a dict by name, the first under "output"."""
        x = self._normalized(_rows(x, numpy.float32, self._info.inputs))
        y = numpy.empty((len(x), self._info.outputs), numpy.float32)
        ins, outs = (numpy.zeros((self.batch, n), numpy.float32) for n in (self._info.inputs, self._info.outputs))
        for begin in range(0, len(x), self.batch):
            count = min(self.batch, len(x) - begin)
            ins[:count] = x[begin : begin + count]
            self._info.infer(self._model, _pointer(ins), _pointer(outs), self._scratch.ctypes.data)
            y[begin : begin + count] = outs[:count]
        parts = [self._info.output_parts[i] for i in range(self._info.output_part_count)]
        if not parts:
            return y.reshape((len(x),) + self.output_shape)
        return {p.label() or "output": y[:, p.offset : p.offset + p.count].reshape((len(x),) + p.shape()) for p in parts}

    def step(self, x, target, lr):
        """A step of training with `batch` samples; returns their mean loss before it.  Targets are
        classes (int32) or values, a row per sample.  Inputs are normalised as by `predict`."""
        x, target = self._training_batch(x, target)
        return self._info.step(self._model, _pointer(x), target.ctypes.data, lr, self._scratch.ctypes.data)

    def accumulate(self, x, target):
        """Adds the gradients of `batch` samples to those of the calls before, for `update`; returns
        the samples' mean loss."""
        x, target = self._training_batch(x, target)
        return self._info.grad_add(self._model, _pointer(x), target.ctypes.data, self._gradients.ctypes.data,
                                   self._scratch.ctypes.data)

    def update(self, lr):
        """A step by the mean of the gradients that were accumulated since the last one."""
        self._check_trains()
        self._info.update(self._model, self._gradients.ctypes.data, lr, self._scratch.ctypes.data)

    def _check_trains(self):
        if not self._info.step or self._built_in:
            raise RuntimeError("this library has no code for training")

    def _training_batch(self, x, target):
        self._check_trains()
        kind = numpy.int32 if self._info.target_kind == _CLASSES else numpy.float32
        x = self._normalized(_rows(x, numpy.float32, self._info.inputs))
        target = _rows(target, kind, self._info.target_count)
        if len(x) != self.batch or len(target) != self.batch:
            raise ValueError("a step takes %d samples, not %d and %d targets" % (self.batch, len(x), len(target)))
        return x, target
