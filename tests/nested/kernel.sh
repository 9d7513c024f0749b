# shellcheck shell=bash
# What the build scripts of the nested machine and of the guests share: Debian's kernel packages, and what is taken out
# of them. Sourced by scripts with 'set -euo pipefail' that define die, and that say what to install when a tool is missing.

# Downloads a kernel package into the folder $1. $2 is the package that only points to it: linux-image-cloud-amd64.
download_kernel() {
    local folder=$1 pointer=$2 package sandbox=()
    package=$(apt-cache depends "$pointer" 2>/dev/null \
        | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\).*/\1/p' | head -n 1)
    [[ -n $package ]] || die "apt does not know $pointer: run 'apt-get update' first (this needs Debian on amd64)"
    if ((EUID == 0)); then
        sandbox=(-o APT::Sandbox::User=root) # the folder is ours alone, apt's own user cannot write there
    fi
    echo "build.sh: downloading $package" >&2
    (cd "$folder" && apt-get download -q "${sandbox[@]}" "$package" >&2) \
        || die "could not download $package: run 'apt-get update' and try again"
}

# Unpacks the ELF kernel out of the bzImage $1 into $2. Starting it saves the time in which a bzImage decompresses itself.
# Offsets are those of the x86 boot protocol (Documentation/x86/boot.rst).
extract_vmlinux() {
    local image=$1 target=$2 sectors offset length start magic tool
    # Not tail and head: pipefail would take the broken pipe between them for an error.
    read_bytes() { dd if="$image" iflag=skip_bytes,count_bytes,fullblock skip="$1" count="$2" bs=1M status=none; }
    read_number() { od -A n -t "u$2" -j "$1" -N "$2" "$image" | tr -d ' '; } # position, bytes
    [[ $(read_bytes $((0x202)) 4) == HdrS ]] || die "$image is no bzImage"

    sectors=$(read_number $((0x1f1)) 1)  # setup_sects
    offset=$(read_number $((0x248)) 4)   # payload_offset
    length=$(read_number $((0x24c)) 4)   # payload_length
    start=$(((sectors + 1) * 512 + offset))
    magic=$(od -A n -t x1 -j "$start" -N 4 "$image" | tr -d ' ')
    case $magic in
        02214c18) tool=(lz4 -dc) ;;
        fd377a58) tool=(xz -dc) ;;
        28b52ffd) tool=(zstd -dc) ;;
        1f8b08*) tool=(gzip -dc) ;;
        *) die "the kernel's payload starts with the bytes $magic, which is no compression known to extract_vmlinux" ;;
    esac
    # For all but gzip, the build of the kernel appends the unpacked size, which the tools would take for damage.
    [[ ${tool[0]} == gzip ]] || length=$((length - 4))
    read_bytes "$start" "$length" | "${tool[@]}" >"$target"
    [[ $(head -c 4 "$target") == $'\x7fELF' ]] || die "what was unpacked from $image is no ELF file"
}

# Copies the module named $2 of the unpacked kernel package $1 into the folder $3, uncompressed.
copy_module() {
    local unpacked=$1 name=$2 folder=$3 file
    file=$(find "$unpacked/lib/modules" \( -name "$name.ko" -o -name "$name.ko.xz" \) -print -quit)
    [[ -n $file ]] || die "the kernel package has no module $name"
    if [[ $file == *.xz ]]; then
        xz -dc "$file" >"$folder/$name.ko"
    else
        cp "$file" "$folder/$name.ko"
    fi
}
