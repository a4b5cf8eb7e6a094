#!/bin/sh
# nnc trace: the published numbers of the exercises as they are printed, its formats, and what it
# says about wrong command lines.  tests/unit/test_trace.c compares the numbers themselves.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

exercises=dsl_examples/exercises

# FILE "OPTIONS" TEXT…: every text stands in the trace
shows() {
    file=$1 options=$2
    shift 2
    # shellcheck disable=SC2086  # several options
    "$NNC" trace $exercises/"$file" $options >"$tmp/said" 2>&1 || bad "$file: status $?" "$tmp/said"
    for text in "$@"; do
        if grep -qF -- "$text" "$tmp/said"; then ok; else bad "$file: no '$text'" "$tmp/said"; fi
    done
}

shows one_neuron.nn --x=-1,-2 '1 / (1 + exp(−1)) = 0.73' 'dy/dx = 0.73 · (1 − 0.73) = 0.20;  · 1 = 0.20' \
    '(0.39, −0.59)' '(−0.20, −0.39)' '2 · (−1) + (−3) · (−2) = 1'
shows sum_times_z.nn --x=-2,5,-4 '1 · (−2) + 1 · 5 + 0 · (−4) = 3' '3 · (−4) = −12' '(−4, −4, 3)'
shows convolution.nn '--x 4,2,-1,-6,0,5,3,2,2 --dy 1,1,1,1' '(−4, 3; −9, 5)' '(−1) · 4 + 0 · 2 + 0 · (−6) + (−2) · 0 = −4'
shows relu_backwards.nn '--x 1,-2,3,-1 --dy 4,-1,5,9' '(1, 0, 3, 0)' '(4, 0, 5, 0)' 'dy/dx = 0 > 0 ? 1 : 0 = 0;  · (−1) = 0'
shows matrix_product.nn '--x 2,-1,3,-3,4,2 --dy 1,0,0,1,0,1,-2,0' '(13, 9, 2, −10; 5, 2, 11, 7)' '(2, 4, 1; 0, −5, 0)'
shows line_of_one_weight.nn '--x 1,2,3,4 --target 2,4,6,8' '= 7.50' '= −15' '1 → 1.0750'
shows mean_squared_error.nn '--x 0.5,-0.25,0.75 --target 1,0.25,0.25' '= 0.25' '(−0.33, −0.33, 0.33)'
shows squared_norm.nn '--x 0.2,0.4 --digits 4' '(0.0880, 0.1760; 0.1040, 0.2080)' '(−0.1120, 0.6360)'
shows xor_by_hand.nn '--x 1,0 --dy 0,0,1' '(0.61, 0.69)' '0.34'
shows output_sizes.nn '--x 49*1 --dy 9*1' '(81, 81, 81; 81, 81, 81; 81, 81, 81)'
shows dense_against_convolution.nn '--x 32768*1 --dy 32768*1' '32x32x1x1 from 1024 to 1024'
shows one_neuron.nn '--x=-1,-2 --format dot' 'digraph' '0.73' '0.39, −0.59'

# Large arrays: their range with a histogram, and images in shades, a character for two rows.
printf 'net image {\n    input(2x8x4) as image\n    relu\n}\n' >"$tmp/image.nn"
"$NNC" trace "$tmp/image.nn" --x '16*0 16*1 31*0.5 0.5' --dy '64*1' >"$tmp/said" 2>&1
sed -n '/^  image/,/^  relu/p' "$tmp/said" >"$tmp/have"
cat >"$tmp/want" <<'END'
  image  input  1x2x8x4 from 0 to 1, mean 0.50  ▄       █      ▄
                ▏    ▕ ▏▒▒▒▒▕
                ▏    ▕ ▏▒▒▒▒▕
                ▏████▕ ▏▒▒▒▒▕
                ▏████▕ ▏▒▒▒▒▕
  relu1  relu   1x2x8x4 from 0 to 1, mean 0.50  ▄       █      ▄
END
if diff "$tmp/want" "$tmp/have" >"$tmp/said"; then ok; else bad 'the picture of an image' "$tmp/said"; fi
"$NNC" trace "$tmp/image.nn" --x '16*0 16*1 31*0.5 1e39' --dy '64*1' >"$tmp/said" 2>&1
if grep -qF '▏████▕ ▏▒▒▒×▕' "$tmp/said"; then ok; else bad 'a picture with an infinite number' "$tmp/said"; fi

# The derivatives that the traces show are right by finite differences, too.
for file in one_neuron sum_times_z convolution matrix_product line_of_one_weight squared_norm xor_by_hand; do
    try "$file: gradients" "$NNC" check --gradients $exercises/$file.nn
done

# A file is read as predict reads it; what is written with -o is what is printed.
printf '4,2,-1,-6,0,5,3,2,2\n' >"$tmp/x.csv"
shows convolution.nn "--x $tmp/x.csv --dy 1,1,1,1" '(−4, 3; −9, 5)'
"$NNC" trace $exercises/one_neuron.nn --x=-1,-2 --format json >"$tmp/printed"
"$NNC" trace $exercises/one_neuron.nn --x=-1,-2 --format json -o "$tmp/written"
if cmp "$tmp/printed" "$tmp/written" >"$tmp/said"; then ok; else bad 'JSON: -o' "$tmp/said"; fi

