#!/bin/sh
# Debian's own kernel of one series, fetched by package name and not installed.
#
#   stock.sh recipe SERIES         what the name of its folder in the cache ends in
#   stock.sh key SERIES            the name its folder has in the cache
#   stock.sh make SERIES FOLDER    vmlinuz, version and the modules that the tests load
#
# The release's own series is linux-image-amd64; another one that the release or its
# security archive also carries is linux-image-SERIES-amd64.  The download (70 to
# 110 MB) is not kept.  Needs apt-get with its lists, dpkg-deb and xz.
set -eu

# Loaded by the guest in this order; no one kernel has all of them as modules.
modules='mce-inject amd_atl edac_mce_amd hwpoison-inject
virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk
crc16 mbcache jbd2 crc32c_generic libcrc32c ext4'

series=$2

say() { echo "stock.sh: $*" >&2; exit 1; }

# The package that holds the kernel, and its version.
find_package() {
    for meta in linux-image-amd64 "linux-image-$series-amd64"; do
        package=$(apt-cache depends "$meta" 2>/dev/null |
            sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
        case $package in
        linux-image-"$series".*)
            version=$(apt-cache show --no-all-versions "$package" | sed -n 's/^Version: //p')
            [ -n "$version" ] && return ;;
        esac
    done
    say "apt knows no kernel of series $series; try apt-get update"
}

recipe=$(sha256sum < "$0" | cut -c 1-8)
case $1 in
recipe)
    echo "$recipe"
    ;;
key)
    find_package
    echo "stock-$series-$version-$recipe"
    ;;
make)
    find_package
    folder=$3
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$package=$version")
    set -- './boot/vmlinuz-*'
    for m in $modules; do
        set -- "$@" "*/$m.ko" "*/$m.ko.xz"
    done
    # tar fails for the modules that this kernel has not; the kernel itself is checked below.
    dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work" --wildcards "$@" 2>/dev/null || true
    mkdir -p "$folder"
    mv "$work"/boot/vmlinuz-* "$folder/vmlinuz" || say "$package holds no kernel"
    : > "$folder/modules"
    for m in $modules; do
        file=$(find "$work" -name "$m.ko" -o -name "$m.ko.xz")
        [ -n "$file" ] || continue
        case $file in
        *.xz) xz -dc "$file" > "$folder/$m.ko" ;;
        *) mv "$file" "$folder/$m.ko" ;;
        esac
        echo "$m.ko" >> "$folder/modules"
    done
    for m in mce-inject virtio_blk ext4; do
        grep -q "^$m.ko" "$folder/modules" || say "$package holds no $m module"
    done
    echo "$package $version" > "$folder/version"
    ;;
*) say "unknown command $1" ;;
esac
