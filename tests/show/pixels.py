"""pixels.py FILE.png COLUMNS ROWS WIDTH HEIGHT SQUARE GAP: the shades of a grid of tiles.

The grid is at the lower left edge of the picture, COLUMNS x ROWS tiles of WIDTH x HEIGHT squares, each
of SQUARE pixels a side, with GAP white pixels around every tile.  A line for each tile: its squares in
hexadecimal, rows between slashes; a square that is not of one colour is `mixed`.
"""
import struct
import sys
import zlib


def chunks(png):
    at = 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        yield kind, png[at + 8 : at + 8 + size]
        at += 12 + size


def paeth(a, b, c):
    distances = [(abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c)]
    return min(distances)[2]


def unfilter(data, height, stride, step):
    """The lines of a picture, each without its filter (PNG specification, 9.2)."""
    before = bytearray(stride)
    for i in range(height):
        kind, line = data[i * (stride + 1)], bytearray(data[i * (stride + 1) + 1 : (i + 1) * (stride + 1)])
        for j in range(stride):
            left, up_left = (line[j - step], before[j - step]) if j >= step else (0, 0)
            up = before[j]
            line[j] = (line[j] + [0, left, up, (left + up) // 2, paeth(left, up, up_left)][kind]) & 255
        yield bytes(line)
        before = line


def read(path):
    with open(path, "rb") as file:
        parts = list(chunks(file.read()))
    width, height, bits, kind = struct.unpack(">IIBB", parts[0][1][:10])
    assert bits == 8 and kind in (0, 2), "neither 8-bit grey nor 8-bit RGB"
    step = 1 if kind == 0 else 3
    data = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    lines = list(unfilter(data, height, width * step, step))
    return [[line[i : i + step].hex() * (3 // step) for i in range(0, width * step, step)] for line in lines]


def square(lines, x, y, side):
    shades = {shade for line in lines[y : y + side] for shade in line[x : x + side]}
    return shades.pop() if len(shades) == 1 else "mixed"


def main():
    columns, rows, width, height, side, gap = map(int, sys.argv[2:])
    lines = read(sys.argv[1])
    lines = lines[len(lines) - rows * (height * side + gap) - gap :]
    for i in range(columns * rows):
        x, y = gap + i % columns * (width * side + gap), gap + i // columns * (height * side + gap)
        tile = [[square(lines, x + k * side, y + j * side, side) for k in range(width)] for j in range(height)]
        print(" / ".join(" ".join(row) for row in tile))


main()
