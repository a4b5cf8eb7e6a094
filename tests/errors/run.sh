#!/bin/sh
# Runs `nnc check` on every wrong source of this folder and compares what it says
# with what the source expects of it, in comments:
#
#   # expect-error 3:14: text      also expect-warning and expect-note; the text is
#                                  part of the message, the place is exact
#   # expect-error -: text         a message that belongs to no line of a file
#   # args: -D x=3                 further arguments
#
# Every expected line must come, no error or warning may come that is not
# expected, and the status is 1 when an error is expected, else 0.  Then come
# hostile sources, made here: each must end by itself, at once, within 1 GB,
# with an error.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
cd tests/errors || exit 1

# ---- messages -----------------------------------------------------------------

# Reads the source, then the messages; prints what differs.
compare='
function part(line, text) { # "3:4: text" and "-: text"
    place = line; sub(/: .*/, "", place)
    text = line; sub(/^[^ ]*: /, "", text)
    return text
}
FNR == 1 { file++ }
file == 1 && /^# expect-(error|warning|note) / {
    line = $0; sub(/^# expect-/, "", line)
    kind = line; sub(/ .*/, "", kind)
    sub(/^[a-z]* /, "", line)
    n++
    text[n] = part(line); where[n] = place; kinds[n] = kind
    next
}
file == 1 { next }
match($0, /: (error|warning|note): /) && !/^ / {
    head = substr($0, 1, RSTART - 1)
    kind = substr($0, RSTART + 2, RLENGTH - 4)
    message = substr($0, RSTART + RLENGTH)
    if (match(head, /:[0-9]+:[0-9]+$/))
        place = substr(head, RSTART + 1)
    else
        place = "-"
    known = 0
    for (i = 1; i <= n; i++)
        if (kinds[i] == kind && where[i] == place && index(message, text[i])) {
            seen[i] = 1
            known = 1
        }
    if (!known && kind != "note")
        print "unexpected: " $0
}
END {
    for (i = 1; i <= n; i++)
        if (!seen[i])
            print "missing: " where[i] ": " kinds[i] ": " text[i]
}'

check_source() { # FILE
    what=$1
    args=$(sed -n 's/^# args: //p' "$1")
    want=0
    if grep -q '^# expect-error' "$1"; then want=1; fi
    # shellcheck disable=SC2086 # the arguments are words
    timeout 60 "$NNC" check "$1" $args >"$tmp/out" 2>"$tmp/err" </dev/null
    status=$?
    awk "$compare" "$1" "$tmp/err" >"$tmp/diff"
    if ! grep -q '^# expect-' "$1"; then
        bad "it expects nothing"
    elif [ -s "$tmp/diff" ]; then
        bad "other messages than expected (status $status)" "$tmp/diff"
    elif [ "$status" -ne "$want" ]; then
        bad "status $status, expected $want" "$tmp/err"
    else
        ok
    fi
}

for source in *.nn; do
    check_source "$source"
done

# ---- hostile sources ------------------------------------------------------------

# Each ends in status 1 with an error, after at most a second of processor time:
# unlike time on the clock it does not depend on what else the machine does.
hostile() { # NAME FILE
    what=$1
    (
        ulimit -v 1000000
        cd "$tmp" || exit 3
        timeout 60 "$NNC" check "$2" >/dev/null 2>"$tmp/err" </dev/null
        status=$?
        times >"$tmp/times" # its second line is the children's
        exit $status
    )
    status=$?
    # "0m0.120s 0m0.034s": user and system
    # A second on a quiet machine at most; one that is busy counts more for the same work.
    millis=$(awk 'NR == 2 { n = split($0, t, /[ms ]+/); printf "%d", (t[1] * 60 + t[2] + t[3] * 60 + t[4]) * 1000 }' "$tmp/times")
    if [ "$status" -ne 1 ]; then
        bad "status $status after $millis ms" "$tmp/err"
    elif ! grep -q 'error: ' "$tmp/err"; then
        bad "no error message" "$tmp/err"
    elif [ "$millis" -gt 3000 ]; then
        bad "it took $millis ms" "$tmp/err"
    else
        ok
    fi
}

repeated() { awk -v n="$2" -v s="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%s", s }'; }

made() { # NAME, source on standard input
    cat >"$tmp/$1.nn"
    hostile "$1" "$1.nn"
}

net() { # statements after an input
    printf 'net n {\n    input(3x8x8)\n    %s\n    relu\n}\n' "$1"
}

printf 'net n {\n    input(3x8\000x8)\n    relu\n}\n' | made nul_byte
printf '\000\000\000\000' | made nul_bytes
printf '' | made empty
for seed in 1 2 3 4 5 6 7 8; do
    LC_ALL=C awk -v seed=$seed 'BEGIN { srand(seed); for (i = 0; i < 20000; i++) printf "%c", int(rand() * 255) + 1 }' |
        made "random_bytes_$seed"
    awk -v seed=$seed 'BEGIN {
        n = split("net block train let if else for in repeat group sequential frozen head from as expect import { } ( ) [ ] , -> .. . == + - * / ** ? : 3 3x3 0.5 conv relu x \"a{x}\" \" # ; \n", w, " ")
        srand(seed); printf "net n { input(3x8x8) "
        for (i = 0; i < 20000; i++) printf "%s ", w[int(rand() * n) + 1] }' | made "random_words_$seed"
