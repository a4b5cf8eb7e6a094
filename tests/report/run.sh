#!/bin/sh
# nnc report from outside: every format on several nets, read by the programs
# that such files are for; the page in a browser; options and their mistakes.
# What needs a program that is not there is skipped and said.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
unset COLUMNS
NNC_CACHE=off # no measurement of this machine

ex=dsl_examples
lenet=$ex/lenet.nn

# ---- options ------------------------------------------------------------------------

runs 0 report $lenet; says out '61,706'; says out 'gradient bound'; says out 'scratch is at least'; silent err
runs 0 report $lenet --wide; says out 'FLOP/B'
runs 0 report $lenet --backward; says out '^c1 .*valid 5x5, 32x32 -> 28x28  full 5x5, 28x28 -> 32x32  4704x1024  19.3M$'
runs 0 report $lenet --backward --format md; says out '^| c1 | valid 5x5, 32x32 -> 28x28 '
runs 2 report $lenet --backward --format csv; says err 'there are text and md'
runs 0 report $ex/conv_autoencoder.nn; says out '^linear pairs  *1 '; says out 'encode3 and decode3'
runs 0 report $ex/resnet.nn --depth 1; says out 'layer1 .* layers'; says out '11,689,512'
runs 0 report $ex/resnet.nn:depth=50 --depth 1; says out '25,557,032'; says out '^resnet (depth=50): 3x224x224'
runs 0 report $ex/resnet.nn -D depth=34 --depth 1; says out '21,797,672'; says out '^resnet (depth=34): '
runs 0 report $ex/resnet.nn:depth=34 -D depth=18 -D classes=10 --format md --depth 1; says out '^# resnet (classes=10, depth=34)$'
runs 0 report $ex/resnet.nn -D depth=50 --format html; says out '<title>resnet (depth=50): '; says out '<h1 id="title">resnet (depth=50)<'
runs 0 report $lenet --gain 1 --kill 0; says out '^gradient bound *1 '; says out '^gradient dead *0 '
runs 0 report $lenet; says out '100 GFLOP/s and 20 GB/s'; says out '(assumed)'
runs 0 report $lenet --peak 200 --bandwidth 40; says out '200 GFLOP/s and 40'; says out '(given)'
runs 0 report $lenet --peak 200 --wide; says out '200 GFLOP/s (given) and 20 GB/s (assumed)'

# The machine's own rates, once they were measured; not those of another machine.
export XDG_CACHE_HOME="$tmp/cache"
NNC_CACHE=on
record=$XDG_CACHE_HOME/nnc/machine/measured
runs 0 report $lenet --wide; says out '20 GB/s (assumed)'
runs 0 report $lenet --wide --measure; says out 'GB/s (measured)'
rm "$record"
what='nnc bench measures for the report'
"$NNC" bench $ex/xor.nn --infer --reps 1 --jit tcc >"$tmp/out" 2>"$tmp/err" || bad 'no bench'
runs 0 report $lenet --wide; says out 'GB/s (measured)'
sed 's/^flops .*/flops 3e11/; s/^bytes .*/bytes 5e10/' "$record" >"$tmp/record"
cp "$tmp/record" "$record"
runs 0 report $lenet --wide; says out '300 GFLOP/s and 50 GB/s (measured)'
runs 0 report $lenet --format json; says out '"peak_source": "measured"'
runs 0 report $lenet --wide --bandwidth 9; says out '300 GFLOP/s (measured) and 9 GB/s (given)'
sed 's/^threads .*/threads 999/' "$tmp/record" >"$record"
runs 0 report $lenet --wide; says out '(assumed)'
echo 'flops' >"$record"
runs 0 report $lenet --wide; says out '(assumed)'
cp "$tmp/record" "$record"
NNC_CACHE=off
runs 0 report $lenet --wide; says out '(assumed)'
runs 0 report $lenet --batch 16; says out 'batch of 16'; says out 'memory for other batch sizes'; says out '^  128 '
runs 0 report $lenet --memory-limit 64M; says out 'largest batch for training within 67,108,864 bytes: '
runs 0 report $lenet --memory-limit 1K; says out 'no batch size fits'
runs 0 report $ex/resnet.nn --input 3x256x320 --depth 1; says out '3x256x320 ->'; says out '512x8x10'
runs 1 report $lenet --input 1x8x8; says err 'must be 1 or more'
runs 1 report $lenet --input left=1x32x32; says err 'no input left'
runs 0 report $lenet -o "$tmp/lenet.txt"; silent out
says "$tmp/lenet.txt" 61,706
runs 3 report $lenet -o "$tmp/no/such/file"; says err 'no/such/file'
runs 2 report $lenet --format yaml; says err 'there is no such format'
runs 2 report $lenet --format htm; says err 'did you mean html'
runs 2 report $lenet --depth 0; says err 'must be from 1'
runs 2 report $lenet --kill 2; says err 'must be from 0 to 1'
runs 2 report $lenet --memory-limit 8X; says err '8G or 512M'
runs 2 report $lenet --input 3xx; says err 'CxHxW'
mkdir "$tmp/other"; cp $lenet "$tmp/other/lenet.nn"
runs 0 report $lenet "$tmp/other/lenet.nn" --wide; says out "lenet of $lenet  *lenet of $tmp/other/lenet.nn"
runs 2 report $lenet --diff; says err 'two nets, not 1'
runs 2 report $lenet $lenet --diff --format dot; says err 'no format dot'
runs 2 report "$lenet:depth"; says err 'NAME=VALUE'
runs 1 report $lenet:depth=3; says err 'depth'
runs 1 report "$tmp/none.nn"; says err 'none.nn'
runs 0 report - <$lenet; says out '61,706'

