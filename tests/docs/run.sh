#!/bin/sh
# docs/ against the compiler.  Every word of the language that `nnc help` lists is
# on the page of the language, operators, schedules and augmentations with the
# arguments and defaults that they have; every standard block on the page of the
# blocks, likewise.  Links lead to files.  What stands in a fence ```nn is a whole
# file: it is formatted, and its nets are right.  Commands in README and on the pages of
# the architecture and of traces print what is shown there, and the table of passes is that of
# compiler/lower/pass_table.h.
# With MODELS, a folder of published models, and CIFAR10, a folder of that data's binary files, so
# do those in bring_a_model.md.
# UPDATE=1 rewrites the table and the output of commands, training apart; read the
# difference before it is committed.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

has() { if grep -qF -- "$2" "$1"; then ok; else bad "$1 does not have $2" /dev/null; fi; } # FILE TEXT

# ---- words ------------------------------------------------------------------------

# The words of a topic; and what the help shows of a word: NAME(arguments).
words() { "$NNC" help "$1" | sed -n '3,$s/^  \([a-z0-9_]*\).*/\1/p'; }
calls() { "$NNC" help "$1" | grep -x "    $1\((.*)\)\{0,1\}" | sed 's/^    //'; }

for topic in layers combinators losses optimizers schedules augmentations initialisations training regularizers clipping stopping; do
    words "$topic" >"$tmp/words"
    [ -s "$tmp/words" ] || bad "nnc help $topic lists nothing" /dev/null
    while read -r word; do
        has docs/language.md "\`$word"
        calls "$word" >"$tmp/calls"
        while read -r call; do has docs/language.md "\`$call\`"; done <"$tmp/calls"
    done <"$tmp/words"
done
for topic in layers combinators losses optimizers; do
    directory=$topic
    [ "$topic" != combinators ] || directory=layers
    for word in $(words $topic); do has docs/language.md "[\`$word\`](../compiler/ops/$directory/$word.c)"; done
done
for block in $(words blocks); do
    has docs/blocks.md "\`$(calls "$block")\`"
done

# ---- links ------------------------------------------------------------------------

for page in docs/*.md; do
    sed '/^```/,/^```/d' "$page" | grep -o ']([^)#]*[)#]' | sed 's/^](//; s/[)#]$//' | grep -v -e '^$' -e : | sort -u >"$tmp/links"
    while read -r link; do
        if [ -e "docs/$link" ]; then ok; else bad "$page: a link to $link, which does not exist" /dev/null; fi
    done <"$tmp/links"
    # anchors: the headings, in small letters, without signs, blanks as dashes
    sed -n 's/^##* //p' "$page" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n_-' >"$tmp/anchors"
    for anchor in $(grep -o '](#[^)]*)' "$page" | sed 's/^](#//; s/)$//' | sort -u); do
        if grep -qx -- "$anchor" "$tmp/anchors"; then ok; else bad "$page: no heading #$anchor" /dev/null; fi
    done
done

# ---- examples -----------------------------------------------------------------------

for page in docs/*.md README.md; do
    [ -e "$page" ] || continue
    rm -f "$tmp"/*.nn
    awk -v to="$tmp" '/^```nn$/ { inside = 1; file = sprintf("%s/%03d.nn", to, ++n); next }
                      /^```/ { inside = 0 }
                      inside { print > file }' "$page"
    for file in "$tmp"/*.nn; do
        [ -e "$file" ] || continue
        if "$NNC" fmt - <"$file" 2>&1 | diff "$file" - >"$tmp/said"; then ok; else bad "$page: not formatted" "$tmp/said"; fi
        for net in $(sed -n 's/^net \([a-z0-9_]*\).*/\1/p' "$file"); do
            try "$page: net $net" "$NNC" check "$file" --net "$net"
            what=
        done
    done
done

# ---- the table of passes --------------------------------------------------------------

page=docs/architecture.md
sh tests/docs/pass_table.sh >"$tmp/passes"
[ "$(wc -l <"$tmp/passes")" -gt 4 ] || bad 'compiler/lower/pass_table.h: no passes found' /dev/null
if [ -n "$UPDATE" ]; then
    awk -v table="$tmp/passes" '/^\| pass \| switch/ { while ((getline row < table) > 0) print row; inside = 1 }
                                !/^\|/ { inside = 0 }
                                !inside' $page >"$tmp/page" && cp "$tmp/page" $page
fi
awk '/^\| pass \| switch/ { inside = 1 } !/^\|/ { inside = 0 } inside' $page >"$tmp/shown"
if diff "$tmp/shown" "$tmp/passes" >"$tmp/differs"; then
    ok
else
    bad "$page: the table of passes differs from compiler/lower/pass_table.h" "$tmp/differs"
fi

