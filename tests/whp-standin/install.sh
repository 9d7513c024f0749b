#!/usr/bin/env bash
# Installs the Debian packages that build.sh and wine.sh need. Quick when all of them are there.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

packages=(
    gcc libc6-dev linux-libc-dev  # the library for Linux, and KVM's interface
    mingw-w64-x86-64-dev          # winhvplatform.h, unmodified
    gcc-mingw-w64-x86-64-win32    # the same library for Windows
    wine64                        # runs Windows .NET with it
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
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
