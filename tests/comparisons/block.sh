#!/usr/bin/env bash
# Disks of a guest beside QEMU's. Options go to the benchmark: tests/comparisons/block.sh --quick
set -euo pipefail
exec "$(dirname -- "${BASH_SOURCE[0]}")/../HvSdk.Benchmarks/nested.sh" --only block "$@"
