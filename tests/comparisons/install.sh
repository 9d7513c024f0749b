#!/usr/bin/env bash
# Installs the Debian packages that comparisons need besides those of tests/nested/install.sh.
set -euo pipefail
here=$(dirname -- "${BASH_SOURCE[0]}")
"$here/../nested/install.sh"
exec "$here/../install-packages.sh" fio iperf3
