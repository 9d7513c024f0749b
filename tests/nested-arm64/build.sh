#!/usr/bin/env bash
# Builds the parts of the arm64 machine that all runs share:
#
#   vmlinuz     Debian's cloud kernel for arm64, which has KVM built in
#   initramfs   ./init.c as /init, and the libraries that .NET needs, OpenSSL among them: the test runner hashes names
#
# Nothing is done when none of the inputs changed. The machine's own architecture and package lists stay as they are: apt works in a folder of ours.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

die() {
    echo "build.sh: $*" >&2
    exit 1
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
out=$here/../../artifacts/nested-arm64
mirror=${HVSDK_DEBIAN_MIRROR:-http://deb.debian.org/debian}
suite=${HVSDK_DEBIAN_SUITE:-bookworm}
pointer=linux-image-cloud-arm64
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
cross=aarch64-linux-gnu
libraries=(ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libgcc_s.so.1 libstdc++.so.6)
while (($# > 0)); do
    case $1 in
        --out)
            (($# >= 2)) || die "--out needs a folder"
            out=$2
            shift 2
            ;;
        -h | --help)
            echo "Usage: build.sh [--out DIR]   (default: artifacts/nested-arm64 in the repository)"
            exit 0
            ;;
        *) die "unknown argument '$1'" ;;
    esac
done

for tool in "$cross-gcc" cpio apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || die "$tool is missing: run tests/nested-arm64/install.sh"
done
for library in "${libraries[@]}"; do
    [[ -e /usr/$cross/lib/$library ]] || die "/usr/$cross/lib/$library is missing: run tests/nested-arm64/install.sh"
done

# apt with lists, cache and sources of its own, in the folder $2; the rest are the arguments of the program $1.
foreign_apt() {
    local program=$1 folder=$2 sandbox=()
    shift 2
    ((EUID != 0)) || sandbox=(-o APT::Sandbox::User=root) # the folder is ours alone, apt's own user cannot write there
    "$program" -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State="$folder/state" -o Dir::State::status="$folder/status" \
        -o Dir::Cache="$folder/cache" -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=- -o Acquire::Languages=none "${sandbox[@]}" "$@"
}

# Puts the newest packages of the kernel and of OpenSSL into the folder $1.
download_packages() {
    local folder=$1 apt=$1/apt package
    mkdir -p "$apt"/state/lists/partial "$apt"/cache/archives/partial
    : >"$apt/status"
    [[ -e $keyring ]] || die "$keyring is missing: install debian-archive-keyring"
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$apt/sources.list"
    foreign_apt apt-get "$apt" update >&2 || die "the mirror $mirror does not answer (HVSDK_DEBIAN_MIRROR, HVSDK_DEBIAN_SUITE name another)"
    package=$(foreign_apt apt-cache "$apt" depends "$pointer" | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\).*/\1/p' | head -n 1)
    [[ -n $package ]] || die "$mirror $suite has no $pointer"
    echo "build.sh: downloading $package and libssl3" >&2
    (cd "$folder" && foreign_apt apt-get "$apt" download "$package" libssl3 >&2) || die "could not download $package and libssl3"
    rm -rf "$apt"
}

mkdir -p "$out"
out=$(cd "$out" && pwd)
# One build at a time.
exec 8>"$out/lock"
flock 8

if ! compgen -G "$out/linux-image-*.deb" >/dev/null || ! compgen -G "$out/libssl3_*.deb" >/dev/null; then
    rm -rf "$out/new"
    mkdir "$out/new"
    download_packages "$out/new"
    rm -f "$out"/*.deb
    mv "$out"/new/*.deb "$out"
    rm -rf "$out/new"
fi

package=$(echo "$out"/linux-image-*.deb)
inputs=$(
    cat "$here/build.sh" "$here/init.c" | sha256sum
    basename -a "$out"/*.deb
    stat -L -c '%n %s %Y' "${libraries[@]/#//usr/$cross/lib/}"
)
if [[ -e $out/inputs && $inputs == "$(<"$out/inputs")" ]]; then
    exit 0
fi
echo "build.sh: building the arm64 machine in $out" >&2
rm -f "$out/inputs"
new=$out/new
rm -rf "$new"
mkdir -p "$new"/{unpacked,tree/dev,tree/proc,tree/sys,tree/lib,tree/tmp}
dpkg-deb --fsys-tarfile "$package" | tar -x -C "$new/unpacked" --wildcards './boot/vmlinuz-*'
mv "$new"/unpacked/boot/vmlinuz-* "$out/vmlinuz"
"$cross-gcc" -std=gnu17 -O2 -Wall -Wextra -Werror -static -o "$new/tree/init" "$here/init.c"
for library in "${libraries[@]}"; do
    cp -L "/usr/$cross/lib/$library" "$new/tree/lib/$library"
done
dpkg-deb --fsys-tarfile "$(echo "$out"/libssl3_*.deb)" | tar -x -C "$new/unpacked" --wildcards '*.so.3'
find "$new/unpacked" -name '*.so.3' -exec cp {} "$new/tree/lib/" \;
(cd "$new/tree" && find . -print0 | cpio --null --create --quiet --format=newc --owner=0:0) >"$out/initramfs"
rm -rf "$new"
echo "$inputs" >"$out/inputs"
