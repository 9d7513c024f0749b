#!/usr/bin/env bash
# Installs the Debian packages that build.sh and run.sh need. Quick when all of them are there.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

packages=(
    qemu-system-x86 # emulates a CPU with SVM and nested paging
    busybox-static  # the whole userland of the nested machine
    cpio            # packs the initramfs
    e2fsprogs       # mke2fs -d and debugfs: make and read disk images without root
    lz4 xz-utils zstd # the compressions a Debian kernel may use
    libssl3 libstdc++6 libgcc-s1 # what .NET loads at run time; copied into the nested machine
)

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    exit 0
fi

sudo=()
if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
        echo "install.sh: missing packages: ${missing[*]}. Run this script as root, or install them by hand." >&2
        exit 1
    fi
    sudo=(sudo)
fi

echo "install.sh: installing ${missing[*]}" >&2
"${sudo[@]}" apt-get update -q >&2
# No recommends: they would bring QEMU's graphical front ends.
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
