#!/usr/bin/env bash
# Installs the Debian packages that build.sh and wine.sh need. Quick when all of them are there.
set -euo pipefail

packages=(
    gcc libc6-dev linux-libc-dev  # the library for Linux, and KVM's interface
    mingw-w64-x86-64-dev          # winhvplatform.h, unmodified
    gcc-mingw-w64-x86-64-win32    # the same library for Windows
    wine64                        # runs Windows .NET with it
)

exec "$(dirname -- "${BASH_SOURCE[0]}")/../install-packages.sh" "${packages[@]}"
