"""safetensors for the scripts here, which need PyTorch and nothing else: name → tensor."""
import json
import struct

import torch

TYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}


def read(path):
    data = bytearray(open(path, "rb").read())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length].decode())
    header.pop("__metadata__", None)
    tensors = {}
    for name, t in header.items():
        begin, end = (8 + length + at for at in t["data_offsets"])
        tensors[name] = torch.frombuffer(data[begin:end], dtype=TYPES[t["dtype"]]).reshape(t["shape"])
    return tensors


def write(path, tensors, metadata=None):
    names = {dtype: name for name, dtype in TYPES.items()}
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, t in tensors.items():
        begin = len(data)
        data += t.contiguous().numpy().tobytes()
        header[name] = {"dtype": names[t.dtype], "shape": list(t.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def distance(a, b):
    """The largest error of a, relative to the largest magnitude of b, as nnc check has it."""
    a, b = a.double(), b.double()
    return ((a - b).abs().max() / b.abs().max()).item()
