#!/usr/bin/env bash
# Makes a small Debian root file system in the folder DIR, by Debian's debootstrap; for root, and needs the network.
#
#     sudo samples/Sandbox/make-root.sh DIR [PACKAGE...]      such as: make-root.sh rootfs python3-minimal
set -euo pipefail
folder=${1:?"Usage: make-root.sh DIR [PACKAGE...]"}
shift
command -v debootstrap >/dev/null || {
    echo "make-root.sh: debootstrap is missing: apt-get install debootstrap" >&2
    exit 1
}
[[ ! -e $folder ]] || {
    echo "make-root.sh: $folder is there already" >&2
    exit 1
}
packages=$(IFS=, && echo "$*")
debootstrap --variant=minbase ${packages:+--include="$packages"} bookworm "$folder" "${MIRROR:-http://deb.debian.org/debian}"
rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
