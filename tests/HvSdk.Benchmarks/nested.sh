#!/usr/bin/env bash
# Runs the benchmarks in the nested machine (tests/nested/README.md), where a real kvm_amd answers. There is no compiler in it, so the
# C program is compiled here. Options go to the benchmark: tests/HvSdk.Benchmarks/nested.sh --quick
# Those that boot Linux beside QEMU (boot, boot-exits, boot-memory, serial) take part where --only names one of them:
#   tests/HvSdk.Benchmarks/nested.sh --only boot,boot-exits,boot-memory,serial
# So do sockets to a guest and shared folders (streams), and those of disks beside QEMU's, of which tests/comparisons/README.md tells:
#   tests/HvSdk.Benchmarks/nested.sh --only block
# They need QEMU on this machine, as Debian installs it, and the guest of tests/guests/build.sh, which is built where it is missing.
# With RESULTS=DIR, results.json comes back to DIR.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

added=()
options=()

# Copies a program, the libraries that it needs, and files, to the folder $1, each to the place that it has here.
stage_program() {
    local target=$1 program=$2 library
    install -D "$program" "$target$program"
    ldd "$program" | awk '$2 == "=>" { print $3 }' | while read -r library; do
        install -D "$library" "$target$(readlink -f "$(dirname "$library")")/$(basename "$library")"
    done
}

stage_qemu() {
    local target=$1 firmware
    stage_program "$target" /usr/bin/qemu-system-x86_64
    [[ ! -e /usr/bin/qemu-system-x86_64-microvm ]] || stage_program "$target" /usr/bin/qemu-system-x86_64-microvm
    for firmware in /usr/share/qemu/{kvmvapic,linuxboot,linuxboot_dma,pvh,bios-microvm}.bin /usr/share/seabios/bios{,-256k,-microvm}.bin; do
        install -D -m 644 "$firmware" "$target$firmware"
    done
}

# Two ways in which a user could ship the program: compiled ahead of time for the installed runtime, and as native code.
publish_programs() {
    local publish=(dotnet publish -c Release -r linux-x64 --nologo -v quiet)
    "${publish[@]}" tests/HvSdk.Benchmarks.Boot --self-contained false -p:PublishReadyToRun=true -o "$1/framework-dependent"
    "${publish[@]}" tests/HvSdk.Benchmarks.Boot -p:Native=true -p:ArtifactsProjectName=HvSdk.Benchmarks.Boot.Native -o "$1/native"
}

dotnet build -c Release tests/HvSdk.Benchmarks --nologo -v quiet
program=artifacts/bin/HvSdk.Benchmarks/release
"$program/HvSdk.Benchmarks" --compile "$program/native/peer"
if [[ " $* " =~ (boot|serial|streams|block) ]]; then
    tests/guests/build.sh
    staged=artifacts/benchmark-boot
    rm -rf "$staged"
    stage_qemu "$staged/qemu"
    added=(--add "$staged/qemu:/" --add artifacts/guests/cloud:/boot/guest)
    if [[ " $* " =~ (boot|serial) ]]; then
        publish_programs "$staged/programs"
        added+=(--add "$staged/programs:/boot/programs")
    fi
    if [[ " $* " =~ block ]]; then
        tests/comparisons/make-tools.sh artifacts/comparisons/fio fio
        added+=(--add artifacts/comparisons/fio:/boot/tools)
    fi
    options=(--prealloc)
    set -- --boot /boot "$@"
fi

results=()
[[ -z ${RESULTS:-} ]] || results=(--results "$RESULTS")
# Two processors: doorbells and kicks are between threads. Without the file limit raised, 1,000 partitions do not fit.
exec tests/nested/run.sh --cpus "${CPUS:-2}" --memory "${MEMORY:-3072}" --timeout "${TIMEOUT:-3600}" --add "$program:/bench" "${options[@]}" "${added[@]}" "${results[@]}" -- \
    sh -c 'ulimit -n 16384; mkdir -p /results; exec dotnet /bench/HvSdk.Benchmarks.dll --native /bench/native/peer --json /results/results.json "$@"' bench "$@"
