#!/bin/sh
# Debian's own kernel of one series, fetched by package name and not installed.
#
#   stock.sh recipe SERIES         what the name of its folder in the cache ends in
#   stock.sh key SERIES            the name its folder has in the cache
#   stock.sh make SERIES FOLDER    vmlinuz, version and the modules that the tests load
#
# The release's own series is linux-image-amd64; another one that the release or its
# security archive also carries is linux-image-SERIES-amd64.  The series "new" is
# linux-image-amd64 of a later release's backports, whose lists are fetched into a
# folder of their own: apt's configuration and lists on this machine stay as they are.
# The download (70 to 120 MB) is not kept.  Needs apt-get with its lists, dpkg-deb, xz,
# and for the series "new" the archive and its keys (debian-archive-keyring).
set -eu

# Loaded by the guest in this order; no one kernel has all of them as modules.
modules='mce-inject amd_atl edac_mce_amd hwpoison-inject
virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk
crc16 mbcache jbd2 crc32c_generic libcrc32c ext4'
# Without these there are no tests.
needed='mce-inject virtio_blk ext4'

# Where the series "new" comes from.
new_suite=trixie-backports
keys=/usr/share/keyrings/debian-archive-keyring.gpg

series=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { echo "stock.sh: $*" >&2; exit 1; }

# apt-get or apt-cache, with lists of our own where the series is in no list of the machine's.
apt() {
    program=$1
    shift
    if [ "$series" = new ]; then
        set -- -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
            -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
            -o Dir::State::status=/dev/null -o Dir::State::lists="$work/apt/lists" \
            -o Dir::Cache="$work/apt/cache" "$@"
    fi
    "apt-$program" -o APT::Sandbox::User=root "$@"
}

# Fetches the lists of the series "new", from the mirror that this machine uses.
fetch_lists() {
    [ -r $keys ] || say "no $keys: debian-archive-keyring is not installed"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' | head -n 1)
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    echo "deb [arch=amd64 signed-by=$keys] ${mirror:-http://deb.debian.org/debian} $new_suite main" \
        > "$work/apt/sources.list"
    # Anything that it could not fetch is an error, and not a warning.
    apt get -qq -o APT::Update::Error-Mode=any -o Acquire::Retries=2 update >&2 ||
        say "no lists of $new_suite"
}

# The package that is named for the kernel, and its version.
find_package() {
    [ "$series" != new ] || fetch_lists
    for meta in linux-image-amd64 "linux-image-$series-amd64"; do
        package=$(apt cache depends "$meta" 2>/dev/null |
            sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
        case $series:$package in
        new:linux-image-* | "$series":linux-image-"$series".*)
            version=$(apt cache show --no-all-versions "$package" | sed -n 's/^Version: //p')
            [ -n "$version" ] && return ;;
        esac
    done
    say "apt knows no kernel of series $series; try apt-get update"
}

# It, and those into which later releases split it.
parts() {
    echo "$package=$version"
    apt cache depends "$package" |
        sed -n "s/.*Depends: \(linux-\(binary\|modules\)-[0-9][^ ]*\)\$/\1=$version/p"
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
    mkdir "$work/deb" "$work/root"
    parts=$(parts)
    # shellcheck disable=SC2086 # a word for each package
    (cd "$work/deb" && apt get -qq download $parts)
    set -- './boot/vmlinuz-*' './usr/lib/modules/*/vmlinuz'
    for m in $modules; do
        set -- "$@" "*/$m.ko" "*/$m.ko.xz"
    done
    for deb in "$work"/deb/*.deb; do
        # tar fails for what this package has not; what is needed is checked below.
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/root" --wildcards "$@" 2>/dev/null || true
    done
    mkdir -p "$folder"
    vmlinuz=$(find "$work/root" -name 'vmlinuz*' -type f)
    [ -f "$vmlinuz" ] || say "$package holds no kernel"
    mv "$vmlinuz" "$folder/vmlinuz"
    : > "$folder/modules"
    for m in $modules; do
        file=$(find "$work/root" -name "$m.ko" -o -name "$m.ko.xz")
        [ -n "$file" ] || continue
        case $file in
        *.xz) xz -dc "$file" > "$folder/$m.ko" ;;
        *) mv "$file" "$folder/$m.ko" ;;
        esac
        echo "$m.ko" >> "$folder/modules"
    done
    for m in $needed; do
        grep -q "^$m.ko" "$folder/modules" || say "$package holds no $m module"
    done
    echo "$package $version" > "$folder/version"
    ;;
*) say "unknown command $1" ;;
esac
