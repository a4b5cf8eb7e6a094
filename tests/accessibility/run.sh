#!/bin/sh
# The pages of report, trace, train, page and quantize in a browser, light and dark, on a desktop and a phone:
# contrast, names and what else accessibility.js sees, and axe-core (npm install axe-core), where AXE
# or ./node_modules has it.  ALL=1: each page in both; KEEP=FOLDER keeps screenshots and prints.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
if ! have chromium; then
    skip 'chromium is not installed: no page is opened'
    ok
    conclude
fi
examples=$root/dsl_examples
script=$root/tests/accessibility/accessibility.js
axe=${AXE:-$root/node_modules/axe-core/axe.min.js}
cd "$tmp" || exit 1

browser() {
    timeout 60 chromium --headless --no-sandbox --disable-gpu --no-first-run --hide-scrollbars \
        --user-data-dir="$tmp/browser" --virtual-time-budget=10000 "$@" 2>/dev/null
}

# preferredColorScheme of Blink: 0 is dark, 1 light.
scheme_is() { case $1 in dark) echo 0 ;; *) echo 1 ;; esac; }

# probe PAGE SCRIPT…: the page with these scripts behind its encoding
probe() {
    page=$1
    shift
    sed '/<meta charset/q' "$page"
    for part; do echo '<script>' && cat "$part" && echo '</script>'; done
    sed '1,/<meta charset/d' "$page"
}

cat >axe_run.js <<'END'
addEventListener("load", () => setTimeout(async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    const text = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).slice(0, 4).join(", ")}`);
    document.documentElement.setAttribute("data-axe", text.join("; ").replace(/"/g, "'") || "ok");
}, 200));
END

# All rules of axe-core: WCAG 2 A and AA and best practices.
axe_accepts() { # PAGE WIDTH SCHEME
    [ -f "$axe" ] || return
    what="axe-core: $1 at $2, $3"
    probe "$1" "$axe" axe_run.js >probe.html
    browser --window-size="$2,900" --blink-settings="preferredColorScheme=$(scheme_is "$3")" \
        --dump-dom "file://$tmp/probe.html" | tr '\n' ' ' | grep -o 'data-axe="[^"]*"' >out
    if grep -q '^data-axe="ok"$' out; then ok; else bad 'not accessible' out; fi
}

accessible() { # PAGE WIDTH SCHEME
    axe_accepts "$@"
    what="$1 at $2, $3"
    probe "$1" "$script" >probe.html
    browser --window-size="$2,900" --blink-settings="preferredColorScheme=$(scheme_is "$3")" \
        --dump-dom "file://$tmp/probe.html" | grep -o 'data-probe="[^"]*"' >out
    if grep -q "^data-probe=\"$3 ok\"$" out; then ok; else bad 'not accessible' out; fi
    if [ -n "${KEEP:-}" ]; then
        browser --window-size="$2,2400" --blink-settings="preferredColorScheme=$(scheme_is "$3")" \
            --screenshot="$KEEP/${1%.html}-$2-$3.png" "file://$tmp/$1"
        browser --print-to-pdf="$KEEP/${1%.html}.pdf" "file://$tmp/$1"
    fi
}

[ -f "$axe" ] || skip 'axe-core is not installed (npm install axe-core): its rules are not asked'
runs 0 report "$examples/resnet_cifar.nn" --format html -o report.html
runs 0 trace "$examples/exercises/convolution.nn" --x 4,2,-1,-6,0,5,3,2,2 --dy 1,1,1,1 --format html -o trace.html
runs 0 trace "$examples/lenet.nn" --x '512*0 512*1' --target 3 --format html -o images.html
runs 0 train "$examples/lenet.nn" --limit 300 --epochs 2 --jit tcc --log run.csv --page run.html -o run.w
runs 0 page run.csv run.csv -o compared.html
runs 0 quantize "$examples/lenet.nn" --weights run.w --limit 100 --samples 8 --keep f6 -o run8.safetensors \
    --certificate certificate.html
accessible report.html 1280 light
accessible trace.html 500 dark
accessible images.html 500 dark
accessible run.html 500 dark
accessible certificate.html 500 dark
if [ -n "${ALL:-}" ]; then
    accessible report.html 500 dark
    accessible trace.html 1280 light
    accessible images.html 1280 light
    accessible run.html 1280 light
    accessible compared.html 1280 light
    accessible certificate.html 1280 light
    accessible compared.html 500 dark
fi
conclude
