#!/usr/bin/env bash
# Installs the Debian packages that build.sh and run.sh need. Quick when all of them are there.
set -euo pipefail

packages=(
    qemu-system-x86 # emulates a CPU with SVM and nested paging
    busybox-static  # the whole userland of the nested machine
    cpio            # packs the initramfs
    e2fsprogs       # mke2fs -d and debugfs: make and read disk images without root
    passt           # a network for guests without privileges, which tests of the network device use
    gcc libc6-dev   # compile the programs of the guests
    lz4 xz-utils zstd # the compressions a Debian kernel may use
    libssl3 libstdc++6 libgcc-s1 # what .NET loads at run time; copied into the nested machine
)

exec "$(dirname -- "${BASH_SOURCE[0]}")/../install-packages.sh" "${packages[@]}"
