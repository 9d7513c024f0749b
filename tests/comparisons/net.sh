#!/usr/bin/env bash
# Networks beside QEMU's: see README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/comparisons/staging.sh
. tests/comparisons/staging.sh

json=
while (($# > 0)); do
    case $1 in
        --json)
            (($# >= 2)) || { echo "net.sh: --json needs a file" >&2; exit 2; }
            json=$2
            shift 2
            ;;
        *)
            echo "Usage: net.sh [--json FILE]; ROUNDS, SECONDS_EACH and CPUS are variables" >&2
            exit 2
            ;;
    esac
done
for tool in iperf3 qemu-system-x86_64 cpio; do
    command -v "$tool" >/dev/null || { echo "net.sh: $tool is missing; Debian has it" >&2; exit 2; }
done

tests/guests/build.sh
# Compiled ahead of time, as one would ship it: otherwise the nested machine's one processor compiles while it measures.
program=artifacts/comparisons/bootguest
[[ -n ${NO_BUILD:-} ]] || dotnet publish -c Release -r linux-x64 --self-contained false -p:PublishReadyToRun=true samples/BootGuest --nologo -v quiet -o "$program" >&2
staged=artifacts/comparisons/net
rm -rf "$staged"
mkdir -p "$staged"/{host,guest,files}
stage_qemu "$staged/host"
stage_program "$staged/host" /usr/bin/iperf3
rm -r "$staged/host/lib64"
stage_program "$staged/guest" /usr/bin/iperf3
pack_initrd "$staged/guest" "$staged/files/iperf3.cpio"
cat artifacts/guests/cloud/initrd "$staged/files/iperf3.cpio" >"$staged/files/initrd"
cp artifacts/guests/cloud/vmlinuz artifacts/guests/programs/rr tests/comparisons/net/measure.sh "$staged/files"

machine=()
[[ -z ${MACHINE:-} ]] || machine=(--machine "$MACHINE")
results=$staged/results
mkdir "$results"
tests/nested/run.sh "${machine[@]}" --cpus "${CPUS:-1}" --memory "${MEMORY:-3072}" --prealloc --timeout "${TIMEOUT:-3000}" --results "$results" \
    --add "$staged/host:/" --add "$staged/files:/compare" --add "$program:/compare/bootguest" \
    --env ROUNDS="${ROUNDS:-3}" --env SECONDS_EACH="${SECONDS_EACH:-6}" -- sh /compare/measure.sh
[[ -z $json ]] || cp "$results/results.json" "$json"
