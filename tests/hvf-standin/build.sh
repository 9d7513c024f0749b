#!/usr/bin/env bash
# Builds the stand-in for Apple's Hypervisor.framework:
#
#   <version>/libhvf-standin.so, libhvf-standin.so (the newest), libmac-pages.so, selftest
#
# <version> is the macOS it stands for: 11, 13, 15 and 26, with the exports of that version.
# Nothing is done when none of the inputs changed.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

usage() {
    cat <<'END_OF_USAGE'
Usage: build.sh [--out DIR]
  --out DIR      where the results go (default: artifacts/hvf-standin in the repository)
END_OF_USAGE
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/build-options.sh
. "$here/../build-options.sh"
out=$here/../../artifacts/hvf-standin
read_options '' "$@"

declare -A numbers=([11]=1100 [13]=1300 [15]=1500 [26]=2600)
newest=26
cross=aarch64-linux-gnu
flags=(-std=gnu17 -O2 -g -Wall -Wextra -Werror -fno-strict-aliasing -I"$here")
# The EL2 program: no MMU, so no unaligned accesses; no floating point, so the guest's registers stay where they are.
program_flags=(-std=gnu17 -O2 -g -Wall -Wextra -Werror -fno-strict-aliasing -ffreestanding -fno-pic -fno-stack-protector -mgeneral-regs-only -mstrict-align
    -march=armv8.2-a -mno-outline-atomics)

for compiler in gcc "$cross-gcc"; do
    command -v "$compiler" >/dev/null || die "$compiler is missing: run tests/hvf-standin/install.sh"
done

build_program() {
    "$cross-gcc" "${program_flags[@]}" -nostdlib -static -Wl,--build-id=none -Wl,-z,norelro -Wl,--no-warn-rwx-segments -T "$here/el2/link.ld" \
        "$here"/el2/*.S "$here"/el2/*.c -o "$new/objects/el2.elf"
    "$cross-objcopy" -O binary "$new/objects/el2.elf" "$new/objects/el2.bin"
}

# The selftest's guests: one image, and a header with the place of each.
build_guests() {
    "$cross-gcc" -nostdlib -static -Wl,--build-id=none -Wl,-Ttext=0 -Wl,-e,0 -march=armv8.2-a "$here/selftest/guests.S" -o "$new/objects/guests.elf"
    "$cross-objcopy" -O binary "$new/objects/guests.elf" "$new/objects/guests.bin"
    "$cross-nm" "$new/objects/guests.elf" | awk '$3 ~ /^guest_/ { print "#define " toupper($3) " 0x" $1 }' >"$new/objects/guests.h"
}

# A library that is unloaded would leave its thread, which waits for QEMU, without code: hence nodelete.
link_library() { # version, objects...
    local version=$1 folder=$new/$1
    shift
    mkdir -p "$folder"
    {
        echo '{ global:'
        awk -v version="${numbers[$version]}" '!/^#/ && NF >= 2 && $2 <= version { print "  " $1 ";" }' "$here/exports.txt"
        echo '  local: *; };'
    } >"$new/objects/exports-$version.map"
    gcc -shared -Wl,--version-script="$new/objects/exports-$version.map" -Wl,-z,defs -Wl,-z,nodelete -o "$folder/libhvf-standin.so" "$@" -lpthread
}

build_library() {
    local source version job common=() jobs=()
    for source in "$here"/*.c "$here/program.S"; do
        [[ $(basename "$source") != version.c ]] || continue
        gcc "${flags[@]}" -fPIC -I"$new/objects" -Wa,-I"$new/objects" -c "$source" -o "$new/objects/$(basename "$source").o" &
        jobs+=($!)
        common+=("$new/objects/$(basename "$source").o")
    done
    for version in "${!numbers[@]}"; do
        gcc "${flags[@]}" -fPIC -DSTANDIN_VERSION="${numbers[$version]}" -c "$here/version.c" -o "$new/objects/version-$version.o" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do
        wait "$job"
    done
    for version in "${!numbers[@]}"; do
        link_library "$version" "${common[@]}" "$new/objects/version-$version.o"
    done
    ln -s "$newest/libhvf-standin.so" "$new/libhvf-standin.so"
}

build_selftest() {
    gcc "${flags[@]}" -I"$new/objects" -Wa,-I"$new/objects" "$here"/selftest/*.c "$here/selftest/image.S" -o "$new/selftest" -L"$new/$newest" -lhvf-standin -lpthread -ldl \
        -Wl,-rpath,'$ORIGIN/'"$newest"
}

build_pages() {
    gcc "${flags[@]}" -fPIC -shared "$here/mac/pages.c" -o "$new/libmac-pages.so"
}

enter_out

inputs=$(
    cat "$here"/{build.sh,exports.txt,*.c,*.h,*.S,el2/*,mac/*,selftest/*} | sha256sum
    gcc --version | head -n 1
    "$cross-gcc" --version | head -n 1
)
if [[ -e $out/inputs && $inputs == "$(<"$out/inputs")" ]]; then
    exit 0
fi
echo "build.sh: building the stand-in in $out" >&2
new=$out/new
rm -rf "$new" # left over where an earlier build was interrupted
mkdir -p "$new/objects"
build_program
build_guests
build_library
build_pages
build_selftest
rm -rf "$new/objects" "$out/inputs" "$out/selftest" "$out/libhvf-standin.so" "$out/libmac-pages.so"
for version in "${!numbers[@]}"; do
    rm -rf "${out:?}/$version"
    mv "$new/$version" "$out/$version"
done
mv "$new/libhvf-standin.so" "$new/libmac-pages.so" "$new/selftest" "$out"
rm -rf "$new"
echo "$inputs" >"$out/inputs"
