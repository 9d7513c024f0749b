#!/usr/bin/env bash
# Runs a command in a sandbox on any Debian machine: inside the emulated machine of tests/nested, which has a true KVM.
#
#     samples/Sandbox/nested.sh ROOT                             shows what system the command finds
#     samples/Sandbox/nested.sh ROOT sh -c 'ls /; exit 3'
#
# ROOT is a root file system, which make-root.sh makes.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
repository=$here/../..
root=${1:?"Usage: nested.sh ROOT [COMMAND...]"}
shift
(($# > 0)) || set -- sh -c 'cat /etc/os-release; uname -a'

"$repository/tests/guests/build.sh" </dev/null >&2
dotnet build "$here" -v quiet --nologo </dev/null >&2
exec "$repository/tests/nested/run.sh" ${MACHINE:+--machine "$MACHINE"} --memory 3072 --timeout 600 \
    --add "$repository/artifacts/bin/Sandbox/debug:/sandbox" --add "$repository/artifacts/guests/cloud:/guest" --add "$root:/rootfs" \
    -- dotnet /sandbox/Sandbox.dll --root /rootfs --kernel /guest/vmlinuz --initrd /guest/initrd --time 300 -- "$@"
