#!/bin/sh
# The small kernel with /dev/mcelog, built from Debian's kernel source package.
#
#   mcelog.sh recipe SERIES         what the name of its folder in the cache ends in
#   mcelog.sh key SERIES            the name its folder has in the cache
#   mcelog.sh make SERIES FOLDER    vmlinuz, version, modules (an empty list)
#
# Nothing of the source (1.5 GB unpacked) is kept.  docs/kernel-tests.md says how long
# it takes.  Needs apt-get with its lists, dpkg-deb, xz, gcc, make, flex, bison, bc and
# the headers of libelf.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
options=$here/mcelog.config
series=$2
package=linux-source-$series

say() { echo "mcelog.sh: $*" >&2; exit 1; }

find_version() {
    version=$(apt-cache show --no-all-versions "$package" 2>/dev/null | sed -n 's/^Version: //p')
    [ -n "$version" ] || say "apt knows no $package; try apt-get update"
}

recipe=$(cat "$0" "$options" | sha256sum | cut -c 1-8)
case $1 in
recipe)
    echo "$recipe"
    ;;
key)
    find_version
    echo "mcelog-$series-$version-$recipe"
    ;;
make)
    find_version
    for tool in gcc make flex bison bc xz; do
        command -v $tool > /dev/null || say "$tool is not installed"
    done
    mkdir -p "$3"
    folder=$(cd "$3" && pwd)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    apt-get -qq -o APT::Sandbox::User=root download "$package=$version"
    # Code that this configuration never reaches is half of the tree: not unpacked.
    dpkg-deb --fsys-tarfile ./*.deb | tar -xO "./usr/src/linux-source-$series.tar.xz" |
        tar -xJ --exclude='*/drivers/gpu/*.[ch]' --exclude='*/drivers/net/*/*.[ch]' \
            --exclude='*/sound/*.[ch]' --exclude='*/tools/testing/*' \
            --exclude='*.rst' --exclude='*.yaml' --exclude='*.dts*'
    source=$work/linux-source-$series
    build=$work/build
    make -s -C "$source" O="$build" KCONFIG_ALLCONFIG="$options" allnoconfig
    # Kconfig drops in silence what it cannot give.
    lost=$(grep -E '^CONFIG_' "$options" | grep -vxFf "$build/.config" || true)
    [ -z "$lost" ] || say "not honoured by this kernel:" "$lost"
    nice make -s -C "$source" O="$build" -j"$(nproc)" bzImage
    cp "$build/arch/x86/boot/bzImage" "$folder/vmlinuz"
    : > "$folder/modules"
    echo "$package $version, mcelog.config" > "$folder/version"
    ;;
*) say "unknown command $1" ;;
esac
