#!/bin/sh
# Every command in the fences of README and docs/ is run by a test: those that ./elsewhere lists
# by the tests that it names, the others here, as they stand, in the order of their page, in a
# directory with what the page takes for granted.  Of a session the output is compared.  The
# fences of Python and SQL are run, too, after the commands of their page.
# Training is cut short; lenet.nn is a net of one layer, and compilers get -O0.  With ALL=1 it is
# LeNet, compilers get the flags of the page, and the data set of docs/transfer.md is made, too.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
here=$root/tests/pages
digits=$root/dsl_examples/data/digits

# ---- what is run elsewhere ------------------------------------------------------------------

what=tests/pages/elsewhere
sed '/^#/d' tests/pages/elsewhere >"$tmp/elsewhere"
for page in README.md docs/*.md; do
    awk -f "$here/commands.awk" "$page" | sed "s|^|$page	|"
done >"$tmp/commands" # PAGE, KIND and COMMAND, with tabs between them
is "$(wc -l <"$tmp/commands")" -gt 80

# Takes the commands out of `commands` that one line of the list is about.
while IFS='|' read -r page begin file text; do
    begin=${begin# }
    begin=${begin% }
    awk -F '\t' -v page="${page% }" -v begin="$begin" -v rest="$tmp/rest" '
        $1 == page && (begin == "$" ? $2 == "session" : index($3, begin) == 1) { found = 1; next }
        { print >rest }
        END { exit !found }' "$tmp/commands" && ok || bad "$page has no command '$begin'"
    mv "$tmp/rest" "$tmp/commands"
    file=${file# }
    if grep -qF -- "${text# }" "${file% }"; then ok; else bad "${file% } does not have '${text# }'"; fi
done <"$tmp/elsewhere"

# ---- programs ---------------------------------------------------------------------------------

# They stand before the others in PATH.
mkdir "$tmp/bin"
program() { # NAME: its text is on standard input
    { echo '#!/bin/sh'; cat; } >"$tmp/bin/$1"
    chmod +x "$tmp/bin/$1"
}
program nnc <<END
case \$1 in
train) exec "$NNC" "\$@" \$SHORT ;;
*) exec "$NNC" "\$@" ;;
esac
END
# With the PATH of before: a compiler may itself look for one of its name there, as ccache does.
for compiler in cc aarch64-linux-gnu-gcc arm-none-eabi-gcc; do
    real=$compiler
    [ $compiler != cc ] || real=$CC
    real=$(command -v "$real") || continue
    { echo "PATH='$PATH'"; echo "exec $real \"\$@\"${ALL:- -O0}" | sed "s/\"\"*$ALL\$/\"/"; } | program $compiler
done
unset CC CFLAGS
PATH=$tmp/bin:$PATH
export PATH SHORT NNC_DATA

# ---- what the pages take for granted --------------------------------------------------------------

cd "$tmp" || exit 1
NNC_DATA=$tmp/sets
mkdir sets given
ln -s "$digits" sets/mnist
[ -n "$ALL" ] || cat >lenet.nn <<'END'
net lenet { input(1x32x32) flatten dense(10) as c1 softmax }
train lenet { loss cross_entropy optimizer adam(lr=0.01) batch 64 epochs 1 fit pad }
END
[ -z "$ALL" ] || cp "$root/dsl_examples/lenet.nn" .
runs 0 train lenet.nn --steps 100 --jit tcc -o lenet.safetensors
gzip -dc "$digits/t10k-images-idx3-ubyte.gz" | tail -c +17 >pixels

# CIFAR-10's binary form: images of noise, one of each class in every file.
mkdir sets/cifar10
for class in 0 1 2 3 4 5 6 7 8 9; do
    # shellcheck disable=SC2059 # the byte of the class
    printf "\\$(printf %03o $class)"
    tail -c +$((class * 3072 + 1)) pixels | head -c 3072
done >sets/cifar10/test_batch.bin
for part in 1 2 3 4 5; do cp sets/cifar10/test_batch.bin sets/cifar10/data_batch_$part.bin; done

{ printf 'P5\n28 28\n255\n'; head -c 784 pixels; } >digit.pgm
{ printf 'P6\n20 32\n255\n'; head -c 1920 pixels; } >photo.ppm
cat >net.nn <<'END'
net colours { input(3x16x16) conv(4, 3, stride=2) relu flatten dense(2) }
train colours { optimizer adam batch 4 }
END

# 100 photographs of two classes; in folders, and one in each of 100 shards.
try 'the program that writes pictures' cc -O1 -o make_pictures "$root/tests/streaming/make_pictures.c" -ljpeg
try 'photographs' ./make_pictures photos 2 100 20 9
mkdir shards
i=100
for photo in photos/*/*.jpg; do
    name=photos-0000${i#1}
    i=$((i + 1))
    ln "$photo" "shards/$name.jpg"
    case $photo in photos/class_0/*) echo 0 ;; *) echo 1 ;; esac >"shards/$name.cls"
    tar -C shards -cf "shards/$name.tar" "$name.jpg" "$name.cls"
done
rm shards/*.jpg shards/*.cls

# arrays.npz: an archive that is not compressed, of two arrays; made by Python.
prepare_data() {
    ln -s ../photos ../shards .
    cp ../net.nn "$root/dsl_examples/lenet.nn" .
    runs 0 train net.nn --data photos/ --steps 1 -o net.safetensors
    "$python" -c 'import numpy as np
r = np.random.default_rng(1)
np.savez("arrays.npz", x=r.integers(0, 256, (60, 3, 16, 16), np.uint8), y=np.arange(60) % 2)' || without='arrays.npz'
    [ -d /usr/share/datasets/fashion-mnist ] || without="$without|fashion-mnist"
}
prepare_export() { cp ../lenet.nn .; }
prepare_precision() { small_alexnet; }
prepare_quantization() { cp ../lenet.nn ../lenet.safetensors ../digit.pgm . && mv digit.pgm digit.png; }
prepare_small_machines() {
    sed 's/colours/ds_cnn/' ../net.nn >ds_cnn.nn
    runs 0 train ds_cnn.nn --data ../photos --steps 1 -o ds_cnn.safetensors
    cp "$root/dsl_examples/lenet.nn" .
    runs 0 train lenet.nn --limit 100 --steps 1 --jit tcc -o five.safetensors
    have arm-none-eabi-gcc || without='nnc build'
}
prepare_language() { cp ../lenet.nn .; }
prepare_onnx() {
    cp ../photos/class_0/0000000.jpg cat.jpg
    sed 's/colours/resnet50/' ../net.nn >small.nn
    runs 0 train small.nn --data ../photos --steps 1 -o small.safetensors
    runs 0 export small.nn --weights small.safetensors -o resnet50.onnx
}
small_alexnet() {
    sed 's/colours/alexnet/; s/conv([^)]*) relu//' ../net.nn >alexnet.nn
    awk 'BEGIN { for (i = 0; i < 4; i++) { for (k = 0; k < 768; k++) printf "%d,", (i + k) % 5; print i % 2 } }' >four.csv
    runs 0 train alexnet.nn --data four.csv --steps 1 -o alexnet.safetensors
}
prepare_ship() {
    cp ../lenet.nn ../lenet.safetensors ../digit.pgm ../photo.ppm "$root/docs/sqlite.c" .
    small_alexnet
    printf '#include "alexnet.h"\nint main(void) { return !alexnet_trained(); }\n' >main.c
    have aarch64-linux-gnu-gcc || without=aarch64-linux-gnu-gcc
    have arm-none-eabi-gcc || without="$without|arm-none-eabi-gcc"
    if have sqlite3 && echo '#include <sqlite3ext.h>' | cc -E - >/dev/null 2>&1; then
        sqlite3 scans.db 'CREATE TABLE scans (id INTEGER, pixels BLOB); INSERT INTO scans VALUES (1, zeroblob(1024))'
    else without="$without|sqlite"; fi
}
prepare_transfer() {
    ln -s "$digits" MNIST
    ln -s ../sets/cifar10 CIFAR10
    [ -n "$ALL" ] && [ -n "$python" ] || without=mnist_m.npz
}
prepare_weights() {
    cp "$root/dsl_examples/resnet_cifar.nn" .
    runs 0 train resnet_cifar.nn -D zeros=around --data cifar10 --steps 1 -o w.safetensors
    runs 0 export resnet_cifar.nn -D zeros=around --weights w.safetensors -o w.pth
    mv w.pth resnet20-cifar10.th
}
prepare_checkpoints() { cp "$root/dsl_examples/lenet.nn" .; }
prepare_stats() {
    cp "$root/dsl_examples/lenet.nn" .
    # shellcheck source=tests/stats/tables.sh
    . "$root/tests/stats/tables.sh"
    awk 'BEGIN {
        print "net deep {\n    input(2)"
        for (i = 0; i < 8; i++) print "    dense(8)  sigmoid"
        print "    dense(3)  softmax\n}\ntrain deep { optimizer sgd(lr=0.1) batch 16 }" }' >deep.nn
    cat >rate.nn <<'END'
net rate { input(2) dense(16) relu dense(16) relu dense(3) softmax }
train rate { optimizer sgd(lr=60) batch 16 }
END
}

# ---- running them -----------------------------------------------------------------------------------

python=
for p in python3 /usr/bin/python3; do
    [ -n "$python" ] || ! "$p" -c 'import numpy' 2>/dev/null || python=$p
done
[ -z "$python" ] || echo "exec $(command -v "$python") \"\$@\"" | program python3

# run_commands PAGE NAME
run_commands() {
    while IFS='	' read -r of kind command; do
        [ "$of" = "$1" ] && [ "$kind" = command ] || continue
        if [ -n "$without" ] && echo "$command" | grep -q -E -- "$without"; then
            skip "$1: $command"
            continue
        fi
        what="$1: $command"
        [ -z "$TIMES" ] || times >"$tmp/before"
        sh -c "$command" >"$tmp/out" 2>"$tmp/err"
        status=$?
        status_is 0
        [ -z "$TIMES" ] || { times | sed -n 2p; sed -n 2p $tmp/before; echo "$command"; }
    done <"$tmp/commands"
}

# ---- sessions ---------------------------------------------------------------------------------------

# shown PAGE COMMAND: what the page says that it prints
shown() {
    awk -v command="\$ $2" '/^```/ || /^\$ / { inside = 0 } inside && NF { print } $0 == command { inside = 1 }' "$1"
}

# Numbers are those of another run, on another machine, and rows of epochs are as many as it has.
mask() {
    sed "s/([^()]*: the digits that nnc ships with)//; /^ *[0-9][0-9]* *[0-9][0-9]* /d; s/digits: /data: /
        s|[^ ]*/dsl_examples/data/||g; s/^back end  *tcc, then cc$/back end tcc/; /^back end  *cc from/d
        s/-\{0,1\}[0-9][0-9.e+-]*/N/g; s/N steps/N step/; s/[▁▂▃▄▅▆▇█][▁▂▃▄▅▆▇█ ]*/H/; s/  */ /g; s/ $//; /^$/d"
}

