#!/usr/bin/env bash
# Installs the Debian packages that build.sh and the stand-in need. Quick when all of them are there.
set -euo pipefail

packages=(
    gcc libc6-dev                      # the library
    gcc-aarch64-linux-gnu              # the EL2 program, and the selftest's guests
    qemu-system-arm                    # the machine: runs the EL2 program, at run time
)

exec "$(dirname -- "${BASH_SOURCE[0]}")/../install-packages.sh" "${packages[@]}"
