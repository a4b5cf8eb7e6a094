#!/bin/sh
# packaging/deb.sh VERSION DATE OUT: a Debian package, OUT/nnc_VERSION-1_ARCH.deb, of the
# program that is built, by `make install` below OUT/root.  DATE (YYYY-MM-DD) is that of the
# version: the same sources give the same package, whenever it is made.  DEBFULLNAME and
# DEBEMAIL say who maintains it, as for Debian's own tools.
set -e
version=$1 date=$2 out=$3
root=$out/root
maintainer="${DEBFULLNAME:-The nnc authors} <${DEBEMAIL:-nnc@example.org}>"
for tool in dpkg-deb dpkg-shlibdeps; do
    command -v $tool >/dev/null || { echo "packaging: $tool is missing: apt install dpkg-dev" >&2; exit 1; }
done
arch=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=$(date -u -d "$date" +%s)
export SOURCE_DATE_EPOCH

rm -rf "$out"
mkdir -p "$root" "$out/debian"
make -s install DESTDIR="$root" PREFIX=/usr
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/nnc"
mpi=usr/lib/nnc/nnc-mpi.so # where mpicc is
[ ! -e "$root/$mpi" ] || strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/$mpi"
gzip -9n "$root/usr/share/man/man1/nnc.1"
mkdir -p "$root/usr/share/zsh/vendor-completions"
mv "$root/usr/share/zsh/site-functions/_nnc" "$root/usr/share/zsh/vendor-completions"
rmdir "$root/usr/share/zsh/site-functions"
# Where pkg-config looks for this architecture's libraries, when it compiles for another one, too.
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
mkdir "$root/usr/lib/$triplet"
mv "$root/usr/lib/libnnc.a" "$root/usr/lib/pkgconfig" "$root/usr/lib/$triplet"
sed -i "s|}/lib |}/lib/$triplet |" "$root/usr/lib/$triplet/pkgconfig/nnc.pc"

# What Debian wants beside the documentation: the license as `copyright`, the changes as a changelog.
doc=$root/usr/share/doc/nnc
{
    printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n'
    printf 'Upstream-Name: nnc\n\nFiles: *\nCopyright: %s the nnc authors\nLicense: MIT\n' "${date%%-*}"
    sed -n '5,$p' LICENSE | sed 's/^$/./; s/^/ /'
} >"$doc/copyright"
rm "$doc/LICENSE"
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
rm "$doc/CHANGELOG.md"
printf 'nnc (%s-1) unstable; urgency=medium\n\n  * Version %s: see changelog.gz.\n\n -- %s  %s\n' "$version" "$version" \
    "$maintainer" "$(LC_ALL=C date -u -d "$date" '+%a, %d %b %Y %H:%M:%S +0000')" | gzip -9nc >"$doc/changelog.Debian.gz"

# The libraries that the program is linked to, and those of what it loads under mpirun, which it does without.
printf 'Source: nnc\n\nPackage: nnc\nArchitecture: any\n' >"$out/debian/control"
plugin=
[ ! -e "$root/$mpi" ] || plugin="-dRecommends -eroot/$mpi"
# shellcheck disable=SC2086 # two options, or none
(cd "$out" && dpkg-shlibdeps -O -dDepends -eroot/usr/bin/nnc $plugin 2>/dev/null) >"$out/debian/libraries"
depends=$(sed -n 's/^shlibs:Depends=//p' "$out/debian/libraries")
recommends=$(sed -n 's/^shlibs:Recommends=/, /p' "$out/debian/libraries")
case $recommends in
*openmpi*) recommends="$recommends, openmpi-bin" ;;
*mpich*) recommends="$recommends, mpich" ;;
esac

mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: nnc
Version: $version-1
Section: science
Priority: optional
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
Recommends: gcc | clang, libc6-dev$recommends
Suggests: graphviz, dataset-fashion-mnist, libmatio11
Description: model compiler for convolutional networks
 nnc lowers the description of a convolutional network to specialized C for
 the forward and the backward pass.  It trains in its own process, with a
 compiler that is built in or with the system's, reports parameters, costs,
 memory and receptive fields, and writes C that depends on libc alone.
 .
 The compiler that is recommended makes training faster, and with MPI several
 processes or machines train one net; nothing else needs them.
END
(cd "$root" && find usr -type f -exec md5sum {} +) | LC_ALL=C sort -k 2 >"$root/DEBIAN/md5sums"
find "$root" -type d -exec chmod 755 {} +
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group --build "$root" "$out" >/dev/null
echo "$out/nnc_${version}-1_$arch.deb"