# prints SHOWN SAID: a line `...` of what is shown is any number of lines
prints() {
    mask <"$1" >shown.masked
    mask <"$2" >said.masked
    awk 'NR == FNR { said[++n] = $0; next }
        $0 == "..." { any = 1; next }
        { at++; while (any && at <= n && said[at] != $0) at++
          if (said[at] != $0) { bad = 1; exit }
          any = 0 }
        END { exit bad || (at < n && !any) }' said.masked shown.masked && ok || bad 'prints something else' shown.masked said.masked
}

# session PAGE COMMAND: its output, whatever its status, is what the page shows
session() {
    what="$1: $2"
    sh -c "$2" >said 2>&1
    shown "$root/$1" "$2" >shown
    is -s shown
    prints shown said
}

# The run of docs/checkpoints.md: killed when it has written a checkpoint, looked at, resumed, and
# done again without a break.
sessions_checkpoints() {
    local page=docs/checkpoints.md
    SHORT='--limit 4000 --jit tcc'
    sed -n 's/.*	session	//p' ../here >list
    { read -r first; read -r resumed; read -r whole; read -r compared; read -r looked; read -r refused; } <list
    what="$page: $first"
    sh -c "exec $first" >said 2>&1 &
    local tries=600
    until [ -e lenet.checkpoint.safetensors ] || [ $tries = 0 ]; do
        tries=$((tries - 1))
        sleep 0.05
    done
    kill -9 $!
    wait $! 2>/dev/null
    status=$?
    status_is 137
    shown "$root/$page" "$first" | sed '/^Killed$/d' >shown
    prints shown said
    session $page "$looked"
    session $page "$refused"
    session $page "$resumed"
    sh -c "$whole" 2>err
    session $page "$compared"
}
sessions_stats() {
    SHORT='--jit tcc'
    sed -n 's/.*	session	//p' ../here >list
    while read -r command; do
        case $command in
        *rate.nn*) # where it overflows first depends on rounding
            what="docs/stats.md: $command"
            sh -c "$command" >said 2>&1
            says "$PWD/said" '^rate.nn:[0-9:]* warning: the first number that is not finite is .*∞, at step [0-9]* (epoch [0-9]*) .not-finite.$'
            shown "$root/docs/stats.md" "$command" | sed -n 's/^nnc: //p' >advice
            is -s advice
            grep -qF -f advice said && ok || bad 'other advice' said
            ;;
        *) session docs/stats.md "$command" ;;
        esac
    done <list
}
sessions_README() {
    [ -d /usr/share/datasets/fashion-mnist ] || {
        skip 'README.md: --data fashion-mnist'
        return
    }
    SHORT='--jit tcc --limit 1000'
    sed -n 's/.*	session	//p' ../here >list
    while read -r command; do session README.md "$command"; done <list
}

