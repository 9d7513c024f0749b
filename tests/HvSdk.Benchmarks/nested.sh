#!/usr/bin/env bash
# Runs the benchmarks in the nested machine (tests/nested/README.md), where a real kvm_amd answers. There is no compiler in it, so the
# C program is compiled here. Options go to the benchmark: tests/HvSdk.Benchmarks/nested.sh --quick
# With RESULTS=DIR, results.json comes back to DIR.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

dotnet build -c Release tests/HvSdk.Benchmarks --nologo -v quiet
program=artifacts/bin/HvSdk.Benchmarks/release
"$program/HvSdk.Benchmarks" --compile "$program/native/peer"
results=()
[[ -z ${RESULTS:-} ]] || results=(--results "$RESULTS")
# Two processors: doorbells and kicks are between threads. Without the file limit raised, 1,000 partitions do not fit.
exec tests/nested/run.sh --cpus "${CPUS:-2}" --memory 3072 --timeout "${TIMEOUT:-3600}" --add "$program:/bench" "${results[@]}" -- \
    sh -c 'ulimit -n 16384; mkdir -p /results; exec dotnet /bench/HvSdk.Benchmarks.dll --native /bench/native/peer --json /results/results.json "$@"' bench "$@"
