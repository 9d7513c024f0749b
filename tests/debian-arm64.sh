# Packages of Debian for arm64, downloaded on a machine of another architecture. Sourced by the scripts that need them; they have 'die'.
# shellcheck shell=bash

debian_mirror=${HVSDK_DEBIAN_MIRROR:-http://deb.debian.org/debian}
debian_suite=${HVSDK_DEBIAN_SUITE:-bookworm}
arm64_kernel=linux-image-cloud-arm64

# apt with lists, cache and sources of its own, in the folder $2; the rest are the arguments of the program $1.
foreign_apt() {
    local program=$1 folder=$2 sandbox=()
    shift 2
    ((EUID != 0)) || sandbox=(-o APT::Sandbox::User=root) # the folder is ours alone, apt's own user cannot write there
    "$program" -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State="$folder/state" -o Dir::State::status="$folder/status" \
        -o Dir::Cache="$folder/cache" -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=- -o Acquire::Languages=none "${sandbox[@]}" "$@"
}

# Puts the newest package of the cloud kernel into the folder $1, and the packages that follow.
download_arm64_kernel() {
    local folder=$1 apt=$1/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg package
    shift
    mkdir -p "$apt"/state/lists/partial "$apt"/cache/archives/partial
    : >"$apt/status"
    [[ -e $keyring ]] || die "$keyring is missing: install debian-archive-keyring"
    echo "deb [signed-by=$keyring] $debian_mirror $debian_suite main" >"$apt/sources.list"
    foreign_apt apt-get "$apt" update >&2 || die "the mirror $debian_mirror does not answer (HVSDK_DEBIAN_MIRROR, HVSDK_DEBIAN_SUITE name another)"
    package=$(foreign_apt apt-cache "$apt" depends "$arm64_kernel" | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\).*/\1/p' | head -n 1)
    [[ -n $package ]] || die "$debian_mirror $debian_suite has no $arm64_kernel"
    echo "build.sh: downloading" "$package" "$@" >&2
    (cd "$folder" && foreign_apt apt-get "$apt" download "$package" "$@" >&2) || die "could not download $package $*"
    rm -rf "$apt"
}
