#!/usr/bin/env bash
# Builds the parts of the arm64 machine that all runs share:
#
#   vmlinuz     Debian's cloud kernel for arm64, which has KVM built in
#   initramfs   ./init.c as /init, and the libraries that .NET needs, OpenSSL among them: the test runner hashes names
#
# Nothing is done when none of the inputs changed. The machine's own architecture and package lists stay as they are: apt works in a folder of ours.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

usage() {
    echo "Usage: build.sh [--out DIR]   (default: artifacts/nested-arm64 in the repository)"
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/build-options.sh
. "$here/../build-options.sh"
# shellcheck source=tests/debian-arm64.sh
. "$here/../debian-arm64.sh"
out=$here/../../artifacts/nested-arm64
cross=aarch64-linux-gnu
libraries=(ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libgcc_s.so.1 libstdc++.so.6)
read_options '' "$@"

for tool in "$cross-gcc" cpio apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || die "$tool is missing: run tests/nested-arm64/install.sh"
done
for library in "${libraries[@]}"; do
    [[ -e /usr/$cross/lib/$library ]] || die "/usr/$cross/lib/$library is missing: run tests/nested-arm64/install.sh"
done

enter_out

if ! compgen -G "$out/linux-image-*.deb" >/dev/null || ! compgen -G "$out/libssl3_*.deb" >/dev/null; then
    rm -rf "$out/new"
    mkdir "$out/new"
    download_arm64_kernel "$out/new" libssl3
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
