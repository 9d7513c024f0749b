#!/usr/bin/env bash
# Makes a disk with an ext4 file system that holds programs of this machine, each with its libraries, at the places that they have here:
#   make-tools.sh DISK PROGRAM...
# A guest mounts it and has them run by chroot. Nothing is done when the disk is newer than all that is in it.
set -euo pipefail
exec </dev/null
PATH=$PATH:/usr/sbin:/sbin
disk=$1
shift

files=()
for program; do
    file=$(command -v "$program") || {
        echo "make-tools.sh: $program is missing: run tests/comparisons/install.sh" >&2
        exit 1
    }
    mapfile -t libraries < <(ldd "$file" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }')
    files+=("$file" "${libraries[@]}")
done

newest=$(stat -L -c '%Y' "${files[@]}" "${BASH_SOURCE[0]}" | sort -n | tail -n 1)
if [[ -e $disk && $(stat -c '%Y' "$disk") -gt $newest && $(cat "$disk.programs") == "$*" ]]; then
    exit 0
fi

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{dev,proc,sys,tmp} "$(dirname "$disk")"
for file in "${files[@]}"; do
    mkdir -p "$tree$(dirname "$file")"
    cp -L "$file" "$tree$file"
done
size=$(du -sm "$tree" | cut -f 1)
rm -f "$disk"
truncate -s "$((size + size / 10 + 16))M" "$disk"
mke2fs -q -F -t ext4 -O ^has_journal -E root_owner=0:0 -m 0 -d "$tree" "$disk"
echo "$*" >"$disk.programs"
