#!/bin/sh
# Compares nets with reference files, NAME.nn with NAME.safetensors, in the fast
# form and in the plain form: those kept here, and a larger folder of them where
# there is one.  TinyCC links kernels that are compiled already; the system compiler
# takes seconds for the kernels in a text, so it gets a choice of nets (`compiled`)
# that has every larger kernel in it, each once: one of them as users have it, optimized, the others
# at -O0; all kernels, optimized, are in a test of build/unit.  With ALL=1, as in `make check-all`, all of them, optimized.
#
# No value may be further off than 1e-4 of its tensor's largest.  For lenet_rmsprop
# and lenet_adagrad PyTorch itself does not come so close when it repeats the
# steps: there a tensor may be as far off as PyTorch's, which is what spread.txt
# says (made and explained by spread.py).  That the two optimizers are right is seen
# in steps_*.nn (steps.py), which hardly depend on rounding and have no exception.
# NNC_REFS: that folder.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
refs=${NNC_REFS:-../shared/refs}

# Whether the tensors in out are all there are in spread.txt, and no further off.
within() { # NAME
    awk -v net="$1" '
        NR == FNR { if ($1 == net) { bound[$2] = $3 > 1e-4 ? $3 : 1e-4; left++ } next }
        $1 in bound { left--; if (!($4 + 0 <= bound[$1])) { bad = 1; print $1 ": " $4 ", PyTorch " bound[$1] } }
        END { exit bad || left != 0 }' tests/refs/spread.txt "$tmp/out"
}

# A net that is named in spread.txt is checked without a tolerance, then by that.
compare() { # NET OPTIONS…
    net=$1
    shift
    name=$(basename "${net%.nn}")
    tolerance=1e-4
    grep -q "^$name " tests/refs/spread.txt && tolerance=1e300
    CC=$with "$NNC" check "$net" --reference "${net%.nn}.safetensors" --tolerance $tolerance "$@" >"$tmp/out" 2>&1 || return 1
    [ $tolerance = 1e-4 ] || within "$name"
}

optimized=' lenet_adam '
compiled=' batchnorm lenet_adam maxpool_3_2_1 resnet_small avgpool_pad conv_groups deconv groupnorm lrn'
compiled="$compiled upsample_bilinear "

# Is the net one of those?  Then it is taken off the list; `with` is the compiler and its options.
compiled() { # NAME
    with=$CC
    [ -z "$ALL" ] || return 0
    case $compiled in *" $1 "*) ;; *) return 1 ;; esac
    case $optimized in *" $1 "*) ;; *) with="$CC -O0" ;; esac
    compiled="${compiled%%" $1 "*} ${compiled#*" $1 "}"
}

check() { # FOLDER
    for net in "$1"/*.nn; do
        for form in '--jit tcc' '--jit cc' --plain; do
            with=$CC
            [ "$form" != '--jit cc' ] || compiled "$(basename "${net%.nn}")" || continue
            what="$net $form"
            # shellcheck disable=SC2086  # an option and its value
            if compare "$net" $form >"$tmp/said"; then
                ok
            else
                grep -v '^  .*[0-9]$' "$tmp/out" >"$tmp/err"
                bad 'it differs from the reference' "$tmp/said" "$tmp/err"
            fi
        done
    done
}

check tests/refs
if [ -d "$refs" ]; then
    check "$refs"
else
    skip "no folder $refs; only the references of tests/refs were compared (set NNC_REFS)"
fi
conclude
