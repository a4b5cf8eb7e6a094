#!/bin/sh
# library.sh: the text of a library of kernels.
#
#     sh library.sh NAME [NAME.i BASE.i]
#
# With the texts that the preprocessor leaves of a page and of the one whose sizes it has: of a library
# that has the kernels that differ, and falls through to BASE's for the others.
set -e
echo "#define NN_LIBRARY nn_library_$1"
if [ $# -gt 1 ]; then
    own=$(awk -f "$(dirname "$0")/own_kernels.awk" "$3" "$2")
    base=$(basename "$3" .i)
    echo "#define NN_BASE nn_library_${base#library_}"
    printf '#define NN_OWN'
    for kernel in $own; do printf ' \\\n    NN_SYMBOL(%s),' "$kernel"; done
    echo
fi
echo '#include "runtime/kernels/library_table.h"'
