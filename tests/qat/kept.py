"""kept.py SIMULATED INT8 KEPT LAYER: KEPT is INT8 but for LAYER, which has the weights of SIMULATED; the values
that it has scales of have those of INT8."""
import json
import struct
import sys


def read(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    header.pop("__metadata__", None)
    return {name: (t["dtype"], data[slice(*t["data_offsets"])]) for name, t in header.items()}


simulated, int8, kept, layer = read(sys.argv[1]), read(sys.argv[2]), read(sys.argv[3]), sys.argv[4]
own = {name for name in simulated if name.startswith(layer + ".")}
wrong = [name for name in own if kept.get(name) != simulated[name]]
wrong += [name for name in kept if name not in own and kept[name] != int8.get(name, simulated.get(name))]
wrong += [name for name in kept if name.startswith((layer + ".q", "quantization/" + layer + ".q"))]
wrong += [name for name in int8 if name not in kept and not name.startswith(("quantization/", layer + ".q"))]
if wrong or not own or not any(name.startswith("quantization/") for name in kept):
    sys.exit("wrong: " + ", ".join(sorted(wrong)))
