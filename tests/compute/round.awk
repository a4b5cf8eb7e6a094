# Puts the rounding to bf16 into the plain C of a net in f32: what --compute bf16 is defined to compute.
# VALUES: the values that are rounded where a layer stores them; WEIGHTS: what layers read rounded, all
# but updates.  The rounding is by frexp and rint, not by the bits.
BEGIN {
    count = split(VALUES, list, " ")
    for (i = 1; i <= count; i++) rounded[list[i]] = 1
    weights = split(WEIGHTS, weight, " ")
    print "#include <math.h>\n#include <stddef.h>"
    print "static float test_round(float x)\n{\n    int e;\n    const double m = frexp((double)x, &e);"
    print "    return x == 0 || !isfinite(x) ? x : (float)ldexp(rint(ldexp(m, 8)), e - 8);\n}"
    print "static void test_round_all(float *x, size_t bytes)\n{"
    print "    for (size_t k = 0; k < bytes / sizeof *x; k++) x[k] = test_round(x[k]);\n}"
    print "static void *test_weight(int i, const void *from, size_t bytes)\n{\n    static float copy[16][4096];"
    print "    for (size_t k = 0; k < bytes / sizeof(float); k++) copy[i][k] = test_round(((const float *)from)[k]);"
    print "    return copy[i];\n}"
}

# A call is a statement of an entry point, on one line or several.
/^    [a-z0-9_]+\(/ && !/^    (return|for|if|while|switch|offsetof|mem[a-z]+|nn_[a-z_]+)[ (]/ { open = 1; text = "" }
!open { print; next }
{ text = text (text == "" ? "" : " ") $0 }
/;$/ {
    open = 0
    if (text !~ /^    [a-z0-9_]+_sgd\(/)
        for (i = 1; i <= weights; i++)
            text = replace(text, weight[i], i)
    print text
    sub(/^    [a-z0-9_]+\(/, "", text)
    sub(/\);$/, "", text)
    many = split(text, argument, ", ")
    for (i = 1; i <= many; i++) {
        name = argument[i]
        sub(/^ +/, "", name)
        sub(/^\(float \*\)/, "", name)
        if (name in rounded) {
            print "    test_round_all((float *)" name ", " BATCH " * sizeof *" name ");"
            seen[name]++
        }
    }
}

function replace(text, name, i,    at, member)
{
    if (!match(text, "[wm]->" name "[,)]")) return text
    member = substr(text, RSTART, RLENGTH - 1)
    used[name] = 1
    return substr(text, 1, RSTART - 1) "(__typeof__(&" member "[0]))test_weight(" i - 1 ", " member ", sizeof " member \
        ")" substr(text, RSTART + RLENGTH - 1)
}

# What is named must be there.
END {
    for (name in rounded) if (!seen[name]) { print "#error no value " name }
    for (i = 1; i <= weights; i++) if (!used[weight[i]]) print "#error no weight " weight[i]
}