# ---- sessions -----------------------------------------------------------------------------

# A fence that begins with `$ COMMAND` is a session; the C in ```c is use.c; the net in
# ```nn is NAME.nn.  Sessions are run in the order of the page, in a directory with these
# files, the examples and a net with mistakes.
mkdir "$tmp/bin" && ln -s "$NNC" "$tmp/bin/nnc"

# What training prints depends on the machine: numbers are not compared there, nor whether
# the C compiler was ready before the end.
mask() { # SESSION
    if grep -q '^\$ nnc train' "$1"; then
        sed '/^back end *cc from/d; s/[0-9][0-9.e+-]*/N/g; s/N:N$/N s/; s/  */ /g'
    else
        sed 's/\(largest error\) [0-9][0-9.e+-]*/\1 N/' # depends on the processor
    fi
}

session_files() { # PAGE DIRECTORY
    ln -s "$root/dsl_examples" "$2/dsl_examples"
    [ ! -d "$MODELS" ] || ln -s "$MODELS" "$2/models"
    [ ! -d "$CIFAR10" ] || ln -s "$CIFAR10" "$2/cifar10"
    awk '/^```c$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$1" >"$2/use.c"
    awk -v to="$2" '/^```nn$/ { inside = 1; text = ""; next }
                    /^```/ { if (inside && name) printf "%s", text > (to "/" name ".nn"); inside = 0 }
                    inside && /^net / { name = $2; sub(/\(.*/, "", name) }
                    inside { text = text $0 "\n" }' "$1"
    cat >"$2/small.nn" <<'END'
net small(classes=10) {
    input(3x32x32)
    conv(16, 3)
    maxpool(2)  -> 16x16x16
    flatten
    desne(classes)
}
END
}

split_sessions() { # PAGE DIRECTORY
    awk -v to="$2" '/^```$/ && !inside { inside = 1; first = 1; next }
                    /^```/ { inside = !inside && /^```./; session = 0; first = 0; next }
                    inside && first { first = 0; if (/^\$ /) { session = 1; file = sprintf("%s/%02d.session", to, ++n) } }
                    session { print > file }' "$1"
}

# Puts DIRECTORY's NN.said in the place of the sessions.
update_sessions() { # PAGE DIRECTORY
    awk -v from="$2" '/^```$/ && !inside { inside = 1; first = 1; print; next }
                      /^```/ { inside = !inside && /^```./; session = 0; first = 0; print; next }
                      inside && first {
                          first = 0
                          if (/^\$ /) {
                              file = sprintf("%s/%02d.said", from, ++n)
                              session = !/^\$ nnc train/
                              if (session) while ((getline line < file) > 0) print line
                          }
                      }
                      !session' "$1" >"$2/page" && cp "$2/page" "$1"
}

run_sessions() { # PAGE LEAST
    dir=$tmp/$(basename "$1" .md)
    mkdir "$dir" "$dir/sessions"
    session_files "$1" "$dir"
    split_sessions "$1" "$dir/sessions"
    sessions=0
    for session in "$dir"/sessions/*.session; do
        [ -e "$session" ] || continue
        sessions=$((sessions + 1))
        if [ ! -d "$dir/cifar10" ] && grep -q -e '--data cifar10' "$session"; then
            skip "$1: CIFAR10, a folder of its binary files"
            cp "$session" "${session%.session}.said"
            continue
        fi
        if grep -q -e '--data fashion-mnist' "$session"; then # tests/pages runs it, shorter
            cp "$session" "${session%.session}.said"
            continue
        fi
        sed -n 's/^\$ //p' "$session" | while read -r command; do
            echo "\$ $command"
            (cd "$dir" && PATH=$tmp/bin:$PATH sh -c "$command" 2>&1 </dev/null)
        done | sed "s|[^ ]*/dsl_examples/|dsl_examples/|" >"${session%.session}.said"
        [ -z "$UPDATE" ] || continue
        mask "$session" <"${session%.session}.said" >"$tmp/said"
        sed 's| [^ ]*/dsl_examples/| dsl_examples/|' "$session" | mask "$session" >"$tmp/shown"
        if diff "$tmp/shown" "$tmp/said" >"$tmp/differs"; then ok; else bad "$1: $(head -1 "$session")" "$tmp/differs"; fi
    done
    [ -z "$UPDATE" ] || update_sessions "$1" "$dir/sessions"
    [ $sessions -ge "$2" ] || bad "$1: the sessions are not found" /dev/null
}
run_sessions README.md 3
run_sessions docs/architecture.md 8
run_sessions docs/trace.md 3
if [ -f "$MODELS/mnist-cntk.onnx" ]; then
    run_sessions docs/bring_a_model.md 12
else
    skip 'docs/bring_a_model.md: MODELS, a folder with its models'
fi

conclude
