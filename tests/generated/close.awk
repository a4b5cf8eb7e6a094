# Two files of numbers, one a line: equal to 1e-4 of the larger, or 1e-6.  Sums
# of floats in another order differ by a few units of 2^-24 per term.
NR == FNR { want[FNR] = $2; name[FNR] = $1; count = FNR; next }
{
    off = $2 - want[FNR]
    if (off < 0) off = -off
    size = want[FNR] < 0 ? -want[FNR] : want[FNR]
    if (name[FNR] != $1 || $2 == "nan" || $2 == "-nan" || off > 1e-4 * size + 1e-6) {
        print FNR ": " name[FNR] " " want[FNR] ", " $1 " " $2
        bad = 1
    }
    seen = FNR
}
END { exit bad || seen != count || count == 0 }
