# The profile of a training step for scale.c, from `nnc bench NET.nn --train --format csv`.
#
#     awk -F, -v net=alexnet -v samples=16 -v optimizer=sgd -f profile.awk
#
# Calls are in the order of the pass.  That of the optimizer comes as soon as a gradient is final; a
# gradient that is computed in pieces has a call for each, and is final with the last.  A piece of a matrix is updated
# as a vector; its shape is that of the call before, which has computed it.  Times are the
# least of all runs, which is what other work on the machine disturbs least.  Where the whole pass is
# shorter than its calls, as threads do not wait for each other after every call, they are scaled to it.
function count_of(shape,   n, i, part, floats) {
    n = split(shape, part, "x")
    floats = 1
    for (i = 1; i <= n; i++) floats *= part[i]
    return floats
}
$1 == "whole" { whole = $10 }
$1 == "call" { sum += $10 }
$1 != "call" { next }
$6 == optimizer {
    floats = count_of($7)
    size = split(floats == count_of(last) ? last : $7, shape, "x")
    if ($5 != name[count]) {
        name[++count] = $5
        bytes[count] = update[count] = rows[count] = 0
        before[count] = compute
    } else {
        before[count] += compute
    }
    bytes[count] += 4 * floats
    rows[count] += size == 2 ? shape[1] : 0
    columns[count] = shape[size]
    update[count] += $10
    compute = 0
    next
}
{ compute += $10; last = $7 }
END {
    if (!count || !sum || !whole) {
        print "profile.awk: no training step with " optimizer > "/dev/stderr"
        exit 1
    }
    k = (whole < sum ? whole / sum : 1) / 1000
    printf "profile %s %d\n", net, samples
    for (i = 1; i <= count; i++) {
        printf "compute %.6g\n", before[i] * k
        printf "gradient %d %.6g %s%s\n", bytes[i], update[i] * k, name[i], rows[i] ? " " rows[i] "x" columns[i] : ""
    }
    printf "compute %.6g\n", compute * k
}