# Only the optimizer updates, and only after a gradient.
"$NNC" trace $exercises/line_of_one_weight.nn --x 1,2 --target 2,4 --format json >"$tmp/said"
passes=$(grep -o -e '"pass": "[a-z]*"' -e '"updates": "[a-z.]*"' "$tmp/said" | tr -d '": ' | tr '\n' ' ')
expected='passforward passloss passbackward passbackward passupdate updatesw.weight '
if [ "$passes" = "$expected" ]; then ok; else bad "calls: $passes" "$tmp/said"; fi

# ---- the page, in a browser ------------------------------------------------------------------

# page WIDTH FILE OPTIONS…: with a script before it that collects errors, and probe.js
page() {
    width=$1 file=$2
    shift 2
    "$NNC" trace "$file" "$@" --format html -o "$tmp/page.html" 2>"$tmp/said" || bad "$file: no page" "$tmp/said"
    {
        sed '/<head>/q' "$tmp/page.html"
        echo '<script>window.probeErrors = []; addEventListener("error", (e) => window.probeErrors.push(e.message));'
        cat tests/trace/probe.js
        echo '</script>'
        sed '1,/<head>/d' "$tmp/page.html"
    } >"$tmp/probe.html"
    chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir="$tmp/browser" \
        --virtual-time-budget=30000 --window-size="$width",900 --dump-dom "file://$tmp/probe.html" 2>/dev/null |
        grep -o 'data-probe="[^"]*"' >"$tmp/said"
    if grep -q '^data-probe="ok"$' "$tmp/said"; then ok; else bad "the page of $file at $width" "$tmp/said"; fi
}

cat >"$tmp/windows.nn" <<'END'
net windows {
    input(1x6x6)
    conv(2, 3, pad=1, dilation=2) as dilated
    relu
    add { } { conv(2, 1) as side }
    maxpool(2) as pool
    deconv(1, 3, stride=2, pad=1) as up
    flatten
    dense(3)
}

train windows {
    loss cross_entropy
}
END

if ! command -v chromium >/dev/null; then
    echo 'chromium is not installed: the HTML page is not opened'
else
    page 1200 $exercises/one_neuron.nn --x=-1,-2
    page 500 $exercises/convolution.nn --x 4,2,-1,-6,0,5,3,2,2 --dy 1,1,1,1
    page 1200 "$tmp/windows.nn" --x "$(awk 'BEGIN { for (i = 1; i <= 36; i++) printf "%g ", i / 10 }')" --target 1
    page 1200 "$tmp/windows.nn" --x "$(awk 'BEGIN { for (i = 1; i <= 36; i++) printf "%g ", -i * 10.01 }')" --target 1
fi

# ---- wrong command lines ------------------------------------------------------------------

# STATUS TEXT FILE OPTIONS…
refuses() {
    status=$1 text=$2 file=$3
    shift 3
    "$NNC" trace $exercises/"$file" "$@" >"$tmp/said" 2>&1
    [ $? -eq "$status" ] || bad "$file $*: not status $status" "$tmp/said"
    if grep -qF -- "$text" "$tmp/said"; then ok; else bad "$file $*: no '$text'" "$tmp/said"; fi
}

refuses 2 '--x is missing: a sample of one_neuron has 2 numbers' one_neuron.nn
refuses 2 '--x has 1 number, but a sample of one_neuron has 2' one_neuron.nn --x 1
refuses 1 '--x none.npy: neither numbers nor a file that can be read' one_neuron.nn --x none.npy
refuses 2 '--target is missing: the loss of line_of_one_weight, mse, takes 2 numbers (or use --dy)' \
    line_of_one_weight.nn --x 1,2
refuses 2 '--target has 1 number, but the targets are 2' line_of_one_weight.nn --x 1,2 --target 1
refuses 2 'one_neuron has no train section, and so no loss; use --dy' one_neuron.nn --x 1,2 --target 1
refuses 2 '--dy is missing: matrix_product has no train section' matrix_product.nn --x 1,2,3
refuses 2 '--dy has 2 numbers, but the outputs are 4' matrix_product.nn --x 1,2,3 --dy 1,2
refuses 2 "--dy: 'one' is not a number" matrix_product.nn --x 1,2,3 --dy one
refuses 2 "--dy: '2*' is not a number" matrix_product.nn --x 1,2,3 --dy '2*'
refuses 2 "--dy: '0*1' is not a number" matrix_product.nn --x 1,2,3 --dy '0*1'
refuses 2 '--dy has more than' matrix_product.nn --x 1,2,3 --dy '99999999999999999999*1'
refuses 2 '--target and --dy cannot be combined' line_of_one_weight.nn --x 1 --target 1 --dy 1
refuses 2 "--format takes text, json, html or dot, not 'xml'" one_neuron.nn --format xml

conclude