# What docs/report.md shows is what is printed; memory may change with the plan.
what='the report in docs/report.md'
sed -n '/^\$ nnc report dsl_examples.lenet.nn$/,/^```$/p' docs/report.md | sed '1d; /^memory in bytes/,$d' >"$tmp/first"
"$NNC" report $lenet 2>"$tmp/err" | sed '/^memory in bytes/,$d' >"$tmp/out"
if [ -s "$tmp/first" ] && cmp -s "$tmp/out" "$tmp/first"; then ok; else bad 'it differs'; fi

# ---- several nets ---------------------------------------------------------------------

cat >"$tmp/bottleneck.nn" <<'EOF'
net thin { input(16x8x8) conv(8, 1, bias=no) conv(8, 3, pad=1, bias=no) conv(16, 1, bias=no) }
net plain { input(16x8x8) conv(16, 3, pad=1, bias=no) }
EOF
runs 0 report "$tmp/bottleneck.nn"; says out 'parameters *832 *2,304 *×2.769'; says out 'MACs *53,248 *147,456 *×2.769'
runs 0 report "$tmp/bottleneck.nn" --net plain; says out '^parameters *2,304'
runs 0 report $ex/alexnet.nn $ex/vgg.nn $ex/resnet.nn:depth=50
says out '61.1M *138M *×2.264 *25.6M *÷2.391'; says out '^batch'
runs 0 report --diff $ex/vgg.nn:depth=11 $ex/vgg.nn:depth=13; says out '^+ *features.2'; says out '(25 alike)'
runs 0 report --diff "$tmp/bottleneck.nn"; says out '^-'; says out '^+'

# ---- formats -----------------------------------------------------------------------------

nets="$lenet $ex/googlenet.nn $ex/resnet.nn $ex/unet.nn $ex/mlp.nn"
for format in text md csv json dot html svg tikz; do
    for net in $nets; do
        runs 0 report "$net" --format $format --batch 2
        silent err
        cp "$tmp/out" "$tmp/first"
        runs 0 report "$net" --format $format --batch 2
        same out "$tmp/first"
    done
    [ $format = dot ] || runs 0 report $lenet $ex/xor.nn --format $format
done

# Whether a program is there; says once that it is not.
there() {
    if have "$1"; then return 0; fi
    skip "there is no $1: $2"
    return 1
}

validate='import json, jsonschema, sys
schema = json.load(open("docs/report.schema.json"))
jsonschema.Draft7Validator.check_schema(schema)
for name in sys.argv[1:]: jsonschema.validate(json.load(open(name)), schema)'
python=
for candidate in python3 /usr/bin/python3; do
    if [ -z "$python" ] && $candidate -c 'import jsonschema' >/dev/null 2>&1; then python=$candidate; fi
done
i=0
for net in $nets; do
    i=$((i + 1))
    "$NNC" report "$net" --format json --memory-limit 1G >"$tmp/$i.json"
done
"$NNC" report $lenet $ex/vgg.nn --format json >"$tmp/two.json"
"$NNC" report --diff $lenet $ex/mlp.nn --format json >"$tmp/diff.json"
what='JSON against docs/report.schema.json'
if [ -n "$python" ]; then
    if $python -c "$validate" "$tmp"/*.json >"$tmp/out" 2>"$tmp/err"; then ok; else bad 'not valid'; fi
else
    skip "there is no jsonschema for Python: JSON is not validated against its schema"
fi

if there dot 'DOT is not drawn'; then
    for net in $nets; do
        for depth in 1 1000; do
            what="dot of $net"
            "$NNC" report "$net" --format dot --depth $depth >"$tmp/out" 2>"$tmp/err"
            if dot -Tplain "$tmp/out" >"$tmp/plain" 2>"$tmp/err" && grep -q '^node' "$tmp/plain"; then ok; else bad 'dot refuses it'; fi
        done
    done
fi

# Figures: names as tooltips, repetitions folded, valid in the eyes of their readers.
runs 0 report $lenet --format svg; says out '<title>c1: conv(6, 5), 6x28x28</title>'; says out 'prefers-color-scheme:dark'
what='a figure without scripts'
if grep -q '<script\|href' "$tmp/out"; then bad 'it has scripts or links'; else ok; fi
runs 0 report $ex/resnet.nn:depth=152 --format svg; says out '>×35<'; says out '>×7<'
runs 0 report $ex/densenet.nn --format svg; says out '>×24<'
runs 0 report $ex/convnext.nn --format svg; says out '>×8<'
# Long figures go on in further rows, and a U-Net in levels.
width_of() { sed -n 's/^<svg [^>]*width="\([0-9]*\)".*/\1/p' "$tmp/out"; }
for net in vgg resnet googlenet inception_v3 pyramidnet densenet mobilenet_v2 unet; do
    runs 0 report $ex/$net.nn --format svg
    what="the width of $net's figure, $(width_of)"
    is "$(width_of)" -le 1345