# ---- Python and SQL ----------------------------------------------------------------------------------

# fence PAGE LANGUAGE: the text of its fences
fence() { awk -v begin="\`\`\`$2" '$0 == "```" { inside = 0 } inside { print } $0 == begin { inside = 1 }' "$root/$1"; }

# The module that the page's commands have built, with digits for its x; what the page says of the
# results is asserted.
fences_ship() {
    what='docs/ship.md: Python'
    if [ -z "$python" ]; then skip "$what: NumPy is not installed"; else
        {
            cat <<'END'
import numpy
pixels = numpy.fromfile("../pixels", numpy.uint8, 128 * 784).reshape(128, 1, 28, 28)
many = numpy.pad(pixels, [(0, 0), (0, 0), (2, 2), (2, 2)]).astype(numpy.float32) / 255
x, labels = many[:64], numpy.arange(64) % 10
END
            fence docs/ship.md python
            cat <<'END'
assert model.input_shape == x.shape[1:] and model.batch == len(x)
assert y.shape == (64, 10) and abs(y.sum(1) - 1).max() < 1e-5
assert loss > 0
assert len(model.classes) == 10
assert model.tensors()["c1.weight"].size > 100
assert abs(model.predict(many)[:64] - y).max() > 0 # two steps were taken
END
        } >page.py
        sh -c 'exec python3 page.py' >out 2>err
        status=$?
        status_is 0
    fi
    what='docs/ship.md: SQL'
    if echo "$without" | grep -q sqlite; then skip "$what: sqlite3 or its headers are not installed"; else
        # 200 digits; the index gives the rows that a look at all of them gives.
        {
            echo 'BEGIN; DELETE FROM scans;'
            head -c $((200 * 784)) ../pixels | od -An -v -tx1 -w28 | tr -d ' ' | awk '
                NR % 28 == 1 { printf "INSERT INTO scans VALUES (%d, x\047%0128d", ++id, 0 }
                { printf "0000%s0000", $0 }
                NR % 28 == 0 { printf "%0128d\047);\n", 0 }'
            echo 'COMMIT;'
        } | sqlite3 -bail scans.db >out 2>err
        fence docs/ship.md sql >page.sql
        silent err
        sqlite3 -cmd '.load ./digit' scans.db 'SELECT id FROM scans WHERE digit(pixels, 7) > 0.9 ORDER BY id' >without.index
        sqlite3 -bail -cmd '.load ./digit' scans.db <page.sql >found 2>err
        status=$?
        status_is 0
        silent err
        sort -n found >with.index
        same without.index with.index
        is "$(wc -l <with.index)" -gt 0
        is "$(wc -l <with.index)" -lt 100
        sqlite3 -cmd '.load ./digit' scans.db "EXPLAIN QUERY PLAN $(sed -n '/^SELECT/p' page.sql)" >plan
        says plan 'USING INDEX sevens'
    fi
}

for page in $(cut -f 1 "$tmp/commands" | uniq); do
    name=${page##*/}
    name=${name%.md}
    function=$(echo "$name" | tr - _)
    mkdir "$tmp/$name"
    ln -s "$root/dsl_examples" "$tmp/$name/dsl_examples"
    cd "$tmp/$name" || exit 1
    without=
    SHORT='--jit tcc'
    ! command -v "prepare_$function" >/dev/null || "prepare_$function"
    SHORT='--jit tcc --steps 3 --limit 200'
    run_commands "$page"
    ! command -v "fences_$function" >/dev/null || "fences_$function"
    awk -F '\t' -v page="$page" '$1 == page && $2 == "session"' "$tmp/commands" >"$tmp/here"
    [ ! -s "$tmp/here" ] || "sessions_$function"
done

# Other pages have none.
what='fences of Python and SQL'
cd "$root" || exit 1
is "$(grep -c -E '^```(python|sql)$' README.md docs/*.md | sed '/:0$/d')" = docs/ship.md:2

conclude
