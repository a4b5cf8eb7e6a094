#!/bin/sh
# make install and uninstall below a directory; the installed program from anywhere; the man
# page and the completions, which are made from the tables of options.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

stage=$tmp/stage
put() { make -s "$1" DESTDIR="$stage" PREFIX=/usr >"$tmp/out" 2>"$tmp/err"; }

what='make install'
put install
status=$?
status_is 0
share=$stage/usr/share
exists "$stage/usr/bin/nnc" "$stage/usr/include/nn.h" "$share/man/man1/nnc.1" "$share/doc/nnc/docs/language.md" \
    "$share/bash-completion/completions/nnc" "$share/zsh/site-functions/_nnc" "$share/fish/vendor_completions.d/nnc.fish"

# The installed program finds the digits and the standard blocks from any directory.
mkdir "$tmp/elsewhere"
NNC=$stage/usr/bin/nnc
cd "$tmp/elsewhere" || exit 1
runs 0 train "$share/doc/nnc/dsl_examples/lenet.nn" --steps 2 --jit tcc -o w.safetensors
says err 'the digits that nnc ships with'
runs 0 check "$share/doc/nnc/dsl_examples/googlenet.nn"
for file in "$share"/doc/nnc/dsl_examples/exercises/*.nn; do runs 0 check "$file"; done

# The library for several processes, too, where there is an MPI: at its place, and loaded from there.
if have mpicc; then
    exists "$stage/usr/lib/nnc/nnc-mpi.so"
    runs 0 --version
    says out "^many machines: *$stage/usr/bin/../lib/nnc/nnc-mpi.so"
    if have mpirun; then
        try 'mpirun nnc, installed' env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
            OMPI_MCA_rmaps_base_oversubscribe=1 timeout -k 5 60 mpirun -n 2 "$NNC" \
            train "$share/doc/nnc/dsl_examples/lenet.nn" --steps 2 --jit tcc -o w.safetensors
        says out '^ranks *2 with '
    fi
else skip 'no mpicc: training on several machines is not installed'; fi
cd "$root" || exit 1

# The plug-in for many machines, where it is built, is found.
if [ -e nnc-mpi.so ]; then
    exists "$stage/usr/lib/nnc/nnc-mpi.so"
    runs 0 --version
    says out 'many machines: .*/lib/nnc/nnc-mpi.so'
else skip 'no MPI here: its plug-in was not installed'; fi

# What the installed pages refer to, apart from the sources.
for page in README.md $(cd "$share/doc/nnc" && echo docs/*.md); do
    what="the links of $page"
    broken=
    for link in $(grep -o '](\(\.\./\)\?[A-Za-z0-9_./-]*)' "$page" | sed 's/^](//; s/)$//; /^[.\/]*\(compiler\|runtime\|tests\|bench\|generated\|CONTRIBUTING\)/d'); do
        case ${page%/*}/$link in */data/digits/*) continue ;; esac # they stand in share/nnc
        [ -e "$(dirname "$share/doc/nnc/$page")/$link" ] || broken="$broken $link"
    done
    if [ ! "$broken" ]; then ok; else bad "not installed:$broken"; fi
done

# ---- the man page -------------------------------------------------------------------------

page=$share/man/man1/nnc.1
for option in train predict report; do
    what="the man page has nnc $option"
    if grep -q "^\.SS \"nnc.*\"$" "$page" && grep -q "^\.SS \"$option\|^\.SS \"nnc $option" "$page"; then ok; else bad 'no section'; fi
done
if have mandoc; then
    what='mandoc -Tlint'
    mandoc -Tlint "$page" >"$tmp/out" 2>"$tmp/err"
    silent out
else skip 'no mandoc; the man page was not checked'; fi
if have man; then
    what='man --warnings'
    man --warnings -E UTF-8 -l -Tutf8 -Z "$page" >/dev/null 2>"$tmp/err"
    silent err
else skip 'no man; the man page was not formatted'; fi

# ---- completions ---------------------------------------------------------------------------

if have bash; then
    cat >"$tmp/try.bash" <<'END'
. "$1"
shift
COMP_WORDS=(nnc "$@")
COMP_CWORD=$#
_nnc
printf '%s\n' "${COMPREPLY[@]}"
END
    completes() { # WANT WORD…: the completions, in one line
        local want=$1
        shift
        what="bash completes nnc $*"
        local got
        got=$(cd "$tmp/elsewhere" && bash "$tmp/try.bash" "$share/bash-completion/completions/nnc" "$@" 2>"$tmp/err" | tr '\n' ' ')
        if [ "$got" = "$want " ]; then ok; else bad "'$got', not '$want '"; fi
        silent err
    }
    completes 'train trace' tr
    completes --jit train --ji
    completes 'tcc cc tiered' train --jit ''
    completes '--train --train-only --target --threads' net.nn --t
    completes 'w.safetensors' eval net.nn --weights w
    completes report help rep
fi
for shell in zsh fish; do
    file=$share/zsh/site-functions/_nnc
    [ $shell = zsh ] || file=$share/fish/vendor_completions.d/nnc.fish
    if have $shell; then
        what="$shell reads its completions"
        HOME=$tmp $shell -n "$file" >"$tmp/out" 2>"$tmp/err"
        status=$?
        status_is 0
        silent err
    else skip "no $shell; its completions were not read"; fi
done

NNC=$root/nnc
runs 2 help --completion csh
says err 'bash, zsh or fish'
runs 2 help --man x

# ---- uninstall -------------------------------------------------------------------------------

what='make uninstall'
put uninstall
status=$?
status_is 0
if [ -z "$(find "$stage" -type f)" ]; then ok; else
    find "$stage" -type f >"$tmp/out"
    bad 'files are left'
fi

conclude
