#!/usr/bin/env bash
# Installs the Debian packages that build.sh and run.sh need. Quick when all of them are there.
set -euo pipefail

packages=(
    qemu-system-arm          # the machine: emulates exception level 2, so that Linux in it has a true KVM
    gcc-aarch64-linux-gnu    # its init
    libc6-arm64-cross libgcc-s1-arm64-cross libstdc++6-arm64-cross # what .NET loads at run time
    linux-libc-dev-arm64-cross # the headers that the layout tests read
    debian-archive-keyring cpio
)

exec "$(dirname -- "${BASH_SOURCE[0]}")/../install-packages.sh" "${packages[@]}"
