#!/usr/bin/env bash
# Installs the Debian packages that it is given, without those that they only recommend (QEMU's graphical front ends, for one). Quick when all of them are there.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

missing=()
for package; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    exit 0
fi

sudo=()
if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
        echo "install-packages.sh: missing packages: ${missing[*]}. Run this script as root, or install them by hand." >&2
        exit 1
    fi
    sudo=(sudo)
fi

echo "install-packages.sh: installing ${missing[*]}" >&2
"${sudo[@]}" apt-get update -q >&2
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
