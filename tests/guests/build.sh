#!/usr/bin/env bash
# Builds the Linux guests that tests, samples and benchmarks boot. Two kernels of Debian, cloud and standard, each with
#
#   vmlinuz     the bzImage as Debian ships it
#   vmlinux     the ELF kernel out of it
#   initrd      busybox, a few modules of that kernel, ./init, the actions of ./actions, and the programs of ./programs
#   root        cloud alone: a disk with an ext4 file system that holds busybox, e2fsck, the programs, and ./root-init as its process 1
#
# Nothing is done when none of the inputs changed.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

usage() {
    cat <<'END_OF_USAGE'
Usage: build.sh [--out DIR] [--update]
  --out DIR   where the guests go (default: artifacts/guests in the repository)
  --update    ask apt for newer kernels; without it kernels once downloaded are kept
END_OF_USAGE
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/build-options.sh
. "$here/../build-options.sh"
# shellcheck source=tests/nested/kernel.sh
. "$here/../nested/kernel.sh"
nested=$here/../../artifacts/nested
out=$here/../../artifacts/guests
read_options --update "$@"
update=$switched
PATH=$PATH:/usr/sbin:/sbin

# The packages that point to the kernel of each guest.
declare -A pointers=([cloud]=linux-image-cloud-amd64 [standard]=linux-image-amd64)
# What init loads when an action needs it. Everything else a guest needs is built into both kernels: 8250, i8042, atkbd, rtc-cmos.
modules=(
    button evdev pvpanic pvpanic-mmio
    virtio virtio_ring virtio_mmio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci
    virtio-rng virtio_blk failover net_failover virtio_net virtio_console virtio_balloon
    vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport fuse virtiofs overlay
)
busybox=$(command -v busybox) || die "busybox is missing: run tests/nested/install.sh"
for tool in lz4 xz zstd cpio gcc mke2fs e2fsck; do
    command -v "$tool" >/dev/null || die "$tool is missing: run tests/nested/install.sh"
done

# Puts the package of the guest $1 where it is not yet.
get_kernel() {
    local guest=$1 folder=$out/packages/$1 new=$out/new-$1 package
    mkdir -p "$folder"
    if ! $update; then
        ! compgen -G "$folder/linux-image-*.deb" >/dev/null || return 0
        if [[ $guest == cloud ]]; then
            for package in "$nested"/linux-image-*-cloud-amd64_*.deb; do
                [[ -e $package ]] || continue
                # A link takes no space and no time; between file systems it has to be a copy.
                ln "$package" "$folder" 2>/dev/null || cp "$package" "$folder"
                return 0
            done
        fi
    fi
    rm -rf "$new"
    mkdir "$new"
    download_kernel "$new" "${pointers[$guest]}"
    rm -f "$folder"/linux-image-*.deb
    mv "$new"/linux-image-*.deb "$folder"
    rm -rf "$new"
}

# Makes vmlinuz, vmlinux and initrd in the folder $2 from the kernel package $1.
make_guest() {
    local package=$1 folder=$2 unpacked=$2/unpacked tree=$2/tree module wanted
    mkdir -p "$unpacked" "$tree"/{bin,dev,modules,proc,sys,tmp}
    wanted=(./boot/vmlinuz-*)
    for module in "${modules[@]}"; do
        wanted+=("./lib/modules/*/$module.ko*")
    done
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$unpacked" --wildcards "${wanted[@]}"

    cp "$unpacked"/boot/vmlinuz-* "$folder/vmlinuz"
    extract_vmlinux "$folder/vmlinuz" "$folder/vmlinux"

    for module in "${modules[@]}"; do
        copy_module "$unpacked" "$module" "$tree/modules"
    done
    cp "$busybox" "$tree/bin/busybox"
    install -m 755 "$here/init" "$tree/init"
    cp -r "$here/actions" "$tree/actions"
    cp "$out"/programs/* "$tree/bin/" 2>/dev/null || true # none is fine
    find "$tree" -exec touch -h -d @0 {} + # the same parts make the same initrd
    # Not compressed: the kernel would take longer to unpack it than a host takes to copy it.
    (cd "$tree" && find . -print0 | LC_ALL=C sort -z \
        | cpio --null --create --quiet --format=newc --owner=0:0 --reproducible) >"$folder/initrd"
    rm -rf "$unpacked" "$tree"
}

# Makes the disk $1. The kernel of the cloud guest has ext4 built in.
make_root() {
    local disk=$1 tree=$1-tree library
    mkdir -p "$tree"/{bin,dev,proc,records,sbin,sys,tmp}
    cp "$busybox" "$tree/bin/busybox"
    cp "$out"/programs/* "$tree/bin/"
    install -m 755 "$here/root-init" "$tree/sbin/init"
    cp "$(command -v e2fsck)" "$tree/sbin/e2fsck"
    ldd "$tree/sbin/e2fsck" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | while read -r library; do
        install -D "$library" "$tree$library"
    done
    find "$tree" -exec touch -h -d @0 {} +
    # A small journal, so that it goes round; the tables are written here, not by the guest in the background.
    truncate -s 64M "$disk"
    mke2fs -q -F -t ext4 -J size=4 -E root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0 -m 0 -d "$tree" "$disk"
    rm -rf "$tree"
}

# Everything that the guest $1 is made of. Size and time stand for the contents of the big file.
describe_inputs() {
    cat "$here/build.sh" "$here/init" "$here/root-init" "$here"/actions/* "$here"/programs/*.c "$here/../nested/kernel.sh" 2>/dev/null | sha256sum
    basename -a "$out/packages/$1"/linux-image-*.deb
    stat -L -c '%n %s %Y' "$busybox"
}

enter_out

# Programs for the guests, without libraries.
rm -rf "$out/programs"
mkdir "$out/programs"
for source in "$here"/programs/*.c; do
    [[ -e $source ]] || continue
    gcc -O2 -Wall -Werror -static -o "$out/programs/$(basename "$source" .c)" "$source"
done

for guest in cloud standard; do
    get_kernel "$guest"
    inputs=$(describe_inputs "$guest")
    if [[ -e $out/$guest/inputs && $inputs == "$(<"$out/$guest/inputs")" ]]; then
        continue
    fi
    echo "build.sh: building the guest $out/$guest" >&2
    rm -rf "$out/new-$guest" # left over where an earlier build was interrupted
    make_guest "$(echo "$out/packages/$guest"/linux-image-*.deb)" "$out/new-$guest"
    [[ $guest != cloud ]] || make_root "$out/new-$guest/root"
    echo "$inputs" >"$out/new-$guest/inputs"
    rm -rf "${out:?}/$guest"
    mv "$out/new-$guest" "$out/$guest"
done
