#!/usr/bin/env bash
# Builds the parts of the nested machine that all runs share:
#
#   vmlinux     the kernel of Debian's cloud image, unpacked
#   initramfs   busybox, the kernel modules for KVM and virtio, and ./init
#   rootfs/     the libraries that .NET needs, busybox as its shell, and passt
#
# Nothing is done when none of the inputs changed, so run.sh calls this before each run.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

usage() {
    cat <<'END'
Usage: build.sh [--out DIR] [--update]
  --out DIR   where the parts go (default: artifacts/nested in the repository)
  --update    ask apt for a newer kernel; without it a kernel once downloaded is kept
END
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/build-options.sh
. "$here/../build-options.sh"
# shellcheck source=tests/nested/kernel.sh
. "$here/kernel.sh"
out=$here/../../artifacts/nested
read_options --update "$@"
update=$switched
PATH=$PATH:/usr/sbin:/sbin

# In the order in which init loads them, each with its parameters.
# tsc_tolerance_ppm: see init, which waits before it loads kvm. vgif=0 vls=0: with them KVM leaves SVM's rarely used
# virtualization of GIF and VMLOAD alone.
modules=(
    "virtio_ring"
    "virtio"
    "virtio_pci_modern_dev"
    "virtio_pci_legacy_dev"
    "virtio_pci"
    "virtio_blk"
    "virtio_console"
    "dummy"
    "tun"
    "irqbypass"
    "kvm tsc_tolerance_ppm=100000"
    "kvm-amd vgif=0 vls=0"
)

libraries=(
    libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2
    libgcc_s.so.1 libstdc++.so.6
    libssl.so.3 libcrypto.so.3
)
library_folder=/usr/lib/x86_64-linux-gnu
loader=/lib64/ld-linux-x86-64.so.2
programs=(/usr/bin/passt) # needs no library but those
busybox=$(command -v busybox) || die "busybox is missing: run install.sh"

# Unpacks the kernel package $1 and makes vmlinux and initramfs in the folder $2.
make_kernel_parts() {
    local package=$1 folder=$2 unpacked=$2/unpacked tree=$2/tree module name applet
    mkdir -p "$unpacked" "$tree"/{bin,modules,proc,sys,dev,root}
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$unpacked" --wildcards './boot/vmlinuz-*' './lib/modules/*/kernel'

    # QEMU can start a bzImage too, but it would have to decompress itself at emulation speed.
    extract_vmlinux "$(echo "$unpacked"/boot/vmlinuz-*)" "$folder/vmlinux"

    for module in "${modules[@]}"; do
        name=${module%% *}
        copy_module "$unpacked" "$name" "$tree/modules"
        echo "${module/#"$name"/"$name.ko"}" >>"$tree/modules/order"
    done

    cp "$busybox" "$tree/bin/busybox"
    for applet in $("$busybox" --list); do
        [[ $applet == busybox ]] || ln -s busybox "$tree/bin/$applet"
    done
    install -m 755 "$here/init" "$tree/init"
    # Not compressed: unpacking would cost more time in the machine than reading does.
    (cd "$tree" && find . -print0 | cpio --null --create --quiet --format=newc --owner=0:0) >"$folder/initramfs"
    rm -rf "$unpacked" "$tree"
}

# Makes the root filesystem, without .NET, in the folder $1.
make_rootfs() {
    local root=$1 library applet
    mkdir -p "$root"/{dev,proc,sys,tmp,run,root,results,etc,var/tmp} "$root"/usr/{bin,sbin,lib64,"lib/${library_folder##*/}"}
    # As on Debian, but relative: run.sh copies folders of the user through these links, which must not lead out of here.
    for folder in bin sbin lib lib64; do
        ln -s "usr/$folder" "$root/$folder"
    done
    chmod 1777 "$root"/{tmp,var/tmp}

    cp -L "$loader" "$root$loader"
    for library in "${libraries[@]}"; do
        cp -L "$library_folder/$library" "$root$library_folder/$library"
    done

    cp "$busybox" "$root/usr/bin/busybox"
    for applet in $("$busybox" --list); do
        [[ $applet == busybox ]] || ln -s busybox "$root/usr/bin/$applet"
    done

    cp "${programs[@]}" "$root/usr/bin"

    printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'nobody:x:65534:65534:nobody:/:/bin/false' >"$root/etc/passwd"
    printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >"$root/etc/group"
    echo '127.0.0.1 localhost nested' >"$root/etc/hosts"
    echo 'hosts: files' >"$root/etc/nsswitch.conf"
}

# Everything that the parts are made of. Size and time stand for the contents of the big files.
describe_inputs() {
    cat "$here/build.sh" "$here/kernel.sh" "$here/init" | sha256sum
    basename -a "$out"/linux-image-*.deb
    stat -L -c '%n %s %Y' "$busybox" "$loader" "${programs[@]}" "${libraries[@]/#/$library_folder/}"
}

for file in "$loader" "${programs[@]}" "${libraries[@]/#/$library_folder/}"; do
    [[ -e $file ]] || die "$file is missing: run install.sh (this needs Debian on amd64)"
done
for tool in lz4 xz zstd cpio; do
    command -v "$tool" >/dev/null || die "$tool is missing: run install.sh"
done

# run.sh holds the lock too, shared, while it reads the parts.
enter_out

# Left over where an earlier build was interrupted.
rm -rf "$out/new"
if $update || ! compgen -G "$out/linux-image-*.deb" >/dev/null; then
    mkdir "$out/new"
    download_kernel "$out/new" linux-image-cloud-amd64
    rm -f "$out"/linux-image-*.deb
    mv "$out/new"/linux-image-*.deb "$out"
    rm -rf "$out/new"
fi

inputs=$(describe_inputs)
if [[ -e $out/inputs && $inputs == "$(<"$out/inputs")" ]]; then
    exit 0
fi
echo "build.sh: building the nested machine in $out" >&2
mkdir "$out/new"
make_kernel_parts "$(echo "$out"/linux-image-*.deb)" "$out/new"
make_rootfs "$out/new/rootfs"
# The record goes first and comes last, so that parts of two builds are never taken for one.
rm -rf "$out/inputs" "$out/rootfs"
mv "$out/new"/{vmlinux,initramfs,rootfs} "$out"
rm -rf "$out/new"
echo "$inputs" >"$out/inputs"
