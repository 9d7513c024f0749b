#!/usr/bin/env bash
# Boots Debian's kernel to a shell with BootGuest, on any Debian machine: inside the emulated machine of tests/nested, which has a true KVM.
#
#     samples/BootGuest/nested.sh                                  a shell; Ctrl-D or 'exit' switches the guest off, Ctrl-A X leaves it
#     samples/BootGuest/nested.sh --cpus 2 --chips split --append "console=ttyS0 quiet hvsdk=report,poweroff"
#
# What is given goes to BootGuest. KERNEL=standard takes Debian's standard kernel instead of that of its cloud image.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
repository=$here/../..
guest=$repository/artifacts/guests/${KERNEL:-cloud}
(($# > 0)) || set -- --append "console=ttyS0 quiet"

"$repository/tests/guests/build.sh" </dev/null >&2
dotnet build "$here" -v quiet --nologo </dev/null >&2
exec "$repository/tests/nested/run.sh" --interactive --memory 3072 --timeout 3600 \
    --add "$repository/artifacts/bin/BootGuest/debug:/boot" --add "$guest:/guest" \
    -- dotnet /boot/BootGuest.dll --kernel /guest/vmlinuz --initrd /guest/initrd "$@"
