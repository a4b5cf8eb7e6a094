#!/bin/sh
# `nnc train --stats`: its numbers, that they change nothing, and findings: nets that are spoiled on
# purpose, each with the finding that must be made and its line, and healthy ones, of which
# nothing must be said.  All of them with ALL=1, as in `make thorough`, else every seventh.
# CASE=NAME: that net alone, and what it prints.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
cases=$root/tests/stats
cp dsl_examples/xor.csv "$tmp/xor.csv"
cd "$tmp" || exit 1

# ---- data --------------------------------------------------------------------------------

# shellcheck source=tests/stats/tables.sh
. "$cases/tables.sh"
table overlap 300 'k = i % 3; row = sprintf("%.4f,%.4f,%d", (k == 0) + 0.8 * g(), k + 0.8 * g(), k)'
table two 240 'k = i % 2; row = sprintf("%.4f,%.4f,%d", 2 * k + 0.6 * g(), 1 - k + 0.6 * g(), k)'
table line 80 'x = i / 40 - 1; row = sprintf("%.4f,%.4f", x, 3 * x + 0.5)'
table curve 120 'x = i / 20 - 3; row = sprintf("%.4f,%.4f", x, sin(x))'
table same 80 'row = sprintf("%.4f,%.4f,1", g(), g())'
table same_value 80 'row = sprintf("%.4f,%.4f,0.25", g(), g())'
table flat 120 'row = sprintf("1,2,%d", i % 3)'
table flat_line 80 'row = sprintf("1,%.4f", g())'
table raw 240 'k = i % 3; row = sprintf("%.1f,%.1f,%d", 100 * k + 20 * g() + 150, 900 - 200 * k + 50 * g(), k)'
table spread 240 'k = i % 3; row = sprintf("%.5f,%.4f,%d", 0.005 * k + 0.002 * g(), 4 * k - 4 + g(), k)'
table positive 240 'k = i % 3; row = sprintf("%.4f,%.4f,%d", 1 + k + 0.2 * r(), 3 - k + 0.2 * r(), k)'
table rare 200 'k = i % 9 == 4 ? 2 : i % 2; row = sprintf("%.4f,%.4f,%d", 2 * k - 1 + 0.3 * g(), (k == 2) * 3 + 0.3 * g(), k)'
table rare_mixed 200 'k = i % 9 == 4 ? 2 : i % 2; row = sprintf("%.4f,%.4f,%d", 2 * (k > 0) - 1 + 0.3 * g(), 0.3 * g(), k)'
noise='row = ""; for (j = 0; j < 16; j++) row = row sprintf("%.4f,", g())'
table noise 160 "$noise; row = row int(2 * r())"
table noisy_line 120 "$noise; row = row sprintf(\"%.4f\", g())"

# ---- numbers -----------------------------------------------------------------------------

# of LINE.csv, the stats line of the log: COLUMN VALUE
number_is() {
    awk -F, -v name="$1" -v want="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i }
        $1 == "stats" { got = $at } END { d = got - want; exit !(at && got != "" && d * d <= 1e-10 * (1 + want * want)) }' log.csv &&
        ok && return
    bad "$1 is not $2" log.csv
}

numbers() {
    # The same step as in docs/trace.md: gradient −15, 1 → 1.075; the results are 1, 2, 3, 4.
    cat >weight.nn <<'END'
net weight { input(1) dense(1, bias=no, init=[[1]]) as w }
train weight { loss mse optimizer sgd(lr=0.005) normalize none batch 4 }
END
    printf '1,2\n2,4\n3,6\n4,8\n' >four.csv
    runs 0 train weight.nn --data four.csv --steps 1 --stats=1 --log log.csv -o none
    number_is w.mean 2.5; number_is w.std 1.11803399; number_is w.gradient 15; number_is w.update 0.075
    number_is running_loss 7.5; number_is running_std 0
    says out '^layers, of 4 samples in 1 step:$'
    says out '^w  *2.5  *1.12  *15  *0.075$'
    # Of six units of relu three are dead, of two of tanh one is saturated.
    cat >units.nn <<'END'
net units {
    input(1)
    dense(6, init=[[1], [-1], [0], [0], [2], [3]]) as fc relu
    dense(2, bias=no, init=[[0, 0, 0, 0, 0, 100], [0.01, 0, 0, 0, 0, 0]]) as two tanh
    dense(1)
}
train units { loss mse optimizer sgd(lr=0) normalize none batch 4 }
END
    runs 0 train units.nn --data four.csv --steps 1 --stats=1 --set 'optimizer sgd(lr=1e-9)' --log log.csv -o none
    number_is relu1.dead 0.5; number_is tanh1.saturated 0.5; number_is relu1.mean 2.5
    runs 0 train units.nn --data four.csv --steps 1 --stats=1 --set 'optimizer sgd(lr=1e-9)' --log log.jsonl -o none
    says log.jsonl '^{"kind": "stats", "epoch": 1, "step": 1, .*"relu1.dead": 0.5.*}$'
    runs 2 train units.nn --stats=0; runs 2 train units.nn --stats=x
}

