"""
Prints the tables of tests/unit/test_averages.c: lambda of mixup, and the rectangles of cutmix, for
some batches, computed from the papers' formulas and the definition of Philox4x32-10 (Salmon et
al., 2011) alone.

    python3 tests/refs/mixing.py
"""
from math import cos, floor, log, pi, sqrt

WORD, LONG = 2**32 - 1, 2**64 - 1
STREAM = 0x6D69786564000001  # of runtime/data/mix.c


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & WORD, a >> 32 ^ c[3] ^ k[1], a & WORD]
        k = [(k[0] + 0x9E3779B9) & WORD, (k[1] + 0xBB67AE85) & WORD]
    return c


def word(seed, stream, index):
    """Two 64-bit words a block: the index is the counter's low half, the stream its high half."""
    block = index // 2
    out = philox([block & WORD, block >> 32, stream & WORD, stream >> 32], [seed & WORD, seed >> 32])
    low, high = out[2 * (index % 2) : 2 * (index % 2) + 2]
    return high << 32 | low


def uniforms(seed, epoch, at):
    while True:
        yield ((word(seed ^ STREAM, epoch, at) >> 11) + 0.5) / 2**53
        at += 1


def gamma(u, alpha):
    """Marsaglia and Tsang 2000; below 1 that of alpha + 1 times U^(1 / alpha)."""
    boost = next(u) ** (1 / alpha) if alpha < 1 else 1
    d = (alpha + 1 if alpha < 1 else alpha) - 1 / 3
    c = 1 / sqrt(9 * d)
    while True:
        x = sqrt(-2 * log(next(u))) * cos(2 * pi * next(u))
        v = (1 + c * x) ** 3
        if v > 0 and log(next(u)) < x * x / 2 + d - d * v + d * log(v):
            return d * v * boost


def mixing(seed, epoch, batch, alpha):
    u = uniforms(seed, epoch, batch << 16)
    x = gamma(u, alpha)
    return x / (x + gamma(u, alpha))


def cut(seed, epoch, batch, alpha, height, width):
    """Yun et al. 2019: the rectangle of sides H·sqrt(1 − λ) and W·sqrt(1 − λ) about a uniform place,
    as far as it is in the image; its rows and columns, and λ by area.  The place's numbers are in
    the second half of the batch's."""
    share = sqrt(1 - mixing(seed, epoch, batch, alpha))
    u = uniforms(seed, epoch, (batch << 16) + (1 << 15))
    sides = []
    for length in (height, width):
        middle = next(u) * length
        sides += [floor(min(max(middle + sign * share * length / 2, 0), length)) for sign in (-1, 1)]
    top, bottom, left, right = sides
    return top, bottom, left, right, 1 - (bottom - top) * (right - left) / (height * width)


if __name__ == "__main__":
    for seed, epoch, batch, alpha, height, width in [(1, 1, 0, 1, 32, 32), (7, 3, 5, 0.2, 28, 20), (7, 3, 6, 0.2, 28, 20), (2**40 + 5, 2, 9, 0.4, 9, 9), (3, 12, 100, 8, 224, 160), (3, 12, 101, 8, 5, 31)]:
        edges = cut(seed, epoch, batch, alpha, height, width)
        print(f"    {{{seed}, {epoch}, {batch}, {alpha}, {height}, {width}, " + "{%d, %d, %d, %d}, %.15g}," % edges)
    print()
    for seed, epoch, batch, alpha in [(1, 1, 0, 1), (1, 1, 1, 1), (7, 3, 5, 0.2), (7, 3, 6, 0.2), (2**40 + 5, 2, 9, 0.4), (3, 12, 100, 8)]:
        print(f"    {{{seed}, {epoch}, {batch}, {alpha}, {mixing(seed, epoch, batch, alpha):.15g}}},")