done
# Slices are no boxes: the sixteen maps of LeNet-5's C3 are as many rows, not one for each map that they see.
runs 0 report $ex/lenet_1998.nn --format svg
what="the height of lenet_1998's figure, $(sed -n 's/^<svg [^>]*height="\([0-9]*\)".*/\1/p' "$tmp/out")"
is "$(sed -n 's/^<svg [^>]*height="\([0-9]*\)".*/\1/p' "$tmp/out")" -le 2200
if have pdflatex && kpsewhich standalone.cls >"$tmp/found" 2>&1; then
    for net in lenet resnet googlenet unet; do
        what="pdflatex of $net's figure"
        "$NNC" report $ex/$net.nn --format tikz -o "$tmp/figure.tex"
        if (cd "$tmp" && timeout 60 pdflatex -interaction=nonstopmode -halt-on-error figure.tex >err 2>&1); then ok; else bad 'it does not compile'; fi
    done
else
    skip 'pdflatex and standalone.cls (texlive-latex-extra) are not installed: no figure is compiled'
fi
runs 0 report $ex/resnet.nn --format tikz; says out '{\$\\times\$2};$'; says out '^.end{document}$'
if there xmllint 'figures are not checked as XML'; then
    for nets_of_figure in $nets "$lenet $ex/xor.nn"; do
        what="SVG of $nets_of_figure"
        # shellcheck disable=SC2086  # two nets are two words
        "$NNC" report $nets_of_figure --format svg -o "$tmp/figure.svg" 2>"$tmp/err"
        if xmllint --noout "$tmp/figure.svg" 2>"$tmp/err"; then ok; else bad 'it is no XML'; fi
    done
fi
# ---- the page, in a browser -------------------------------------------------------------------

browser() { # ARGUMENTS…
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$tmp/browser" --virtual-time-budget=30000 "$@" 2>"$tmp/err"
}

# probe FILE WIDTH: the page with a script before it that collects errors, and probe.js after.
probe() {
    {
        sed '/<head>/q' "$1"
        echo '<script>window.probeErrors = []; addEventListener("error", (e) => window.probeErrors.push(e.message));'
        echo 'console.error = (...words) => window.probeErrors.push(words.join(" "));'
        cat tests/report/probe.js
        echo '</script>'
        sed '1,/<head>/d' "$1"
    } >"$tmp/probe.html"
    # A browser on a busy machine may give the page up before the script has run: no verdict is no answer.
    local tries=3
    until browser --window-size="$2",900 --dump-dom "file://$tmp/probe.html" | grep -o 'data-probe="[^"]*"' >"$tmp/out"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || break
    done
    if grep -q '^data-probe="ok"$' "$tmp/out"; then ok; else bad 'the page does not work'; fi
}

page() { # WIDTH NETS…
    width=$1
    shift
    what="page of $* at $width"
    "$NNC" report "$@" --format html -o "$tmp/page.html" 2>"$tmp/err" || bad 'no page'
    probe "$tmp/page.html" "$width"
}

if there chromium 'the HTML page is not opened'; then
    page 1400 $ex/resnet.nn -D depth=50
    page 1280 $lenet
    page 1280 $ex/googlenet.nn
    page 500 $ex/resnet.nn
    page 1280 $ex/mlp.nn
    page 900 $lenet $ex/unet.nn --memory-limit 1G
    what='a page without Graphviz'
    mkdir "$tmp/empty"
    PATH=$tmp/empty "$NNC" report $ex/unet.nn --format html >"$tmp/page.html" 2>"$tmp/err" || bad 'no page'
    silent err
    probe "$tmp/page.html" 1280

    what='the printed page'
    "$NNC" report $ex/resnet.nn -D depth=50 --format html -o "$tmp/page.html" 2>"$tmp/err" || bad 'no page'
    if there pdftotext 'the printed page is not read'; then
        browser --print-to-pdf="$tmp/page.pdf" "file://$tmp/page.html" >/dev/null
        pdftotext -layout "$tmp/page.pdf" "$tmp/out"
        # Pages are ended by form feeds: the first holds the summary and the whole graph,
        # from input to output; those of the layers' table repeat its headings.
        awk 'BEGIN { RS = "\f" } NR == 1 && (!/input 3x224x224/ || !/output 1000/) { bad = 1 }
            /layer[1-4]\.[0-9]\.bn1  / { pages++; if (!/FLOP.B/ || !/dead/) bad = 1 } END { exit bad || pages < 2 }' "$tmp/out" || bad 'pages are empty or cut'
        ok
    fi
fi

conclude
