# flower.csv: 400 points x, y of two classes on the petals of a flower.
#
#     awk -f flower.awk > flower.csv
#
# Class k has the angles theta from 3.12 k to 3.12 (k + 1), evenly spaced, with normal noise of deviation
# 0.2; r = 4 sin(4 theta) with the same noise. Random numbers are a linear congruential generator's
# (Lewis, Goodman and Miller, 1969), so that every awk gives the same file.
function uniform() { state = (16807 * state) % 2147483647; return state / 2147483647 }
function normal(    u) { u = uniform(); return sqrt(-2 * log(u)) * cos(6.283185307179586 * uniform()) }
BEGIN {
    state = 1
    print "x,y,class"
    for (i = 0; i < 200; i++)
        for (k = 0; k < 2; k++) {
            theta = 3.12 * (k + i / 199) + 0.2 * normal()
            r = 4 * sin(4 * theta) + 0.2 * normal()
            printf "%.4f,%.4f,%d\n", r * sin(theta), r * cos(theta), k
        }
}
