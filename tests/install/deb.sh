#!/bin/sh
# The Debian package: it is made, lintian has nothing to say above `info`, and where this user
# may change the root directory and debootstrap is there, it installs and works in a bare Debian.
# A part of make check-all: it takes minutes, and a mirror of Debian for the last.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

try 'make deb' make -s deb
package=$(ls build/deb/nnc_*.deb) || exit 1
cp "$package" "$tmp/first.deb"
try 'make deb again' make -s deb
try 'the same package twice' cmp "$tmp/first.deb" "$package"
if have mpicc; then
    what='the library for several processes, in the package'
    dpkg-deb -x "$package" "$tmp/x" >"$tmp/out" 2>"$tmp/err"
    exists "$tmp/x/usr/lib/nnc/nnc-mpi.so"
    if readelf -S "$tmp/x/usr/lib/nnc/nnc-mpi.so" | grep -q '\.symtab\|\.comment'; then bad 'it is not stripped'; else ok; fi
    dpkg-deb -f "$package" Recommends >"$tmp/out"
    says out 'libopenmpi.*openmpi-bin\|libmpich.*mpich'
    dpkg-deb -f "$package" Depends >"$tmp/out"
    lacks out 'mpi'
fi
# (It closes no bug that asks for the package: it is not uploaded.)
if have lintian; then
    try 'lintian' lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$package"
else skip 'no lintian'
fi

bare=$tmp/bare
if [ "$(id -u)" = 0 ] && have debootstrap; then
    . /etc/os-release
    try 'a bare Debian' debootstrap --variant=minbase "$VERSION_CODENAME" "$bare"
    mount -t proc proc "$bare/proc" # as in any running system
    trap 'umount "$bare/proc"; cleanup' EXIT
    cp "$package" "$bare/root/nnc.deb"
    try 'apt install ./nnc.deb' chroot "$bare" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /root/nnc.deb
    try 'it trains there' chroot "$bare" sh -c 'cd /tmp && nnc train /usr/share/doc/nnc/dsl_examples/lenet.nn --steps 20 --jit tcc -o w'
    try 'it predicts there' chroot "$bare" sh -c 'cd /tmp && nnc eval /usr/share/doc/nnc/dsl_examples/lenet.nn --weights w'
    try 'apt remove nnc' chroot "$bare" apt-get remove -y nnc
    absent "$bare/usr/bin/nnc" "$bare/usr/share/nnc"
else skip 'no debootstrap, or not root: the package was not installed'; fi
conclude
