#!/usr/bin/env bash
# Runs a Windows program under Debian's wine64 with the stand-in as its WinHvPlatform.dll.
#
# The program is an .exe: of C, or of .NET published self-contained for win-x64. The DLL goes to the system folder of a
# Wine prefix of its own, made at the first use (about 6 s); nothing of the user's Wine is touched.
set -euo pipefail

usage() {
    cat <<'END_OF_USAGE'
Usage: wine.sh [--version VERSION] [--out DIR] PROGRAM.exe [ARGUMENT...]
  --version VERSION  the Windows that the stand-in is: 1803, 1809, 1903, 2004, 2009, 2109 (default: 2109), or none
  --out DIR          where build.sh has put the stand-in, and the prefix goes (default: artifacts/whp-standin)
HVSDK_* of the environment reaches the program. The program's end is this script's.
END_OF_USAGE
}

die() {
    echo "wine.sh: $*" >&2
    exit 125
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
out=$here/../../artifacts/whp-standin
version=2109
while (($# > 0)); do
    case $1 in
        --version)
            (($# >= 2)) || die "--version needs a version"
            version=$2
            shift 2
            ;;
        --out)
            (($# >= 2)) || die "--out needs a folder"
            out=$2
            shift 2
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        --*)
            usage >&2
            die "unknown argument '$1'"
            ;;
        *)
            break
            ;;
    esac
done
(($# > 0)) || die "which program?"
[[ -f $1 ]] || die "$1 is missing"
[[ $version == none || -f $out/windows/$version/WinHvPlatform.dll ]] || die "the stand-in $out/windows/$version is missing: run tests/whp-standin/build.sh"
wine=
for candidate in /usr/lib/wine/wine64 "$(command -v wine64 || true)" "$(command -v wine || true)"; do
    if [[ -n $candidate && -x $candidate ]]; then
        wine=$candidate
        break
    fi
done
[[ -n $wine ]] || die "wine64 is missing: run tests/whp-standin/install.sh"
out=$(cd "$out" && pwd)

export WINEDEBUG=-all            # its own complaints are no business of a test
export DOTNET_EnableWriteXorExecute=0 # Wine 8 cannot map the same pages twice
export DOTNET_CLI_TELEMETRY_OPTOUT=1 TESTINGPLATFORM_TELEMETRY_OPTOUT=1
export WINEDLLOVERRIDES='mshtml=' # not mscoree: Wine's loader needs it for .NET's files
unset DISPLAY WAYLAND_DISPLAY

# One prefix per version, so that runs beside each other do not swap the DLL under each other.
export WINEPREFIX=$out/wine/$version
if [[ ! -e $WINEPREFIX/ready ]]; then
    exec 8>"$out/wine.lock"
    flock 8
    if [[ ! -e $WINEPREFIX/ready ]]; then
        rm -rf "$WINEPREFIX"
        mkdir -p "$WINEPREFIX"
        "$wine" wineboot -i </dev/null >/dev/null 2>&1 || die "Wine cannot make its prefix $WINEPREFIX"
        "$wine" winecfg -v win10 </dev/null >/dev/null 2>&1 || die "Wine cannot be set to Windows 10"
        touch "$WINEPREFIX/ready"
    fi
    exec 8>&-
fi
system=$WINEPREFIX/drive_c/windows/system32
if [[ $version == none ]]; then
    rm -f "$system/WinHvPlatform.dll"
elif ! cmp -s "$out/windows/$version/WinHvPlatform.dll" "$system/WinHvPlatform.dll"; then
    # Moved into place: a program that runs keeps the file it has.
    cp "$out/windows/$version/WinHvPlatform.dll" "$system/WinHvPlatform.dll.$$"
    mv "$system/WinHvPlatform.dll.$$" "$system/WinHvPlatform.dll"
fi
exec "$wine" "$@"