# as_without NET OPTIONS…: the weights and the log are the same with and without --stats
as_without() {
    net=$1
    shift
    runs 0 train "$net" --checkpoint-every 0 -o without.w "$@"
    runs 0 train "$net" --checkpoint-every 0 -o with.w --stats=2 "$@"
    same without.w with.w
}

changes_nothing() {
    cat >conv.nn <<'END'
net conv {
    input(1x28x28)
    conv(8, 3) as c1 batchnorm relu
    concat { conv(4, 3, pad=1) relu } { conv(8, 1) } dropout(0.2) maxpool(2)
    flatten dense(10)
}
train conv { optimizer adam(lr=0.01) batch 16 clip norm(1) lookahead(3, 0.5) }
END
    for threads in 1 2; do
        as_without conv.nn --limit 72 --epochs 1 --jit tcc --threads $threads
        as_without conv.nn --limit 72 --epochs 1 --jit tcc --threads $threads --memory-limit 2100K
        as_without "$root/dsl_examples/mlp.nn" --limit 160 --epochs 2 --jit tcc --threads $threads
    done
    as_without "$root/dsl_examples/xor.nn" --data xor.csv --epochs 30
}

# A layer without an active unit is found in the first steps, also where few others are watched.
dead_soon() {
    what='dead units by few samples'
    cat >silent.nn <<'END'
net silent {
    input(2)
    dense(16, bias_init=constant(-20))
    relu
    dense(3) softmax
}
train silent { optimizer sgd(lr=0.01) batch 16 }
END
    runs 0 train silent.nn --data blobs.csv --epochs 1 --stats -o none --jit tcc
    says err '^silent.nn:4:5: warning: all units of relu1 have been 0 for all [0-9]* samples .*\[dead-units\]$'
}

page() {
    what='the page of a run'
    runs 0 train "$root/dsl_examples/mlp.nn" --limit 100 --epochs 2 --jit tcc --page page.html -o page.w
    runs 0 train "$root/dsl_examples/mlp.nn" --limit 100 --epochs 2 --jit tcc -o nopage.w
    same page.w nopage.w
    says page.html '<title>mlp: training</title>'; says page.html '</html>$'
    lacks page.html 'https\{0,1\}://[^w]'
    sed -n 's/^<script type="application.json" id="data">\(.*\)<.script>$/\1/p' page.html >page.json
    for key in epochs steps findings layers net flow activations filters confusion mistakes facts; do says page.json "\"$key\":"; done
    says page.json '"epoch":2,"step":4,'
    says page.json '\["seed"\|run.seed'
    runs 1 train "$root/dsl_examples/mlp.nn" --limit 100 --epochs 1 --jit tcc --page nowhere/page.html -o unpaged.w
    says err '^nnc: error: cannot write nowhere/page.html: No such file or directory$'; lacks err '^epoch'; absent unpaged.w
    runs 2 train "$root/dsl_examples/mlp.nn" --limit 100 --lr-find --page page.html
}

# What flows and what is seen of known weights: the step of numbers, whose gradient by the results is
# (1 − 2)/2, …, (4 − 8)/2, of root mean square √(7.5/4); and relu(x), relu(−x) of the samples 1 … 4.
page_values() {
    what='gradients and activations in the page'
    runs 0 train weight.nn --data four.csv --steps 1 --stats=1 --page values.html -o none
    sed -n 's/.*"flow":\[\([^]]*\)\].*/\1/p' values.html >have
    echo 1.369306 >want
    same have want
    cat >seen.nn <<'END'
net seen {
    input(1)
    dense(2, bias=no, init=[[1], [-1]]) as fc
    relu
    dense(1, bias=no, init=[[1, 1]]) as last
}
train seen { loss mse optimizer sgd(lr=1e-9) normalize none batch 4 }
END
    runs 0 train seen.nn --data four.csv --steps 1 --stats=1 --page seen.html -o none
    grep -o '"layer":"[a-z0-9]*","shape":"[0-9x]*","channels":[0-9]*,"shown":[0-9]*,"signed":[a-z]*,"most":[0-9.]*' seen.html |
        sed 's/.*"layer":"\([a-z0-9]*\)".*"signed":\([a-z]*\),"most":/\1 \2 /' >have
    printf 'fc true 4.0\nrelu1 false 4.0\n' >want
    same have want
    # The shades: of fc 128 ± 127·x/4, of relu 255·x/4 and 0.
    grep -o '"pixels":"[^"]*","shape":\[1,1,2\]' seen.html | sed 's/"pixels":"//; s/".*//' |
        while read -r pixels; do echo "$pixels" | base64 -d | od -An -tu1; done | tr -s ' ' >have
    printf ' 160 96\n 192 65\n 223 33\n 255 1\n 64 0\n 128 0\n 191 0\n 255 0\n' >want
    same have want
}

