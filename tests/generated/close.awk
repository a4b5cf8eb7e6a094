# Two files of numbers, one a line, of several starts (drive.c): equal to 1e-4 of the
# larger, or 1e-6, from a quarter of the starts at least.  Sums of floats in another
# order differ by a few units of 2^-24 per term; where a value then comes to the other
# side of a kink, all that follows from this start is another path.  Among forty starts
# each, 33 and more agreed, with a tenth of what is allowed in the median.  What is
# wrong is wrong from every start.
NR == FNR { want[FNR] = $2; name[FNR] = $1; count = FNR; next }
{
    seen = FNR
    if (name[FNR] != $1) { print FNR ": " name[FNR] ", " $1; different = 1 }
    if ($1 == "start") { starts++; next }
    off = $2 - want[FNR]
    if (off < 0) off = -off
    size = want[FNR] < 0 ? -want[FNR] : want[FNR]
    if ($2 == "nan" || $2 == "-nan" || off > 1e-4 * size + 1e-6) {
        print FNR ": " name[FNR] " " want[FNR] ", " $1 " " $2
        if (!bad[starts]) apart++
        bad[starts] = 1
    }
}
END { exit different || seen != count || !starts || 4 * (starts - apart) < starts }