done
for bracket in '(' '[' '{' '"{' '- ' 'not ' 'c ? ' 'a.' 'f(' '1 + ' 'x[' '2 ** '; do
    name=$(printf '%s' "$bracket" | od -An -tx1 | tr -d ' \n')
    { printf 'net n { input(3x8x8) let a = '; repeated "$bracket" 20000; } | made "deep_$name"
done
{ printf 'net n { input(3x8x8) '; repeated 'add { ' 20000; } | made deep_add
{ printf 'net n { input(3x8x8) '; repeated 'if yes { ' 20000; } | made deep_if
{ printf 'net n { input(3x8x8) if no { } '; repeated 'else if no { } ' 20000; printf 'tanhh }'; } | made long_else
{ printf 'net n { input(3x8x8) let a = 1'; repeated ' + 1' 100000; printf ' tanhh }'; } | made long_sum
{ printf 'net n { input(3x8x8) let a = [1'; repeated ', 1' 100000; printf '] tanhh }'; } | made long_list
net 'repeat 1000000000 { }' | made repeat_empty
net 'repeat 1000000000 { relu }' | made repeat_relu
net 'repeat 1000000 { repeat 1000000 { repeat 1000000 { } } }' | made repeat_nested
net 'repeat 9223372036854775807 { conv(3, 1) }' | made repeat_conv
net 'repeat 1000000000 { tanhh }' | made repeat_unknown
net 'repeat 1000000000 { expect params == 1 }' | made repeat_expect
net 'repeat 1000000000 { let a = "{params}" }' | made repeat_let
net 'for i in 0..9223372036854775807 { relu }' | made long_range
net 'for i in 0..999999 { for j in 0..999999 { } }' | made nested_ranges
net 'for i in 0..999999 { let a = sum(0..999999) }' | made sums_of_ranges
net 'for i in 0..60000 { relu as "r{i}"  conv(3, 1, pad=sam) }' | made many_labels
net 'conv(9000000000000000000, 3)' | made huge_conv
net 'conv(1, 1000000x1000000, pad=1000000)' | made huge_kernel
net 'conv(100000000, 8x8)  conv(100000000, 1)' | made large_conv
net 'let a = 4611686018427387904  conv(a * 2, 1)' | made huge_product
net 'conv(1, 3, pad=9223372036854775807)' | made huge_pad
net 'conv(1, 3, dilation=9223372036854775807, stride=9223372036854775807)' | made huge_stride
net 'upsample(1000000000)' | made huge_upsample
net 'pad([1000000000, 1000000000, 1000000000, 1000000000])' | made huge_padding
net 'reshape(9223372036854775807x9223372036854775807x2)' | made huge_reshape
printf 'net n { input(1000000x1000000x1000000) relu }' | made huge_input
printf 'net n { input(1000000000000000000) relu }' | made huge_vector
printf 'net n { input(99999999999999999999) relu }' | made huge_number
printf 'block a { a }\nnet n { input(3x8x8) a }' | made recursion
printf 'block a { a a }\nnet n { input(3x8x8) a }' | made recursion_double
printf 'block a(k) { if k > 0 { a(k - 1) a(k - 1) } }\nnet n { input(3x8x8) a(60) relux }' | made recursion_tree
printf 'block a { b }\nblock b { a }\nnet n { input(3x8x8) a }' | made recursion_mutual
{ printf 'block a { '; repeated 'if yes { ' 150; printf 'a'; repeated ' }' 150; printf ' }\nnet n { input(3x8x8) a }'; } |
    made recursion_nested
printf 'let a = b\nlet b = a\nnet n { input(a) relu }' | made let_circle
{ awk 'BEGIN { for (i = 0; i < 50000; i++) printf "let a%d = a%d\n", i, i + 1 }'; printf 'net n { input(3) relu }'; } | made let_chain
{ echo 'let a0 = [1, 1]'; awk 'BEGIN { for (i = 0; i < 60; i++) printf "let a%d = [a%d, a%d]\n", i + 1, i, i }'
  net 'expect a60 == a59'; } | made list_doubling
{ echo 'let a0 = "aa"'; awk 'BEGIN { for (i = 0; i < 60; i++) printf "let a%d = \"{a%d}{a%d}\"\n", i + 1, i, i }'
  net 'relu as "{a60}"'; } | made string_doubling
printf 'import "circle_b.nn"\nnet n { input(3) relu }' >"$tmp/circle_a.nn"
printf 'import "circle_a.nn"\n' >"$tmp/circle_b.nn"
hostile circular_import circle_a.nn
printf 'import "self.nn"\nnet n { input(3) relu }' | made self
mkdir "$tmp/folder.nn"
hostile folder folder.nn
hostile missing_file not_there.nn
printf 'import "folder.nn"\nnet n { input(3) relu }' | made import_folder
printf 'import "/dev/zero"\nnet n { input(3) relu }' | made import_zero
{ net 'relu'; printf 'train n { batch 9223372036854775808 }'; } | made huge_batch
{ net 'relu'; printf 'train n { '; repeated 'flip ' 100000; printf '}'; } | made long_section

conclude
