#!/usr/bin/env bash
# Builds the stand-in for the Windows Hypervisor Platform, once for .NET on Linux and once for Windows .NET under Wine:
#
#   linux/<version>/libWinHvPlatform.so, linux/selftest, linux/include (the platform's headers, for C programs on Linux)
#   windows/<version>/WinHvPlatform.dll, windows/selftest.exe
#
# <version> is the Windows it stands for: 1803, 1809, 1903, 2004, 2009 (20H2) and 2109 (21H2), with the exports of that version.
# linux/libWinHvPlatform.so and windows/WinHvPlatform.dll are the newest. Nothing is done when none of the inputs changed.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

usage() {
    cat <<'END_OF_USAGE'
Usage: build.sh [--out DIR] [--linux-only]
  --out DIR      where the results go (default: artifacts/whp-standin in the repository)
  --linux-only   without the build for Windows, and without the compiler for it
END_OF_USAGE
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/build-options.sh
. "$here/../build-options.sh"
out=$here/../../artifacts/whp-standin
read_options --linux-only "$@"
if $switched; then worlds=(linux); else worlds=(linux windows); fi

versions=(1803 1809 1903 2004 2009 2109)
newest=2109
platform_headers=/usr/share/mingw-w64/include
headers=(winhvplatform.h winhvplatformdefs.h)
flags=(-std=gnu17 -O2 -g -Wall -Wextra -Werror -fno-strict-aliasing -I"$here")

declare -A compilers=([linux]=gcc [windows]=x86_64-w64-mingw32-gcc)
for world in "${worlds[@]}"; do
    command -v "${compilers[$world]}" >/dev/null || die "${compilers[$world]} is missing: run tests/whp-standin/install.sh"
done
for header in "${headers[@]}"; do
    [[ -f $platform_headers/$header ]] || die "$platform_headers/$header is missing: run tests/whp-standin/install.sh"
done
[[ -f /usr/include/linux/kvm.h ]] || die "linux/kvm.h is missing: run tests/whp-standin/install.sh"

# Names of the functions that the world $1 exports as Windows $2.
exports_of() {
    awk -v world="$1" -v version="$2" '!/^#/ && NF >= 2 && $2 <= version && ($3 == "" || $3 == world) { print $1 }' "$here/exports.txt"
}

compile() { # world, object, source, flags...
    local world=$1 object=$2 source=$3
    shift 3
    "${compilers[$world]}" "${flags[@]}" "${world_flags[@]}" "$@" -c "$source" -o "$object"
}

set_world_flags() {
    if [[ $1 == linux ]]; then
        # The platform's headers alone: the rest of the folder is for Windows.
        mkdir -p "$new/linux/include"
        cp "${headers[@]/#/$platform_headers/}" "$here"/linux-include/*.h "$new/linux/include"
        world_flags=(-fPIC -I"$new/linux/include")
    else
        # Linux' headers last: only linux/ and asm/ are to be found there.
        world_flags=(-D__USE_MINGW_ANSI_STDIO=1 -D_WIN32_WINNT=0x0A00 -DWIN32_LEAN_AND_MEAN -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu)
    fi
}

link_library() { # world, version, objects...
    local world=$1 version=$2 folder=$new/$1/$2
    shift 2
    mkdir -p "$folder"
    if [[ $world == linux ]]; then
        {
            echo '{ global:'
            exports_of "$world" "$version" | sed 's/.*/  &;/'
            echo '  local: *; };'
        } >"$folder/exports.map"
        gcc -shared -Wl,--version-script="$folder/exports.map" -Wl,-z,defs -o "$folder/libWinHvPlatform.so" "$@" -lpthread
    else
        {
            echo 'LIBRARY WinHvPlatform.dll'
            echo 'EXPORTS'
            exports_of "$world" "$version" | sed 's/.*/  &/'
        } >"$folder/exports.def"
        x86_64-w64-mingw32-gcc -shared -static-libgcc -o "$folder/WinHvPlatform.dll" "$@" "$folder/exports.def"
    fi
}

build_world() {
    local world=$1 objects=$new/objects/$1 source version common=() jobs=()
    mkdir -p "$objects" "$new/$world"
    set_world_flags "$world"
    for source in "$here"/*.c; do
        [[ $(basename "$source") != version.c ]] || continue
        compile "$world" "$objects/$(basename "$source" .c).o" "$source" &
        jobs+=($!)
        common+=("$objects/$(basename "$source" .c).o")
    done
    for version in "${versions[@]}"; do
        compile "$world" "$objects/version-$version.o" "$here/version.c" -DSTANDIN_VERSION="$version" &
        jobs+=($!)
    done
    local job
    for job in "${jobs[@]}"; do
        wait "$job"
    done
    for version in "${versions[@]}"; do
        link_library "$world" "$version" "${common[@]}" "$objects/version-$version.o"
    done
    if [[ $world == linux ]]; then
        ln -s "$newest/libWinHvPlatform.so" "$new/linux/libWinHvPlatform.so"
        gcc "${flags[@]}" "${world_flags[@]}" "$here"/selftest/*.c -o "$new/linux/selftest" -L"$new/linux/$newest" -lWinHvPlatform -lpthread \
            -Wl,-rpath,'$ORIGIN/'"$newest"
    else
        cp "$new/windows/$newest/WinHvPlatform.dll" "$new/windows"
        x86_64-w64-mingw32-gcc "${flags[@]}" "${world_flags[@]}" "$here"/selftest/*.c -o "$new/windows/selftest.exe" "$new/windows/WinHvPlatform.dll" \
            -static-libgcc
    fi
}

enter_out

inputs=$(
    echo "${worlds[*]}"
    cat "$here"/{build.sh,exports.txt,*.c,*.h,linux-include/*.h,selftest/*.c,selftest/*.h} "${headers[@]/#/$platform_headers/}" \
        /usr/include/linux/kvm.h /usr/include/x86_64-linux-gnu/asm/kvm.h | sha256sum
    for world in "${worlds[@]}"; do
        "${compilers[$world]}" --version | head -n 1
    done
)
if [[ -e $out/inputs && $inputs == "$(<"$out/inputs")" ]]; then
    exit 0
fi
echo "build.sh: building the stand-in in $out" >&2
new=$out/new
rm -rf "$new" # left over where an earlier build was interrupted
mkdir "$new"
for world in "${worlds[@]}"; do
    build_world "$world"
done
rm -rf "$new/objects" "$out/linux" "$out/windows" "$out/inputs"
for world in "${worlds[@]}"; do
    mv "$new/$world" "$out/$world"
done
rm -rf "$new"
echo "$inputs" >"$out/inputs"
