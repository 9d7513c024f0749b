#!/usr/bin/env bash
# Installs the Debian packages that build.sh and the guests' tests need. Quick when all of them are there.
set -euo pipefail

packages=(
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross # the guest's init
    cpio xz-utils                               # its RAM disk, the kernel's modules
    debian-archive-keyring                      # the kernel's package is checked with it
    u-boot-qemu                                 # a firmware that nobody here wrote
    device-tree-compiler                        # checks what HvSdk.Boot writes
)

exec "$(dirname -- "${BASH_SOURCE[0]}")/../install-packages.sh" "${packages[@]}"
