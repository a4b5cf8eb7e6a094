"""scale.py FROM TO FACTOR TENSOR [AXIS …]: multiplies every channel of a tensor of a safetensors file along the
axis 0, the kth of K by FACTOR^(k / (K − 1)); several TENSOR=AXIS,SIGN pairs, where SIGN −1 divides."""
import json
import struct
import sys

source, target, factor = sys.argv[1], sys.argv[2], float(sys.argv[3])
with open(source, "rb") as f:
    header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    data = bytearray(f.read())
for item in sys.argv[4:]:
    name, how = item.split("=")
    axis, sign = (int(part) for part in how.split(","))
    tensor = header[name]
    begin, end = tensor["data_offsets"]
    values = list(struct.unpack("<%df" % ((end - begin) // 4), data[begin:end]))
    shape = tensor["shape"]
    inner = 1
    for size in shape[axis + 1:]:
        inner *= size
    channels = shape[axis]
    for i in range(len(values)):
        channel = i // inner % channels
        values[i] *= factor ** (sign * channel / (channels - 1))
    data[begin:end] = struct.pack("<%df" % len(values), *values)
with open(target, "wb") as f:
    text = json.dumps(header).encode()
    f.write(struct.pack("<Q", len(text)) + text + data)
