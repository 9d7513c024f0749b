#!/usr/bin/env bash
# Runs a program for linux-arm64 in an emulated arm64 machine that has exception level 2, so that the Linux in it has a true /dev/kvm. Needs no privilege and no
# virtualization on this machine.
set -euo pipefail
exec </dev/null # CI may start us with stdin closed

usage() {
    cat <<'END'
Usage: run.sh [OPTION]... FOLDER -- PROGRAM [ARGUMENT]...

  FOLDER             becomes /app in the machine: a self-contained publish for linux-arm64
  PROGRAM            a path in the machine: /app/NAME
  --cpu NAME         the processor (default neoverse-n1)
  --cpus N           processors of the machine (default 1: with several an emulation has been seen to corrupt its kernel)
  --memory MIB       its memory (default 1536)
  --timeout SECONDS  limit for the whole run (default 300)
  --env NAME=VALUE   set a variable for the program; may be repeated
  --results DIR      what the program leaves in /results, text files, is put there; without it, it goes to our output
  --machine DIR      parts made by build.sh --out DIR (default: artifacts/nested-arm64 in the repository)

The console of the machine goes to our output. Exit code: that of the program, or 124 at the time limit, or 125 where the machine did not start.
END
}

die() {
    echo "run.sh: $*" >&2
    exit 125
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
machine=$here/../../artifacts/nested-arm64
cpu=neoverse-n1 # 'max' makes each exit three times dearer, for its pointer authentication
cpus=1
memory=1536
timeout=300
results=
folder=
variables=()
while (($# > 0)); do
    case $1 in
        --)
            shift
            break
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        --cpu | --cpus | --memory | --timeout | --env | --results | --machine)
            (($# >= 2)) || die "$1 needs a value"
            case $1 in
                --cpu) cpu=$2 ;;
                --cpus) cpus=$2 ;;
                --memory) memory=$2 ;;
                --timeout) timeout=$2 ;;
                --env) variables+=("$2") ;;
                --results) results=$2 ;;
                --machine) machine=$2 ;;
            esac
            shift 2
            ;;
        *)
            [[ -z $folder ]] || die "unknown argument '$1' (the program comes after --)"
            folder=$1
            shift
            ;;
    esac
done
[[ -d $folder ]] || {
    usage >&2
    die "there is no folder '$folder'"
}
(($# > 0)) || die "no program given"
[[ -e $machine/vmlinuz ]] || die "$machine holds no machine: run build.sh"
command -v qemu-system-aarch64 >/dev/null || die "qemu-system-aarch64 is missing: run install.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
printf '%s\n' "${variables[@]}" "$@" | sed '/^$/d' >"$work/tree/arguments"
cp -a "$folder" "$work/tree/app"
chmod -R u+rwX "$work/tree"
# A second archive behind the first: the kernel unpacks both. Not compressed: unpacking would cost more time in the machine than reading does.
(cd "$work/tree" && find . -print0 | cpio --null --create --quiet --format=newc --owner=0:0) >"$work/app.cpio"
cat "$machine/initramfs" "$work/app.cpio" >"$work/initrd"
rm -rf "$work/tree" "$work/app.cpio"

# The console, without the files that go to --results.
show() {
    if [[ -n $results ]]; then
        sed -u '/^init: file /,/^init: end of file/d'
    else
        cat
    fi
}

code=0
timeout --kill-after=10 "$timeout" qemu-system-aarch64 -M virt,virtualization=on,gic-version=3 -cpu "$cpu" -smp "$cpus" -m "$memory" -nodefaults -no-reboot \
    -display none -serial stdio -kernel "$machine/vmlinuz" -initrd "$work/initrd" -append "console=ttyAMA0 quiet panic=-1" | tee "$work/console" | show || code=${PIPESTATUS[0]}
((code != 124)) || {
    echo "run.sh: the machine was still running after $timeout s" >&2
    exit 124
}
if [[ -n $results ]]; then
    mkdir -p "$results"
    tr -d '\r' <"$work/console" | awk -v folder="$results" '
        sub(/^init: file /, "") { if ($0 !~ /\//) file = folder "/" $0; next }
        /^init: end of file$/ { if (file) close(file); file = ""; next }
        file { print >file }'
fi
ended=$(tr -d '\r' <"$work/console" | sed -n 's/^init: ended with \([0-9]*\)$/\1/p' | tail -n 1)
[[ -n $ended ]] || die "the machine ended ($code) before the program did"
exit "$ended"