compares() {
    what='a page that compares runs'
    mlp=$root/dsl_examples/mlp.nn
    runs 0 train "$mlp" --limit 100 --epochs 2 --jit tcc --log first.csv --stats -o page.w
    runs 0 train "$mlp" --limit 100 --epochs 2 --jit tcc --log second.jsonl --lr 0.01 -o page.w
    runs 0 page first.csv second.jsonl -o both.html; silent out; silent err
    says both.html '<title>first.csv, second.jsonl: training</title>'
    # Both forms say the same of one run, and what the table of epochs says.
    runs 0 train "$mlp" --limit 100 --epochs 2 --jit tcc --log third.jsonl -o page.w
    row=$(awk '$1 == 2 { printf "%.3f", $7 }' out)
    runs 0 page first.csv -o a.html; runs 0 page third.jsonl -o b.html
    for file in a b; do grep -o '"epochs":\[.*\]' $file.html | sed 's/"seconds":[0-9.]*,//g; s/,"steps".*//; s/"facts".*//' >$file.epochs; done
    same a.epochs b.epochs
    what="the last loss, $row"
    if grep -q "\"valid\":$row" a.epochs; then ok; else bad 'another one' a.epochs; fi
    runs 1 page none.csv -o no.html; says err 'cannot read none.csv'
    echo nothing >no.csv
    runs 1 page no.csv -o no.html; says err '^nnc: error: no.csv:1: this is no line of a log'
    printf '{"kind": 3}\n' >no.jsonl
    runs 1 page no.jsonl -o no.html
    absent no.html
    runs 2 page first.csv; runs 2 page -o no.html; runs 2 page a b c d e f -o no.html
}

# ---- cases -------------------------------------------------------------------------------

# split FILE: NAME.nn and NAME.head for each case, and their names in the file `names`
split() {
    awk -F ' *[|] *' -v names="$tmp/names" 'BEGIN { printf "" >names }
        /^#### / { close(out); sub(/^#### /, "", $1); out = $1 ".nn"; print $1 >names
            print $2 >($1 ".data"); print $3 >($1 ".options"); print $4 >($1 ".also"); close($1 ".also"); close($1 ".options"); close($1 ".data"); next }
        out { print >out }' "$1"
}

# findings NAME: trains; LINE NAME of each finding in `found`
findings() {
    local data options
    data=$(cat "$1.data")
    options=$(cat "$1.options")
    [ "$data" = digits ] || options="--data $data.csv $options"
    # shellcheck disable=SC2086 # options are words
    nnc train "$1.nn" --stats=1 --jit tcc --threads 1 --checkpoint-every 0 -o "$1.weights" $options >out 2>err
}
found_lines() { sed -n 's/^\([^ :]*\.nn\):\([0-9]*\):[0-9]*: warning: .*\[\([a-z-]*\)\]$/\2 \3/p' err >found; }

spoiled() {
    what="spoiled: $1"
    findings "$1"
    found_lines
    awk 'match($0, /# <- /) { print NR, substr($0, RSTART + 5) }' "$1.nn" >wanted
    cat wanted "$1.also" | tr -s ' ,:' '\n' | sed '/^also$/d' >allowed
    while read -r line name; do
        if grep -qx "$line $name" found; then ok; else bad "no $name at line $line" found out err; fi
    done <wanted
    is -s wanted
    while read -r line name; do
        if grep -qx "$name" allowed; then ok; else bad "$name, too, at line $line" err; fi
    done <found
}

healthy() {
    what="healthy: $1"
    findings "$1"
    status=$?
    status_is 0
    found_lines
    if [ -s found ]; then bad 'a false alarm' err; else ok; fi
}

# every N: the first, and every Nth from there on; all of them with ALL
every() { if [ -n "${CASE:-}" ]; then grep -x "$CASE"; elif [ -n "${ALL:-}" ]; then cat; else awk -v n="$1" 'NR % n == 1'; fi <names; }

[ -n "${CASE:-}" ] || { numbers; changes_nothing; dead_soon; page; page_values; compares; }
for kind in spoiled healthy; do
    split "$cases/$kind.txt"
    for name in $(every 7); do
        $kind "$name"
        [ -z "${CASE:-}" ] || cat out err
    done
done
conclude
