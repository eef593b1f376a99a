#!/bin/sh
# A root file system with systemd as its first program: Debian's packages, fetched by name and not installed.
#
#   systemd.sh recipe         what the name of its folder in the cache ends in
#   systemd.sh key            the name its folder has in the cache
#   systemd.sh make FOLDER    root/, the tree that a guest's disk begins as, and version
#
# What a small system has at least: systemd with its journal, the libraries of both, mount, and two programs that units
# and instructions call, kill and install.  There is no udev, no D-Bus and no shell.  The download (20 MB) is
# not kept.  Needs apt-get with its lists and dpkg-deb.
set -eu

say() { echo "systemd.sh: $*" >&2; exit 1; }

find_version() {
    version=$(apt-cache show --no-all-versions systemd 2>/dev/null | sed -n 's/^Version: //p')
    [ -n "$version" ] || say 'apt knows no systemd; try apt-get update'
}

programs='systemd mount coreutils procps'

# The programs, and the libraries below them; not what only their installation needs.
packages() {
    # shellcheck disable=SC2086 # a word each
    set -- $programs
    apt-cache depends --recurse -i "$@" | sed -n '/^lib/p' | grep -v -e : -e perl -e elogind -e debian-installer | sort -u
    printf '%s\n' "$@"
}

recipe=$(sha256sum < "$0" | cut -c 1-8)
case $1 in
recipe)
    echo "$recipe"
    ;;
key)
    find_version
    echo "systemd-$version-$recipe"
    ;;
make)
    find_version
    folder=$2
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # shellcheck disable=SC2046 # a word each
    (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download $(packages))
    root=$folder/root
    mkdir -p "$root"
    (
        cd "$root"
        mkdir -p usr/bin usr/sbin usr/lib usr/lib64 usr/local/sbin etc/systemd/system
        mkdir -p dev proc sys run tmp var/lib var/log/journal var/tmp root
        for name in bin sbin lib lib64; do
            ln -s "usr/$name" "$name"
        done
        chmod 1777 tmp var/tmp
        chmod 700 root
    )
    for package in "$work"/*.deb; do
        set -- --exclude='./usr/share/*' --exclude='*/gconv/*' --exclude='*/hwdb.d/*'
        case ${package##*/} in
        coreutils_*) set -- --wildcards '*/bin/install' ;;
        procps_*) set -- --wildcards '*/bin/kill' ;;
        mount_*) set -- --wildcards '*/bin/mount' '*/bin/umount' ;;
        esac
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink --no-same-owner "$@"
    done
    for program in lib/systemd/systemd lib/systemd/systemd-journald bin/systemctl bin/journalctl bin/kill bin/install bin/mount; do
        [ -x "$root/usr/$program" ] || say "the packages hold no $program"
    done
    ln -sf ../lib/systemd/systemd "$root/usr/sbin/init"
    # There is nothing for them to find, and each takes its time in an emulated machine.
    rm -rf "$root/usr/lib/systemd/system-generators"
    # What the packages' scripts would have made.
    cat > "$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
END
    cat > "$root/etc/group" <<'END'
root:x:0:
adm:x:4:
systemd-journal:x:101:
nogroup:x:65534:
END
    echo guest > "$root/etc/hostname"
    echo 6d63656b69744d6163686965636b5465 > "$root/etc/machine-id"
    : > "$root/etc/fstab"
    echo "systemd $version" > "$folder/version"
    ;;
*) say "unknown command $1" ;;
esac
