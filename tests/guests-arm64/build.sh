#!/usr/bin/env bash
# Builds the arm64 Linux guest that tests boot over the stand-in for Hypervisor.framework:
#
#   vmlinuz   Debian's cloud kernel for arm64, as Debian ships it: an Image
#   initrd    ./init.c as /init, a static program, and a few modules of that kernel
#
# Nothing is done when none of the inputs changed. The machine's own architecture and package lists stay as they are: apt works in a folder of ours.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

usage() {
    cat <<'END_OF_USAGE'
Usage: build.sh [--out DIR] [--update]
  --out DIR   where the guest goes (default: artifacts/guests-arm64 in the repository)
  --update    ask the mirror for a newer kernel; without it a kernel once downloaded is kept
END_OF_USAGE
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/build-options.sh
. "$here/../build-options.sh"
# shellcheck source=tests/debian-arm64.sh
. "$here/../debian-arm64.sh"
# shellcheck source=tests/nested/kernel.sh
. "$here/../nested/kernel.sh"
out=$here/../../artifacts/guests-arm64
modules=(virtio virtio_ring virtio_mmio virtio-rng)
read_options --update "$@"
update=$switched

cross=aarch64-linux-gnu
for tool in "$cross-gcc" cpio apt-get dpkg-deb xz; do
    command -v "$tool" >/dev/null || die "$tool is missing: run tests/guests-arm64/install.sh"
done

enter_out

if $update || ! compgen -G "$out/linux-image-*.deb" >/dev/null; then
    rm -rf "$out/new"
    mkdir "$out/new"
    download_arm64_kernel "$out/new"
    rm -f "$out"/linux-image-*.deb
    mv "$out"/new/linux-image-*.deb "$out"
    rm -rf "$out/new"
fi

package=$(echo "$out"/linux-image-*.deb)
inputs=$(
    sha256sum <"$here/build.sh"
    sha256sum <"$here/init.c"
    sha256sum <"$here/../nested/kernel.sh"
    basename "$package"
    "$cross-gcc" --version | head -n 1
)
if [[ -e $out/inputs && $inputs == "$(<"$out/inputs")" ]]; then
    exit 0
fi
echo "build.sh: building the arm64 guest in $out" >&2
rm -f "$out/inputs"
new=$out/new
rm -rf "$new"
mkdir -p "$new"/{unpacked,tree/dev,tree/modules,tree/proc,tree/sys}
wanted=('./boot/vmlinuz-*')
for module in "${modules[@]}"; do
    wanted+=("./lib/modules/*/$module.ko*")
done
dpkg-deb --fsys-tarfile "$package" | tar -x -C "$new/unpacked" --wildcards "${wanted[@]}"
for module in "${modules[@]}"; do
    copy_module "$new/unpacked" "$module" "$new/tree/modules"
done
mv "$new"/unpacked/boot/vmlinuz-* "$out/vmlinuz"
"$cross-gcc" -std=gnu17 -O2 -Wall -Wextra -Werror -static -o "$new/tree/init" "$here/init.c"
"$cross-strip" "$new/tree/init"
find "$new/tree" -exec touch -h -d @0 {} + # the same parts make the same initrd
(cd "$new/tree" && find . -print0 | LC_ALL=C sort -z | cpio --null --create --quiet --format=newc --owner=0:0 --reproducible) >"$out/initrd"
rm -rf "$new"
echo "$inputs" >"$out/inputs"
